// Matrix products of single precision.
//
// Idea: a tile of the result, ROWS × 2 vectors, stays in registers while the depth runs. Each step loads two vectors
// of the packed right panel, and multiplies them with ROWS scalars of the left one, broadcast. Per step that is
// 2·ROWS multiply-adds against ROWS + 2 loads, so the bound is the multiply-add unit: AVX-512 28 accumulators + 2 + 1
// of 32 registers, AVX2 and SSE2 12 + 2 + 1 of 16, NEON 24 + 2 + 1 of 32. The left operand is read through row pointers
// where it lies (an image, a matrix), or from a packed panel where its rows would collide in the cache. What columns
// remain at the right edge take a vector of half the width where that is enough: 20 columns take 24 lanes and not 32,
// which counts where a whole vector occupies two units (Zen 4).
// Measured on Zen 4 with operands in L1/L2, packing included: 97 % of the multiply-add peak of 117 GFLOP/s (AVX-512).

#define always static inline __attribute__((always_inline))
#define LANES ((int)(VBYTES / sizeof(float)))
#define HALF (LANES / 2)

typedef float ISA_NAME(vf) __attribute__((vector_size(VBYTES), aligned(4)));
#define vf ISA_NAME(vf)
typedef float ISA_NAME(vh) __attribute__((vector_size(VBYTES / 2), aligned(4)));
#define vh ISA_NAME(vh)
typedef float ISA_NAME(v4) __attribute__((vector_size(16), aligned(4)));
#define v4 ISA_NAME(v4)

#if VBYTES == 64
#define ROWS 14
#elif defined(__aarch64__)
#define ROWS 12
#else
#define ROWS 6
#endif
#define COLUMNS (2 * LANES)

enum { ISA_NAME(panel_rows) = ROWS, ISA_NAME(panel_columns) = COLUMNS };

always vf ISA_NAME(load)(const float *p) { return *(const vf *)p; }
always void ISA_NAME(store)(float *p, vf v) { *(vf *)p = v; }

// One tile: `rows` × (`vectors` vectors and `halves`, 0 or 1, of half the width) accumulators. `bias` has to be readable
// in full vectors here. The left operand is `left`, whose steps lie `left_step` apart, or `left_rows` where that is
// null; steps of the right one lie `right_step` apart.
always void ISA_NAME(tile)(
    const int rows, const int vectors, const int halves, int64_t segments, int64_t run, const float *left,
    int64_t left_step, const float *const *left_rows, int64_t offset, const float *right, int64_t right_step,
    float *const *out, int64_t column, const float *bias, bool accumulate) {
    vf sum[ROWS][2];
    vh tail[ROWS];
    const int edge = vectors * LANES;
    if (accumulate) {
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) sum[i][v] = ISA_NAME(load)(out[i] + column + v * LANES);
            if (halves) tail[i] = *(const vh *)(out[i] + column + edge);
        }
    } else {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            vf start = bias ? ISA_NAME(load)(bias + v * LANES) : (vf){0};
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) sum[i][v] = start;
        }
        if (halves) {
            vh start = bias ? *(const vh *)(bias + edge) : (vh){0};
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) tail[i] = start;
        }
    }
#define STEP(SCALAR)                                                                                              \
    {                                                                                                             \
        vf b0 = vectors > 0 ? ISA_NAME(load)(right) : (vf){0};                                                    \
        vf b1 = vectors > 1 ? ISA_NAME(load)(right + LANES) : (vf){0};                                            \
        vh b2 = halves ? *(const vh *)(right + edge) : (vh){0};                                                   \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                                       \
            float a = SCALAR;                                                                                     \
            if (vectors > 0) sum[i][0] += a * b0;                                                                 \
            if (vectors > 1) sum[i][1] += a * b1;                                                                 \
            if (halves) tail[i] += a * b2;                                                                        \
        }                                                                                                         \
    }
    if (left) {
        int64_t depth = segments * run;
        for (int64_t k = 0; k < depth; k++, left += left_step, right += right_step) STEP(left[i])
    } else {
        for (int64_t s = 0; s < segments; s++, left_rows += rows) {
            const float *row[ROWS];
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) row[i] = left_rows[i] + offset;
            for (int64_t k = 0; k < run; k++, right += right_step) STEP(row[i][k])
        }
    }
