// The loops of similarity.inc.h for one element type T: vectors N(v) of LANES lanes, functions FN(name).

static T FN(distances)(T *dot, const T *y2, size_t n, T x2, T near, const T *x, const T *y, size_t d) {
    T smallest = (T)INFINITY;
    N(v) low = N(splat)((T)INFINITY);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        N(v) scale = N(load)(y2 + i) + x2;
        N(v) r = scale - (T)2 * N(load)(dot + i);
        N(m) close = r < near * scale;
        if (__builtin_reduce_or(close) != 0)
            for (size_t lane = 0; lane < LANES; lane++) {
                if (!close[lane]) continue;
                const T *p = y + (i + lane) * d;
                T sum = 0;
                for (size_t k = 0; k < d; k++) sum += (x[k] - p[k]) * (x[k] - p[k]);
                r[lane] = sum;
            }
        N(store)(dot + i, r);
        low = N(lower)(r, low);
    }
    for (size_t lane = 0; lane < LANES; lane++) smallest = low[lane] < smallest ? low[lane] : smallest;
    for (; i < n; i++) {
        T scale = y2[i] + x2, r = scale - 2 * dot[i];
        if (r < near * scale) {
            const T *p = y + i * d;
            r = 0;
            for (size_t k = 0; k < d; k++) r += (x[k] - p[k]) * (x[k] - p[k]);
        }
        dot[i] = r;
        smallest = r < smallest ? r : smallest;
    }
    return smallest;
}

// Sums of one kernel; `value` is an expression of the squared distance r (a vector), h the bandwidth.
#define KERNEL_SUMS(name, setup, value)                                                                            \
    VINLINE void FN(name##_sums)(const T *r_, const T *w, size_t n, T base, T h, double *out) {                    \
        (void)base;                                                                                                \
        setup;                                                                                                     \
        N(v) s0 = {0}, s1 = {0}, s2 = {0};                                                                         \
        for (size_t i = 0; i < n; i += LANES) {                                                                    \
            size_t rest = n - i;                                                                                   \
            N(v) r = rest >= LANES ? N(load)(r_ + i) : N(load_some)(r_ + i, rest);                                 \
            N(v) k = value;                                                                                        \
            if (w) k *= rest >= LANES ? N(load)(w + i) : N(load_some)(w + i, rest);                                \
            if (rest < LANES)                                                                                      \
                for (size_t lane = rest; lane < LANES; lane++) k[lane] = 0;                                        \
            s0 += k;                                                                                               \
            s1 += k * k;                                                                                           \
            s2 = N(fma)(k, r, s2);                                                                                 \
        }                                                                                                          \
        out[0] += N(sum)(s0);                                                                                      \
        out[1] += N(sum)(s1);                                                                                      \
        out[2] += N(sum)(s2);                                                                                      \
    }

KERNEL_SUMS(gaussian, T c = 1 / (2 * h * h), ({
                N(v) z = (base - r) * c;
                N(m) seen = z > (T)-45;
                if (!w && __builtin_reduce_or(seen) == 0) continue;
                N(exp)(z);
            }))
KERNEL_SUMS(tophat, T h2 = h *h, N(pick)(r < h2, N(splat)(1), N(splat)(0)))
KERNEL_SUMS(epanechnikov, T h2 = h *h, N(pick)(r < h2, 1 - r / h2, N(splat)(0)))
KERNEL_SUMS(exponential, T c = 1 / h; T nearest = (T)sqrt((double)base), N(exp)((nearest - N(sqrt)(r)) * c))
KERNEL_SUMS(linear, T h2 = h *h, N(pick)(r < h2, 1 - N(sqrt)(r) / h, N(splat)(0)))
KERNEL_SUMS(quarter_wave, T h2 = h *h; T c = (T)(M_PI_2) / h,
            N(pick)(r < h2, N(fast_cos)(N(pick)(r < h2, N(sqrt)(r) * c, N(splat)(0))), N(splat)(0)))
#undef KERNEL_SUMS

static void FN(kernel_sums)(int kernel, const T *r, const T *w, size_t n, T base, T bandwidth, double *out) {
    switch (kernel) {
    case mercer_density_gaussian: FN(gaussian_sums)(r, w, n, base, bandwidth, out); break;
    case mercer_density_tophat: FN(tophat_sums)(r, w, n, base, bandwidth, out); break;
    case mercer_density_epanechnikov: FN(epanechnikov_sums)(r, w, n, base, bandwidth, out); break;
    case mercer_density_exponential: FN(exponential_sums)(r, w, n, base, bandwidth, out); break;
    case mercer_density_linear: FN(linear_sums)(r, w, n, base, bandwidth, out); break;
    default: FN(quarter_wave_sums)(r, w, n, base, bandwidth, out); break;
    }
}

