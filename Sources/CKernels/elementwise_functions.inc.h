// The functions behind the elementwise loops, on one vector: included once for float32 (N = VF, T = float) and once
// for float64. Every function takes its arguments and the parameters p, q; the loops are made from the lists in
// include/elementwise.h at the end.

#define UNARY(name, ...)                                                                                           \
    VINLINE N(v) N(f_##name)(N(v) x, N(v) p, N(v) q) {                                                             \
        (void)p, (void)q;                                                                                          \
        __VA_ARGS__                                                                                                \
    }
#define BINARY(name, ...)                                                                                          \
    VINLINE N(v) N(f_##name)(N(v) a, N(v) b, N(v) p, N(v) q) {                                                     \
        (void)p, (void)q;                                                                                          \
        __VA_ARGS__                                                                                                \
    }
#define ZERO N(splat)((T)0)
#define ONE N(splat)((T)1)

UNARY(negate, return -x;)
UNARY(absolute, return N(abs)(x);)
UNARY(sign, return N(pick)(x > (T)0, ONE, N(pick)(x < (T)0, -ONE, x));)
UNARY(square, return x * x;)
UNARY(square_root, return N(sqrt)(x);)
UNARY(reciprocal_root, return (T)1 / N(sqrt)(x);)
UNARY(reciprocal, return (T)1 / x;)
UNARY(exp, return N(exp)(x);)
UNARY(exp2, return N(exp2)(x);)
UNARY(expm1, return N(expm1)(x);)
UNARY(log, return N(log)(x);)
UNARY(log2, return N(log2)(x);)
UNARY(log10, return N(log10)(x);)
UNARY(log1p, return N(log1p)(x);)
UNARY(sin, return N(sin)(x);)
UNARY(cos, return N(cos)(x);)
UNARY(tan, return N(tan)(x);)
UNARY(asin, return N(asin)(x);)
UNARY(acos, return N(acos)(x);)
UNARY(atan, return N(atan)(x);)
UNARY(sinh, return N(sinh)(x);)
UNARY(cosh, return N(cosh)(x);)
UNARY(tanh, return N(tanh)(x);)
UNARY(asinh, return N(asinh)(x);)
UNARY(acosh, return N(acosh)(x);)
UNARY(atanh, return N(atanh)(x);)
UNARY(erf, return N(erf)(x);)
UNARY(erfc, return N(erfc)(x);)
UNARY(erf_inverse, for (size_t i = 0; i < LANES; i++) x[i] = (T)mercer_erf_inverse(x[i]); return x;)
UNARY(log_gamma, for (size_t i = 0; i < LANES; i++) x[i] = (T)mercer_log_gamma(x[i]); return x;)
UNARY(digamma, for (size_t i = 0; i < LANES; i++) x[i] = (T)mercer_digamma(x[i]); return x;)
UNARY(floor, return __builtin_elementwise_floor(x);)
UNARY(ceil, return __builtin_elementwise_ceil(x);)
UNARY(round, return __builtin_elementwise_roundeven(x);)
UNARY(truncate, return __builtin_elementwise_trunc(x);)
UNARY(affine, return N(fma)(x, p, q);)
// NaN stays NaN.
UNARY(clamp, return N(lower)(q, N(upper)(p, x));)

// ln(1 + e^x) without overflow.
VINLINE N(v) N(log1p_exp)(N(v) x) { return N(upper)(ZERO, x) + N(log1p)(N(exp)(-N(abs)(x))); }

UNARY(sigmoid, return N(sigmoid)(x);)
UNARY(log_sigmoid, return -N(log1p_exp)(-x);)
// p is β, q the threshold on β x from which on the function is x itself.
UNARY(softplus, return N(pick)(x * p > q, x, N(log1p_exp)(x * p) / p);)
UNARY(relu, return N(upper)(ZERO, x);)
UNARY(leaky_relu, return N(pick)(x > (T)0, x, x * p);)
// p is α, q a scale of the whole.
UNARY(elu, return q * N(pick)(x > (T)0, x, p * N(expm1)(x));)
UNARY(gelu, {
    N(v) e;
    N(v) tail = N(normal_tail)(x, &e);
    return x * N(pick)(x > (T)0, (T)1 - tail, tail);
})

