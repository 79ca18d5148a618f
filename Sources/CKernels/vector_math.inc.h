// Vectors of float32 and float64 and the functions of one real variable on them, for the instruction set in force.
// Included by families (see foreach_isa.h); everything is inlined, nothing is exported.
//
// VF(name) is a float32 type or function, VD(name) its float64 twin: VF(v) the vector, VF(m) the mask of a
// comparison, VF(exp)(x) the exponential of each lane.
//
// float32: range reduction to a short interval, then a minimax polynomial whose coefficients were fitted (Lawson's
// weighted least squares, each coefficient rounded to float32 before the next was fitted) to less than 0.3 units in
// the last place; the whole function stays within about 2 units. Straight-line code without branches, 10 to 25
// multiply-adds a vector: bound by the FMA ports, not by memory, while data is in the second-level cache.
// float64: exp and log the same way to about 1 unit; the other functions call the C library lane by lane.
// ±0, ±infinity and NaN behave as in the C library; subnormal arguments and results are kept.

#include <math.h>
#include <string.h>

#define VF(x) ISA_NAME(vf_##x)
#define VD(x) ISA_NAME(vd_##x)
#define VINLINE static inline __attribute__((always_inline, unused))
#define VF_LANES (VBYTES / 4)
#define VD_LANES (VBYTES / 8)

typedef float VF(v) __attribute__((vector_size(VBYTES)));
typedef int32_t VF(m) __attribute__((vector_size(VBYTES)));
typedef uint8_t VF(b) __attribute__((vector_size(VBYTES / 4)));
typedef double VD(v) __attribute__((vector_size(VBYTES)));
typedef int64_t VD(m) __attribute__((vector_size(VBYTES)));
typedef uint8_t VD(b) __attribute__((vector_size(VBYTES / 8)));

// Loads, stores, masks and elementary steps, the same for both widths.
#define VECTOR_BASICS(N, T, I, TOPBIT)                                                                             \
    VINLINE N(v) N(load)(const T *p) {                                                                             \
        N(v) v;                                                                                                    \
        memcpy(&v, p, sizeof v);                                                                                   \
        return v;                                                                                                  \
    }                                                                                                              \
    VINLINE void N(store)(T *p, N(v) v) { memcpy(p, &v, sizeof v); }                                               \
    /* The first n < lanes elements; the rest is zero. */                                                          \
    VINLINE N(v) N(load_some)(const T *p, size_t n) {                                                              \
        N(v) v = {0};                                                                                              \
        T *t = (T *)&v;                                                                                            \
        for (size_t i = 0; i < n; i++) t[i] = p[i];                                                                \
        return v;                                                                                                  \
    }                                                                                                              \
    VINLINE void N(store_some)(T *p, N(v) v, size_t n) {                                                           \
        const T *t = (const T *)&v;                                                                                \
        for (size_t i = 0; i < n; i++) p[i] = t[i];                                                                \
    }                                                                                                              \
    VINLINE N(v) N(splat)(T x) { return x - (N(v)){0}; }                                                           \
    /* a where the mask is set, b elsewhere. */                                                                    \
    VINLINE N(v) N(pick)(N(m) m, N(v) a, N(v) b) { return (N(v))((m & (N(m))a) | (~m & (N(m))b)); }                \
    VINLINE N(v) N(abs)(N(v) x) { return (N(v))((N(m))x & ~TOPBIT); }                                              \
    VINLINE N(v) N(copysign)(N(v) x, N(v) s) {                                                                     \
        return (N(v))(((N(m))x & ~TOPBIT) | ((N(m))s & TOPBIT));                                                   \
    }                                                                                                              \
    /* The smaller and the larger; b where either is NaN. */                                                       \
    VINLINE N(v) N(lower)(N(v) a, N(v) b) { return N(pick)(a < b, a, b); }                                         \
    VINLINE N(v) N(upper)(N(v) a, N(v) b) { return N(pick)(a > b, a, b); }                                         \
    VINLINE N(v) N(sqrt)(N(v) x) { return __builtin_elementwise_sqrt(x); }

