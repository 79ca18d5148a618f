// Update rules of optimisers, in PyTorch's formulas (torch.optim, single-tensor form; LAMB after You et al. 2020).
//
// Idea: everything that a rule does to an element is done while it is in a register, so a step reads and writes
// parameter and state once. The loops are plain C that the compiler vectorises for the instruction set around it;
// options that change the loop are constants of an inlined body. Bound: memory bandwidth, 28 bytes an element for
// AdamW in float (4 arrays read, 3 written); the division and the square root hide behind it.

// SGD. buffer is the momentum buffer, NULL without momentum.
static inline __attribute__((always_inline)) void RULE(sgd_loop)(
    REAL *restrict p, const REAL *restrict g, REAL *restrict buffer, size_t n,
    const struct mercer_optimizer_settings *s, const bool has_momentum, const bool first, const bool nesterov) {
    const REAL lr = (REAL)s->learning_rate, decay = (REAL)s->weight_decay, scale = (REAL)s->gradient_scale;
    const REAL momentum = (REAL)s->beta1, fresh = (REAL)s->beta2;
    for (size_t i = 0; i < n; i++) {
        REAL d = g[i] * scale + decay * p[i];
        if (has_momentum) {
            const REAL b = first ? d : momentum * buffer[i] + fresh * d;
            buffer[i] = b;
            d = nesterov ? d + momentum * b : b;
        }
        p[i] -= lr * d;
    }
}

static void RULE(sgd)(void *p, const void *g, void *buffer, size_t n, const struct mercer_optimizer_settings *s) {
    if (!buffer) RULE(sgd_loop)(p, g, buffer, n, s, false, false, false);
    else if (s->first && s->nesterov) RULE(sgd_loop)(p, g, buffer, n, s, true, true, true);
    else if (s->first) RULE(sgd_loop)(p, g, buffer, n, s, true, true, false);
    else if (s->nesterov) RULE(sgd_loop)(p, g, buffer, n, s, true, false, true);
    else RULE(sgd_loop)(p, g, buffer, n, s, true, false, false);
}

// Adam and, with decoupled weight decay, AdamW; v_max for AMSGrad.
static inline __attribute__((always_inline)) void RULE(adam_loop)(
    REAL *restrict p, const REAL *restrict g, REAL *restrict m, REAL *restrict v, REAL *restrict v_max, size_t n,
    const struct mercer_optimizer_settings *s, const bool decoupled, const bool amsgrad) {
    const REAL scale = (REAL)s->gradient_scale, epsilon = (REAL)s->epsilon;
    const REAL fresh1 = (REAL)(1 - s->beta1), beta2 = (REAL)s->beta2, fresh2 = (REAL)(1 - s->beta2);
    const REAL step = (REAL)(s->learning_rate / s->correction1), root = (REAL)(1 / s->correction2);
    const REAL shrink = (REAL)(1 - s->learning_rate * s->weight_decay), decay = (REAL)s->weight_decay;
    for (size_t i = 0; i < n; i++) {
        REAL w = p[i], d = g[i] * scale;
        if (decoupled) w *= shrink;
        else d += decay * w;
        const REAL mean = m[i] + fresh1 * (d - m[i]);
        REAL square = beta2 * v[i] + fresh2 * d * d;
        m[i] = mean;
        v[i] = square;
        if (amsgrad) {
            square = v_max[i] > square ? v_max[i] : square;
            v_max[i] = square;
        }
        p[i] = w - step * mean / (__builtin_elementwise_sqrt(square) * root + epsilon);
    }
}

static void RULE(adam)(void *p, const void *g, void *m, void *v, void *v_max, bool decoupled, size_t n,
                       const struct mercer_optimizer_settings *s) {
    if (decoupled && v_max) RULE(adam_loop)(p, g, m, v, v_max, n, s, true, true);
    else if (decoupled) RULE(adam_loop)(p, g, m, v, v_max, n, s, true, false);
    else if (v_max) RULE(adam_loop)(p, g, m, v, v_max, n, s, false, true);
    else RULE(adam_loop)(p, g, m, v, v_max, n, s, false, false);
}

// RMSprop; mean where centred, buffer where there is momentum.
static inline __attribute__((always_inline)) void RULE(rmsprop_loop)(
    REAL *restrict p, const REAL *restrict g, REAL *restrict square, REAL *restrict mean, REAL *restrict buffer,
    size_t n, const struct mercer_optimizer_settings *s, const bool centered, const bool has_momentum) {
    const REAL lr = (REAL)s->learning_rate, decay = (REAL)s->weight_decay, scale = (REAL)s->gradient_scale;
    const REAL momentum = (REAL)s->beta1, alpha = (REAL)s->beta2, fresh = (REAL)(1 - s->beta2);
    const REAL epsilon = (REAL)s->epsilon;
    for (size_t i = 0; i < n; i++) {
        const REAL d = g[i] * scale + decay * p[i];
        REAL variance = alpha * square[i] + fresh * d * d;
        square[i] = variance;
        if (centered) {
            const REAL average = mean[i] + fresh * (d - mean[i]);
            mean[i] = average;
            variance -= average * average;
        }
        REAL update = d / (__builtin_elementwise_sqrt(variance) + epsilon);
        if (has_momentum) {
            update += momentum * buffer[i];
            buffer[i] = update;
        }
        p[i] -= lr * update;
    }
}

