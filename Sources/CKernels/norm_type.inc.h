// The loops of the family `norm` for one type of number: R is float or double, S its name.

#define NORM_PASTE_(a, b) mercer_norm_##a##_##b
#define NORM_PASTE(a, b) NORM_PASTE_(a, b)
#define F(name) ISA_NAME(NORM_PASTE(name, S))

typedef R F(v) __attribute__((vector_size(VBYTES)));
#define V F(v)
#define LANES (VBYTES / sizeof(R))

INLINE V F(load)(const R *p) {
    V v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void F(store)(R *p, V v) { memcpy(p, &v, sizeof v); }
INLINE void F(put)(R *p, V v, bool stream) {
    if (stream) __builtin_nontemporal_store(v, (V *)p);
    else F(store)(p, v);
}
INLINE void F(fence)(bool stream) {
#if defined(__x86_64__)
    if (stream) __builtin_ia32_sfence();
#else
    (void)stream;
#endif
}
INLINE R F(total)(V a, V b, V c, V d) {
    V v = (a + b) + (c + d);
    R parts[LANES];
    memcpy(parts, &v, sizeof v);
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t i = 0; i < width; i++) parts[i] += parts[i + width];
    return parts[0];
}

// The sum over a row of VECTOR(i), the vector from i on, and of NUMBER(i) for the rest.
#define ROW_SUM(result, VECTOR, NUMBER)                                                                             \
    {                                                                                                               \
        V s0 = (V){}, s1 = (V){}, s2 = (V){}, s3 = (V){};                                                           \
        size_t i = 0;                                                                                               \
        for (; i + 4 * LANES <= n; i += 4 * LANES) {                                                                \
            s0 += VECTOR(i);                                                                                        \
            s1 += VECTOR(i + LANES);                                                                                \
            s2 += VECTOR(i + 2 * LANES);                                                                            \
            s3 += VECTOR(i + 3 * LANES);                                                                            \
        }                                                                                                           \
        for (; i + LANES <= n; i += LANES) s0 += VECTOR(i);                                                         \
        result = F(total)(s0, s1, s2, s3);                                                                          \
        for (; i < n; i++) result += NUMBER(i);                                                                     \
    }

#define VALUE_V(i) F(load)(x + (i))
#define VALUE(i) x[i]
INLINE V F(squared)(V d) { return d * d; }
#define SQUARE_V(i) F(squared)(F(load)(x + (i)) - m)
#define SQUARE(i) (x[i] - m) * (x[i] - m)

INLINE void F(row_forward_of)(size_t rows, size_t n, const R *x, const R *w, const R *b, R eps, bool centered,
                              bool stream, R *y, R *mean, R *rstd) {
    for (size_t row = 0; row < rows; row++, x += n, y += n) {
        R m = 0, squares;
        if (centered) {
            ROW_SUM(m, VALUE_V, VALUE)
            m /= (R)n;
        }
        ROW_SUM(squares, SQUARE_V, SQUARE)
        R r = 1 / (R)__builtin_sqrt(squares / (R)n + eps);
        mean[row] = m;
        rstd[row] = r;
        size_t i = 0;
        for (; i + LANES <= n; i += LANES)
            F(put)(y + i, (F(load)(x + i) - m) * r * F(load)(w + i) + F(load)(b + i), stream);
        for (; i < n; i++) y[i] = (x[i] - m) * r * w[i] + b[i];
    }
    F(fence)(stream);
}

static void F(row_forward)(size_t rows, size_t n, const R *x, const R *w, const R *b, R eps, bool centered,
                           bool stream, R *y, R *mean, R *rstd) {
    if (stream) F(row_forward_of)(rows, n, x, w, b, eps, centered, true, y, mean, rstd);
    else F(row_forward_of)(rows, n, x, w, b, eps, centered, false, y, mean, rstd);
}