VECTOR_BASICS(VF, float, int32_t, ((int32_t)0x80000000))
VECTOR_BASICS(VD, double, int64_t, ((int64_t)0x8000000000000000))

// a * b + c in one rounding where the processor has it.
#if VFMA
VINLINE VF(v) VF(fma)(VF(v) a, VF(v) b, VF(v) c) { return __builtin_elementwise_fma(a, b, c); }
VINLINE VD(v) VD(fma)(VD(v) a, VD(v) b, VD(v) c) { return __builtin_elementwise_fma(a, b, c); }
#else
VINLINE VF(v) VF(fma)(VF(v) a, VF(v) b, VF(v) c) { return a * b + c; }
VINLINE VD(v) VD(fma)(VD(v) a, VD(v) b, VD(v) c) { return a * b + c; }
#endif
#define VF_FMA(a, b, c) VF(fma)(a, b, VF(splat)(c))
#define VD_FMA(a, b, c) VD(fma)(a, b, VD(splat)(c))

// One value from all lanes, always halved in the same order.
VINLINE float VF(sum)(VF(v) v) {
    float t[VF_LANES];
    memcpy(t, &v, sizeof t);
    for (int half = VF_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) t[i] += t[i + half];
    return t[0];
}
VINLINE double VD(sum)(VD(v) v) {
    double t[VD_LANES];
    memcpy(t, &v, sizeof t);
    for (int half = VD_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) t[i] += t[i + half];
    return t[0];
}

// x * 2^n for whole n (given as a float and as integers) with |n| < 300: in two steps, so that results below the
// normal range and 2^128 itself come out right.
VINLINE VF(v) VF(scale)(VF(v) x, VF(v) n, VF(m) i) {
#if ISA_LEVEL == 2
    (void)i;
    return __builtin_ia32_scalefps512_mask(x, n, x, (unsigned short)-1, 4);
#else
    (void)n;
    VF(m) half = i >> 1;
    VF(v) a = (VF(v))((half + 127) << 23);
    VF(v) b = (VF(v))((i - half + 127) << 23);
    return x * a * b;
#endif
}
VINLINE VD(v) VD(scale)(VD(v) x, VD(v) n, VD(m) i) {
#if ISA_LEVEL == 2
    (void)i;
    return __builtin_ia32_scalefpd512_mask(x, n, x, (unsigned char)-1, 4);
#else
    (void)n;
    // The shift is logical and the sign is put back by the bias: 64-bit arithmetic shifts are slow before AVX-512.
    VD(m) half = (VD(m))(((VD(m))((__attribute__((vector_size(VBYTES))) uint64_t)(i + 4096) >> 1))) - 2048;
    VD(v) a = (VD(v))((half + 1023) << 52);
    VD(v) b = (VD(v))((i - half + 1023) << 52);
    return x * a * b;
#endif
}

// Rounds to the nearest integer, |x| < 2^22, and gives it as float and as integers.
VINLINE VF(v) VF(nearest)(VF(v) x, VF(m) *i) {
    VF(v) magic = VF(splat)(12582912.0f);
    VF(v) t = x + magic;
    *i = (VF(m))t - (VF(m))magic;
    return t - magic;
}
VINLINE VD(v) VD(nearest)(VD(v) x, VD(m) *i) {
    VD(v) magic = VD(splat)(6755399441055744.0);
    VD(v) t = x + magic;
    *i = (VD(m))t - (VD(m))magic;
    return t - magic;
}

// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2.
VINLINE VF(v) VF(exp_tail)(VF(v) r) {
    VF(v) p = VF_FMA(r, VF(splat)(1.955484040e-04f), 1.393403974e-03f);
    p = VF_FMA(r, p, 8.333912119e-03f);
    p = VF_FMA(r, p, 4.166647419e-02f);
    p = VF_FMA(r, p, 1.666666418e-01f);
    return VF_FMA(r, p, 0.5f);
}

