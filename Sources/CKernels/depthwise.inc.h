// Depthwise convolution.
//
// Idea: a strip holds one vector of channels a pixel, rows padded, so that a load is one aligned vector and the taps
// of a row are neighbours. WIDTH outputs along the row stay in registers while all taps run. Up to MOST taps of a
// kernel row are held in registers as well, and each pixel, loaded once, feeds every output that it touches:
// WIDTH · T multiply-adds against WIDTH + 2·T - 1 loads. The bound is the multiply-add unit from T = 3 on (14 outputs
// and 8 taps of 32 registers; 8 and 4 of 16). With dilation the outputs of a block lie as far apart as the taps. With
// a stride each multiply-add loads its pixel, and the load unit is the bound. Measured on Zen 4 with AVX-512, of the
// multiply-add peak: 79 % for 3 × 3, 96 % from 7 × 7 on, 75 % with a stride of 2; weight gradients 90 to 99 %.
//
// Kernels of 3 × 3 read each pixel so few times that copying it into a strip costs as much as the rest: they read the
// image itself (direct_row), a pixel's channels apart, and leave taps beyond its sides out one output at a time. Bound
// by the third-level cache at 56² × 96.

#define always static inline __attribute__((always_inline))
#define LANES ((int)(VBYTES / sizeof(float)))

typedef float ISA_NAME(vf) __attribute__((vector_size(VBYTES), aligned(4)));
#define vf ISA_NAME(vf)
#define load(p) (*(const vf *)(p))
#define store(p, v) (*(vf *)(p) = (v))
#define unrolled _Pragma("clang loop unroll(full)")

#if VBYTES == 64 || defined(__aarch64__)
#define WIDE 14
#define MOST 8
#else
#define WIDE 8
#define MOST 4
#endif

enum { ISA_NAME(lanes) = LANES };

static void ISA_NAME(pack_pixels)(
    int64_t pixels, const float *from, int64_t stride, int64_t first, int64_t multiplier, int64_t channels, float *to) {
    if (multiplier == 1 && channels == LANES) {
        from += first;
        for (int64_t p = 0; p < pixels; p++, from += stride, to += LANES) store(to, load(from));
        return;
    }
    int64_t source[LANES];
    for (int64_t l = 0; l < channels; l++) source[l] = (first + l) / multiplier;
    for (int64_t p = 0; p < pixels; p++, from += stride, to += LANES) {
        int64_t l = 0;
        for (; l < channels; l++) to[l] = from[source[l]];
        for (; l < LANES; l++) to[l] = 0;
    }
}

static void ISA_NAME(pack_weights)(
    int64_t taps, const int32_t *index, int64_t channels, const float *from, int64_t stride, float *to) {
    for (int64_t t = 0; t < taps; t++, to += LANES) {
        const float *tap = from + index[t];
        int64_t l = 0;
        for (; l < channels; l++) to[l] = tap[l * stride];
        for (; l < LANES; l++) to[l] = 0;
    }
}

// `taps` neighbouring taps of `width` neighbouring outputs.
always void ISA_NAME(taps)(
    const int width, const int taps, vf *sum, const float *strip, int64_t pixel_step, const float *weights) {
    vf tap[MOST];
    unrolled for (int t = 0; t < taps; t++) tap[t] = load(weights + t * LANES);
    unrolled for (int p = 0; p < width + taps - 1; p++) {
        vf pixel = load(strip + p * pixel_step);
        unrolled for (int t = 0; t < taps; t++)
            if (p - t >= 0 && p - t < width) sum[p - t] += pixel * tap[t];
    }
}

always void ISA_NAME(finish)(const int width, const vf *sum, int64_t channels, float *to, int64_t to_stride) {
    if (channels == LANES) {
        unrolled for (int i = 0; i < width; i++) store(to + i * to_stride, sum[i]);
        return;
    }
    float buffer[WIDE * LANES];
    unrolled for (int i = 0; i < width; i++) store(buffer + i * LANES, sum[i]);
    for (int i = 0; i < width; i++)
        for (int64_t l = 0; l < channels; l++) to[i * to_stride + l] = buffer[i * LANES + l];
}

// `width` outputs from element `at` of the strips on; each kernel row is cut into `full` groups of `taps` taps and
// `less` groups of one tap fewer.
always void ISA_NAME(block)(
    const int width, const int taps, int64_t rows, const float *const *strips, int64_t at, int64_t pixel_step,
    const float *const *weights, int64_t full, int64_t less, const float *bias, int64_t channels, float *to,
    int64_t to_stride) {
    vf sum[WIDE];
    vf start = bias ? load(bias) : (vf){0};
    unrolled for (int i = 0; i < width; i++) sum[i] = start;
    for (int64_t r = 0; r < rows; r++) {
        const float *strip = strips[r] + at, *tap = weights[r];
        for (int64_t g = 0; g < full; g++, strip += taps * pixel_step, tap += taps * LANES)
            ISA_NAME(taps)(width, taps, sum, strip, pixel_step, tap);
        if (taps > 1)
            for (int64_t g = 0; g < less; g++, strip += (taps - 1) * pixel_step, tap += (taps - 1) * LANES)
                ISA_NAME(taps)(width, taps - 1, sum, strip, pixel_step, tap);
    }
    ISA_NAME(finish)(width, sum, channels, to, to_stride);
}