INLINE void F(row_backward_of)(size_t rows, size_t n, const R *x, const R *g, const R *w, const R *mean,
                               const R *rstd, bool centered, bool stream, R *dx, R *dw, R *db) {
    for (size_t row = 0; row < rows; row++, x += n, g += n, dx += n) {
        R m = mean[row], r = rstd[row];
        // Sums of g·w and of g·w·x̂, and the row's part of dw and db.
        V sum_v = (V){}, product_v = (V){};
        size_t i = 0;
        for (; i + LANES <= n; i += LANES) {
            V gv = F(load)(g + i), hat = (F(load)(x + i) - m) * r, gw = gv * F(load)(w + i);
            sum_v += gw;
            product_v += gw * hat;
            F(store)(dw + i, F(load)(dw + i) + gv * hat);
            F(store)(db + i, F(load)(db + i) + gv);
        }
        R sum = F(total)(sum_v, (V){}, (V){}, (V){}), product = F(total)(product_v, (V){}, (V){}, (V){});
        for (; i < n; i++) {
            R hat = (x[i] - m) * r, gw = g[i] * w[i];
            sum += gw;
            product += gw * hat;
            dw[i] += g[i] * hat;
            db[i] += g[i];
        }
        sum = centered ? sum / (R)n : 0;
        product /= (R)n;
        i = 0;
        for (; i + LANES <= n; i += LANES) {
            V hat = (F(load)(x + i) - m) * r;
            F(put)(dx + i, (F(load)(g + i) * F(load)(w + i) - sum - hat * product) * r, stream);
        }
        for (; i < n; i++) dx[i] = (g[i] * w[i] - sum - (x[i] - m) * r * product) * r;
    }
    F(fence)(stream);
}

static void F(row_backward)(size_t rows, size_t n, const R *x, const R *g, const R *w, const R *mean, const R *rstd,
                            bool centered, bool stream, R *dx, R *dw, R *db) {
    if (stream) F(row_backward_of)(rows, n, x, g, w, mean, rstd, centered, true, dx, dw, db);
    else F(row_backward_of)(rows, n, x, g, w, mean, rstd, centered, false, dx, dw, db);
}

// MARK: Columns

// Strips of vectors whose sums stay in registers, then single columns.

// Rounding leaves the first mean a little off: the sum of what remains corrects both results.
INLINE void F(store_moments)(V m, V rest, V square, R share, R *mean, R *squares) {
    F(store)(mean, m + rest * share);
    F(store)(squares, square - rest * rest * share);
}

static void F(column_moments)(size_t rows, size_t n, const R *x, R *mean, R *squares) {
    R share = 1 / (R)rows;
    size_t c = 0;
    for (; c + 4 * LANES <= n; c += 4 * LANES) {
        V s0 = (V){}, s1 = (V){}, s2 = (V){}, s3 = (V){};
        for (size_t row = 0; row < rows; row++) {
            const R *p = x + row * n + c;
            s0 += F(load)(p);
            s1 += F(load)(p + LANES);
            s2 += F(load)(p + 2 * LANES);
            s3 += F(load)(p + 3 * LANES);
        }
        V m0 = s0 * share, m1 = s1 * share, m2 = s2 * share, m3 = s3 * share;
        V r0 = (V){}, r1 = (V){}, r2 = (V){}, r3 = (V){};
        s0 = s1 = s2 = s3 = (V){};
        for (size_t row = 0; row < rows; row++) {
            const R *p = x + row * n + c;
            V d0 = F(load)(p) - m0, d1 = F(load)(p + LANES) - m1;
            V d2 = F(load)(p + 2 * LANES) - m2, d3 = F(load)(p + 3 * LANES) - m3;
            r0 += d0;
            r1 += d1;
            r2 += d2;
            r3 += d3;
            s0 += d0 * d0;
            s1 += d1 * d1;
            s2 += d2 * d2;
            s3 += d3 * d3;
        }
        F(store_moments)(m0, r0, s0, share, mean + c, squares + c);
        F(store_moments)(m1, r1, s1, share, mean + c + LANES, squares + c + LANES);
        F(store_moments)(m2, r2, s2, share, mean + c + 2 * LANES, squares + c + 2 * LANES);
        F(store_moments)(m3, r3, s3, share, mean + c + 3 * LANES, squares + c + 3 * LANES);
    }
    for (; c + LANES <= n; c += LANES) {
        V s = (V){}, r = (V){};
        for (size_t row = 0; row < rows; row++) s += F(load)(x + row * n + c);
        V m = s * share;
        s = (V){};
        for (size_t row = 0; row < rows; row++) {
            V d = F(load)(x + row * n + c) - m;
            r += d;
            s += d * d;
        }
        F(store_moments)(m, r, s, share, mean + c, squares + c);
    }
    for (; c < n; c++) {
        R s = 0, r = 0;
        for (size_t row = 0; row < rows; row++) s += x[row * n + c];
        R m = s * share;
        s = 0;
        for (size_t row = 0; row < rows; row++) {
            R d = x[row * n + c] - m;
            r += d;
            s += d * d;
        }
        mean[c] = m + r * share;
        squares[c] = s - r * r * share;
    }
}

