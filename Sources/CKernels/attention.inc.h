// Softmax over tiles of attention scores.
//
// Idea: the tiles are in the first- or second-level cache between two products, so the loops are bound by the
// exponential: a degree-6 polynomial in eight multiply-adds and few integer operations, no table, four vectors in
// flight.

#define always static inline __attribute__((always_inline))
#define LANES ((int)(VBYTES / sizeof(float)))

typedef float ISA_NAME(vf) __attribute__((vector_size(VBYTES), aligned(4)));
typedef int32_t ISA_NAME(vi) __attribute__((vector_size(VBYTES), aligned(4)));
#define vf ISA_NAME(vf)
#define vi ISA_NAME(vi)
#define load(p) (*(const vf *)(p))
#define store(p, v) (*(vf *)(p) = (v))

always vf ISA_NAME(splat)(float x) { return (vf){0} + x; }

// exp(x) for x ≤ 88, 0 below -87. 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2]; error 1 unit in the last place.
always vf ISA_NAME(exp)(vf x) {
    const float magic = 12582912.0f;
    vf at = __builtin_elementwise_max(x, ISA_NAME(splat)(-104.0f));
    vf shifted = at * 1.44269504f + magic;
    vf n = shifted - magic;
    vf r = at - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    vf p = ISA_NAME(splat)(1.3888889e-3f);
    p = p * r + 8.3333333e-3f;
    p = p * r + 4.1666667e-2f;
    p = p * r + 1.6666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    vi power = ((vi)shifted << 23) + (127 << 23);
    vf result = p * (vf)power;
    return (vf)((vi)result & (x >= -87.0f));
}

always float ISA_NAME(exp1)(float x) { return x < -87.0f ? 0 : ISA_NAME(exp)(ISA_NAME(splat)(x))[0]; }

always float ISA_NAME(sum_lanes)(vf v) {
    float sum = 0;
    for (int i = 0; i < LANES; i++) sum += v[i];
    return sum;
}

static void ISA_NAME(add_mask)(int64_t columns, float *scores, float scale, const float *mask, int64_t mask_step) {
    if (mask_step == 0) {
        for (int64_t j = 0; j < columns; j++) scores[j] = scores[j] * scale + mask[0];
    } else {
        for (int64_t j = 0; j < columns; j++) scores[j] = scores[j] * scale + mask[j];
    }
}

static void ISA_NAME(cut_mask)(int64_t columns, float *scores, float scale, const uint8_t *mask, int64_t mask_step) {
    for (int64_t j = 0; j < columns; j++) scores[j] = mask[j * mask_step] ? scores[j] * scale : -INFINITY;
}

static void ISA_NAME(softmax_part)(
    int64_t rows, int64_t columns, float *scores, int64_t stride, float scale, float *maxima, float *sums,
    float *const *out, int64_t width, bool first) {
    for (int64_t i = 0; i < rows; i++) {
        float *row = scores + i * stride;
        float old = first ? -INFINITY : maxima[i];
        vf m0 = ISA_NAME(splat)(-INFINITY), m1 = m0;
        int64_t j = 0;
        for (; j + 2 * LANES <= columns; j += 2 * LANES) {
            m0 = __builtin_elementwise_max(m0, load(row + j));
            m1 = __builtin_elementwise_max(m1, load(row + j + LANES));
        }
        m0 = __builtin_elementwise_max(m0, m1);
        float most = m0[0];
        for (int l = 1; l < LANES; l++) most = m0[l] > most ? m0[l] : most;
        for (; j < columns; j++) most = row[j] > most ? row[j] : most;
        most *= scale;
        most = most > old ? most : old;
        maxima[i] = most;
        // Nothing was let through so far: everything is exp(-∞).
        float base = most == -INFINITY ? 0 : most;
        vf s0 = {0}, s1 = {0};
        for (j = 0; j + 2 * LANES <= columns; j += 2 * LANES) {
            vf e0 = ISA_NAME(exp)(load(row + j) * scale - base);
            vf e1 = ISA_NAME(exp)(load(row + j + LANES) * scale - base);
            s0 += e0;
            s1 += e1;
            store(row + j, e0);
            store(row + j + LANES, e1);
        }
        float sum = 0;
        for (; j < columns; j++) {
            row[j] = ISA_NAME(exp1)(row[j] * scale - base);
            sum += row[j];
        }
        sum += ISA_NAME(sum_lanes)(s0 + s1);
        if (first) {
            sums[i] = sum;
            continue;
        }
        float factor = old == -INFINITY ? 0 : ISA_NAME(exp1)(old - base);
        sums[i] = sums[i] * factor + sum;
        if (factor != 1)
            for (int64_t k = 0; k < width; k++) out[i][k] *= factor;
    }
}

static void ISA_NAME(finish)(
    int64_t rows, const float *maxima, const float *sums, float *const *out, int64_t width, float *log_sums) {
    for (int64_t i = 0; i < rows; i++) {
        float factor = sums[i] > 0 ? 1 / sums[i] : 0;
        for (int64_t k = 0; k < width; k++) out[i][k] *= factor;
        if (log_sums) log_sums[i] = sums[i] > 0 ? maxima[i] + logf(sums[i]) : INFINITY;
    }
}

static void ISA_NAME(score_gradient)(
    int64_t columns, int64_t padded, float *p, float *d, float score_scale, float scale, float log_sum, float delta) {
    int64_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        vf probability = ISA_NAME(exp)(load(p + j) * score_scale - log_sum);
        store(p + j, probability);
        store(d + j, probability * (load(d + j) - delta) * scale);
    }
    for (; j < columns; j++) {
        p[j] = ISA_NAME(exp1)(p[j] * score_scale - log_sum);
        d[j] = p[j] * (d[j] - delta) * scale;
    }
    for (; j < padded; j++) p[j] = d[j] = 0;
}

static float ISA_NAME(dot)(int64_t columns, const float *a, const float *b) {
    vf sum = {0};
    int64_t j = 0;
    for (; j + LANES <= columns; j += LANES) sum += load(a + j) * load(b + j);
    float total = ISA_NAME(sum_lanes)(sum);
    for (; j < columns; j++) total += a[j] * b[j];
    return total;
}

#undef always
#undef LANES
#undef vf
#undef vi
#undef load
#undef store
