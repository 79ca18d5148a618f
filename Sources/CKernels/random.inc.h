// Random fills, bound by arithmetic: ten Philox rounds are two widening products, two shifts and four xors for eight
// blocks (32 words); a Box-Muller pair adds a logarithm, a root, a sine and a cosine.
//
// Sixteen blocks make a group of 64 words: word w of block b lies at 16·w + b, so that no shuffle is needed. Vectors
// are 64 bytes on every instruction set (the compiler splits them), and no product contracts with a sum: each float
// operation is one correctly rounded IEEE operation, hence the same bits everywhere. Logarithm, sine and cosine are
// Taylor series on short intervals, exact to the last place or two.

#pragma clang fp contract(off)
// Vectors are passed between functions that are always inlined, so that their calling convention is of no account.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))
#define F(name) ISA_NAME(mercer_random_##name)

typedef uint32_t F(u32x16) __attribute__((vector_size(64)));
typedef int32_t F(i32x16) __attribute__((vector_size(64)));
typedef float F(f32x16) __attribute__((vector_size(64)));
typedef uint32_t F(u32x8) __attribute__((vector_size(32)));
typedef uint64_t F(u64x8) __attribute__((vector_size(64)));
typedef int64_t F(i64x8) __attribute__((vector_size(64)));
typedef double F(f64x8) __attribute__((vector_size(64)));

#define U32 F(u32x16)
#define I32 F(i32x16)
#define F32 F(f32x16)
#define U64 F(u64x8)
#define I64 F(i64x8)
#define F64 F(f64x8)

INLINE U32 F(load32)(const uint32_t *p) {
    U32 v;
    memcpy(&v, p, sizeof v);
    return v;
}

