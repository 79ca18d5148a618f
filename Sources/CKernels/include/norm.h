// Normalisation: rows of a matrix (layer and RMS norm) and its columns (batch, group and instance norm).
#ifndef MERCER_NORM_H
#define MERCER_NORM_H

#define MERCER_NORM_FUNCTIONS(R, S)                                                                                 \
    /* y = (x - mean)·rstd·w + b for each of `rows` rows of n numbers; mean is 0 where not `centered` (then the mean \
       square takes the place of the variance). Keeps mean and rstd of each row. `stream` writes past the caches: y \
       64-byte aligned, n·sizeof a multiple of 64. */                                                               \
    void (*_Nonnull row_forward_##S)(size_t rows, size_t n, const R *_Nonnull x, const R *_Nonnull w,               \
                                     const R *_Nonnull b, R eps, bool centered, bool stream, R *_Nonnull y,         \
                                     R *_Nonnull mean, R *_Nonnull rstd);                                           \
    /* The gradient with respect to x, and those with respect to w and b added to dw and db. */                     \
    void (*_Nonnull row_backward_##S)(size_t rows, size_t n, const R *_Nonnull x, const R *_Nonnull g,              \
                                      const R *_Nonnull w, const R *_Nonnull mean, const R *_Nonnull rstd,          \
                                      bool centered, bool stream, R *_Nonnull dx, R *_Nonnull dw,                   \
                                      R *_Nonnull db);                                                              \
    /* Mean of each column of `rows` rows and the sum of squares around it. */                                      \
    void (*_Nonnull column_moments_##S)(size_t rows, size_t n, const R *_Nonnull x, R *_Nonnull mean,               \
                                        R *_Nonnull squares);                                                       \
    /* y = (x - mean)·scale + shift with one of each a column. */                                                   \
    void (*_Nonnull column_scale_##S)(size_t rows, size_t n, const R *_Nonnull x, const R *_Nonnull mean,           \
                                      const R *_Nonnull scale, const R *_Nonnull shift, bool stream,                \
                                      R *_Nonnull y);                                                               \
    /* Sums of g and of g·(x - mean) over each column. */                                                           \
    void (*_Nonnull column_products_##S)(size_t rows, size_t n, const R *_Nonnull x, const R *_Nonnull g,           \
                                         const R *_Nonnull mean, R *_Nonnull sums, R *_Nonnull products);           \
    /* dx = g·a + (x - mean)·b + c with one of each a column. */                                                    \
    void (*_Nonnull column_combine_##S)(size_t rows, size_t n, const R *_Nonnull x, const R *_Nonnull g,            \
                                        const R *_Nonnull mean, const R *_Nonnull a, const R *_Nonnull b,           \
                                        const R *_Nonnull c, bool stream, R *_Nonnull dx);

struct mercer_norm_kernels {
    MERCER_NORM_FUNCTIONS(float, f32)
    MERCER_NORM_FUNCTIONS(double, f64)
};

extern const struct mercer_norm_kernels *_Nonnull const mercer_norm_table[3];

static inline const struct mercer_norm_kernels *_Nonnull mercer_norm(int isa) { return mercer_norm_table[isa]; }

#endif
