// Elementwise loops. Each is one pass: load, a straight line of vector arithmetic, store; the last partial vector
// goes through the same arithmetic, so that a value doesn't depend on where a chunk ends. Simple operations run
// against load and store ports in cache and memory bandwidth outside, exp and its relatives against the FMA ports.

#include "vector_math.inc.h"

#define N VF
#define T float
#define LANES VF_LANES
#include "elementwise_functions.inc.h"
#undef N
#undef T
#undef LANES

#define N VD
#define T double
#define LANES VD_LANES
#include "elementwise_functions.inc.h"
#undef N
#undef T
#undef LANES

// Half precision by the processor's conversion where it has one, else by integer arithmetic.
#if ISA_LEVEL > 0 || defined(__aarch64__)
typedef _Float16 ISA_NAME(half) __attribute__((vector_size(VBYTES / 2)));

static void ISA_NAME(convert_float16_to_float32)(const void *xs, void *ys, size_t n) {
    const _Float16 *x = xs;
    float *y = ys;
    size_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        ISA_NAME(half) h;
        memcpy(&h, x + i, sizeof h);
        VF(store)(y + i, __builtin_convertvector(h, VF(v)));
    }
    for (; i < n; i++) y[i] = (float)x[i];
}

static void ISA_NAME(convert_float32_to_float16)(const void *xs, void *ys, size_t n) {
    const float *x = xs;
    _Float16 *y = ys;
    size_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        ISA_NAME(half) h = __builtin_convertvector(VF(load)(x + i), ISA_NAME(half));
        memcpy(y + i, &h, sizeof h);
    }
    for (; i < n; i++) y[i] = (_Float16)x[i];
}
#else
static void ISA_NAME(convert_float16_to_float32)(const void *xs, void *ys, size_t n) {
    const uint16_t *x = xs;
    uint32_t *y = ys;
    for (size_t i = 0; i < n; i++) {
        uint32_t sign = (uint32_t)(x[i] & 0x8000) << 16;
        uint32_t rest = x[i] & 0x7fff;
        if (rest >= 0x7c00) {
            // Infinity and NaN, which becomes quiet.
            y[i] = sign | 0x7f800000 | (rest & 0x3ff) << 13 | (rest > 0x7c00) << 22;
        } else if (rest >= 0x0400) {
            y[i] = sign | ((rest << 13) + ((127 - 15) << 23));
        } else {
            float value = (float)rest * 0x1p-24f;
            uint32_t bits;
            memcpy(&bits, &value, 4);
            y[i] = sign | bits;
        }
    }
}

static void ISA_NAME(convert_float32_to_float16)(const void *xs, void *ys, size_t n) {
    const uint32_t *x = xs;
    uint16_t *y = ys;
    for (size_t i = 0; i < n; i++) {
        uint32_t sign = x[i] >> 16 & 0x8000;
        uint32_t rest = x[i] & 0x7fffffff;
        if (rest > 0x7f800000) {
            y[i] = (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x3ff));
        } else if (rest >= 0x477ff000) {
            y[i] = (uint16_t)(sign | 0x7c00);
        } else if (rest >= 0x38800000) {
            uint32_t rounded = rest + 0xfff + (rest >> 13 & 1);
            y[i] = (uint16_t)(sign | (rounded - ((127 - 15) << 23)) >> 13);
        } else {
            // Subnormal: adding 1/2 leaves the multiple of 2^-24 in the last bits, rounded to nearest even.
            float value;
            memcpy(&value, &rest, 4);
            value += 0.5f;
            uint32_t bits;
            memcpy(&bits, &value, 4);
            y[i] = (uint16_t)(sign | (bits - 0x3f000000));
        }
    }
}
#endif

static void ISA_NAME(convert_bfloat16_to_float32)(const void *xs, void *ys, size_t n) {
    const uint16_t *x = xs;
    uint32_t *y = ys;
    for (size_t i = 0; i < n; i++) y[i] = (uint32_t)x[i] << 16;
}

static void ISA_NAME(convert_float32_to_bfloat16)(const void *xs, void *ys, size_t n) {
    const uint32_t *x = xs;
    uint16_t *y = ys;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = x[i];
        uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        uint32_t nan = bits >> 16 | 0x40;
        y[i] = (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
    }
}

static void ISA_NAME(convert_float64_to_float32)(const void *xs, void *ys, size_t n) {
    const double *x = xs;
    float *y = ys;
    for (size_t i = 0; i < n; i++) y[i] = (float)x[i];
}

static void ISA_NAME(convert_float32_to_float64)(const void *xs, void *ys, size_t n) {
    const float *x = xs;
    double *y = ys;
    for (size_t i = 0; i < n; i++) y[i] = x[i];
}

static void ISA_NAME(convert_uint8_to_float32)(const void *xs, void *ys, size_t n) {
    const uint8_t *x = xs;
    float *y = ys;
    for (size_t i = 0; i < n; i++) y[i] = x[i];
}

#define F32_LOOP(name) VF(loop_##name),
#define F64_LOOP(name) VD(loop_##name),
#define CONVERT_LOOP(name) ISA_NAME(convert_##name),
static const struct mercer_elementwise_kernels ISA_NAME(mercer_elementwise) = {
    .unary = {{MERCER_UNARY_OPERATIONS(F32_LOOP)}, {MERCER_UNARY_OPERATIONS(F64_LOOP)}},
    .binary = {{MERCER_BINARY_OPERATIONS(F32_LOOP)}, {MERCER_BINARY_OPERATIONS(F64_LOOP)}},
    .comparison = {{MERCER_COMPARISONS(F32_LOOP)}, {MERCER_COMPARISONS(F64_LOOP)}},
    .ternary = {{MERCER_TERNARY_OPERATIONS(F32_LOOP)}, {MERCER_TERNARY_OPERATIONS(F64_LOOP)}},
    .convert = {MERCER_CONVERSIONS(CONVERT_LOOP)},
};
#undef F32_LOOP
#undef F64_LOOP
#undef CONVERT_LOOP