#undef STEP
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) ISA_NAME(store)(out[i] + column + v * LANES, sum[i][v]);
        if (halves) *(vh *)(out[i] + column + edge) = tail[i];
    }
}

always void ISA_NAME(copy)(int64_t count, const float *from, float *to) {
    int64_t j = 0;
    for (; j + 4 <= count; j += 4) *(v4 *)(to + j) = *(const v4 *)(from + j);
    for (; j < count; j++) to[j] = from[j];
}

// A tile at the right edge: computed in a buffer, of which `columns` columns are kept.
always void ISA_NAME(edge_tile)(
    const int rows, const int vectors, const int halves, int64_t columns, int64_t segments, int64_t run,
    const float *left, int64_t left_step, const float *const *left_rows, int64_t offset, const float *right,
    int64_t right_step, float *const *out, int64_t column, const float *bias, bool accumulate) {
    float buffer[ROWS][COLUMNS], start[COLUMNS];
    float *pointers[ROWS];
    for (int i = 0; i < rows; i++) {
        pointers[i] = buffer[i];
        if (accumulate) {
            for (int j = 0; j < COLUMNS; j += 4) *(v4 *)(buffer[i] + j) = (v4){0};
            ISA_NAME(copy)(columns, out[i] + column, buffer[i]);
        }
    }
    for (int j = 0; j < COLUMNS; j++) start[j] = bias && j < columns ? bias[j] : 0;
    ISA_NAME(tile)(
        rows, vectors, halves, segments, run, left, left_step, left_rows, offset, right, right_step, pointers, 0,
        bias ? start : NULL, accumulate);
    for (int i = 0; i < rows; i++) ISA_NAME(copy)(columns, buffer[i], out[i] + column);
}

// The columns beyond the last whole panel, fewer than COLUMNS of them, by the fewest lanes that hold them: VECTORS whole
// and HALVES half vectors, as a tile where they are filled and as an edge where not.
#define REST_TILE(R, VECTORS, HALVES, RIGHT_STEP)                                                                 \
    ISA_NAME(tile)(                                                                                               \
        R, VECTORS, HALVES, segments, run, left, LEFT_STEP(R), left_rows, offset, right, RIGHT_STEP, out, column, \
        bias, accumulate);
#define REST_EDGE(R, VECTORS, HALVES, RIGHT_STEP)                                                                 \
    ISA_NAME(edge_tile)(                                                                                          \
        R, VECTORS, HALVES, columns, segments, run, left, LEFT_STEP(R), left_rows, offset, right, RIGHT_STEP,     \
        out, column, bias, accumulate);
#define REST_OF(R, RIGHT_STEP)                                                                                    \
    if (columns > LANES + HALF) REST_EDGE(R, 2, 0, RIGHT_STEP)                                                    \
    else if (columns == LANES + HALF) REST_TILE(R, 1, 1, RIGHT_STEP)                                              \
    else if (columns > LANES) REST_EDGE(R, 1, 1, RIGHT_STEP)                                                      \
    else if (columns == LANES) REST_TILE(R, 1, 0, RIGHT_STEP)                                                     \
    else if (columns > HALF) REST_EDGE(R, 1, 0, RIGHT_STEP)                                                       \
    else if (columns == HALF) REST_TILE(R, 0, 1, RIGHT_STEP)                                                      \
    else if (columns > 0) REST_EDGE(R, 0, 1, RIGHT_STEP)