// Words of one group: `words[16·w + b]` is word w of block 16·group + b.
INLINE void F(group)(uint32_t *words, uint64_t key, uint64_t stream, uint64_t group) {
    const uint64_t low = 0xffffffff;
    for (int half = 0; half < 2; half++) {
        U64 index = (U64){0, 1, 2, 3, 4, 5, 6, 7} + (group * 16 + half * 8);
        U64 x0 = index & low, x1 = index >> 32;
        U64 x2 = (U64){} + (stream & low), x3 = (U64){} + (stream >> 32);
        uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
        for (int round = 0; round < 10; round++) {
            // The upper halves of x1 and x3 hold remains of products; only lower halves count.
            U64 p0 = (x0 & low) * 0xD2511F53u;
            U64 p1 = (x2 & low) * 0xCD9E8D57u;
            x0 = (p1 >> 32) ^ x1 ^ (uint64_t)k0;
            x1 = p1;
            x2 = (p0 >> 32) ^ x3 ^ (uint64_t)k1;
            x3 = p0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        F(u32x8) w0 = __builtin_convertvector(x0, F(u32x8)), w1 = __builtin_convertvector(x1, F(u32x8));
        F(u32x8) w2 = __builtin_convertvector(x2, F(u32x8)), w3 = __builtin_convertvector(x3, F(u32x8));
        memcpy(words + half * 8, &w0, sizeof w0);
        memcpy(words + half * 8 + 16, &w1, sizeof w1);
        memcpy(words + half * 8 + 32, &w2, sizeof w2);
        memcpy(words + half * 8 + 48, &w3, sizeof w3);
    }
}

// Half a group as 64-bit words: `pair` 0 takes words 0 and 1 of a block, 1 takes words 2 and 3.
INLINE U64 F(load64)(const uint32_t *words, int pair, int half) {
    F(u32x8) a, b;
    memcpy(&a, words + pair * 32 + half * 8, sizeof a);
    memcpy(&b, words + pair * 32 + 16 + half * 8, sizeof b);
    return __builtin_convertvector(a, U64) | (__builtin_convertvector(b, U64) << 32);
}

// MARK: Functions on vectors

// ln x for normal x > 0: x = 2^e·m, m in [√½, √2), s = (m − 1)/(m + 1), ln m = 2·artanh s.
INLINE F32 F(log32)(F32 x) {
    I32 bits = (I32)x;
    I32 e = (bits - 0x3f3504f3) >> 23;
    F32 m = (F32)(bits - (e << 23));
    F32 s = (m - 1.0f) / (m + 1.0f);
    F32 z = s * s;
    F32 p = z * (1.0f / 9) + (1.0f / 7);
    p = p * z + (1.0f / 5);
    p = p * z + (1.0f / 3);
    F32 tail = s * z * p;
    F32 ef = __builtin_convertvector(e, F32);
    return ef * 0.693145752f + ((s + tail) * 2.0f + ef * 1.42860677e-6f);
}

INLINE F64 F(log64)(F64 x) {
    U64 bits = (U64)x;
    // The exponent is kept unsigned (biased by 2048): no instruction set but AVX-512 shifts 64-bit integers
    // arithmetically.
    U64 biased = (bits - 0x3fe6a09e667f3bcdull + (2048ull << 52)) >> 52;
    U64 e = biased - 2048;
    F64 m = (F64)(bits - (e << 52));
    F64 ef = (F64)(biased | 0x4330000000000000ull) - (0x1p52 + 2048.0);
    F64 s = (m - 1.0) / (m + 1.0);
    F64 z = s * s;
    F64 p = z * (1.0 / 23) + (1.0 / 21);
    p = p * z + (1.0 / 19);
    p = p * z + (1.0 / 17);
    p = p * z + (1.0 / 15);
    p = p * z + (1.0 / 13);
    p = p * z + (1.0 / 11);
    p = p * z + (1.0 / 9);
    p = p * z + (1.0 / 7);
    p = p * z + (1.0 / 5);
    p = p * z + (1.0 / 3);
    F64 tail = s * z * p;
    return ef * 0x1.62e42feep-1 + ((s + tail) * 2.0 + ef * 0x1.a39ef35793c76p-33);
}

// sin and cos of t, |t| <= π/4.
INLINE F32 F(sin32)(F32 t) {
    F32 z = t * t;
    F32 p = z * (1.0f / 362880) - (1.0f / 5040);
    p = p * z + (1.0f / 120);
    p = p * z - (1.0f / 6);
    return t + t * z * p;
}

INLINE F32 F(cos32)(F32 t) {
    F32 z = t * t;
    F32 p = (1.0f / 40320) - z * (1.0f / 3628800);
    p = p * z - (1.0f / 720);
    p = p * z + (1.0f / 24);
    p = p * z - 0.5f;
    return p * z + 1.0f;
}

INLINE F64 F(sin64)(F64 t) {
    F64 z = t * t;
    F64 p = z * (1.0 / 355687428096000) - (1.0 / 1307674368000);
    p = p * z + (1.0 / 6227020800);
    p = p * z - (1.0 / 39916800);
    p = p * z + (1.0 / 362880);
    p = p * z - (1.0 / 5040);
    p = p * z + (1.0 / 120);
    p = p * z - (1.0 / 6);
    return t + t * z * p;
}

INLINE F64 F(cos64)(F64 t) {
    F64 z = t * t;
    F64 p = z * (1.0 / 20922789888000) - (1.0 / 87178291200);
    p = p * z + (1.0 / 479001600);
    p = p * z - (1.0 / 3628800);
    p = p * z + (1.0 / 40320);
    p = p * z - (1.0 / 720);
    p = p * z + (1.0 / 24);
    p = p * z - 0.5;
    return p * z + 1.0;
}

// MARK: Uniform deviates from words

// In [0, 1), multiples of 2^-24 and 2^-53.
INLINE F32 F(unit32)(U32 w) { return __builtin_convertvector((I32)(w >> 8), F32) * 0x1p-24f; }

INLINE F64 F(unit64)(U64 w) {
    F64 high = (F64)((w >> 12) | 0x3ff0000000000000ull) - 1.0;
    F64 last = (F64)((0 - ((w >> 11) & 1)) & 0x3ca0000000000000ull);
    return high + last;
}

// In (0, 1]: fine near 0, where a logarithm is large. Uses the upper 31 bits.
INLINE F32 F(fine32)(U32 w) { return (__builtin_convertvector((I32)(w >> 1), F32) + 0.5f) * 0x1p-31f; }

// In (0, 1): odd multiples of 2^-24 and 2^-53. Use the upper 23 and 52 bits.
INLINE F32 F(open32)(U32 w) { return (__builtin_convertvector((I32)(w >> 9), F32) + 0.5f) * 0x1p-23f; }

INLINE F64 F(open64)(U64 w) { return (F64)((w >> 12) | 0x3ff0000000000000ull) - (1.0 - 0x1p-53); }

// MARK: Box-Muller

INLINE void F(pair32)(U32 a, U32 b, F32 *first, F32 *second) {
    F32 r = __builtin_elementwise_sqrt(F(log32)(F(fine32)(a)) * -2.0f);
    U32 quarter = (b + 0x20000000u) >> 30;
    F32 t = __builtin_convertvector((I32)(b - (quarter << 30)), F32) * 0x1.921fb6p-30f;
    U32 s = (U32)F(sin32)(t), c = (U32)F(cos32)(t);
    U32 odd = 0 - (quarter & 1);
    U32 cosine = ((s & odd) | (c & ~odd)) ^ (((quarter + 1) & 2) << 30);
    U32 sine = ((c & odd) | (s & ~odd)) ^ ((quarter & 2) << 30);
    *first = r * (F32)cosine;
    *second = r * (F32)sine;
}

INLINE void F(pair64)(U64 a, U64 b, F64 *first, F64 *second) {
    F64 r = __builtin_elementwise_sqrt(F(log64)(F(open64)(a)) * -2.0);
    U64 shifted = b + 0x2000000000000000ull;
    U64 quarter = shifted >> 62;
    U64 part = (shifted & 0x3fffffffffffffffull) >> 10;
    F64 t = ((F64)(part | 0x4330000000000000ull) - (0x1p52 + 0x1p51)) * 0x1.921fb54442d18p-52;
    U64 s = (U64)F(sin64)(t), c = (U64)F(cos64)(t);
    U64 odd = 0 - (quarter & 1);
    U64 cosine = ((s & odd) | (c & ~odd)) ^ (((quarter + 1) & 2) << 62);
    U64 sine = ((c & odd) | (s & ~odd)) ^ ((quarter & 2) << 62);
    *first = r * (F64)cosine;
    *second = r * (F64)sine;
}

// MARK: Fills

static void F(bits)(uint32_t *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group) {
    for (size_t g = 0; g < groups; g++) F(group)(out + g * 64, key, stream, first_group + g);
}

#define FILL32(EXPRESSION)                                                                                        \
    uint32_t words[64];                                                                                           \
    for (size_t g = 0; g < groups; g++) {                                                                         \
        F(group)(words, key, stream, first_group + g);                                                            \
        for (int i = 0; i < 64; i += 16) {                                                                        \
            U32 w = F(load32)(words + i);                                                                         \
            F32 value = EXPRESSION;                                                                               \
            memcpy(out + g * 64 + i, &value, sizeof value);                                                       \
        }                                                                                                         \
    }

#define FILL64(EXPRESSION)                                                                                        \
    uint32_t words[64];                                                                                           \
    for (size_t g = 0; g < groups; g++) {                                                                         \
        F(group)(words, key, stream, first_group + g);                                                            \
        for (int i = 0; i < 4; i++) {                                                                             \
            U64 w = F(load64)(words, i >> 1, i & 1);                                                              \
            F64 value = EXPRESSION;                                                                               \
            memcpy(out + g * 32 + i * 8, &value, sizeof value);                                                   \
        }                                                                                                         \
    }

static void F(uniform_f32)(float *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group, float low,
                           float width, float top) {
    F32 tops = (F32){} + top;
    FILL32(__builtin_elementwise_min(F(unit32)(w) * width + low, tops))
}

static void F(uniform_f64)(double *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                           double low, double width, double top) {
    F64 tops = (F64){} + top;
    FILL64(__builtin_elementwise_min(F(unit64)(w) * width + low, tops))
}

static void F(normal_f32)(float *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group, float mean,
                          float deviation) {
    uint32_t words[64];
    for (size_t g = 0; g < groups; g++) {
        F(group)(words, key, stream, first_group + g);
        for (int i = 0; i < 64; i += 32) {
            F32 first, second;
            F(pair32)(F(load32)(words + i), F(load32)(words + i + 16), &first, &second);
            first = first * deviation + mean;
            second = second * deviation + mean;
            memcpy(out + g * 64 + i, &first, sizeof first);
            memcpy(out + g * 64 + i + 16, &second, sizeof second);
        }
    }
}

static void F(normal_f64)(double *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                          double mean, double deviation) {
    uint32_t words[64];
    for (size_t g = 0; g < groups; g++) {
        F(group)(words, key, stream, first_group + g);
        for (int half = 0; half < 2; half++) {
            F64 first, second;
            F(pair64)(F(load64)(words, 0, half), F(load64)(words, 1, half), &first, &second);
            first = first * deviation + mean;
            second = second * deviation + mean;
            memcpy(out + g * 32 + half * 8, &first, sizeof first);
            memcpy(out + g * 32 + 16 + half * 8, &second, sizeof second);
        }
    }
}

static void F(exponential_f32)(float *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                               float scale) {
    FILL32(F(log32)(F(fine32)(w)) * -scale)
}

static void F(exponential_f64)(double *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                               double scale) {
    FILL64(F(log64)(F(open64)(w)) * -scale)
}

// The lowest bit of a word, which the magnitude doesn't use, is the sign.
static void F(laplace_f32)(float *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                           float center, float scale) {
    FILL32((F32)((U32)(F(log32)(F(fine32)(w)) * scale) ^ (w << 31)) + center)
}

static void F(laplace_f64)(double *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                           double center, double scale) {
    FILL64((F64)((U64)(F(log64)(F(open64)(w)) * scale) ^ (w << 63)) + center)
}

static void F(gumbel_f32)(float *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                          float center, float scale) {
    FILL32(F(log32)(-F(log32)(F(open32)(w))) * -scale + center)
}

static void F(gumbel_f64)(double *out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                          double center, double scale) {
    FILL64(F(log64)(-F(log64)(F(open64)(w))) * -scale + center)
}

// One block a lane: the sixteen words of as many blocks as a vector has lanes stay in registers through all rounds.
typedef uint32_t F(lanes) __attribute__((vector_size(VBYTES)));
#define LANES F(lanes)
#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define QUARTER(a, b, c, d)        \
    a += b, d = ROTATE(d ^ a, 16); \
    c += d, b = ROTATE(b ^ c, 12); \
    a += b, d = ROTATE(d ^ a, 8);  \
    c += d, b = ROTATE(b ^ c, 7);

static void F(chacha20)(uint32_t *out, size_t groups, const uint32_t *key, uint64_t first_group) {
    enum { count = VBYTES / 4 };
    LANES first[16];
    const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (int i = 0; i < 4; i++) first[i] = (LANES){} + constants[i];
    for (int i = 0; i < 8; i++) first[4 + i] = (LANES){} + key[i];
    first[14] = first[15] = (LANES){};
    for (size_t g = 0; g < groups; g++) {
        for (int part = 0; part < 16; part += count) {
            uint64_t block = (first_group + g) * 16 + part;
            // A group's sixteen counters differ in their lowest four bits alone.
            for (int lane = 0; lane < count; lane++) first[12][lane] = (uint32_t)block + lane;
            first[13] = (LANES){} + (uint32_t)(block >> 32);
            LANES x[16];
            for (int i = 0; i < 16; i++) x[i] = first[i];
            for (int round = 0; round < 10; round++) {
                QUARTER(x[0], x[4], x[8], x[12])
                QUARTER(x[1], x[5], x[9], x[13])
                QUARTER(x[2], x[6], x[10], x[14])
                QUARTER(x[3], x[7], x[11], x[15])
                QUARTER(x[0], x[5], x[10], x[15])
                QUARTER(x[1], x[6], x[11], x[12])
                QUARTER(x[2], x[7], x[8], x[13])
                QUARTER(x[3], x[4], x[9], x[14])
            }
            for (int i = 0; i < 16; i++) {
                x[i] += first[i];
                memcpy(out + g * 256 + i * 16 + part, &x[i], sizeof x[i]);
            }
        }
    }
}

#undef QUARTER
#undef ROTATE
#undef LANES

static const struct mercer_random_kernels ISA_NAME(mercer_random) = {
    .bits = F(bits),
    .uniform_f32 = F(uniform_f32),
    .uniform_f64 = F(uniform_f64),
    .normal_f32 = F(normal_f32),
    .normal_f64 = F(normal_f64),
    .exponential_f32 = F(exponential_f32),
    .exponential_f64 = F(exponential_f64),
    .laplace_f32 = F(laplace_f32),
    .laplace_f64 = F(laplace_f64),
    .gumbel_f32 = F(gumbel_f32),
    .gumbel_f64 = F(gumbel_f64),
    .chacha20 = F(chacha20),
};