// √(2/π) (x + 0.044715 x³)
VINLINE N(v) N(gelu_argument)(N(v) x) {
    return (T)0.79788456080286536 * N(fma)(x * x * x, N(splat)((T)0.044715), x);
}
UNARY(gelu_tanh, return (T)0.5 * x * ((T)1 + N(tanh)(N(gelu_argument)(x)));)
UNARY(silu, return x / ((T)1 + N(exp)(-x));)

// tanh(ln(1 + e^x)) = m / (m + 2) with m = e^x (e^x + 2)
VINLINE N(v) N(tanh_softplus)(N(v) x) {
    N(v) e = N(exp)(N(lower)(N(splat)((T)20), x));
    N(v) m = e * (e + (T)2);
    return N(pick)(x > (T)20, ONE, m / (m + (T)2));
}
UNARY(mish, return x * N(tanh_softplus)(x);)
UNARY(hard_sigmoid, return N(lower)(N(splat)((T)6), N(upper)(ZERO, x + (T)3)) / (T)6;)
UNARY(hard_swish, return x * N(lower)(N(splat)((T)6), N(upper)(ZERO, x + (T)3)) / (T)6;)

BINARY(add, return a + b;)
BINARY(subtract, return a - b;)
BINARY(multiply, return a * b;)
BINARY(divide, return a / b;)
// NaN where either is.
BINARY(maximum, return N(pick)((a > b) | (a != a), a, b);)
BINARY(minimum, return N(pick)((a < b) | (a != a), a, b);)
BINARY(power, return N(pow)(a, b);)
BINARY(atan2, return N(atan2)(a, b);)
// The remainder has the divisor's sign, the quotient is rounded down.
BINARY(remainder, {
    N(v) r = N(fmod)(a, b);
    return N(pick)((r != (T)0) & ((r < (T)0) != (b < (T)0)), r + b, r);
})
BINARY(floor_divide, {
    N(v) r = N(fmod)(a, b);
    N(v) quotient = (a - r) / b;
    quotient = N(pick)((r != (T)0) & ((r < (T)0) != (b < (T)0)), quotient - (T)1, quotient);
    quotient = __builtin_elementwise_roundeven(quotient);
    return N(pick)(b == (T)0, a / b, quotient);
})
BINARY(add_scaled, return N(fma)(b, p, a);)

// Gradients: a is what comes in, b the argument (or the result) of the function.
BINARY(clamp_gradient, return N(pick)((b >= p) & (b <= q), a, ZERO);)
BINARY(tanh_gradient_from_output, return a * ((T)1 - b * b);)
BINARY(sigmoid_gradient_from_output, return a * (b * ((T)1 - b));)
BINARY(log_sigmoid_gradient, return a * N(sigmoid)(-b);)
BINARY(softplus_gradient, return N(pick)(b * p > q, a, a * N(sigmoid)(b * p));)
BINARY(relu_gradient, return N(pick)(b > (T)0, a, ZERO);)
BINARY(leaky_relu_gradient, return N(pick)(b > (T)0, a, a * p);)
BINARY(elu_gradient, return q * N(pick)(b > (T)0, a, a * p * N(exp)(b));)
BINARY(gelu_gradient, {
    N(v) e;
    N(v) tail = N(normal_tail)(b, &e);
    return a * N(fma)(b * (T)0.39894228040143268, e, N(pick)(b > (T)0, (T)1 - tail, tail));
})
BINARY(gelu_tanh_gradient, {
    N(v) t = N(tanh)(N(gelu_argument)(b));
    N(v) slope = N(fma)(b * b, N(splat)((T)(0.79788456080286536 * 3 * 0.044715)), N(splat)((T)0.79788456080286536));
    return a * (T)0.5 * (((T)1 + t) + b * ((T)1 - t * t) * slope);
})
BINARY(silu_gradient, {
    N(v) s = N(sigmoid)(b);
    return a * (s * ((T)1 + b * ((T)1 - s)));
})
BINARY(mish_gradient, {
    N(v) t = N(tanh_softplus)(b);
    return a * (t + b * N(sigmoid)(b) * ((T)1 - t * t));
})
BINARY(hard_swish_gradient, {
    N(v) inner = a * N(fma)(b, N(splat)((T)1 / (T)3), N(splat)((T)0.5));
    return N(pick)(b < (T)-3, ZERO, N(pick)(b <= (T)3, inner, a));
})
BINARY(hard_sigmoid_gradient, return N(pick)((b > (T)-3) & (b < (T)3), a / (T)6, ZERO);)