// x = n ln 2 + r. ln 2 in two parts, the first with few bits, so that n times it is exact without FMA too.
VINLINE VF(v) VF(exp_reduce)(VF(v) x, VF(v) *n, VF(m) *i) {
    *n = VF(nearest)(x * 1.44269504f, i);
    VF(v) r = VF(fma)(*n, VF(splat)(-0.693359375f), x);
    return VF(fma)(*n, VF(splat)(2.12194440e-4f), r);
}

VINLINE VF(v) VF(exp)(VF(v) x) {
    x = VF(upper)(VF(splat)(-105.0f), VF(lower)(VF(splat)(89.0f), x));
    VF(v) n;
    VF(m) i;
    VF(v) r = VF(exp_reduce)(x, &n, &i);
    VF(v) y = VF(fma)(r * r, VF(exp_tail)(r), r) + 1.0f;
    return VF(scale)(y, n, i);
}

VINLINE VF(v) VF(exp2)(VF(v) x) {
    x = VF(upper)(VF(splat)(-151.0f), VF(lower)(VF(splat)(129.0f), x));
    VF(m) i;
    VF(v) n = VF(nearest)(x, &i);
    VF(v) r = (x - n) * 0.693147181f;
    VF(v) y = VF(fma)(r * r, VF(exp_tail)(r), r) + 1.0f;
    return VF(scale)(y, n, i);
}

// e^x - 1 = 2^n (e^r - 1) + (2^n - 1), doubled at the end from half the scale so that 2^128 doesn't overflow.
VINLINE VF(v) VF(expm1)(VF(v) x) {
    VF(v) z = VF(upper)(VF(splat)(-40.0f), VF(lower)(VF(splat)(89.0f), x));
    VF(v) n;
    VF(m) i;
    VF(v) r = VF(exp_reduce)(z, &n, &i);
    VF(v) q = VF(fma)(r * r, VF(exp_tail)(r), r);
    VF(v) half = (VF(v))((i + 126) << 23);
    VF(v) y = 2.0f * VF(fma)(half, q, half - 0.5f);
    return VF(pick)(VF(abs)(x) < 1e-8f, x, y);
}

// x = 2^e m with m in [sqrt(1/2), sqrt(2)): returns m - 1. Right for positive finite x, subnormal ones included.
VINLINE VF(v) VF(log_reduce)(VF(v) x, VF(v) *e) {
    VF(m) tiny = x < 1.17549435e-38f;
    x = VF(pick)(tiny, x * 8388608.0f, x);
    VF(m) bits = (VF(m))x - 0x3f3504f3;
    *e = __builtin_convertvector(bits >> 23, VF(v)) - VF(pick)(tiny, VF(splat)(23.0f), VF(splat)(0.0f));
    return (VF(v))((bits & 0x7fffff) + 0x3f3504f3) - 1.0f;
}

// (ln(1 + f) - f + f^2 / 2) / f^3 for 1 + f in [sqrt(1/2), sqrt(2)).
VINLINE VF(v) VF(log_tail)(VF(v) f) {
    VF(v) p = VF_FMA(f, VF(splat)(-7.641076297e-02f), 1.277042478e-01f);
    p = VF_FMA(f, p, -1.316188127e-01f);
    p = VF_FMA(f, p, 1.420068592e-01f);
    p = VF_FMA(f, p, -1.662309319e-01f);
    p = VF_FMA(f, p, 2.000126392e-01f);
    p = VF_FMA(f, p, -2.500082850e-01f);
    return VF_FMA(f, p, 3.333333135e-01f);
}

// The results of a logarithm outside (0, infinity).
VINLINE VF(v) VF(log_edges)(VF(v) x, VF(v) y) {
    y = VF(pick)(x < __builtin_inff(), y, x);
    y = VF(pick)(x == 0.0f, VF(splat)(-__builtin_inff()), y);
    return VF(pick)(x < 0.0f, VF(splat)(__builtin_nanf("")), y);
}

