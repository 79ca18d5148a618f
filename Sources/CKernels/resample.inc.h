// Resampling passes, written for vectors of LANES 32-bit numbers.
//
// Vertical: the outputs of one row are a weighted sum of `taps` source rows. Four vectors of outputs stay in registers
// while the taps go by; a source byte is widened once a tap. Bound: widening and multiplying, one vector a cycle each.
//
// Horizontal: the taps of one output pixel lie side by side. A vector holds them as groups of 4 numbers (red, green,
// blue, unused), so that the sum over taps needs no shuffles until the end, where groups are folded onto each other.
// One channel and two channels fill the groups with 4 and 2 taps. Four rows go together: they share the weights.
//
// Fixed point is Pillow's: sum of byte * weight in 32 bits, which can't overflow, so the order of the sum is free.

#define LANES (VBYTES / 4)

typedef float ISA_NAME(vf) __attribute__((vector_size(VBYTES)));
typedef int32_t ISA_NAME(vi) __attribute__((vector_size(VBYTES)));
typedef uint8_t ISA_NAME(vb) __attribute__((vector_size(LANES)));
typedef uint16_t ISA_NAME(vh) __attribute__((vector_size(VBYTES / 2)));
typedef _Float16 ISA_NAME(vx) __attribute__((vector_size(VBYTES / 2)));
typedef float ISA_NAME(f4) __attribute__((vector_size(16)));
typedef int32_t ISA_NAME(i4) __attribute__((vector_size(16)));
typedef uint8_t ISA_NAME(b4) __attribute__((vector_size(4)));
#define vf ISA_NAME(vf)
#define vi ISA_NAME(vi)
#define vb ISA_NAME(vb)
#define vh ISA_NAME(vh)
#define vx ISA_NAME(vx)
#define f4 ISA_NAME(f4)
#define i4 ISA_NAME(i4)
#define b4 ISA_NAME(b4)

#define INLINE static inline __attribute__((always_inline))

#define LOAD_AS(type, name, from)                                                                                 \
    INLINE type ISA_NAME(name)(const void *p) {                                                                   \
        from v;                                                                                                   \
        __builtin_memcpy(&v, p, sizeof v);                                                                        \
        return __builtin_convertvector(v, type);                                                                  \
    }
