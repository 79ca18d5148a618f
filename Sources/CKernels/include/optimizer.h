// Updates of optimisers, each in one pass over parameter, gradient and state.
#ifndef MERCER_OPTIMIZER_H
#define MERCER_OPTIMIZER_H

/// Settings of one update of one parameter. Numbers that a rule doesn't have are ignored by it.
struct mercer_optimizer_settings {
    double learning_rate;
    double weight_decay;
    /// Each gradient is multiplied by this first (clipping by norm).
    double gradient_scale;
    /// Adam, Lion, LAMB: β1, β2. RMSprop: momentum, α. SGD: momentum, 1 - dampening.
    double beta1, beta2;
    double epsilon;
    /// Adam, LAMB: 1 - β1^t and √(1 - β2^t).
    double correction1, correction2;
    /// SGD: whether the momentum buffer is still to be set.
    int32_t first;
    int32_t nesterov;
};

/// Sums of squares that LAMB's first pass collects: of the parameter and of its update.
struct mercer_lamb_norms {
    double parameter, update;
};

/// Pointers are to float in the first half of the table and to double in the second.
/// p parameter, g gradient, the rest state; n elements.
struct mercer_optimizer_kernels {
#define MERCER_OPTIMIZER_RULES(T)                                                                                  \
    void (*_Nonnull sgd_##T)(void *_Nonnull p, const void *_Nonnull g, void *_Nullable buffer, size_t n,           \
                             const struct mercer_optimizer_settings *_Nonnull s);                                  \
    void (*_Nonnull adam_##T)(void *_Nonnull p, const void *_Nonnull g, void *_Nonnull m, void *_Nonnull v,        \
                              void *_Nullable v_max, bool decoupled, size_t n,                                     \
                              const struct mercer_optimizer_settings *_Nonnull s);                                 \
    void (*_Nonnull rmsprop_##T)(void *_Nonnull p, const void *_Nonnull g, void *_Nonnull square,                  \
                                 void *_Nullable mean, void *_Nullable buffer, size_t n,                           \
                                 const struct mercer_optimizer_settings *_Nonnull s);                              \
    void (*_Nonnull adagrad_##T)(void *_Nonnull p, const void *_Nonnull g, void *_Nonnull sum, size_t n,           \
                                 const struct mercer_optimizer_settings *_Nonnull s);                              \
    void (*_Nonnull lion_##T)(void *_Nonnull p, const void *_Nonnull g, void *_Nonnull m, size_t n,                \
                              const struct mercer_optimizer_settings *_Nonnull s);                                 \
    struct mercer_lamb_norms (*_Nonnull lamb_##T)(const void *_Nonnull p, const void *_Nonnull g,                  \
                                                  void *_Nonnull m, void *_Nonnull v, void *_Nonnull update,       \
                                                  size_t n, const struct mercer_optimizer_settings *_Nonnull s);   \
    /* y += a x */                                                                                                 \
    void (*_Nonnull add_scaled_##T)(void *_Nonnull y, const void *_Nonnull x, double a, size_t n);                 \
    /* y += (x - y) a */                                                                                           \
    void (*_Nonnull lerp_##T)(void *_Nonnull y, const void *_Nonnull x, double a, size_t n);                       \
    double (*_Nonnull sum_of_squares_##T)(const void *_Nonnull x, size_t n);
    MERCER_OPTIMIZER_RULES(f32)
    MERCER_OPTIMIZER_RULES(f64)
#undef MERCER_OPTIMIZER_RULES
};

extern const struct mercer_optimizer_kernels mercer_optimizer_table[3];

#endif