#define LEFT_STEP(R) R
#define PANEL_OF(R)                                                                                               \
    static __attribute__((noinline)) void ISA_NAME(panel_##R)(                                                    \
        int64_t columns, int64_t segments, int64_t run, const float *left, const float *const *left_rows,         \
        int64_t offset, const float *right, float *const *out, int64_t column, const float *bias,                 \
        bool accumulate) {                                                                                        \
        const int64_t size = segments * run * COLUMNS;                                                            \
        for (; columns >= COLUMNS; columns -= COLUMNS, right += size, column += COLUMNS) {                        \
            ISA_NAME(tile)(                                                                                       \
                R, 2, 0, segments, run, left, R, left_rows, offset, right, COLUMNS, out, column, bias,            \
                accumulate);                                                                                      \
            if (bias) bias += COLUMNS;                                                                            \
        }                                                                                                         \
        REST_OF(R, COLUMNS)                                                                                       \
    }

PANEL_OF(1) PANEL_OF(2) PANEL_OF(3) PANEL_OF(4) PANEL_OF(5) PANEL_OF(6)
#if ROWS > 6
PANEL_OF(7) PANEL_OF(8) PANEL_OF(9) PANEL_OF(10) PANEL_OF(11) PANEL_OF(12)
#endif
#if ROWS > 12
PANEL_OF(13) PANEL_OF(14)
#endif
#undef LEFT_STEP

#define LEFT_STEP(R) left_step
#define OUTER_OF(R)                                                                                               \
    static __attribute__((noinline)) void ISA_NAME(outer_##R)(                                                    \
        int64_t columns, int64_t run, const float *left, int64_t left_step, const float *right,                   \
        int64_t right_step, float *const *out) {                                                                  \
        const int64_t segments = 1, offset = 0;                                                                   \
        const float *const *const left_rows = NULL;                                                               \
        const float *const bias = NULL;                                                                           \
        const bool accumulate = true;                                                                             \
        int64_t column = 0;                                                                                       \
        for (; columns >= COLUMNS; columns -= COLUMNS, right += COLUMNS, column += COLUMNS)                       \
            ISA_NAME(tile)(                                                                                       \
                R, 2, 0, segments, run, left, left_step, left_rows, offset, right, right_step, out, column, bias, \
                accumulate);                                                                                      \
        /* The vectors of the last steps would end behind what may be read: those steps are copied. */            \
        float copied[HALF][COLUMNS];                                                                              \
        int64_t last = ((HALF - columns % HALF) % HALF + right_step - 1) / right_step;                            \
        last = last < run ? last : run;                                                                           \
        run -= last;                                                                                              \
        for (;;) {                                                                                                \
            REST_OF(R, right_step)                                                                                \
            if (last == 0) break;                                                                                 \
            left += run * left_step;                                                                              \
            right += run * right_step;                                                                            \
            for (int64_t k = 0; k < last; k++)                                                                    \
                for (int64_t j = 0; j < COLUMNS; j++) copied[k][j] = j < columns ? right[k * right_step + j] : 0; \
            right = copied[0];                                                                                    \
            right_step = COLUMNS;                                                                                 \
            run = last;                                                                                           \
            last = 0;                                                                                             \
        }                                                                                                         \
    }

OUTER_OF(1) OUTER_OF(2) OUTER_OF(3) OUTER_OF(4) OUTER_OF(5) OUTER_OF(6)
#if ROWS > 6
OUTER_OF(7) OUTER_OF(8) OUTER_OF(9) OUTER_OF(10) OUTER_OF(11) OUTER_OF(12)
#endif
#if ROWS > 12
OUTER_OF(13) OUTER_OF(14)
#endif
#undef LEFT_STEP

