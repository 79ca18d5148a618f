// Elementwise arithmetic on integers (wrapping around on overflow), their reductions, and conversions between all
// element types but the half types and complex numbers.
#ifndef MERCER_INTEGER_H
#define MERCER_INTEGER_H

#include "elementwise.h"

// remainder and floor_divide round the quotient down; a divisor of 0 gives 0. power with a negative exponent is 0 except
// for ±1.
#define MERCER_INTEGER_OPERATIONS(X)                                                                               \
    X(add) X(subtract) X(multiply) X(maximum) X(minimum) X(remainder) X(floor_divide) X(power)                     \
    X(bit_and) X(bit_or) X(bit_xor) X(shift_left) X(shift_right)                                                   \
    X(equal) X(not_equal) X(less) X(less_equal)

#define MERCER_ENUMERATE(name) mercer_integer_##name,
enum mercer_integer { MERCER_INTEGER_OPERATIONS(MERCER_ENUMERATE) mercer_integer_count };
#undef MERCER_ENUMERATE

#define MERCER_INTEGER_TYPES(X, ...)                                                                               \
    X(uint8, uint8_t, __VA_ARGS__) X(int8, int8_t, __VA_ARGS__) X(uint16, uint16_t, __VA_ARGS__)                   \
    X(int16, int16_t, __VA_ARGS__) X(uint32, uint32_t, __VA_ARGS__) X(int32, int32_t, __VA_ARGS__)                 \
    X(uint64, uint64_t, __VA_ARGS__) X(int64, int64_t, __VA_ARGS__)
#define MERCER_ENUMERATE(name, ...) mercer_type_##name,
enum mercer_type {
    MERCER_INTEGER_TYPES(MERCER_ENUMERATE, ) mercer_integer_type_count,
    mercer_type_float32 = mercer_integer_type_count,
    mercer_type_float64,
    mercer_type_count
};
#undef MERCER_ENUMERATE

/// The loop of an operation on integers of one type; results of comparisons are bytes 0 and 1.
mercer_binary_loop _Nonnull mercer_integer_function(enum mercer_type type, enum mercer_integer operation);

/// The loop that converts elements; floating point is cut toward zero, NaN becomes 0 and what is out of range the nearest
/// end.
mercer_convert_loop _Nonnull mercer_type_conversion(enum mercer_type from, enum mercer_type to);

/// y[i] = x[i] != 0
mercer_convert_loop _Nonnull mercer_type_flags(enum mercer_type from);

#endif
