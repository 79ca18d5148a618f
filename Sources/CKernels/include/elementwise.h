// Elementwise loops: tables of functions by operation and element type.
#ifndef MERCER_ELEMENTWISE_H
#define MERCER_ELEMENTWISE_H

// Functions of one element and up to two parameters p, q.
#define MERCER_UNARY_OPERATIONS(X)                                                                                 \
    X(negate) X(absolute) X(sign) X(square) X(square_root) X(reciprocal_root) X(reciprocal)                        \
    X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10) X(log1p)                                                       \
    X(sin) X(cos) X(tan) X(asin) X(acos) X(atan)                                                                   \
    X(sinh) X(cosh) X(tanh) X(asinh) X(acosh) X(atanh)                                                             \
    X(erf) X(erfc) X(erf_inverse) X(log_gamma) X(digamma)                                                          \
    X(floor) X(ceil) X(round) X(truncate)                                                                          \
    X(affine) X(clamp)                                                                                             \
    X(sigmoid) X(log_sigmoid) X(softplus) X(relu) X(leaky_relu) X(elu)                                             \
    X(gelu) X(gelu_tanh) X(silu) X(mish) X(hard_swish) X(hard_sigmoid)

// Functions of two elements; those that end in _gradient take the incoming gradient and then the function's argument
// (`_from_output`: its result).
#define MERCER_BINARY_OPERATIONS(X)                                                                                \
    X(add) X(subtract) X(multiply) X(divide) X(maximum) X(minimum) X(power) X(atan2)                               \
    X(remainder) X(floor_divide) X(add_scaled)                                                                     \
    X(clamp_gradient) X(tanh_gradient_from_output) X(sigmoid_gradient_from_output)                                 \
    X(log_sigmoid_gradient) X(softplus_gradient) X(relu_gradient) X(leaky_relu_gradient) X(elu_gradient)           \
    X(gelu_gradient) X(gelu_tanh_gradient) X(silu_gradient) X(mish_gradient) X(hard_swish_gradient)                \
    X(hard_sigmoid_gradient)

// Comparisons of two elements; the results are bytes 0 and 1.
#define MERCER_COMPARISONS(X) X(equal) X(not_equal) X(less) X(less_equal)

// select: a byte a, b where it isn't 0, c elsewhere; elements of 4 and 8 bytes of any type. multiply_add: a b + c.
// interpolate: a + (b - a) c.
#define MERCER_TERNARY_OPERATIONS(X) X(select) X(multiply_add) X(interpolate)

// Conversions, rounded to nearest even.
#define MERCER_CONVERSIONS(X)                                                                                      \
    X(float16_to_float32) X(float32_to_float16) X(bfloat16_to_float32) X(float32_to_bfloat16)                      \
    X(float64_to_float32) X(float32_to_float64) X(uint8_to_float32)

#define MERCER_ENUMERATE(name) mercer_unary_##name,
enum mercer_unary { MERCER_UNARY_OPERATIONS(MERCER_ENUMERATE) mercer_unary_count };
#undef MERCER_ENUMERATE
#define MERCER_ENUMERATE(name) mercer_binary_##name,
enum mercer_binary { MERCER_BINARY_OPERATIONS(MERCER_ENUMERATE) mercer_binary_count };
#undef MERCER_ENUMERATE
#define MERCER_ENUMERATE(name) mercer_comparison_##name,
enum mercer_comparison { MERCER_COMPARISONS(MERCER_ENUMERATE) mercer_comparison_count };
#undef MERCER_ENUMERATE
#define MERCER_ENUMERATE(name) mercer_ternary_##name,
enum mercer_ternary { MERCER_TERNARY_OPERATIONS(MERCER_ENUMERATE) mercer_ternary_count };
#undef MERCER_ENUMERATE
#define MERCER_ENUMERATE(name) mercer_conversion_##name,
enum mercer_conversion { MERCER_CONVERSIONS(MERCER_ENUMERATE) mercer_conversion_count };
#undef MERCER_ENUMERATE

/// y[i] = f(x[i]; p, q) for i < n. y may be x.
typedef void (*mercer_unary_loop)(const void *_Nonnull x, void *_Nonnull y, size_t n, double p, double q);

/// y[i] = f(a[i sa], b[i sb]; p, q) for i < n, with steps 0 or 1. y may be an operand of step 1.
typedef void (*mercer_binary_loop)(const void *_Nonnull a, size_t sa, const void *_Nonnull b, size_t sb,
                                   void *_Nonnull y, size_t n, double p, double q);

/// y[i] = f(a[i sa], b[i sb], c[i sc]) for i < n, with steps 0 or 1. y may be an operand of step 1.
typedef void (*mercer_ternary_loop)(const void *_Nonnull a, size_t sa, const void *_Nonnull b, size_t sb,
                                    const void *_Nonnull c, size_t sc, void *_Nonnull y, size_t n);

/// y[i] = x[i] in another element type for i < n.
typedef void (*mercer_convert_loop)(const void *_Nonnull x, void *_Nonnull y, size_t n);

/// Tables for float32 (index 0) and float64 (index 1).
struct mercer_elementwise_kernels {
    mercer_unary_loop _Nonnull unary[2][mercer_unary_count];
    mercer_binary_loop _Nonnull binary[2][mercer_binary_count];
    mercer_binary_loop _Nonnull comparison[2][mercer_comparison_count];
    mercer_ternary_loop _Nonnull ternary[2][mercer_ternary_count];
    mercer_convert_loop _Nonnull convert[mercer_conversion_count];
};

extern const struct mercer_elementwise_kernels *_Nonnull const mercer_elementwise_table[3];

static inline mercer_unary_loop _Nonnull mercer_unary_function(int isa, int type, enum mercer_unary operation) {
    return mercer_elementwise_table[isa]->unary[type][operation];
}
static inline mercer_binary_loop _Nonnull mercer_binary_function(int isa, int type, enum mercer_binary operation) {
    return mercer_elementwise_table[isa]->binary[type][operation];
}
static inline mercer_binary_loop _Nonnull mercer_comparison_function(int isa, int type,
                                                                     enum mercer_comparison operation) {
    return mercer_elementwise_table[isa]->comparison[type][operation];
}
static inline mercer_ternary_loop _Nonnull mercer_ternary_function(int isa, int type, enum mercer_ternary operation) {
    return mercer_elementwise_table[isa]->ternary[type][operation];
}
static inline mercer_convert_loop _Nonnull mercer_convert_function(int isa, enum mercer_conversion conversion) {
    return mercer_elementwise_table[isa]->convert[conversion];
}

#endif