VINLINE VF(v) VF(log)(VF(v) x) {
    VF(v) e;
    VF(v) f = VF(log_reduce)(x, &e);
    VF(v) square = f * f;
    VF(v) y = f * square * VF(log_tail)(f);
    y = VF(fma)(e, VF(splat)(-2.12194440e-4f), y);
    y = VF(fma)(square, VF(splat)(-0.5f), y);
    return VF(log_edges)(x, VF(fma)(e, VF(splat)(0.693359375f), f + y));
}

VINLINE VF(v) VF(log2)(VF(v) x) {
    VF(v) e;
    VF(v) f = VF(log_reduce)(x, &e);
    VF(v) square = f * f;
    VF(v) y = VF(fma)(square, VF(splat)(-0.5f), f * square * VF(log_tail)(f));
    // log2(e) = 1 + 0.44269504: the ones are added exactly.
    VF(v) part = VF(fma)(y, VF(splat)(0.44269504f), f * 0.44269504f) + y;
    return VF(log_edges)(x, (part + f) + e);
}

VINLINE VF(v) VF(log10)(VF(v) x) { return VF(log)(x) * 0.434294482f; }

// ln(1 + x) = ln(u) + (x - (u - 1)) / u for the rounded u = 1 + x.
VINLINE VF(v) VF(log1p)(VF(v) x) {
    VF(v) u = 1.0f + x;
    VF(v) y = VF(log)(u) + (x - (u - 1.0f)) / u;
    y = VF(pick)(VF(abs)(x) < 1e-7f, x, y);
    return VF(pick)((u < __builtin_inff()) & (u > 0.0f), y, VF(log_edges)(u, u));
}

VINLINE VF(v) VF(tanh)(VF(v) x) {
    VF(v) a = VF(abs)(x);
    VF(v) s = x * x;
    VF(v) p = VF_FMA(s, VF(splat)(-5.700091831e-03f), 2.063411847e-02f);
    p = VF_FMA(s, p, -5.373793840e-02f);
    p = VF_FMA(s, p, 1.333141625e-01f);
    p = VF_FMA(s, p, -3.333328068e-01f);
    VF(v) near = VF(fma)(x * s, p, x);
    VF(v) far = 1.0f - 2.0f / (VF(exp)(2.0f * a) + 1.0f);
    return VF(pick)(a < 0.625f, near, VF(copysign)(far, x));
}

VINLINE VF(v) VF(sigmoid)(VF(v) x) { return 1.0f / (1.0f + VF(exp)(-x)); }

// Near zero x + x P(x^2); beyond 0.93 1 - exp(x Q(x)), where x Q(x) fits ln erfc.
VINLINE VF(v) VF(erf)(VF(v) x) {
    VF(v) s = x * x;
    VF(v) p = VF_FMA(s, VF(splat)(-5.959589616e-04f), 4.987352993e-03f);
    p = VF_FMA(s, p, -2.676296607e-02f);
    p = VF_FMA(s, p, 1.128173098e-01f);
    p = VF_FMA(s, p, -3.761248887e-01f);
    p = VF_FMA(s, p, 1.283791512e-01f);
    VF(v) near = VF(fma)(x, p, x);
    VF(v) a = VF(lower)(VF(splat)(4.0f), VF(abs)(x));
    VF(v) q = VF_FMA(a, VF(splat)(-1.123189213e-05f), 3.228126734e-04f);
    q = VF_FMA(a, q, -3.642505966e-03f);
    q = VF_FMA(a, q, 2.376218326e-02f);
    q = VF_FMA(a, q, -1.062370390e-01f);
    q = VF_FMA(a, q, -6.351512074e-01f);
    q = VF_FMA(a, q, -1.128648520e+00f);
    VF(v) far = 1.0f - VF(exp)(a * q);
    return VF(pick)(VF(abs)(x) < 0.93f, near, VF(copysign)(far, x));
}

