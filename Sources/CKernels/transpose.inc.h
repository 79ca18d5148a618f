// Transposition in squares of one vector of rows and columns, within registers: log2(lanes) rounds exchange halves,
// quarters, … of pairs of rows. With AVX-512 a row of a square is a whole cache line, so that each line is touched
// once however far apart the rows lie. 64 shuffles for 256 elements: bound by memory beyond the second-level cache,
// by the shuffle port within.

#include <string.h>

#define V4(x) ISA_NAME(transpose4_##x)
#define V8(x) ISA_NAME(transpose8_##x)
typedef uint32_t V4(v) __attribute__((vector_size(VBYTES)));
typedef uint64_t V8(v) __attribute__((vector_size(VBYTES)));

// Lane l of a row's new value: its own where bit s of l isn't set, else the other row's lane l - s; and the mirror.
#define KEEP(l, s, n) ((l) & (s) ? (n) + (l) - (s) : (l))
#define PASS(l, s, n) ((l) & (s) ? (n) + (l) : (l) + (s))
#define LANES2(F, s) F(0, s, 2), F(1, s, 2)
#define LANES4(F, s) F(0, s, 4), F(1, s, 4), F(2, s, 4), F(3, s, 4)
#define LANES8(F, s) F(0, s, 8), F(1, s, 8), F(2, s, 8), F(3, s, 8), F(4, s, 8), F(5, s, 8), F(6, s, 8), F(7, s, 8)
#define LANES16(F, s)                                                                                              \
    F(0, s, 16), F(1, s, 16), F(2, s, 16), F(3, s, 16), F(4, s, 16), F(5, s, 16), F(6, s, 16), F(7, s, 16),        \
        F(8, s, 16), F(9, s, 16), F(10, s, 16), F(11, s, 16), F(12, s, 16), F(13, s, 16), F(14, s, 16), F(15, s, 16)

#define ROUND(N, n, LIST, s)                                                                                       \
    for (int i = 0; i < n; i++)                                                                                    \
        if (!(i & s)) {                                                                                            \
            N(v) a = v[i], b = v[i + s];                                                                           \
            v[i] = __builtin_shufflevector(a, b, LIST(KEEP, s));                                                   \
            v[i + s] = __builtin_shufflevector(a, b, LIST(PASS, s));                                               \
        }

#define TRANSPOSE(N, T, n, ROUNDS)                                                                                 \
    static inline __attribute__((always_inline)) void N(square)(const T *from, ptrdiff_t from_stride, T *to,       \
                                                                ptrdiff_t to_stride) {                             \
        N(v) v[n];                                                                                                 \
        for (int i = 0; i < n; i++) memcpy(&v[i], from + i * from_stride, sizeof v[i]);                            \
        ROUNDS                                                                                                     \
        for (int i = 0; i < n; i++) memcpy(to + i * to_stride, &v[i], sizeof v[i]);                                \
    }                                                                                                              \
    static void N(loop)(const void *xs, ptrdiff_t from_stride, void *ys, ptrdiff_t to_stride, size_t rows,         \
                        size_t columns) {                                                                          \
        const T *from = xs;                                                                                        \
        T *to = ys;                                                                                                \
        size_t r = 0;                                                                                              \
        for (; r + n <= rows; r += n) {                                                                            \
            size_t c = 0;                                                                                          \
            for (; c + n <= columns; c += n)                                                                       \
                N(square)(from + (ptrdiff_t)c * from_stride + r, from_stride, to + (ptrdiff_t)r * to_stride + c,   \
                          to_stride);                                                                              \
            for (; c < columns; c++)                                                                               \
                for (size_t i = r; i < r + n; i++)                                                                 \
                    to[(ptrdiff_t)i * to_stride + c] = from[(ptrdiff_t)c * from_stride + i];                       \
        }                                                                                                          \
        for (; r < rows; r++)                                                                                      \
            for (size_t c = 0; c < columns; c++)                                                                   \
                to[(ptrdiff_t)r * to_stride + c] = from[(ptrdiff_t)c * from_stride + r];                           \
    }

