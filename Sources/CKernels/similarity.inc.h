// Sums of a kernel over many points, a tile of a distance matrix at a time.
//
// The matrix product that gives the dot products is OpenBLAS's; what stands here passes over a tile that lies in the
// first- or second-level cache, so the loops are bound by the FMA ports: 14 multiply-adds an exponential, about 25 a
// cosine. Gaussian sums leave out vectors whose every term is below e^-45 of the largest: for bandwidths that matter
// these are most of them. Sums are kept in one vector each and added lane by lane at the end, in a fixed order.

#include "vector_math.inc.h"

// Cosine and sine of float64 after Cody and Waite: three parts of pi/2, exact enough for |x| <= 1e5, and the minimax
// polynomials of fdlibm; larger arguments go to the C library.
VINLINE VD(v) VD(fast_cos)(VD(v) x) {
    VD(m) i;
    VD(v) q = VD(nearest)(x * 0.63661977236758134308, &i);
    VD(v) r = VD(fma)(q, VD(splat)(-1.57079632673412561417e+00), x);
    r = VD(fma)(q, VD(splat)(-6.07710050630396597660e-11), r);
    r = VD(fma)(q, VD(splat)(-2.02226624879595063154e-21), r);
    VD(v) s = r * r;
    VD(v) sine = VD_FMA(s, VD(splat)(1.58969099521155010221e-10), -2.50507602534068634195e-08);
    sine = VD_FMA(s, sine, 2.75573137070700676789e-06);
    sine = VD_FMA(s, sine, -1.98412698298579493134e-04);
    sine = VD_FMA(s, sine, 8.33333333332248946124e-03);
    sine = VD_FMA(s, sine, -1.66666666666666324348e-01);
    sine = VD(fma)(r * s, sine, r);
    VD(v) cosine = VD_FMA(s, VD(splat)(-1.13596475577881948265e-11), 2.08757232129817482790e-09);
    cosine = VD_FMA(s, cosine, -2.75573143513906633035e-07);
    cosine = VD_FMA(s, cosine, 2.48015872894767294178e-05);
    cosine = VD_FMA(s, cosine, -1.38888888888741095749e-03);
    cosine = VD_FMA(s, cosine, 4.16666666666666019037e-02);
    cosine = VD(fma)(s * s, cosine, VD(fma)(s, VD(splat)(-0.5), VD(splat)(1.0)));
    i += 1;
    VD(v) y = VD(pick)((i & 1) != 0, cosine, sine);
    y = (VD(v))((VD(m))y ^ ((i & 2) << 62));
    VD(m) outside = ~(VD(abs)(x) <= 1e5);
    if (__builtin_reduce_or(outside) != 0)
        for (int lane = 0; lane < VD_LANES; lane++)
            y[lane] = fabs(x[lane]) <= 1e5 ? y[lane] : cos(x[lane]);
    return y;
}
VINLINE VF(v) VF(fast_cos)(VF(v) x) { return VF(cos)(x); }

#define T float
#define N(x) VF(x)
#define LANES VF_LANES
#define FN(x) ISA_NAME(x##_f32)
#include "similarity_loops.inc.h"
#undef T
#undef N
#undef LANES
#undef FN

#define T double
#define N(x) VD(x)
#define LANES VD_LANES
#define FN(x) ISA_NAME(x##_f64)
#include "similarity_loops.inc.h"
#undef T
#undef N
#undef LANES
#undef FN

#define LOOPS(S)                                                                                                   \
    .distances_##S = ISA_NAME(distances_##S), .kernel_sums_##S = ISA_NAME(kernel_sums_##S),                        \
    .gaussian_##S = ISA_NAME(gaussian_##S), .gaussian_chain_##S = ISA_NAME(gaussian_chain_##S),                    \
    .cosine_sums_##S = ISA_NAME(cosine_sums_##S),                          \
    .cosine_dot_##S = ISA_NAME(cosine_dot_##S)

static const struct mercer_similarity_kernels ISA_NAME(mercer_similarity) = {LOOPS(f32), LOOPS(f64)};

#undef LOOPS