// The normal distribution below -|x|, and e^(-x^2/2), which both its value and its density are made of:
// e^(-x^2/2) t P(t) with t = 1 / (1 + 0.3275911 |x| / sqrt 2), right to 1e-7 of itself as far as x^2 / 2 is.
VINLINE VF(v) VF(normal_tail)(VF(v) x, VF(v) *e) {
    *e = VF(exp)(-0.5f * x * x);
    VF(v) t = 1.0f / (1.0f + VF(abs)(x) * 0.231641888f);
    VF(v) p = VF_FMA(t, VF(splat)(2.894929610e-02f), -1.619794816e-01f);
    p = VF_FMA(t, p, 3.219750524e-01f);
    p = VF_FMA(t, p, -2.915155888e-01f);
    p = VF_FMA(t, p, 2.606618404e-01f);
    p = VF_FMA(t, p, -3.081621230e-02f);
    p = VF_FMA(t, p, 1.050330997e-01f);
    p = VF_FMA(t, p, 8.234784007e-02f);
    p = VF_FMA(t, p, 9.295803308e-02f);
    p = VF_FMA(t, p, 9.238611907e-02f);
    return *e * (t * p);
}

// A C function on each lane.
#define VF_LANEWISE(name, call)                                                                                    \
    VINLINE VF(v) VF(name)(VF(v) x) {                                                                              \
        for (int i = 0; i < VF_LANES; i++) x[i] = call(x[i]);                                                      \
        return x;                                                                                                  \
    }
#define VD_LANEWISE(name, call)                                                                                    \
    VINLINE VD(v) VD(name)(VD(v) x) {                                                                              \
        for (int i = 0; i < VD_LANES; i++) x[i] = call(x[i]);                                                      \
        return x;                                                                                                  \
    }
#define VF_LANEWISE2(name, call)                                                                                   \
    VINLINE VF(v) VF(name)(VF(v) a, VF(v) b) {                                                                     \
        for (int i = 0; i < VF_LANES; i++) a[i] = call(a[i], b[i]);                                                \
        return a;                                                                                                  \
    }
#define VD_LANEWISE2(name, call)                                                                                   \
    VINLINE VD(v) VD(name)(VD(v) a, VD(v) b) {                                                                     \
        for (int i = 0; i < VD_LANES; i++) a[i] = call(a[i], b[i]);                                                \
        return a;                                                                                                  \
    }

#if VFMA
// x = q pi/2 + r by three parts of pi/2, exact enough for |x| <= 8192; larger arguments go to the C library.
VINLINE VF(v) VF(sincos)(VF(v) x, int32_t quarter) {
    VF(m) i;
    VF(v) q = VF(nearest)(x * 0.636619772f, &i);
    VF(v) r = VF(fma)(q, VF(splat)(-1.57079637e+0f), x);
    r = VF(fma)(q, VF(splat)(4.37113883e-8f), r);
    r = VF(fma)(q, VF(splat)(1.71512451e-15f), r);
    VF(v) s = r * r;
    VF(v) sine = VF_FMA(s, VF(splat)(-1.951824961e-04f), 8.332189173e-03f);
    sine = VF_FMA(s, sine, -1.666665524e-01f);
    sine = VF(fma)(r * s, sine, r);
    VF(v) cosine = VF_FMA(s, VF(splat)(2.443254562e-05f), -1.388731063e-03f);
    cosine = VF_FMA(s, cosine, 4.166664556e-02f);
    cosine = VF(fma)(s * s, cosine, VF(fma)(s, VF(splat)(-0.5f), VF(splat)(1.0f)));
    i += quarter;
    VF(v) y = VF(pick)((i & 1) != 0, cosine, sine);
    return (VF(v))((VF(m))y ^ ((i & 2) << 30));
}
VINLINE int VF(any_beyond)(VF(v) x, float limit) {
    VF(m) outside = ~(VF(abs)(x) <= limit);
    return __builtin_reduce_or(outside) != 0;
}
VINLINE VF(v) VF(sin)(VF(v) x) {
    VF(v) y = VF(sincos)(x, 0);
    if (VF(any_beyond)(x, 8192.0f))
        for (int i = 0; i < VF_LANES; i++) y[i] = fabsf(x[i]) <= 8192.0f ? y[i] : sinf(x[i]);
    return y;
}
VINLINE VF(v) VF(cos)(VF(v) x) {
    VF(v) y = VF(sincos)(x, 1);
    if (VF(any_beyond)(x, 8192.0f))
        for (int i = 0; i < VF_LANES; i++) y[i] = fabsf(x[i]) <= 8192.0f ? y[i] : cosf(x[i]);
    return y;
}
#else
VF_LANEWISE(sin, sinf)
VF_LANEWISE(cos, cosf)
#endif