LOAD_AS(vf, float_from_u8, vb)
LOAD_AS(vf, float_from_u16, vh)
LOAD_AS(vf, float_from_f16, vx)
LOAD_AS(vi, int_from_u8, vb)
INLINE vf ISA_NAME(float_from_f32)(const void *p) {
    vf v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
INLINE void ISA_NAME(put)(float *p, vf v) { __builtin_memcpy(p, &v, sizeof v); }

// MARK: Vertical

#define VERTICAL(name, type, load)                                                                                \
    static void ISA_NAME(name)(float *out, const type *rows, ptrdiff_t stride, const float *weights,              \
                               ptrdiff_t taps, ptrdiff_t n) {                                                     \
        const char *base = (const char *)rows;                                                                    \
        ptrdiff_t i = 0;                                                                                          \
        for (; i + 4 * LANES <= n; i += 4 * LANES) {                                                              \
            vf a = {0}, b = {0}, c = {0}, d = {0};                                                                \
            const char *p = base + i * (ptrdiff_t)sizeof(type);                                                   \
            for (ptrdiff_t k = 0; k < taps; k++, p += stride) {                                                   \
                const float w = weights[k];                                                                       \
                a += w * ISA_NAME(load)(p);                                                                       \
                b += w * ISA_NAME(load)(p + LANES * sizeof(type));                                                \
                c += w * ISA_NAME(load)(p + 2 * LANES * sizeof(type));                                            \
                d += w * ISA_NAME(load)(p + 3 * LANES * sizeof(type));                                            \
            }                                                                                                     \
            ISA_NAME(put)(out + i, a);                                                                            \
            ISA_NAME(put)(out + i + LANES, b);                                                                    \
            ISA_NAME(put)(out + i + 2 * LANES, c);                                                                \
            ISA_NAME(put)(out + i + 3 * LANES, d);                                                                \
        }                                                                                                         \
        for (; i + LANES <= n; i += LANES) {                                                                      \
            vf a = {0};                                                                                           \
            const char *p = base + i * (ptrdiff_t)sizeof(type);                                                   \
            for (ptrdiff_t k = 0; k < taps; k++, p += stride) a += weights[k] * ISA_NAME(load)(p);                \
            ISA_NAME(put)(out + i, a);                                                                            \
        }                                                                                                         \
        typedef type four __attribute__((vector_size(4 * sizeof(type))));                                         \
        for (; i + 4 <= n; i += 4) {                                                                              \
            f4 a = {0};                                                                                           \
            const char *p = base + i * (ptrdiff_t)sizeof(type);                                                   \
            for (ptrdiff_t k = 0; k < taps; k++, p += stride) {                                                   \
                four v;                                                                                           \
                __builtin_memcpy(&v, p, sizeof v);                                                                \
                a += weights[k] * __builtin_convertvector(v, f4);                                                 \
            }                                                                                                     \
            __builtin_memcpy(out + i, &a, sizeof a);                                                              \
        }                                                                                                         \
        for (; i < n; i++) {                                                                                      \
            float a = 0;                                                                                          \
            const char *p = base + i * (ptrdiff_t)sizeof(type);                                                   \
            for (ptrdiff_t k = 0; k < taps; k++, p += stride) {                                                   \
                type v;                                                                                           \
                __builtin_memcpy(&v, p, sizeof v);                                                                \
                a += weights[k] * (float)v;                                                                       \
            }                                                                                                     \
            out[i] = a;                                                                                           \
        }                                                                                                         \
    }
VERTICAL(vertical_u8, uint8_t, float_from_u8)
VERTICAL(vertical_u16, uint16_t, float_from_u16)
VERTICAL(vertical_f16_typed, _Float16, float_from_f16)
VERTICAL(vertical_f32, float, float_from_f32)
#undef VERTICAL

static void ISA_NAME(vertical_f16)(float *out, const void *rows, ptrdiff_t stride, const float *weights,
                                   ptrdiff_t taps, ptrdiff_t n) {
    ISA_NAME(vertical_f16_typed)(out, rows, stride, weights, taps, n);
}

static void ISA_NAME(vertical_f64)(double *out, const double *rows, ptrdiff_t stride, const double *weights,
                                   ptrdiff_t taps, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) out[i] = 0;
    for (ptrdiff_t k = 0; k < taps; k++) {
        const double w = weights[k];
        const double *row = (const double *)((const char *)rows + k * stride);
        for (ptrdiff_t i = 0; i < n; i++) out[i] += w * row[i];
    }
}

static void ISA_NAME(vertical_fixed)(uint8_t *out, const uint8_t *rows, ptrdiff_t stride, const int32_t *weights,
                                     ptrdiff_t taps, ptrdiff_t n) {
    ptrdiff_t i = 0;
    const vi zero = {0}, top = zero + 255, half = zero + (1 << 21);
#define CLIP(x) __builtin_elementwise_min(__builtin_elementwise_max((x) >> 22, zero), top)
#define STORE(p, x)                                                                                               \
    do {                                                                                                          \
        vb bytes = __builtin_convertvector(CLIP(x), vb);                                                          \
        __builtin_memcpy(p, &bytes, sizeof bytes);                                                                \
    } while (0)
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        vi a = half, b = half, c = half, d = half;
        const uint8_t *p = rows + i;
        for (ptrdiff_t k = 0; k < taps; k++, p += stride) {
            const vi w = zero + weights[k];
            a += w * ISA_NAME(int_from_u8)(p);
            b += w * ISA_NAME(int_from_u8)(p + LANES);
            c += w * ISA_NAME(int_from_u8)(p + 2 * LANES);
            d += w * ISA_NAME(int_from_u8)(p + 3 * LANES);
        }
        STORE(out + i, a);
        STORE(out + i + LANES, b);
        STORE(out + i + 2 * LANES, c);
        STORE(out + i + 3 * LANES, d);
    }
    for (; i < n; i += LANES) {
        const ptrdiff_t m = n - i < LANES ? n - i : LANES;
        vi a = half;
        const uint8_t *p = rows + i;
        for (ptrdiff_t k = 0; k < taps; k++, p += stride) {
            uint8_t bytes[LANES] = {0};
            if (m == LANES) __builtin_memcpy(bytes, p, LANES);
            else for (ptrdiff_t j = 0; j < m; j++) bytes[j] = p[j];
            a += (zero + weights[k]) * ISA_NAME(int_from_u8)(bytes);
        }
        a = CLIP(a);
        for (ptrdiff_t j = 0; j < m; j++) out[i + j] = (uint8_t)a[j];
    }