static void ISA_NAME(outer)(
    int64_t rows, int64_t columns, int64_t run, const float *left, int64_t left_step, const float *right,
    int64_t right_step, float *out, int64_t out_stride) {
    const int64_t tiles = (rows + ROWS - 1) / ROWS;
    for (int64_t t = 0; t < tiles; t++) {
        const int64_t top = rows * t / tiles, bottom = rows * (t + 1) / tiles;
        float *pointers[ROWS];
        for (int64_t i = top; i < bottom; i++) pointers[i - top] = out + i * out_stride;
#define CASE(R)                                                                                                   \
    case R: ISA_NAME(outer_##R)(columns, run, left + top, left_step, right, right_step, pointers); break;
        switch (bottom - top) {
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#if ROWS > 6
            CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif
#if ROWS > 12
            CASE(13) CASE(14)
#endif
        }
#undef CASE
    }
}

static void ISA_NAME(panel)(
    int64_t rows, int64_t columns, int64_t segments, int64_t run, const float *left, const float *const *left_rows,
    int64_t offset, const float *right, float *const *out, int64_t column, const float *bias, bool accumulate) {
#define CASE(R)                                                                                                   \
    case R:                                                                                                       \
        ISA_NAME(panel_##R)(                                                                                      \
            columns, segments, run, left, left_rows, offset, right, out, column, bias, accumulate);               \
        break;
    switch (rows) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#if ROWS > 6
        CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif
#if ROWS > 12
        CASE(13) CASE(14)
#endif
    }
#undef CASE
}

