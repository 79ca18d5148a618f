// Reductions of float32 (N = VF, T = float) or float64 rows and columns; see reduce.inc.h.

VINLINE N(v) N(larger)(N(v) a, N(v) b) { return N(pick)((a > b) | (a != a), a, b); }
VINLINE N(v) N(smaller)(N(v) a, N(v) b) { return N(pick)((a < b) | (a != a), a, b); }
VINLINE T N(larger1)(T a, T b) { return (a > b || a != a) ? a : b; }
VINLINE T N(smaller1)(T a, T b) { return (a < b || a != a) ? a : b; }

// For each reduction: the value of an element, and how a vector of values joins an accumulator.
#define SUMS(X)                                                                                                    \
    X(sum, x)                                                                                                      \
    X(squared_deviation, (x - a) * (x - a))                                                                        \
    X(exponential, N(exp)(x - a))

// A row's sum: blocks of 1024 elements in four accumulators each, the blocks in float64.
#define ROW_SUM(name, VALUE)                                                                                       \
    VINLINE N(v) N(value_##name)(N(v) x, N(v) a) {                                                                 \
        (void)a;                                                                                                   \
        return VALUE;                                                                                              \
    }                                                                                                              \
    VINLINE double N(row_##name)(const T *p, size_t n, N(v) a) {                                                   \
        double total = 0;                                                                                          \
        size_t i = 0;                                                                                              \
        while (i + 4 * LANES <= n) {                                                                               \
            size_t end = i + 1024 < n ? i + 1024 : n;                                                              \
            N(v) s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};                                                           \
            for (; i + 4 * LANES <= end; i += 4 * LANES) {                                                         \
                s0 += N(value_##name)(N(load)(p + i), a);                                                          \
                s1 += N(value_##name)(N(load)(p + i + LANES), a);                                                  \
                s2 += N(value_##name)(N(load)(p + i + 2 * LANES), a);                                              \
                s3 += N(value_##name)(N(load)(p + i + 3 * LANES), a);                                              \
            }                                                                                                      \
            total += N(sum)((s0 + s1) + (s2 + s3));                                                                \
        }                                                                                                          \
        if (i < n) {                                                                                               \
            N(v) s = {0};                                                                                          \
            for (; i + LANES <= n; i += LANES) s += N(value_##name)(N(load)(p + i), a);                            \
            T rest[LANES];                                                                                         \
            N(v) last = N(value_##name)(N(load_some)(p + i, n - i), a);                                            \
            memcpy(rest, &last, sizeof rest);                                                                      \
            for (size_t j = n - i; j < LANES; j++) rest[j] = 0;                                                    \
            total += N(sum)(s + N(load)(rest));                                                                    \
        }                                                                                                          \
        return total;                                                                                              \
    }                                                                                                              \
    static void N(rows_##name)(const void *xs, size_t rows, size_t columns, size_t stride, const void *aux,        \
                               void *ys) {                                                                         \
        const T *x = xs;                                                                                           \
        T *y = ys;                                                                                                 \
        for (size_t r = 0; r < rows; r++)                                                                          \
            y[r] = (T)N(row_##name)(x + r * stride, columns, N(splat)(aux ? ((const T *)aux)[r] : 0));             \
    }                                                                                                              \
    static void N(columns_##name)(const void *xs, size_t rows, size_t columns, size_t stride, const void *aux,     \
                                  void *ys) {                                                                      \
        const T *x = xs;                                                                                           \
        T *y = ys;                                                                                                 \
        for (size_t j = 0; j < columns; j++) y[j] = 0;                                                             \
        for (size_t top = 0; top < rows; top += 128) {                                                             \
            size_t bottom = top + 128 < rows ? top + 128 : rows;                                                   \
            size_t j = 0;                                                                                          \
            for (; j + 8 * LANES <= columns; j += 8 * LANES) {                                                     \
                N(v) s[8] = {0}, a[8] = {0};                                                                       \
                if (aux)                                                                                           \
                    for (int k = 0; k < 8; k++) a[k] = N(load)((const T *)aux + j + k * LANES);                    \
                for (size_t r = top; r < bottom; r++)                                                              \
                    for (int k = 0; k < 8; k++)                                                                    \
                        s[k] += N(value_##name)(N(load)(x + r * stride + j + k * LANES), a[k]);                    \
                for (int k = 0; k < 8; k++)                                                                        \
                    N(store)(y + j + k * LANES, N(load)(y + j + k * LANES) + s[k]);                                \
            }                                                                                                      \
            for (; j < columns; j += LANES) {                                                                      \
                size_t n = columns - j < LANES ? columns - j : LANES;                                              \
                N(v) s = {0}, a = {0};                                                                             \
                if (aux) a = N(load_some)((const T *)aux + j, n);                                                  \
                if (n == LANES)                                                                                    \
                    for (size_t r = top; r < bottom; r++)                                                          \
                        s += N(value_##name)(N(load)(x + r * stride + j), a);                                      \
                else                                                                                               \
                    for (size_t r = top; r < bottom; r++)                                                          \
                        s += N(value_##name)(N(load_some)(x + r * stride + j, n), a);                              \
                N(store_some)(y + j, N(load_some)(y + j, n) + s, n);                                               \
            }                                                                                                      \
        }                                                                                                          \
    }
SUMS(ROW_SUM)

// Folds by an operation without rounding concerns (product, maximum, minimum).
#define FOLD(name, START, JOIN, JOIN1)                                                                             \
    VINLINE T N(row_##name)(const T *p, size_t n) {                                                                \
        T total = START;                                                                                           \
        size_t i = 0;                                                                                              \
        if (n >= 8 * LANES) {                                                                                      \
            N(v) s[8];                                                                                             \
            for (int k = 0; k < 8; k++) s[k] = N(load)(p + k * LANES);                                             \
            for (i = 8 * LANES; i + 8 * LANES <= n; i += 8 * LANES)                                                \
                for (int k = 0; k < 8; k++) s[k] = JOIN(s[k], N(load)(p + i + k * LANES));                         \
            for (; i + LANES <= n; i += LANES) s[0] = JOIN(s[0], N(load)(p + i));                                  \
            s[0] = JOIN(JOIN(JOIN(s[0], s[1]), JOIN(s[2], s[3])), JOIN(JOIN(s[4], s[5]), JOIN(s[6], s[7])));       \
            T t[LANES];                                                                                            \
            memcpy(t, &s[0], sizeof t);                                                                            \
            for (int half = LANES / 2; half > 0; half /= 2)                                                        \
                for (int j = 0; j < half; j++) t[j] = JOIN1(t[j], t[j + half]);                                    \
            total = t[0];                                                                                          \
        }                                                                                                          \
        for (; i < n; i++) total = JOIN1(total, p[i]);                                                             \
        return total;                                                                                              \
    }                                                                                                              \
    static void N(rows_##name)(const void *xs, size_t rows, size_t columns, size_t stride, const void *aux,        \
                               void *ys) {                                                                         \
        const T *x = xs;                                                                                           \
        T *y = ys;                                                                                                 \
        (void)aux;                                                                                                 \
        for (size_t r = 0; r < rows; r++) y[r] = N(row_##name)(x + r * stride, columns);                           \
    }                                                                                                              \
    static void N(columns_##name)(const void *xs, size_t rows, size_t columns, size_t stride, const void *aux,     \
                                  void *ys) {                                                                      \
        const T *x = xs;                                                                                           \
        T *y = ys;                                                                                                 \
        (void)aux;                                                                                                 \
        size_t j = 0;                                                                                              \
        for (; j + 8 * LANES <= columns; j += 8 * LANES) {                                                         \
            N(v) s[8];                                                                                             \
            for (int k = 0; k < 8; k++) s[k] = N(load)(x + j + k * LANES);                                         \
            for (size_t r = 1; r < rows; r++)                                                                      \
                for (int k = 0; k < 8; k++) s[k] = JOIN(s[k], N(load)(x + r * stride + j + k * LANES));            \
            for (int k = 0; k < 8; k++) N(store)(y + j + k * LANES, s[k]);                                         \
        }                                                                                                          \
        for (; j < columns; j += LANES) {                                                                          \
            size_t n = columns - j < LANES ? columns - j : LANES;                                                  \
            N(v) s = N(load_some)(x + j, n);                                                                       \
            if (n == LANES)                                                                                        \
                for (size_t r = 1; r < rows; r++) s = JOIN(s, N(load)(x + r * stride + j));                        \
            else                                                                                                   \
                for (size_t r = 1; r < rows; r++) s = JOIN(s, N(load_some)(x + r * stride + j, n));                \
            N(store_some)(y + j, s, n);                                                                            \
        }                                                                                                          \
    }
#define TIMES(a, b) ((a) * (b))
FOLD(product, 1, TIMES, TIMES)
FOLD(maximum, -INFINITE, N(larger), N(larger1))
FOLD(minimum, INFINITE, N(smaller), N(smaller1))

// The extreme value first, then the first place where it stands.
#define ARGUMENT(name, BETTER)                                                                                     \
    static void N(argument_rows_##name)(const void *xs, size_t rows, size_t columns, size_t stride, int64_t *y) {  \
        for (size_t r = 0; r < rows; r++) {                                                                        \
            const T *p = (const T *)xs + r * stride;                                                               \
            T best = N(row_##name)(p, columns);                                                                    \
            N(v) b = N(splat)(best);                                                                               \
            size_t i = 0;                                                                                          \
            for (; i + LANES <= columns; i += LANES) {                                                             \
                N(v) v = N(load)(p + i);                                                                           \
                if (__builtin_reduce_or((v == b) | (v != v))) break;                                               \
            }                                                                                                      \
            while (i < columns && p[i] != best && p[i] == p[i]) i++;                                               \
            y[r] = (int64_t)i;                                                                                     \
        }                                                                                                          \
    }                                                                                                              \
    static void N(argument_columns_##name)(const void *xs, size_t rows, size_t columns, size_t stride,             \
                                           int64_t *y) {                                                           \
        const T *x = xs;                                                                                           \
        size_t j = 0;                                                                                              \
        for (; j < columns; j += LANES) {                                                                          \
            size_t n = columns - j < LANES ? columns - j : LANES;                                                  \
            N(v) best = N(load_some)(x + j, n);                                                                    \
            N(m) where = {0};                                                                                      \
            for (size_t r = 1; r < rows; r++) {                                                                    \
                N(v) v = n == LANES ? N(load)(x + r * stride + j) : N(load_some)(x + r * stride + j, n);           \
                N(m) better = ((v BETTER best) | (v != v)) & (best == best);                                       \
                best = N(pick)(better, v, best);                                                                   \
                where = (better & (M)r) | (~better & where);                                                       \
            }                                                                                                      \
            for (size_t k = 0; k < n; k++) y[j + k] = where[k];                                                    \
        }                                                                                                          \
    }
ARGUMENT(maximum, >)
ARGUMENT(minimum, <)

// y = e^(x - m) and its sum.
VINLINE double N(exponentials)(const T *x, size_t n, T m, T *y) {
    N(v) top = N(splat)(m);
    double total = 0;
    size_t i = 0;
    while (i + 2 * LANES <= n) {
        size_t end = i + 1024 < n ? i + 1024 : n;
        N(v) s0 = {0}, s1 = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            N(v) e0 = N(exp)(N(load)(x + i) - top);
            N(v) e1 = N(exp)(N(load)(x + i + LANES) - top);
            N(store)(y + i, e0);
            N(store)(y + i + LANES, e1);
            s0 += e0;
            s1 += e1;
        }
        total += N(sum)(s0 + s1);
    }
    for (; i < n; i += LANES) {
        size_t k = n - i < LANES ? n - i : LANES;
        N(v) e = N(exp)(N(load_some)(x + i, k) - top);
        T t[LANES] = {0};
        N(store_some)(t, e, k);
        N(store_some)(y + i, e, k);
        total += N(sum)(N(load)(t));
    }
    return total;
}

// The number that is subtracted before the exponential: the row's maximum, 0 where that is infinite (a row of -∞ has
// no largest element).
VINLINE T N(row_shift)(const T *x, size_t n) {
    T m = N(row_maximum)(x, n);
    return m == -INFINITE ? 0 : m;
}

#define EACH(n, LAST, ...)                                                                                         \
    {                                                                                                              \
        size_t i = 0;                                                                                              \
        for (; i + LANES <= n; i += LANES) __VA_ARGS__                                                             \
        for (; i < n; i++) LAST                                                                                    \
    }

static void N(map_softmax)(const void *xs, const void *aux, size_t rows, size_t columns, void *ys) {
    (void)aux;
    for (size_t r = 0; r < rows; r++) {
        const T *x = (const T *)xs + r * columns;
        T *y = (T *)ys + r * columns;
        T scale = (T)(1 / N(exponentials)(x, columns, N(row_shift)(x, columns), y));
        EACH(columns, y[i] *= scale;, N(store)(y + i, N(load)(y + i) * scale);)
    }
}

static void N(map_log_softmax)(const void *xs, const void *aux, size_t rows, size_t columns, void *ys) {
    (void)aux;
    for (size_t r = 0; r < rows; r++) {
        const T *x = (const T *)xs + r * columns;
        T *y = (T *)ys + r * columns;
        T m = N(row_shift)(x, columns);
        T shift = LOG(N(row_exponential)(x, columns, N(splat)(m)));
        EACH(columns, y[i] = (x[i] - m) - shift;, N(store)(y + i, (N(load)(x + i) - m) - shift);)
    }
}

VINLINE T N(dot)(const T *a, const T *b, size_t n) {
    double total = 0;
    size_t i = 0;
    while (i + 2 * LANES <= n) {
        size_t end = i + 1024 < n ? i + 1024 : n;
        N(v) s0 = {0}, s1 = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            s0 = N(fma)(N(load)(a + i), N(load)(b + i), s0);
            s1 = N(fma)(N(load)(a + i + LANES), N(load)(b + i + LANES), s1);
        }
        total += N(sum)(s0 + s1);
    }
    for (; i < n; i++) total += (double)a[i] * b[i];
    return (T)total;
}

// y (g - Σ g y)
static void N(map_softmax_gradient)(const void *xs, const void *aux, size_t rows, size_t columns, void *ys) {
    for (size_t r = 0; r < rows; r++) {
        const T *p = (const T *)xs + r * columns;
        const T *g = (const T *)aux + r * columns;
        T *y = (T *)ys + r * columns;
        T s = N(dot)(p, g, columns);
        EACH(columns, y[i] = p[i] * (g[i] - s);, N(store)(y + i, N(load)(p + i) * (N(load)(g + i) - s));)
    }
}

// g - e^y Σ g
static void N(map_log_softmax_gradient)(const void *xs, const void *aux, size_t rows, size_t columns, void *ys) {
    for (size_t r = 0; r < rows; r++) {
        const T *p = (const T *)xs + r * columns;
        const T *g = (const T *)aux + r * columns;
        T *y = (T *)ys + r * columns;
        N(v) s = N(splat)((T)N(row_sum)(g, columns, (N(v)){0}));
        for (size_t i = 0; i < columns; i += LANES) {
            size_t k = columns - i < LANES ? columns - i : LANES;
            if (k == LANES) N(store)(y + i, N(load)(g + i) - N(exp)(N(load)(p + i)) * s);
            else N(store_some)(y + i, N(load_some)(g + i, k) - N(exp)(N(load_some)(p + i, k)) * s, k);
        }
    }
}

// The maps along columns, WIDE vectors side by side: ROWS makes s from all rows, RESULT
// y of a (x), b (aux) and s.
#define WIDE 4
#define COLUMN_MAP(name, ROWS, RESULT)                                                                    \
    VINLINE void N(columns_of_##name)(const T *x, const T *aux, size_t rows, size_t stride, size_t n, int wide,    \
                                      T *y) {                                                                      \
        N(v) s[WIDE], t[WIDE];                                                                                     \
        for (int k = 0; k < wide; k++) s[k] = t[k] = (N(v)){0};                                                    \
        ROWS                                                                                                       \
        for (size_t r = 0; r < rows; r++)                                                                          \
            for (int k = 0; k < wide; k++) {                                                                       \
                const size_t at = r * stride + k * LANES;                                                          \
                N(v) a = AT(x), b = aux ? AT(aux) : a;                                                             \
                (void)b;                                                                                           \
                N(v) v = RESULT;                                                                                   \
                if (n == LANES) N(store)(y + at, v);                                                               \
                else N(store_some)(y + at, v, n);                                                                  \
            }                                                                                                      \
    }                                                                                                              \
    static void N(column_map_##name)(const void *xs, const void *auxs, size_t rows, size_t columns, size_t stride, \
                                     void *ys) {                                                                   \
        const T *x = xs, *aux = auxs;                                                                              \
        T *y = ys;                                                                                                 \
        size_t j = 0;                                                                                              \
        for (; j + WIDE * LANES <= columns; j += WIDE * LANES)                                                     \
            N(columns_of_##name)(x + j, aux ? aux + j : 0, rows, stride, LANES, WIDE, y + j);                      \
        for (; j < columns; j += LANES)                                                                            \
            N(columns_of_##name)(x + j, aux ? aux + j : 0, rows, stride, columns - j < LANES ? columns - j : LANES, \
                                 1, y + j);                                                                        \
    }
#define AT(p) (n == LANES ? N(load)(p + at) : N(load_some)(p + at, n))
// Sums of VALUE over the rows, 128 at a time.
#define SUM_ROWS(VALUE)                                                                                            \
    for (size_t top = 0; top < rows; top += 128) {                                                                 \
        N(v) part[WIDE];                                                                                           \
        for (int k = 0; k < wide; k++) part[k] = (N(v)){0};                                                        \
        for (size_t r = top; r < rows && r < top + 128; r++)                                                       \
            for (int k = 0; k < wide; k++) {                                                                       \
                const size_t at = r * stride + k * LANES;                                                          \
                part[k] += VALUE;                                                                                  \
            }                                                                                                      \
        for (int k = 0; k < wide; k++) s[k] += part[k];                                                            \
    }
// t: what is subtracted before the exponential, as for rows.
#define SHIFT_ROWS                                                                                                 \
    for (int k = 0; k < wide; k++) t[k] = N(splat)(-INFINITE);                                                     \
    for (size_t r = 0; r < rows; r++)                                                                              \
        for (int k = 0; k < wide; k++) {                                                                           \
            const size_t at = r * stride + k * LANES;                                                              \
            t[k] = N(larger)(t[k], AT(x));                                                                         \
        }                                                                                                          \
    for (int k = 0; k < wide; k++) t[k] = N(pick)(t[k] == -INFINITE, (N(v)){0}, t[k]);
VINLINE N(v) N(kept)(T *y, N(v) v, size_t n) {
    if (n == LANES) N(store)(y, v);
    else N(store_some)(y, v, n);
    return v;
}
COLUMN_MAP(softmax, SHIFT_ROWS SUM_ROWS(N(kept)(y + at, N(exp)(AT(x) - t[k]), n))
           for (int k = 0; k < wide; k++) s[k] = (T)1 / s[k];
           , AT(y) * s[k])
COLUMN_MAP(log_softmax, SHIFT_ROWS SUM_ROWS(N(exp)(AT(x) - t[k]))
           for (int k = 0; k < wide; k++)
               for (int l = 0; l < LANES; l++) s[k][l] = LOG(s[k][l]);
           , (a - t[k]) - s[k])
COLUMN_MAP(softmax_gradient, SUM_ROWS(AT(x) * AT(aux)), a * (b - s[k]))
COLUMN_MAP(log_softmax_gradient, SUM_ROWS(AT(aux)), b - N(exp)(a) * s[k])

static void N(shifted_softmax)(const void *xs, const void *aux, size_t rows, size_t columns, void *ys) {
    const T *parameters = aux;
    for (size_t r = 0; r < rows; r++) {
        const T *x = (const T *)xs + r * columns;
        T *y = (T *)ys + r * columns;
        N(v) lse = N(splat)(parameters[r]);
        N(v) scale = N(splat)(parameters[rows + r]);
        N(v) shift = N(splat)(parameters[2 * rows + r]);
        for (size_t i = 0; i < columns; i += LANES) {
            size_t k = columns - i < LANES ? columns - i : LANES;
            if (k == LANES) N(store)(y + i, scale * N(exp)(N(load)(x + i) - lse) - shift);
            else N(store_some)(y + i, scale * N(exp)(N(load_some)(x + i, k) - lse) - shift, k);
        }
    }
}

#undef SUMS
#undef ROW_SUM
#undef FOLD
#undef TIMES
#undef ARGUMENT
#undef EACH
#undef WIDE
#undef COLUMN_MAP
#undef AT
#undef SUM_ROWS
#undef SHIFT_ROWS