#undef STORE
#undef CLIP
}

// MARK: Horizontal

// Spreads packed pixels of three channels to groups of four.
INLINE vf ISA_NAME(spread_f32)(vf v) {
#if VBYTES == 64
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12);
#elif VBYTES == 32
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 3, 4, 5, 6);
#else
    return v;
#endif
}
INLINE vb ISA_NAME(spread_u8)(vb v) {
#if VBYTES == 64
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12);
#elif VBYTES == 32
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 3, 4, 5, 6);
#else
    return v;
#endif
}

// The weights of the taps of one vector, each repeated for the numbers of its pixel.
#if VBYTES == 64
#define SPREAD4(v) __builtin_shufflevector(v, v, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)
#define SPREAD2(v) __builtin_shufflevector(v, v, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7)
#define FOLD(type, v)                                                                                             \
    ({                                                                                                            \
        __auto_type h = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +                                   \
                        __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);                              \
        __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);                    \
    })
#elif VBYTES == 32
#define SPREAD4(v) __builtin_shufflevector(v, v, 0, 0, 0, 0, 1, 1, 1, 1)
#define SPREAD2(v) __builtin_shufflevector(v, v, 0, 0, 1, 1, 2, 2, 3, 3)
#define FOLD(type, v) (__builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7))
#else
#define SPREAD4(v) __builtin_shufflevector(v, v, 0, 0, 0, 0)
#define SPREAD2(v) __builtin_shufflevector(v, v, 0, 0, 1, 1)
#define FOLD(type, v) (v)
#endif

// Taps of one vector for pixels of 1, 2 and 3 or 4 channels.
#define TAPS(lanes) (LANES / (lanes))

#define WEIGHT_VECTOR(name, number, vector)                                                                       \
    INLINE vector ISA_NAME(name)(const number *w, const int lanes) {                                              \
        vector r;                                                                                                 \
        if (lanes == 4) {                                                                                         \
            number __attribute__((vector_size(4 * TAPS(4)))) t;                                                   \
            __builtin_memcpy(&t, w, sizeof t);                                                                    \
            r = SPREAD4(t);                                                                                       \
        } else if (lanes == 2) {                                                                                  \
            number __attribute__((vector_size(4 * TAPS(2)))) t;                                                   \
            __builtin_memcpy(&t, w, sizeof t);                                                                    \
            r = SPREAD2(t);                                                                                       \
        } else {                                                                                                  \
            __builtin_memcpy(&r, w, sizeof r);                                                                    \
        }                                                                                                         \
        return r;                                                                                                 \
    }
WEIGHT_VECTOR(weights_f32, float, vf)
WEIGHT_VECTOR(weights_i32, int32_t, vi)
#undef WEIGHT_VECTOR

// All bits for the first `taps` pixels of a vector, none for those after.
INLINE vi ISA_NAME(tap_mask)(ptrdiff_t taps, const int lanes) {
    vi index;
    for (int i = 0; i < LANES; i++) index[i] = i / lanes;
    return index < ((vi){0} + (int32_t)taps);
}