VF_LANEWISE(tan, tanf)
VF_LANEWISE(asin, asinf)
VF_LANEWISE(acos, acosf)
VF_LANEWISE(atan, atanf)
VF_LANEWISE(sinh, sinhf)
VF_LANEWISE(cosh, coshf)
VF_LANEWISE(asinh, asinhf)
VF_LANEWISE(acosh, acoshf)
VF_LANEWISE(atanh, atanhf)
VF_LANEWISE(erfc, erfcf)
VF_LANEWISE2(pow, powf)
VF_LANEWISE2(atan2, atan2f)
VF_LANEWISE2(fmod, fmodf)

// float64: ln 2 in two parts, then the Taylor series of e^r to r^13, whose remainder is below 2^-56 of the result.
VINLINE VD(v) VD(exp)(VD(v) x) {
    x = VD(upper)(VD(splat)(-750.0), VD(lower)(VD(splat)(710.0), x));
    VD(m) i;
    VD(v) n = VD(nearest)(x * 1.4426950408889634, &i);
    VD(v) r = VD(fma)(n, VD(splat)(-6.93147180369123816490e-01), x);
    VD(v) low = n * 1.90821492927058770002e-10;
    r -= low;
    VD(v) p = VD_FMA(r, VD(splat)(1.6059043836821613e-10), 2.0876756987868099e-09);
    p = VD_FMA(r, p, 2.5052108385441719e-08);
    p = VD_FMA(r, p, 2.7557319223985891e-07);
    p = VD_FMA(r, p, 2.7557319223985893e-06);
    p = VD_FMA(r, p, 2.4801587301587302e-05);
    p = VD_FMA(r, p, 1.9841269841269841e-04);
    p = VD_FMA(r, p, 1.3888888888888889e-03);
    p = VD_FMA(r, p, 8.3333333333333333e-03);
    p = VD_FMA(r, p, 4.1666666666666667e-02);
    p = VD_FMA(r, p, 1.6666666666666667e-01);
    p = VD_FMA(r, p, 0.5);
    VD(v) y = VD(fma)(r * r, p, r) + 1.0;
    return VD(scale)(y, n, i);
}

VD_LANEWISE(exp2, exp2)
VD_LANEWISE(expm1, expm1)
VD_LANEWISE(log, log)
VD_LANEWISE(log2, log2)
VD_LANEWISE(log10, log10)
VD_LANEWISE(log1p, log1p)
VD_LANEWISE(sin, sin)
VD_LANEWISE(cos, cos)
VD_LANEWISE(tan, tan)
VD_LANEWISE(asin, asin)
VD_LANEWISE(acos, acos)
VD_LANEWISE(atan, atan)
VD_LANEWISE(sinh, sinh)
VD_LANEWISE(cosh, cosh)
VD_LANEWISE(tanh, tanh)
VD_LANEWISE(asinh, asinh)
VD_LANEWISE(acosh, acosh)
VD_LANEWISE(atanh, atanh)
VD_LANEWISE(erf, erf)
VD_LANEWISE(erfc, erfc)
VD_LANEWISE2(pow, pow)
VD_LANEWISE2(atan2, atan2)
VD_LANEWISE2(fmod, fmod)
VINLINE VD(v) VD(normal_tail)(VD(v) x, VD(v) *e) {
    *e = VD(exp)(-0.5 * x * x);
    return 0.5 * VD(erfc)(VD(abs)(x) * 0.70710678118654752);
}
VINLINE VD(v) VD(sigmoid)(VD(v) x) { return 1.0 / (1.0 + VD(exp)(-x)); }