INLINE void F(column_scale_of)(size_t rows, size_t n, const R *x, const R *mean, const R *scale, const R *shift,
                               bool stream, R *y) {
    for (size_t row = 0; row < rows; row++, x += n, y += n) {
        size_t c = 0;
        for (; c + LANES <= n; c += LANES)
            F(put)(y + c, (F(load)(x + c) - F(load)(mean + c)) * F(load)(scale + c) + F(load)(shift + c), stream);
        for (; c < n; c++) y[c] = (x[c] - mean[c]) * scale[c] + shift[c];
    }
    F(fence)(stream);
}

static void F(column_scale)(size_t rows, size_t n, const R *x, const R *mean, const R *scale, const R *shift,
                            bool stream, R *y) {
    if (stream) F(column_scale_of)(rows, n, x, mean, scale, shift, true, y);
    else F(column_scale_of)(rows, n, x, mean, scale, shift, false, y);
}

static void F(column_products)(size_t rows, size_t n, const R *x, const R *g, const R *mean, R *sums, R *products) {
    size_t c = 0;
    for (; c + 2 * LANES <= n; c += 2 * LANES) {
        V m0 = F(load)(mean + c), m1 = F(load)(mean + c + LANES);
        V s0 = (V){}, s1 = (V){}, p0 = (V){}, p1 = (V){};
        for (size_t row = 0; row < rows; row++) {
            const R *px = x + row * n + c, *pg = g + row * n + c;
            V g0 = F(load)(pg), g1 = F(load)(pg + LANES);
            s0 += g0;
            s1 += g1;
            p0 += g0 * (F(load)(px) - m0);
            p1 += g1 * (F(load)(px + LANES) - m1);
        }
        F(store)(sums + c, s0);
        F(store)(sums + c + LANES, s1);
        F(store)(products + c, p0);
        F(store)(products + c + LANES, p1);
    }
    for (; c + LANES <= n; c += LANES) {
        V m = F(load)(mean + c), s = (V){}, p = (V){};
        for (size_t row = 0; row < rows; row++) {
            V gv = F(load)(g + row * n + c);
            s += gv;
            p += gv * (F(load)(x + row * n + c) - m);
        }
        F(store)(sums + c, s);
        F(store)(products + c, p);
    }
    for (; c < n; c++) {
        R s = 0, p = 0;
        for (size_t row = 0; row < rows; row++) {
            s += g[row * n + c];
            p += g[row * n + c] * (x[row * n + c] - mean[c]);
        }
        sums[c] = s;
        products[c] = p;
    }
}

INLINE void F(column_combine_of)(size_t rows, size_t n, const R *x, const R *g, const R *mean, const R *a, const R *b,
                                 const R *c, bool stream, R *dx) {
    for (size_t row = 0; row < rows; row++, x += n, g += n, dx += n) {
        size_t i = 0;
        for (; i + LANES <= n; i += LANES)
            F(put)(dx + i,
                   F(load)(g + i) * F(load)(a + i) + (F(load)(x + i) - F(load)(mean + i)) * F(load)(b + i) +
                       F(load)(c + i),
                   stream);
        for (; i < n; i++) dx[i] = g[i] * a[i] + (x[i] - mean[i]) * b[i] + c[i];
    }
    F(fence)(stream);
}

static void F(column_combine)(size_t rows, size_t n, const R *x, const R *g, const R *mean, const R *a, const R *b,
                              const R *c, bool stream, R *dx) {
    if (stream) F(column_combine_of)(rows, n, x, g, mean, a, b, c, true, dx);
    else F(column_combine_of)(rows, n, x, g, mean, a, b, c, false, dx);
}

#undef ROW_SUM
#undef VALUE_V
#undef VALUE
#undef SQUARE_V
#undef SQUARE
#undef V
#undef LANES
#undef F
#undef NORM_PASTE
#undef NORM_PASTE_