// The numbers of one output pixel from its folded sums; `channels` of them are wanted.
#define FOLD_PIXEL(v, channels)                                                                                   \
    ({                                                                                                            \
        __auto_type s = FOLD(, v);                                                                                \
        if (channels == 1) s = (s + __builtin_shufflevector(s, s, 1, 0, 3, 2));                                   \
        if (channels <= 2) s = (s + __builtin_shufflevector(s, s, 2, 3, 0, 1));                                   \
        s;                                                                                                        \
    })

INLINE void ISA_NAME(horizontal_f32_lines)(float *out, ptrdiff_t out_stride, const float *in, ptrdiff_t in_stride,
                                           const int lines, const int channels,
                                           const struct mercer_resample_rows *rows) {
    const int lanes = channels == 3 ? 4 : channels;
    const int taps = TAPS(lanes);
    for (int32_t x = 0; x < rows->outputs; x++) {
        const float *w = (const float *)rows->weights + rows->offset[x];
        const float *p = in + (ptrdiff_t)rows->start[x] * channels;
        ptrdiff_t left = rows->count[x];
        vf sum[4] = {{0}, {0}, {0}, {0}};
        for (; left > taps; left -= taps, w += taps, p += taps * channels) {
            const vf v = ISA_NAME(weights_f32)(w, lanes);
            for (int l = 0; l < lines; l++) {
                vf s = ISA_NAME(float_from_f32)(p + l * in_stride);
                if (channels == 3) s = ISA_NAME(spread_f32)(s);
                sum[l] += v * s;
            }
        }
        const vf v = ISA_NAME(weights_f32)(w, lanes);
        const vi mask = ISA_NAME(tap_mask)(left, lanes);
        for (int l = 0; l < lines; l++) {
            vf s = ISA_NAME(float_from_f32)(p + l * in_stride);
            if (channels == 3) s = ISA_NAME(spread_f32)(s);
            sum[l] += v * (vf)((vi)s & mask);
        }
        for (int l = 0; l < lines; l++) {
            const f4 s = FOLD_PIXEL(sum[l], channels);
            float *q = out + l * out_stride + (ptrdiff_t)x * channels;
            __builtin_memcpy(q, &s, channels == 3 ? 16 : 4 * channels);
        }
    }
}

// More than four channels: vectors run over the channels of a pixel.
static void ISA_NAME(horizontal_f32_many)(float *out, const float *in, ptrdiff_t channels,
                                          const struct mercer_resample_rows *rows) {
    for (int32_t x = 0; x < rows->outputs; x++) {
        const float *w = (const float *)rows->weights + rows->offset[x];
        const float *p = in + (ptrdiff_t)rows->start[x] * channels;
        ISA_NAME(vertical_f32)(out + (ptrdiff_t)x * channels, p, channels * 4, w, rows->count[x], channels);
    }
}

static void ISA_NAME(horizontal_f32)(float *out, ptrdiff_t out_stride, const float *in, ptrdiff_t in_stride,
                                     ptrdiff_t lines, ptrdiff_t channels, const struct mercer_resample_rows *rows) {
#define LINES(c)                                                                                                  \
    for (; lines >= 4; lines -= 4, out += 4 * out_stride, in += 4 * in_stride)                                    \
        ISA_NAME(horizontal_f32_lines)(out, out_stride, in, in_stride, 4, c, rows);                               \
    for (; lines > 0; lines--, out += out_stride, in += in_stride)                                                \
        ISA_NAME(horizontal_f32_lines)(out, out_stride, in, in_stride, 1, c, rows);                               \
    break
    switch (channels) {
    case 1: LINES(1);
    case 2: LINES(2);
    case 3: LINES(3);
    case 4: LINES(4);
    default:
        for (; lines > 0; lines--, out += out_stride, in += in_stride)
            ISA_NAME(horizontal_f32_many)(out, in, channels, rows);
    }
#undef LINES
}

