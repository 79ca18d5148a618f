// Normalisations, bound by memory: a row is read from memory once and stays in the first-level cache for the two or
// three times it is needed (mean, variance around the mean, result). Column statistics take chunks that stay in the
// second-level cache, mean first, then squares around it; chunks are merged by the caller.

#define INLINE static inline __attribute__((always_inline))

#define R float
#define S f32
#include "norm_type.inc.h"
#undef R
#undef S

#define R double
#define S f64
#include "norm_type.inc.h"
#undef R
#undef S

#define MERCER_NORM_TABLE(S)                                                                                        \
    .row_forward_##S = ISA_NAME(mercer_norm_row_forward_##S),                                                       \
    .row_backward_##S = ISA_NAME(mercer_norm_row_backward_##S),                                                     \
    .column_moments_##S = ISA_NAME(mercer_norm_column_moments_##S),                                                 \
    .column_scale_##S = ISA_NAME(mercer_norm_column_scale_##S),                                                     \
    .column_products_##S = ISA_NAME(mercer_norm_column_products_##S),                                               \
    .column_combine_##S = ISA_NAME(mercer_norm_column_combine_##S),

static const struct mercer_norm_kernels ISA_NAME(mercer_norm) = {MERCER_NORM_TABLE(f32) MERCER_NORM_TABLE(f64)};