// The same for any steps (in elements) between outputs and between taps.
always void ISA_NAME(stepped)(
    const int width, int64_t rows, const float *const *strips, int64_t first, int64_t step, int64_t tap_step,
    const float *const *weights, int64_t taps, const float *bias, int64_t channels, float *to, int64_t to_stride) {
    vf sum[WIDE];
    vf start = bias ? load(bias) : (vf){0};
    unrolled for (int i = 0; i < width; i++) sum[i] = start;
    for (int64_t r = 0; r < rows; r++) {
        const float *strip = strips[r] + first, *tap = weights[r];
        for (int64_t t = 0; t < taps; t++, strip += tap_step, tap += LANES) {
            vf w = load(tap);
            unrolled for (int i = 0; i < width; i++) sum[i] += load(strip + i * step) * w;
        }
    }
    ISA_NAME(finish)(width, sum, channels, to, to_stride);
}

#define ARGUMENTS                                                                                                 \
    int64_t rows, const float *const *strips, int64_t at, const float *const *weights, int64_t full, int64_t less, \
        const float *bias, int64_t channels, float *to, int64_t to_stride
#define BLOCK_OF(W, T)                                                                                            \
    static __attribute__((noinline)) void ISA_NAME(block_##W##_##T)(ARGUMENTS) {                                  \
        ISA_NAME(block)(W, T, rows, strips, at, LANES, weights, full, less, bias, channels, to, to_stride);       \
    }                                                                                                             \
    static __attribute__((noinline)) void ISA_NAME(spaced_##W##_##T)(ARGUMENTS, int64_t pixel_step) {             \
        ISA_NAME(block)(W, T, rows, strips, at, pixel_step, weights, full, less, bias, channels, to, to_stride);  \
    }
#if MOST == 8
#define BLOCKS_OF(W)                                                                                              \
    BLOCK_OF(W, 1) BLOCK_OF(W, 2) BLOCK_OF(W, 3) BLOCK_OF(W, 4) BLOCK_OF(W, 5) BLOCK_OF(W, 6) BLOCK_OF(W, 7)      \
        BLOCK_OF(W, 8)