static void ISA_NAME(horizontal_f64)(double *out, const double *in, ptrdiff_t channels,
                                     const struct mercer_resample_rows *rows) {
    for (int32_t x = 0; x < rows->outputs; x++) {
        const double *w = (const double *)rows->weights + rows->offset[x];
        const double *p = in + (ptrdiff_t)rows->start[x] * channels;
        double *q = out + (ptrdiff_t)x * channels;
        for (ptrdiff_t c = 0; c < channels; c++) {
            double sum = 0;
            for (int32_t k = 0; k < rows->count[x]; k++) sum += w[k] * p[k * channels + c];
            q[c] = sum;
        }
    }
}

INLINE void ISA_NAME(horizontal_fixed_lines)(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in,
                                             ptrdiff_t in_stride, const int lines, const int channels,
                                             const struct mercer_resample_rows *rows) {
    const int lanes = channels == 3 ? 4 : channels;
    const int taps = TAPS(lanes);
    const i4 zero = {0}, top = zero + 255, half = zero + (1 << 21);
    // A vector's bytes from pixel p on stay within the row while p + room <= inputs.
    const int32_t room = (LANES + channels - 1) / channels;
    for (int32_t x = 0; x < rows->outputs; x++) {
        const int32_t *w = (const int32_t *)rows->weights + rows->offset[x];
        int32_t pixel = rows->start[x];
        const int32_t end = pixel + rows->count[x];
        vi sum[4] = {{0}, {0}, {0}, {0}};
        for (; pixel < end; pixel += taps, w += taps) {
            const vi v = ISA_NAME(weights_i32)(w, lanes);
            const uint8_t *p = in + (ptrdiff_t)pixel * channels;
            const int32_t inside = rows->inputs - pixel;
            for (int l = 0; l < lines; l++) {
                vb s = {0};
                if (__builtin_expect(inside >= room, 1)) __builtin_memcpy(&s, p + l * in_stride, sizeof s);
                else __builtin_memcpy(&s, p + l * in_stride, (size_t)(inside * channels));
                if (channels == 3) s = ISA_NAME(spread_u8)(s);
                sum[l] += v * __builtin_convertvector(s, vi);
            }
        }
        for (int l = 0; l < lines; l++) {
            i4 s = FOLD_PIXEL(sum[l], channels) + half;
            s = __builtin_elementwise_min(__builtin_elementwise_max(s >> 22, zero), top);
            const b4 bytes = __builtin_convertvector(s, b4);
            uint8_t *q = out + l * out_stride + (ptrdiff_t)x * channels;
            // The fourth byte is overwritten by the next pixel.
            if (channels == 3 && x + 1 < rows->outputs) __builtin_memcpy(q, &bytes, 4);
            else __builtin_memcpy(q, &bytes, channels);
        }
    }
}

static void ISA_NAME(horizontal_fixed)(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride,
                                       ptrdiff_t lines, ptrdiff_t channels,
                                       const struct mercer_resample_rows *rows) {
#define LINES(c)                                                                                                  \
    for (; lines >= 4; lines -= 4, out += 4 * out_stride, in += 4 * in_stride)                                    \
        ISA_NAME(horizontal_fixed_lines)(out, out_stride, in, in_stride, 4, c, rows);                             \
    for (; lines > 0; lines--, out += out_stride, in += in_stride)                                                \
        ISA_NAME(horizontal_fixed_lines)(out, out_stride, in, in_stride, 1, c, rows);                             \
    break
    switch (channels) {
    case 1: LINES(1);
    case 2: LINES(2);
    case 3: LINES(3);
    case 4: LINES(4);
    default:
        for (; lines > 0; lines--, out += out_stride, in += in_stride)
            for (int32_t x = 0; x < rows->outputs; x++)
                ISA_NAME(vertical_fixed)(out + (ptrdiff_t)x * channels, in + (ptrdiff_t)rows->start[x] * channels,
                                         channels, (const int32_t *)rows->weights + rows->offset[x],
                                         rows->count[x], channels);
    }
#undef LINES
}

