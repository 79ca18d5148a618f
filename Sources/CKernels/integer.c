#include "include/CKernels.h"

#define STEPPED(RESULT)                                                                                            \
    if (sa && sb)                                                                                                  \
        for (size_t i = 0; i < n; i++) y[i] = RESULT(a[i], b[i]);                                                  \
    else if (sa)                                                                                                   \
        for (size_t i = 0; i < n; i++) y[i] = RESULT(a[i], *b);                                                    \
    else                                                                                                           \
        for (size_t i = 0; i < n; i++) y[i] = RESULT(*a, b[i * sb]);

#define LOOP(name, operation, T, R, RESULT)                                                                        \
    static void name##_##operation(const void *as, size_t sa, const void *bs, size_t sb, void *ys, size_t n,       \
                                   double p, double q) {                                                           \
        const T *a = as;                                                                                           \
        const T *b = bs;                                                                                           \
        R *y = ys;                                                                                                 \
        (void)p, (void)q;                                                                                          \
        if (n == 0) return;                                                                                        \
        STEPPED(RESULT)                                                                                            \
    }

// Arithmetic in 64 unsigned bits wraps around without undefined behaviour.
#define ADD(a, b) ((uint64_t)(a) + (uint64_t)(b))
#define SUBTRACT(a, b) ((uint64_t)(a) - (uint64_t)(b))
#define MULTIPLY(a, b) ((uint64_t)(a) * (uint64_t)(b))
#define MAXIMUM(a, b) ((a) > (b) ? (a) : (b))
#define MINIMUM(a, b) ((a) < (b) ? (a) : (b))
#define BIT_AND(a, b) ((a) & (b))
#define BIT_OR(a, b) ((a) | (b))
#define BIT_XOR(a, b) ((a) ^ (b))
#define EQUAL(a, b) ((a) == (b))
#define NOT_EQUAL(a, b) ((a) != (b))
#define LESS(a, b) ((a) < (b))
#define LESS_EQUAL(a, b) ((a) <= (b))