#define UNARY_LOOP(name)                                                                                           \
    static void N(loop_##name)(const void *xs, void *ys, size_t n, double p_, double q_) {                         \
        const T *x = xs;                                                                                           \
        T *y = ys;                                                                                                 \
        N(v) p = N(splat)((T)p_);                                                                                  \
        N(v) q = N(splat)((T)q_);                                                                                  \
        size_t i = 0;                                                                                              \
        for (; i + LANES <= n; i += LANES) N(store)(y + i, N(f_##name)(N(load)(x + i), p, q));                     \
        if (i < n) N(store_some)(y + i, N(f_##name)(N(load_some)(x + i, n - i), p, q), n - i);                     \
    }
MERCER_UNARY_OPERATIONS(UNARY_LOOP)

#define STEPPED_BODY(sa, sb, RESULT, STORE, STORE_SOME)                                                            \
    {                                                                                                              \
        N(v) va = N(splat)(*a);                                                                                    \
        N(v) vb = N(splat)(*b);                                                                                    \
        size_t i = 0;                                                                                              \
        for (; i + LANES <= n; i += LANES) {                                                                       \
            if (sa) va = N(load)(a + i);                                                                           \
            if (sb) vb = N(load)(b + i);                                                                           \
            STORE(y + i, RESULT);                                                                                  \
        }                                                                                                          \
        if (i < n) {                                                                                               \
            if (sa) va = N(load_some)(a + i, n - i);                                                               \
            if (sb) vb = N(load_some)(b + i, n - i);                                                               \
            STORE_SOME(y + i, RESULT, n - i);                                                                      \
        }                                                                                                          \
    }

#define BINARY_LOOP(name)                                                                                          \
    static void N(loop_##name)(const void *as, size_t sa, const void *bs, size_t sb, void *ys, size_t n,           \
                               double p_, double q_) {                                                             \
        const T *a = as;                                                                                           \
        const T *b = bs;                                                                                           \
        T *y = ys;                                                                                                 \
        if (n == 0) return;                                                                                        \
        N(v) p = N(splat)((T)p_);                                                                                  \
        N(v) q = N(splat)((T)q_);                                                                                  \
        if (sa && sb) STEPPED_BODY(1, 1, N(f_##name)(va, vb, p, q), N(store), N(store_some))                       \
        else if (sa) STEPPED_BODY(1, 0, N(f_##name)(va, vb, p, q), N(store), N(store_some))                        \
        else STEPPED_BODY(0, sb, N(f_##name)(va, vb, p, q), N(store), N(store_some))                               \
    }
MERCER_BINARY_OPERATIONS(BINARY_LOOP)

// Masks as bytes 0 and 1.
VINLINE void N(store_flags)(uint8_t *y, N(m) m) {
    N(b) flags = __builtin_convertvector(m & 1, N(b));
    memcpy(y, &flags, sizeof flags);
}
VINLINE void N(store_some_flags)(uint8_t *y, N(m) m, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = m[i] != 0;
}

#define COMPARISON_LOOP(name, operator)                                                                            \
    static void N(loop_##name)(const void *as, size_t sa, const void *bs, size_t sb, void *ys, size_t n,           \
                               double p, double q) {                                                               \
        const T *a = as;                                                                                           \
        const T *b = bs;                                                                                           \
        uint8_t *y = ys;                                                                                           \
        (void)p, (void)q;                                                                                          \
        if (n == 0) return;                                                                                        \
        if (sa && sb) STEPPED_BODY(1, 1, va operator vb, N(store_flags), N(store_some_flags))                      \
        else if (sa) STEPPED_BODY(1, 0, va operator vb, N(store_flags), N(store_some_flags))                       \
        else STEPPED_BODY(0, sb, va operator vb, N(store_flags), N(store_some_flags))                              \
    }
COMPARISON_LOOP(equal, ==)
COMPARISON_LOOP(not_equal, !=)
COMPARISON_LOOP(less, <)
COMPARISON_LOOP(less_equal, <=)

// Compares nothing and computes nothing: elements are moved as bits.
static void N(loop_select)(const void *as, size_t sa, const void *bs, size_t sb, const void *cs, size_t sc, void *ys,
                           size_t n) {
    const uint8_t *a = as;
    const T *b = bs;
    const T *c = cs;
    T *y = ys;
    if (n == 0) return;
    if (!sa) {
        const T *from = *a ? b : c;
        size_t step = *a ? sb : sc;
        if (step) memmove(y, from, n * sizeof(T));
        else
            for (size_t i = 0; i < n; i++) memcpy(y + i, from, sizeof(T));
        return;
    }
    N(m) vb = {0}, vc = {0};
    for (size_t i = 0; i < LANES; i++) {
        memcpy((T *)&vb + i, b, sizeof(T));
        memcpy((T *)&vc + i, c, sizeof(T));
    }
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        N(b) flags;
        memcpy(&flags, a + i, sizeof flags);
        N(m) m = __builtin_convertvector(flags, N(m)) != 0;
        if (sb) memcpy(&vb, b + i, sizeof vb);
        if (sc) memcpy(&vc, c + i, sizeof vc);
        N(m) r = (m & vb) | (~m & vc);
        memcpy(y + i, &r, sizeof r);
    }
    for (; i < n; i++) memcpy(y + i, a[i] ? b + i * sb : c + i * sc, sizeof(T));
}

#define TERNARY_LOOP(name, RESULT)                                                                                 \
    static void N(loop_##name)(const void *as, size_t sa, const void *bs, size_t sb, const void *cs, size_t sc,    \
                               void *ys, size_t n) {                                                               \
        const T *a = as;                                                                                           \
        const T *b = bs;                                                                                           \
        const T *c = cs;                                                                                           \
        T *y = ys;                                                                                                 \
        if (n == 0) return;                                                                                        \
        N(v) va = N(splat)(*a);                                                                                    \
        N(v) vb = N(splat)(*b);                                                                                    \
        N(v) vc = N(splat)(*c);                                                                                    \
        size_t i = 0;                                                                                              \
        for (; i + LANES <= n; i += LANES) {                                                                       \
            if (sa) va = N(load)(a + i);                                                                           \
            if (sb) vb = N(load)(b + i);                                                                           \
            if (sc) vc = N(load)(c + i);                                                                           \
            N(store)(y + i, RESULT);                                                                               \
        }                                                                                                          \
        if (i < n) {                                                                                               \
            if (sa) va = N(load_some)(a + i, n - i);                                                               \
            if (sb) vb = N(load_some)(b + i, n - i);                                                               \
            if (sc) vc = N(load_some)(c + i, n - i);                                                               \
            N(store_some)(y + i, RESULT, n - i);                                                                   \
        }                                                                                                          \
    }
TERNARY_LOOP(multiply_add, N(fma)(va, vb, vc))
TERNARY_LOOP(interpolate, N(fma)(vb - va, vc, va))

#undef UNARY
#undef BINARY
#undef ZERO
#undef ONE
#undef UNARY_LOOP
#undef STEPPED_BODY
#undef BINARY_LOOP
#undef COMPARISON_LOOP
#undef TERNARY_LOOP