// MARK: Storing and MULLER

// NaN becomes 0.
#define ROUND(x, top) (((x) > 0 ? ((x) < top ? (x) : top) : 0) + 0.5f)

static void ISA_NAME(store_u8)(uint8_t *out, const float *in, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) out[i] = (uint8_t)(int32_t)ROUND(in[i], 255.0f);
}

static void ISA_NAME(store_u16)(uint16_t *out, const float *in, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) out[i] = (uint16_t)(int32_t)ROUND(in[i], 65535.0f);
}

static void ISA_NAME(store_f16)(void *out, const float *in, ptrdiff_t n) {
    _Float16 *p = out;
    for (ptrdiff_t i = 0; i < n; i++) p[i] = (_Float16)in[i];
}
#undef ROUND

// tanh: an odd polynomial below 0.625 (Cephes), else 1 - 2 / (exp(2x) + 1); within 2 units in the last place.
INLINE vf ISA_NAME(tanh_vector)(vf x) {
    const vf zero = {0};
    const vf magnitude = (vf)((vi)x & ((vi){0} + 0x7fffffff));
    const vf z = x * x;
    vf p = zero - 5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const vf small = p * z * x + x;

    // exp(2 |x|) = 2^k exp(r), |r| <= ln 2 / 2; beyond 9.1 tanh is 1 in float.
    const vf a = 2 * __builtin_elementwise_min(magnitude, zero + 9.1f);
    const vi k = __builtin_convertvector(a * 1.44269504089f + 0.5f, vi);
    const vf kf = __builtin_convertvector(k, vf);
    const vf r = (a - kf * 0.693359375f) + kf * 2.12194440e-4f;
    vf e = zero + 1.9875691500e-4f;
    e = e * r + 1.3981999507e-3f;
    e = e * r + 8.3334519073e-3f;
    e = e * r + 4.1665795894e-2f;
    e = e * r + 1.6666665459e-1f;
    e = e * r + 5.0000001201e-1f;
    e = e * r * r + r + 1;
    e *= (vf)((k + 127) << 23);
    const vf large = 1 - 2 / (e + 1);
    const vi sign = (vi)x & ((vi){0} + (int32_t)0x80000000);
    const vi is_small = magnitude < (zero + 0.625f);
    const vi result = ((vi)small & is_small) | (((vi)large | sign) & ~is_small);
    // NaN stays NaN: it fails both comparisons above.
    const vi is_number = x == x;
    return (vf)((result & is_number) | ((vi)x & ~is_number));
}

static void ISA_NAME(muller_level)(float *y, const float *blurred, const float *sharp, float alpha, float beta,
                                   float scale, ptrdiff_t n) {
    const float slope = alpha * scale, height = 1 / scale;
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const vf d = ISA_NAME(float_from_f32)(blurred + i) - ISA_NAME(float_from_f32)(sharp + i);
        ISA_NAME(put)(y + i, ISA_NAME(float_from_f32)(y + i) + height * ISA_NAME(tanh_vector)(slope * d + beta));
    }
    if (i < n) {
        vf d = {0};
        for (ptrdiff_t j = i; j < n; j++) d[j - i] = blurred[j] - sharp[j];
        const vf t = height * ISA_NAME(tanh_vector)(slope * d + beta);
        for (ptrdiff_t j = i; j < n; j++) y[j] += t[j - i];
    }
}

#undef LANES
#undef vf
#undef vi
#undef vb
#undef vh
#undef vx
#undef f4
#undef i4
#undef b4
#undef INLINE
#undef LOAD_AS
#undef SPREAD4
#undef SPREAD2
#undef FOLD
#undef FOLD_PIXEL
#undef TAPS