#define FAMILY_OF(name, T, ...)                                                                                    \
    static inline T name##_one_remainder(T a, T b) {                                                               \
        if (b == 0 || (T)((uint64_t)b + 1) == 0) return (T)(b != 0 && (T)-1 > 0 ? a % b : 0);                                \
        T r = (T)(a % b);                                                                                          \
        return (T)(r != 0 && (r < 0) != (b < 0) ? r + b : r);                                                      \
    }                                                                                                              \
    static inline T name##_one_quotient(T a, T b) {                                                                \
        if (b == 0) return 0;                                                                                      \
        if ((T)-1 < 0 && (T)((uint64_t)b + 1) == 0) return (T)(0 - (uint64_t)a);                                             \
        T quotient = (T)(a / b), r = (T)(a % b);                                                                   \
        return (T)(r != 0 && (r < 0) != (b < 0) ? quotient - 1 : quotient);                                        \
    }                                                                                                              \
    static inline T name##_one_power(T a, T b) {                                                                   \
        if (b < 0) return (T)(a == 1 ? 1 : (T)((uint64_t)a + 1) == 0 ? (b & 1 ? a : 1) : 0);                                 \
        uint64_t result = 1, base = (uint64_t)a;                                                                   \
        for (; b > 0; b = (T)(b >> 1)) {                                                                           \
            if (b & 1) result *= base;                                                                             \
            base *= base;                                                                                          \
        }                                                                                                          \
        return (T)result;                                                                                          \
    }                                                                                                              \
    static inline T name##_one_left(T a, T b) {                                                                    \
        return (T)((uint64_t)b < 8 * sizeof(T) ? (uint64_t)a << b : 0);                                            \
    }                                                                                                              \
    static inline T name##_one_right(T a, T b) {                                                                   \
        return (T)((uint64_t)b < 8 * sizeof(T) ? a >> b : a < 0 ? -1 : 0);                                         \
    }                                                                                                              \
    LOOP(name, add, T, T, (T)ADD)                                                                                  \
    LOOP(name, subtract, T, T, (T)SUBTRACT)                                                                        \
    LOOP(name, multiply, T, T, (T)MULTIPLY)                                                                        \
    LOOP(name, maximum, T, T, MAXIMUM)                                                                             \
    LOOP(name, minimum, T, T, MINIMUM)                                                                             \
    LOOP(name, remainder, T, T, name##_one_remainder)                                                              \
    LOOP(name, floor_divide, T, T, name##_one_quotient)                                                            \
    LOOP(name, power, T, T, name##_one_power)                                                                      \
    LOOP(name, bit_and, T, T, BIT_AND)                                                                             \
    LOOP(name, bit_or, T, T, BIT_OR)                                                                               \
    LOOP(name, bit_xor, T, T, BIT_XOR)                                                                             \
    LOOP(name, shift_left, T, T, name##_one_left)                                                                  \
    LOOP(name, shift_right, T, T, name##_one_right)                                                                \
    LOOP(name, equal, T, uint8_t, EQUAL)                                                                           \
    LOOP(name, not_equal, T, uint8_t, NOT_EQUAL)                                                                   \
    LOOP(name, less, T, uint8_t, LESS)                                                                             \
    LOOP(name, less_equal, T, uint8_t, LESS_EQUAL)                                                                 \
    static const mercer_binary_loop name##_loops[] = {                                                             \
        name##_add,        name##_subtract,     name##_multiply, name##_maximum,   name##_minimum,                 \
        name##_remainder,  name##_floor_divide, name##_power,    name##_bit_and,   name##_bit_or,                  \
        name##_bit_xor,    name##_shift_left,   name##_shift_right, name##_equal,  name##_not_equal,               \
        name##_less,       name##_less_equal};                                                                     \
    _Static_assert(sizeof name##_loops / sizeof *name##_loops == mercer_integer_count, "one loop an operation");
MERCER_INTEGER_TYPES(FAMILY_OF, )

#define LOOPS_OF(name, ...) name##_loops,
static const mercer_binary_loop *const loops[] = {MERCER_INTEGER_TYPES(LOOPS_OF, )};

mercer_binary_loop mercer_integer_function(enum mercer_type type, enum mercer_integer operation) {
    return loops[type][operation];
}

// Conversions: a table of every type to every type.

#define ALL_TYPES(X, ...)                                                                                          \
    X(uint8, uint8_t, __VA_ARGS__) X(int8, int8_t, __VA_ARGS__) X(uint16, uint16_t, __VA_ARGS__)                   \
    X(int16, int16_t, __VA_ARGS__) X(uint32, uint32_t, __VA_ARGS__) X(int32, int32_t, __VA_ARGS__)                 \
    X(uint64, uint64_t, __VA_ARGS__) X(int64, int64_t, __VA_ARGS__) X(float32, float, __VA_ARGS__)                 \
    X(float64, double, __VA_ARGS__)

// The ends are powers of two (or one below), so that the comparison with the rounded end is exact.
#define CUT(name, T, LOW, HIGH)                                                                                    \
    static inline T cut_##name(double v) {                                                                         \
        if (!(v == v)) return 0;                                                                                   \
        if (v <= (double)LOW) return LOW;                                                                          \
        if (v >= (double)HIGH) return HIGH;                                                                        \
        return (T)v;                                                                                               \
    }
CUT(uint8, uint8_t, 0, UINT8_MAX)
CUT(int8, int8_t, INT8_MIN, INT8_MAX)
CUT(uint16, uint16_t, 0, UINT16_MAX)
CUT(int16, int16_t, INT16_MIN, INT16_MAX)
CUT(uint32, uint32_t, 0, UINT32_MAX)
CUT(int32, int32_t, INT32_MIN, INT32_MAX)
CUT(uint64, uint64_t, 0, UINT64_MAX)
CUT(int64, int64_t, INT64_MIN, INT64_MAX)
static inline float cut_float32(double v) { return (float)v; }
static inline double cut_float64(double v) { return v; }

#define PLAIN_LOOP(to, R, from, T)                                                                                 \
    static void from##_to_##to(const void *xs, void *ys, size_t n) {                                               \
        const T *x = xs;                                                                                           \
        R *y = ys;                                                                                                 \
        for (size_t i = 0; i < n; i++) y[i] = (R)x[i];                                                             \
    }
#define CUT_LOOP(to, R, from, T)                                                                                   \
    static void from##_to_##to(const void *xs, void *ys, size_t n) {                                               \
        const T *x = xs;                                                                                           \
        R *y = ys;                                                                                                 \
        for (size_t i = 0; i < n; i++) y[i] = cut_##to((double)x[i]);                                              \
    }
#define FLAGS_LOOP(from, T)                                                                                        \
    static void from##_flags(const void *xs, void *ys, size_t n) {                                                 \
        const T *x = xs;                                                                                           \
        uint8_t *y = ys;                                                                                           \
        for (size_t i = 0; i < n; i++) y[i] = x[i] != 0;                                                           \
    }
#define TARGET(to, R, from) from##_to_##to,
#define CONVERSIONS(from, T, LOOP_KIND)                                                                            \
    ALL_TYPES(LOOP_KIND, from, T)                                                                                  \
    FLAGS_LOOP(from, T)                                                                                            \
    static const mercer_convert_loop from##_conversions[] = {ALL_TYPES(TARGET, from)};
CONVERSIONS(uint8, uint8_t, PLAIN_LOOP)
CONVERSIONS(int8, int8_t, PLAIN_LOOP)
CONVERSIONS(uint16, uint16_t, PLAIN_LOOP)
CONVERSIONS(int16, int16_t, PLAIN_LOOP)
CONVERSIONS(uint32, uint32_t, PLAIN_LOOP)
CONVERSIONS(int32, int32_t, PLAIN_LOOP)
CONVERSIONS(uint64, uint64_t, PLAIN_LOOP)
CONVERSIONS(int64, int64_t, PLAIN_LOOP)
CONVERSIONS(float32, float, CUT_LOOP)
CONVERSIONS(float64, double, CUT_LOOP)

#define CONVERSIONS_OF(name, ...) name##_conversions,
static const mercer_convert_loop *const conversions[] = {ALL_TYPES(CONVERSIONS_OF, )};
#define FLAGS_OF(name, ...) name##_flags,
static const mercer_convert_loop flags[] = {ALL_TYPES(FLAGS_OF, )};

mercer_convert_loop mercer_type_conversion(enum mercer_type from, enum mercer_type to) { return conversions[from][to]; }

mercer_convert_loop mercer_type_flags(enum mercer_type from) { return flags[from]; }
