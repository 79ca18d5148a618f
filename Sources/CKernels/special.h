// Special functions that the C library lacks, in float64 for one number.
#ifndef MERCER_SPECIAL_H
#define MERCER_SPECIAL_H

#include <math.h>

/// ln |Γ(x)|, without the C library's global sign.
static inline double mercer_log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

/// The derivative of ln Γ(x): reflection below zero, the recurrence up to 10, then the asymptotic series.
static inline double mercer_digamma(double x) {
    if (x == 0) return copysign(INFINITY, -x);
    double result = 0;
    if (x < 0) {
        if (x == floor(x)) return NAN;
        double fraction = x - floor(x);
        result = -M_PI / tan(M_PI * fraction);
        x = 1 - x;
    }
    while (x < 10) {
        result -= 1 / x;
        x += 1;
    }
    double s = 1 / (x * x);
    double series = s * (1.0 / 12 -
                         s * (1.0 / 120 -
                              s * (1.0 / 252 -
                                   s * (1.0 / 240 - s * (1.0 / 132 - s * (691.0 / 32760 - s * (1.0 / 12)))))));
    return result + log(x) - 0.5 / x - series;
}

/// The inverse of erf on (-1, 1): a start from the logarithm (Winitzki), then three Halley steps. The upper half is
/// solved through erfc, which keeps its digits near ±1.
static inline double mercer_erf_inverse(double y) {
    if (!(fabs(y) < 1)) return fabs(y) == 1 ? copysign(INFINITY, y) : NAN;
    if (y == 0) return y;
    double a = fabs(y);
    double l = log1p(-a * a);
    double t = 2 / (M_PI * 0.147) + l / 2;
    double x = sqrt(sqrt(t * t - l / 0.147) - t);
    if (a < 1e-4) x = a * 0.88622692545275801;
    for (int step = 0; step < 3; step++) {
        double error = a < 0.5 ? erf(x) - a : (1 - a) - erfc(x);
        double newton = error / (M_2_SQRTPI * exp(-x * x));
        x -= newton / (1 + x * newton);
    }
    return copysign(x, y);
}

#endif