static void RULE(rmsprop)(void *p, const void *g, void *square, void *mean, void *buffer, size_t n,
                          const struct mercer_optimizer_settings *s) {
    if (mean && buffer) RULE(rmsprop_loop)(p, g, square, mean, buffer, n, s, true, true);
    else if (mean) RULE(rmsprop_loop)(p, g, square, mean, buffer, n, s, true, false);
    else if (buffer) RULE(rmsprop_loop)(p, g, square, mean, buffer, n, s, false, true);
    else RULE(rmsprop_loop)(p, g, square, mean, buffer, n, s, false, false);
}

static void RULE(adagrad)(void *p_, const void *g_, void *sum_, size_t n,
                          const struct mercer_optimizer_settings *s) {
    REAL *restrict p = p_, *restrict sum = sum_;
    const REAL *restrict g = g_;
    const REAL lr = (REAL)s->learning_rate, decay = (REAL)s->weight_decay, scale = (REAL)s->gradient_scale;
    const REAL epsilon = (REAL)s->epsilon;
    for (size_t i = 0; i < n; i++) {
        const REAL d = g[i] * scale + decay * p[i];
        const REAL total = sum[i] + d * d;
        sum[i] = total;
        p[i] -= lr * d / (__builtin_elementwise_sqrt(total) + epsilon);
    }
}

// Lion (Chen et al. 2023): the sign of an interpolation, weight decay decoupled.
static void RULE(lion)(void *p_, const void *g_, void *m_, size_t n, const struct mercer_optimizer_settings *s) {
    REAL *restrict p = p_, *restrict m = m_;
    const REAL *restrict g = g_;
    const REAL lr = (REAL)s->learning_rate, scale = (REAL)s->gradient_scale;
    const REAL shrink = (REAL)(1 - s->learning_rate * s->weight_decay);
    const REAL beta1 = (REAL)s->beta1, fresh1 = (REAL)(1 - s->beta1);
    const REAL beta2 = (REAL)s->beta2, fresh2 = (REAL)(1 - s->beta2);
    for (size_t i = 0; i < n; i++) {
        const REAL d = g[i] * scale;
        const REAL u = beta1 * m[i] + fresh1 * d;
        const REAL sign = u > 0 ? (REAL)1 : u < 0 ? (REAL)-1 : (REAL)0;
        p[i] = p[i] * shrink - lr * sign;
        m[i] = beta2 * m[i] + fresh2 * d;
    }
}

#define LANES 16

// LAMB, first pass: state and update; the sums of squares of parameter and update, in lanes of fixed number so that
// they are the same on each instruction set but for the contraction of products.
static struct mercer_lamb_norms RULE(lamb)(const void *p_, const void *g_, void *m_, void *v_, void *update_,
                                           size_t n, const struct mercer_optimizer_settings *s) {
    const REAL *restrict p = p_, *restrict g = g_;
    REAL *restrict m = m_, *restrict v = v_, *restrict update = update_;
    const REAL scale = (REAL)s->gradient_scale, epsilon = (REAL)s->epsilon, decay = (REAL)s->weight_decay;
    const REAL fresh1 = (REAL)(1 - s->beta1), beta2 = (REAL)s->beta2, fresh2 = (REAL)(1 - s->beta2);
    const REAL step = (REAL)(1 / s->correction1), root = (REAL)(1 / s->correction2);
    double ps[LANES] = {0}, us[LANES] = {0};
    for (size_t start = 0; start < n; start += LANES) {
        const size_t count = n - start < LANES ? n - start : LANES;
        for (size_t j = 0; j < count; j++) {
            const size_t i = start + j;
            const REAL d = g[i] * scale;
            const REAL mean = m[i] + fresh1 * (d - m[i]);
            const REAL square = beta2 * v[i] + fresh2 * d * d;
            m[i] = mean;
            v[i] = square;
            const REAL u = step * mean / (__builtin_elementwise_sqrt(square) * root + epsilon) + decay * p[i];
            update[i] = u;
            ps[j] += (double)p[i] * p[i];
            us[j] += (double)u * u;
        }
    }
    struct mercer_lamb_norms norms = {0, 0};
    for (int j = 0; j < LANES; j++) {
        norms.parameter += ps[j];
        norms.update += us[j];
    }
    return norms;
}

static void RULE(add_scaled)(void *y_, const void *x_, double a_, size_t n) {
    REAL *restrict y = y_;
    const REAL *restrict x = x_;
    const REAL a = (REAL)a_;
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void RULE(lerp)(void *y_, const void *x_, double a_, size_t n) {
    REAL *restrict y = y_;
    const REAL *restrict x = x_;
    const REAL a = (REAL)a_;
    for (size_t i = 0; i < n; i++) y[i] += a * (x[i] - y[i]);
}

static double RULE(sum_of_squares)(const void *x_, size_t n) {
    const REAL *restrict x = x_;
    double sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) sums[j] += (double)x[i + j] * x[i + j];
    for (int j = 0; i < n; i++, j++) sums[j] += (double)x[i] * x[i];
    double sum = 0;
    for (int j = 0; j < LANES; j++) sum += sums[j];
    return sum;
}

#undef LANES