#define NAMES_OF(K, W)                                                                                            \
    {                                                                                                             \
        ISA_NAME(K##_##W##_1), ISA_NAME(K##_##W##_2), ISA_NAME(K##_##W##_3), ISA_NAME(K##_##W##_4),               \
            ISA_NAME(K##_##W##_5), ISA_NAME(K##_##W##_6), ISA_NAME(K##_##W##_7), ISA_NAME(K##_##W##_8)            \
    }
#else
#define BLOCKS_OF(W) BLOCK_OF(W, 1) BLOCK_OF(W, 2) BLOCK_OF(W, 3) BLOCK_OF(W, 4)
#define NAMES_OF(K, W)                                                                                            \
    { ISA_NAME(K##_##W##_1), ISA_NAME(K##_##W##_2), ISA_NAME(K##_##W##_3), ISA_NAME(K##_##W##_4) }
#endif

BLOCKS_OF(1)
BLOCKS_OF(2)
BLOCKS_OF(4)
BLOCKS_OF(7)
BLOCKS_OF(8)
#if WIDE == 14
BLOCKS_OF(14)
#endif

static void (*const ISA_NAME(blocks)[6][MOST])(ARGUMENTS) = {
    NAMES_OF(block, 1), NAMES_OF(block, 2), NAMES_OF(block, 4), NAMES_OF(block, 7), NAMES_OF(block, 8),
#if WIDE == 14
    NAMES_OF(block, 14),
#endif
};
static void (*const ISA_NAME(spaced)[6][MOST])(ARGUMENTS, int64_t pixel_step) = {
    NAMES_OF(spaced, 1), NAMES_OF(spaced, 2), NAMES_OF(spaced, 4), NAMES_OF(spaced, 7), NAMES_OF(spaced, 8),
#if WIDE == 14
    NAMES_OF(spaced, 14),
#endif
};

// A kernel with gaps: outputs as far apart as the taps see the same pixels, like neighbours without gaps.
static void ISA_NAME(spaced_row)(
    int64_t outputs, int64_t rows, const float *const *strips, int64_t tap_step, const float *const *weights,
    int64_t full, int64_t less, const float *bias, int64_t channels, float *to, int64_t to_stride, int64_t most) {
    static const int widths[6] = {1, 2, 4, 7, 8, 14};
    for (int64_t phase = 0; phase < tap_step && phase < outputs; phase++) {
        int64_t count = (outputs - phase + tap_step - 1) / tap_step;
        int w = WIDE == 14 ? 5 : 4;
        for (int64_t i = 0; i < count; i += widths[w]) {
            while (widths[w] > count - i) w--;
            ISA_NAME(spaced)[w][most - 1](
                rows, strips, (phase + i * tap_step) * LANES, weights, full, less, bias, channels,
                to + (phase + i * tap_step) * to_stride, tap_step * to_stride, tap_step * LANES);
        }
    }
}

static void ISA_NAME(row)(
    int64_t outputs, int64_t rows, const float *const *strips, int64_t step, int64_t tap_step,
    const float *const *weights, int64_t taps, const float *bias, int64_t channels, float *to, int64_t to_stride) {
    static const int widths[6] = {1, 2, 4, 7, 8, 14};
    int w = WIDE == 14 ? 5 : 4;
    int64_t groups = (taps + MOST - 1) / MOST, most = groups ? (taps + groups - 1) / groups : 1;
    int64_t full = taps - groups * (most - 1), less = groups - full;
    if (most == 1) full = taps, less = 0;
    if (step == 1 && (tap_step == 2 || (tap_step > 2 && taps > 3))) {
        ISA_NAME(spaced_row)(
            outputs, rows, strips, tap_step, weights, full, less, bias, channels, to, to_stride, most);
        return;
    }
    for (int64_t i = 0; i < outputs;) {
        while (widths[w] > outputs - i) w--;
        if (step == 1 && tap_step == 1) {
            ISA_NAME(blocks)[w][most - 1](
                rows, strips, i * LANES, weights, full, less, bias, channels, to + i * to_stride, to_stride);
        } else {
            float *at = to + i * to_stride;
#define STEPPED(W)                                                                                                \
    case W:                                                                                                       \
        ISA_NAME(stepped)(W, rows, strips, i *step *LANES, step *LANES, tap_step *LANES, weights, taps, bias,     \
                          channels, at, to_stride);                                                               \
        break;
            switch (widths[w]) {
                STEPPED(1) STEPPED(2) STEPPED(4) STEPPED(7) STEPPED(8)
#if WIDE == 14
                STEPPED(14)
#endif
            }
        }
        i += widths[w];
    }
}

// One output, the taps beyond the image's sides left out.
always void ISA_NAME(edge)(
    int64_t rows, const float *const *sources, int64_t pixel_step, int64_t pixels, int64_t at,
    const float *const *weights, const float *bias, float *to) {
    vf sum = bias ? load(bias) : (vf){0};
    for (int64_t r = 0; r < rows; r++)
        for (int64_t t = 0; t < 3; t++) {
            int64_t p = at + t;
            if (p >= 0 && p < pixels) sum += load(sources[r] + p * pixel_step) * load(weights[r] + t * LANES);
        }
    store(to, sum);
}

#define DIRECT_OF(W)                                                                                              \
    static __attribute__((noinline)) void ISA_NAME(direct_##W)(                                                   \
        int64_t rows, const float *const *sources, int64_t at, int64_t pixel_step, const float *const *weights,   \
        const float *bias, float *to, int64_t to_stride) {                                                        \
        ISA_NAME(block)(W, 3, rows, sources, at *pixel_step, pixel_step, weights, 1, 0, bias, LANES, to, to_stride);          \
    }
DIRECT_OF(1) DIRECT_OF(2) DIRECT_OF(4) DIRECT_OF(7) DIRECT_OF(8)
#if WIDE == 14
DIRECT_OF(14)
#endif

static void ISA_NAME(direct_row)(
    int64_t outputs, int64_t rows, const float *const *sources, int64_t pixel_step, int64_t pixels, int64_t offset,
    int64_t step, const float *const *weights, const float *bias, const float *ahead, float *to, int64_t to_stride) {
    // Outputs whose taps all touch the image.
    int64_t first = offset >= 0 ? 0 : (-offset + step - 1) / step;
    int64_t room = pixels - 3 - offset;
    int64_t end = room < 0 ? 0 : room / step + 1;
    if (end > outputs) end = outputs;
    if (first > end) first = end = first < outputs ? first : outputs;
    for (int64_t i = 0; i < first; i++)
        ISA_NAME(edge)(rows, sources, pixel_step, pixels, offset + i * step, weights, bias, to + i * to_stride);
    static const int widths[6] = {1, 2, 4, 7, 8, 14};
    int w = WIDE == 14 ? 5 : 4;
    for (int64_t i = first; i < end;) {
        while (widths[w] > end - i) w--;
        float *at = to + i * to_stride;
        int64_t pixel = offset + i * step;
#define DIRECT(W)                                                                                                 \
    case W:                                                                                                       \
        if (step == 1) ISA_NAME(direct_##W)(rows, sources, pixel, pixel_step, weights, bias, at, to_stride);      \
        else                                                                                                      \
            ISA_NAME(stepped)(W, rows, sources, pixel *pixel_step, step *pixel_step, pixel_step, weights, 3,      \
                              bias, LANES, at, to_stride);                                                        \
        break;
        switch (widths[w]) {
            DIRECT(1) DIRECT(2) DIRECT(4) DIRECT(7) DIRECT(8)
#if WIDE == 14
            DIRECT(14)
#endif
        }
        for (int64_t p = 0; ahead && p < widths[w]; p++) __builtin_prefetch(ahead + (pixel + p * step) * pixel_step);
        i += widths[w];
    }
    for (int64_t i = end; i < outputs; i++)
        ISA_NAME(edge)(rows, sources, pixel_step, pixels, offset + i * step, weights, bias, to + i * to_stride);
}

// Gradient of `taps` neighbouring taps: each group of four pixels of the gradient stays in registers, and each pixel of
// the strip, loaded once, feeds every tap that it touches. Two sets of sums where one would wait for itself.
always void ISA_NAME(weight_taps)(
    const int taps, int64_t outputs, const float *strip, const float *gradient, float *sums) {
    vf sum[MOST], other[MOST];
    unrolled for (int t = 0; t < taps; t++) sum[t] = load(sums + t * LANES), other[t] = (vf){0};
    int64_t i = 0;
    for (; i + 4 <= outputs; i += 4, strip += 4 * LANES, gradient += 4 * LANES) {
        vf g[4];
        unrolled for (int q = 0; q < 4; q++) g[q] = load(gradient + q * LANES);
        unrolled for (int p = 0; p < taps + 3; p++) {
            vf pixel = load(strip + p * LANES);
            unrolled for (int q = 0; q < 4; q++) {
                if (p - q < 0 || p - q >= taps) continue;
                if (taps <= 4 && q % 2) other[p - q] += pixel * g[q];
                else sum[p - q] += pixel * g[q];
            }
        }
    }
    for (; i < outputs; i++, strip += LANES, gradient += LANES) {
        vf g = load(gradient);
        unrolled for (int t = 0; t < taps; t++) sum[t] += load(strip + t * LANES) * g;
    }
    unrolled for (int t = 0; t < taps; t++) store(sums + t * LANES, taps <= 4 ? sum[t] + other[t] : sum[t]);
}

always void ISA_NAME(weight_stepped)(
    const int taps, int64_t outputs, const float *strip, int64_t step, int64_t tap_step, const float *gradient,
    float *sums) {
    vf sum[MOST];
    unrolled for (int t = 0; t < taps; t++) sum[t] = load(sums + t * LANES);
    for (int64_t i = 0; i < outputs; i++, strip += step * LANES, gradient += LANES) {
        vf g = load(gradient);
        unrolled for (int t = 0; t < taps; t++) sum[t] += load(strip + t * tap_step * LANES) * g;
    }
    unrolled for (int t = 0; t < taps; t++) store(sums + t * LANES, sum[t]);
}

static void ISA_NAME(weight_row)(
    int64_t outputs, int64_t taps, const float *strip, int64_t step, int64_t tap_step, const float *gradient,
    float *sums) {
    int64_t groups = (taps + MOST - 1) / MOST;
    for (int64_t g = 0; g < groups; g++) {
        int64_t from = taps * g / groups, count = taps * (g + 1) / groups - from;
        const float *at = strip + from * tap_step * LANES;
        float *to = sums + from * LANES;
#define WEIGHT_TAPS(T)                                                                                            \
    case T:                                                                                                       \
        if (step == 1 && tap_step == 1) ISA_NAME(weight_taps)(T, outputs, at, gradient, to);                      \
        else ISA_NAME(weight_stepped)(T, outputs, at, step, tap_step, gradient, to);                              \
        break;
        switch (count) {
            WEIGHT_TAPS(1) WEIGHT_TAPS(2) WEIGHT_TAPS(3) WEIGHT_TAPS(4)
#if MOST == 8
            WEIGHT_TAPS(5) WEIGHT_TAPS(6) WEIGHT_TAPS(7) WEIGHT_TAPS(8)
#endif
        }
    }
}

#undef always
#undef LANES
#undef vf
#undef load
#undef store
#undef unrolled
#undef WIDE
#undef MOST
#undef ARGUMENTS
#undef BLOCK_OF
#undef BLOCKS_OF
#undef NAMES_OF
#undef STEPPED
#undef DIRECT_OF
#undef DIRECT
#undef WEIGHT_TAPS