#if VBYTES == 64
TRANSPOSE(V4, uint32_t, 16, ROUND(V4, 16, LANES16, 8) ROUND(V4, 16, LANES16, 4) ROUND(V4, 16, LANES16, 2)
              ROUND(V4, 16, LANES16, 1))
TRANSPOSE(V8, uint64_t, 8, ROUND(V8, 8, LANES8, 4) ROUND(V8, 8, LANES8, 2) ROUND(V8, 8, LANES8, 1))
#elif VBYTES == 32
TRANSPOSE(V4, uint32_t, 8, ROUND(V4, 8, LANES8, 4) ROUND(V4, 8, LANES8, 2) ROUND(V4, 8, LANES8, 1))
TRANSPOSE(V8, uint64_t, 4, ROUND(V8, 4, LANES4, 2) ROUND(V8, 4, LANES4, 1))
#else
TRANSPOSE(V4, uint32_t, 4, ROUND(V4, 4, LANES4, 2) ROUND(V4, 4, LANES4, 1))
TRANSPOSE(V8, uint64_t, 2, ROUND(V8, 2, LANES2, 1))
#endif

// Strands: the compiler turns the loops of a constant number of ways into whole vectors and shuffles. Other numbers go
// element by element, one load and one store each, which still keeps up with memory.
static inline __attribute__((always_inline)) void V4(apart)(const uint32_t *restrict from, uint32_t *restrict to,
                                                            const ptrdiff_t *offsets, size_t ways, size_t count) {
    uint32_t *strand[mercer_strands_most];
    for (size_t k = 0; k < ways; k++) strand[k] = to + offsets[k];
#pragma clang loop vectorize(assume_safety)
    for (size_t c = 0; c < count; c++)
        for (size_t k = 0; k < ways; k++) strand[k][c] = from[c * ways + k];
}

static inline __attribute__((always_inline)) void V4(together)(const uint32_t *restrict from,
                                                               const ptrdiff_t *offsets, uint32_t *restrict to,
                                                               size_t ways, size_t count) {
    const uint32_t *strand[mercer_strands_most];
    for (size_t k = 0; k < ways; k++) strand[k] = from + offsets[k];
#pragma clang loop vectorize(assume_safety)
    for (size_t c = 0; c < count; c++)
        for (size_t k = 0; k < ways; k++) to[c * ways + k] = strand[k][c];
}

static void V4(deinterleave)(const void *from, void *to, const ptrdiff_t *offsets, size_t ways, size_t count) {
    switch (ways) {
    case 2: V4(apart)(from, to, offsets, 2, count); break;
    case 3: V4(apart)(from, to, offsets, 3, count); break;
    case 4: V4(apart)(from, to, offsets, 4, count); break;
    case 9: V4(apart)(from, to, offsets, 9, count); break;
    default:
        for (size_t k = 0; k < ways; k++)
            for (size_t c = 0; c < count; c++)
                ((uint32_t *)to)[offsets[k] + (ptrdiff_t)c] = ((const uint32_t *)from)[c * ways + k];
    }
}

static void V4(interleave)(const void *from, const ptrdiff_t *offsets, void *to, size_t ways, size_t count) {
    switch (ways) {
    case 2: V4(together)(from, offsets, to, 2, count); break;
    case 3: V4(together)(from, offsets, to, 3, count); break;
    case 4: V4(together)(from, offsets, to, 4, count); break;
    case 9: V4(together)(from, offsets, to, 9, count); break;
    default:
        for (size_t k = 0; k < ways; k++)
            for (size_t c = 0; c < count; c++)
                ((uint32_t *)to)[c * ways + k] = ((const uint32_t *)from)[offsets[k] + (ptrdiff_t)c];
    }
}

static const struct mercer_transpose_kernels ISA_NAME(mercer_transpose) = {
    .of4 = V4(loop), .of8 = V8(loop), .deinterleave = V4(deinterleave), .interleave = V4(interleave)};

#undef V4
#undef V8
#undef KEEP
#undef PASS
#undef LANES2
#undef LANES4
#undef LANES8
#undef LANES16
#undef ROUND
#undef TRANSPOSE