// e^(-2cz) is the square of e^(-cz); the error of the exponential doubles with each level, so levels are few.
// The sum of squares of a level is the sum of the next one. All sums stay in registers: `levels` is a constant.
VINLINE void FN(chain)(const T *r_, size_t n, T base, T h, const int levels, double *out) {
    T c = 1 / (2 * h * h);
    N(v) s0[MERCER_CHAIN_LEVELS + 1], s2[MERCER_CHAIN_LEVELS];
    for (int k = 0; k < levels; k++) s0[k] = s2[k] = (N(v)){0};
    s0[levels] = (N(v)){0};
    for (size_t i = 0; i < n; i += LANES) {
        size_t rest = n - i;
        N(v) r = rest >= LANES ? N(load)(r_ + i) : N(load_some)(r_ + i, rest);
        N(v) e = N(exp)((base - r) * c);
        if (rest < LANES)
            for (size_t lane = rest; lane < LANES; lane++) e[lane] = 0;
#pragma clang loop unroll(full)
        for (int k = 0; k < levels; k++) {
            s0[k] += e;
            s2[k] = N(fma)(e, r, s2[k]);
            e *= e;
        }
        s0[levels] += e;
    }
    for (int k = 0; k < levels; k++) {
        out[3 * k] += N(sum)(s0[k]);
        out[3 * k + 1] += N(sum)(s0[k + 1]);
        out[3 * k + 2] += N(sum)(s2[k]);
    }
}

static void FN(gaussian_chain)(const T *r, const T *w, size_t n, T base, T h, int levels, double *out) {
    if (w) {
        // Squares of weighted terms aren't the next level's terms: one level after the other.
        for (int k = 0; k < levels; k++, h *= (T)M_SQRT1_2) FN(gaussian_sums)(r, w, n, base, h, out + 3 * k);
        return;
    }
    switch (levels) {
#define CHAIN(k)                                                                                                   \
    case k: FN(chain)(r, n, base, h, k, out); break;
        CHAIN(1) CHAIN(2) CHAIN(3) CHAIN(4) CHAIN(5) CHAIN(6) CHAIN(7) CHAIN(8) CHAIN(9) CHAIN(10)
#undef CHAIN
    }
}

static void FN(gaussian)(T *r, size_t n, T base, T bandwidth, T scale) {
    T c = 1 / (2 * bandwidth * bandwidth);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        N(store)(r + i, scale * N(exp)((base - N(load)(r + i)) * c));
    if (i < n) N(store_some)(r + i, scale * N(exp)((base - N(load_some)(r + i, n - i)) * c), n - i);
}

// Rows in blocks, so that float32 sums stay short.
static void FN(cosine_sums)(const T *dot, size_t rows, size_t n, const T *phase, double *sums) {
    for (size_t i = 0; i < n; i += LANES) {
        size_t rest = n - i;
        N(v) b = rest >= LANES ? N(load)(phase + i) : N(load_some)(phase + i, rest);
        N(v) sum = {0};
        for (size_t row = 0; row < rows; row++) {
            const T *p = dot + row * n + i;
            sum += N(fast_cos)((rest >= LANES ? N(load)(p) : N(load_some)(p, rest)) + b);
        }
        for (size_t lane = 0; lane < (rest < LANES ? rest : LANES); lane++) sums[i + lane] += sum[lane];
    }
}

static void FN(cosine_dot)(const T *dot, size_t n, const T *phase, const T *f, double *out) {
    N(v) s0 = {0}, s1 = {0};
    for (size_t i = 0; i < n; i += LANES) {
        size_t rest = n - i;
        if (rest >= LANES) {
            N(v) c = N(fast_cos)(N(load)(dot + i) + N(load)(phase + i));
            s0 = N(fma)(N(load)(f + i), c, s0);
            s1 = N(fma)(c, c, s1);
        } else {
            N(v) c = N(fast_cos)(N(load_some)(dot + i, rest) + N(load_some)(phase + i, rest));
            for (size_t lane = rest; lane < LANES; lane++) c[lane] = 0;
            s0 = N(fma)(N(load_some)(f + i, rest), c, s0);
            s1 = N(fma)(c, c, s1);
        }
    }
    out[0] += N(sum)(s0);
    out[1] += N(sum)(s1);
}