// Turns four vectors of four by 90°: eight shuffles for sixteen elements, so packing is bound by load and store.
always void ISA_NAME(transpose4)(v4 *a, v4 *b, v4 *c, v4 *d) {
    v4 ab0 = __builtin_shufflevector(*a, *b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(*a, *b, 2, 6, 3, 7);
    v4 cd0 = __builtin_shufflevector(*c, *d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(*c, *d, 2, 6, 3, 7);
    *a = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
    *b = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
    *c = __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5);
    *d = __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
}

// Four rows (the last ones repeated where there are fewer) into columns of `width`; always writes four elements.
always void ISA_NAME(interleave4)(
    int64_t run, const float *a, const float *b, const float *c, const float *d, int64_t width, float *to) {
    int64_t k = 0;
    for (; k + 4 <= run; k += 4, to += 4 * width) {
        v4 va = *(const v4 *)(a + k), vb = *(const v4 *)(b + k), vc = *(const v4 *)(c + k), vd = *(const v4 *)(d + k);
        ISA_NAME(transpose4)(&va, &vb, &vc, &vd);
        *(v4 *)to = va;
        *(v4 *)(to + width) = vb;
        *(v4 *)(to + 2 * width) = vc;
        *(v4 *)(to + 3 * width) = vd;
    }
    for (; k < run; k++, to += width) *(v4 *)to = (v4){a[k], b[k], c[k], d[k]};
}

static void ISA_NAME(pack_left_rows)(
    int64_t rows, int64_t run, const float *const *left_rows, int64_t offset, float *to) {
    // What the last group of four writes beyond its row is the start of the next step's, which is written after it:
    // groups go from the last to the first, and blocks of steps go forward.
    const int64_t block = 32;
    for (int64_t start = 0; start < run; start += block) {
        int64_t length = run - start < block ? run - start : block;
        for (int64_t i = (rows - 1) / 4 * 4; i >= 0; i -= 4) {
            const float *a = left_rows[i] + offset + start;
            const float *b = left_rows[i + 1 < rows ? i + 1 : i] + offset + start;
            const float *c = left_rows[i + 2 < rows ? i + 2 : i] + offset + start;
            const float *d = left_rows[i + 3 < rows ? i + 3 : i] + offset + start;
            ISA_NAME(interleave4)(length, a, b, c, d, rows, to + start * rows + i);
        }
    }
}

static void ISA_NAME(pack_left_columns)(int64_t rows, int64_t depth, const float *from, int64_t stride, float *to) {
    for (int64_t k = 0; k < depth; k++, from += stride, to += rows) {
        int64_t i = 0;
        for (; i + 4 <= rows; i += 4) *(v4 *)(to + i) = *(const v4 *)(from + i);
        for (; i < rows; i++) to[i] = from[i];
    }
}

static void ISA_NAME(pack_right_rows)(
    int64_t depth, int64_t columns, const float *from, int64_t stride, int64_t panel_depth, float *to) {
    // Eight rows at a time: few pages are open at once, and what is written to a panel is a run of 8 × COLUMNS.
    for (int64_t start = 0; start < depth; start += 8) {
        int64_t end = start + 8 < depth ? start + 8 : depth;
        for (int64_t j = 0; j < columns; j += COLUMNS) {
            float *panel = to + j * panel_depth;
            if (j + COLUMNS <= columns) {
                for (int64_t k = start; k < end; k++) {
                    vf b0 = ISA_NAME(load)(from + k * stride + j), b1 = ISA_NAME(load)(from + k * stride + j + LANES);
                    ISA_NAME(store)(panel + k * COLUMNS, b0);
                    ISA_NAME(store)(panel + k * COLUMNS + LANES, b1);
                }
            } else {
                int64_t width = columns - j;
                for (int64_t k = start; k < end; k++) {
                    float *row = panel + k * COLUMNS;
                    for (int64_t i = 0; i < width; i++) row[i] = from[k * stride + j + i];
                    for (int64_t i = width; i < COLUMNS; i++) row[i] = 0;
                }
            }
        }
    }
}

static void ISA_NAME(pack_right_columns)(
    int64_t depth, int64_t columns, const float *from, int64_t stride, int64_t panel_depth, float *to) {
    for (int64_t j = 0; j < columns; j += COLUMNS) {
        float *panel = to + j * panel_depth;
        for (int64_t i = 0; i < COLUMNS; i += 4) {
            int64_t width = columns - j - i;
            if (width <= 0) {
                for (int64_t k = 0; k < depth; k++) *(v4 *)(panel + k * COLUMNS + i) = (v4){0};
                continue;
            }
            const float *a = from + (j + i) * stride;
            const float *b = width > 1 ? a + stride : a, *c = width > 2 ? b + stride : a,
                        *d = width > 3 ? c + stride : a;
            ISA_NAME(interleave4)(depth, a, b, c, d, COLUMNS, panel + i);
            if (width < 4)
                for (int64_t k = 0; k < depth; k++)
                    for (int64_t e = width; e < 4; e++) panel[k * COLUMNS + i + e] = 0;
        }
    }
}

static void ISA_NAME(pack_right_segments)(
    int64_t depth, int64_t segments, int64_t run, const float *const *rows, int64_t column, int64_t columns,
    int64_t panel_depth, float *to) {
    if (run % COLUMNS == 0 && column % COLUMNS == 0) {
        for (int64_t j = 0; j + COLUMNS <= columns; j += COLUMNS) {
            const float *const *row = rows + (column + j) / run;
            int64_t at = (column + j) % run;
            float *panel = to + j * panel_depth;
            for (int64_t k = 0; k < depth; k++, row += segments, panel += COLUMNS) {
                vf b0 = ISA_NAME(load)(*row + at), b1 = ISA_NAME(load)(*row + at + LANES);
                ISA_NAME(store)(panel, b0);
                ISA_NAME(store)(panel + LANES, b1);
            }
        }
        return;
    }
    for (int64_t k = 0; k < depth; k++, rows += segments) {
        int64_t s = column / run, at = column % run;
        for (int64_t j = 0; j < columns; j += COLUMNS) {
            float *panel = to + j * panel_depth + k * COLUMNS;
            int64_t width = columns - j < COLUMNS ? columns - j : COLUMNS, filled = 0;
            while (filled < width) {
                int64_t piece = run - at < width - filled ? run - at : width - filled;
                const float *from = rows[s] + at;
                int64_t i = 0;
                for (; i + 4 <= piece; i += 4) *(v4 *)(panel + filled + i) = *(const v4 *)(from + i);
                for (; i < piece; i++) panel[filled + i] = from[i];
                filled += piece;
                at += piece;
                if (at == run) {
                    at = 0;
                    s++;
                }
            }
            for (; filled < COLUMNS; filled++) panel[filled] = 0;
        }
    }
}

// A row times a matrix: bound by reading the matrix. Eight of its rows at a time, in strips whose sums stay in the
// first-level cache and that are long enough for the prefetcher: 30 of the 34 GB/s that plain reading reaches on Zen 4,
// where four rows in strips of 512 reach 19.
static void ISA_NAME(vector_times_rows)(
    int64_t depth, int64_t columns, const float *x, const float *matrix, int64_t stride, float *to,
    const float *bias) {
    const int64_t strip = 4096;
    for (int64_t start = 0; start < columns; start += strip) {
        int64_t width = columns - start < strip ? columns - start : strip;
        float *y = to + start;
        for (int64_t j = 0; j < width; j++) y[j] = bias ? bias[start + j] : 0;
        const float *row = matrix + start;
        int64_t k = 0;
        for (; k + 8 <= depth; k += 8, row += 8 * stride) {
            const float *x8 = x + k;
            int64_t j = 0;
            for (; j + LANES <= width; j += LANES) {
                vf sum = ISA_NAME(load)(y + j);
#pragma clang loop unroll(full)
                for (int i = 0; i < 8; i++) sum += x8[i] * ISA_NAME(load)(row + i * stride + j);
                ISA_NAME(store)(y + j, sum);
            }
            for (; j < width; j++) {
                float sum = y[j];
                for (int i = 0; i < 8; i++) sum += x8[i] * row[i * stride + j];
                y[j] = sum;
            }
        }
        for (; k < depth; k++, row += stride)
            for (int64_t j = 0; j < width; j++) y[j] += x[k] * row[j];
    }
}

always float ISA_NAME(sum_lanes)(vf v) {
    float sum = 0;
    for (int i = 0; i < LANES; i++) sum += v[i];
    return sum;
}

// Dot products of a vector with four rows at a time, two accumulators each; bound by reading the matrix.
static void ISA_NAME(vector_times_columns)(
    int64_t depth, int64_t columns, const float *x, const float *matrix, int64_t stride, float *to,
    const float *bias) {
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
        const float *row = matrix + j * stride;
        vf sum[4][2] = {0};
        int64_t k = 0;
        for (; k + 2 * LANES <= depth; k += 2 * LANES) {
            vf x0 = ISA_NAME(load)(x + k), x1 = ISA_NAME(load)(x + k + LANES);
#pragma clang loop unroll(full)
            for (int i = 0; i < 4; i++) {
                sum[i][0] += x0 * ISA_NAME(load)(row + i * stride + k);
                sum[i][1] += x1 * ISA_NAME(load)(row + i * stride + k + LANES);
            }
        }
        for (int i = 0; i < 4; i++) {
            float total = ISA_NAME(sum_lanes)(sum[i][0] + sum[i][1]);
            for (int64_t r = k; r < depth; r++) total += x[r] * row[i * stride + r];
            to[j + i] = total + (bias ? bias[j + i] : 0);
        }
    }
    for (; j < columns; j++) {
        const float *row = matrix + j * stride;
        vf sum0 = {0}, sum1 = {0};
        int64_t k = 0;
        for (; k + 2 * LANES <= depth; k += 2 * LANES) {
            sum0 += ISA_NAME(load)(x + k) * ISA_NAME(load)(row + k);
            sum1 += ISA_NAME(load)(x + k + LANES) * ISA_NAME(load)(row + k + LANES);
        }
        float total = ISA_NAME(sum_lanes)(sum0 + sum1);
        for (; k < depth; k++) total += x[k] * row[k];
        to[j] = total + (bias ? bias[j] : 0);
    }
}

#undef always
#undef LANES
#undef HALF
#undef vf
#undef vh
#undef v4
#undef ROWS
#undef COLUMNS
#undef PANEL_OF
#undef OUTER_OF
#undef REST_OF
#undef REST_TILE
#undef REST_EDGE
