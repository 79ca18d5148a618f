// The rules of optimizer_rules.inc.h for float and for double.

#define REAL float
#define RULE(x) ISA_NAME(x##_f32)
#include "optimizer_rules.inc.h"
#undef REAL
#undef RULE

#define REAL double
#define RULE(x) ISA_NAME(x##_f64)
#include "optimizer_rules.inc.h"
#undef REAL
#undef RULE

#ifndef OPTIMIZER_TABLE
#define OPTIMIZER_ENTRIES(isa, T)                                                                                  \
    .sgd_##T = sgd_##T##_##isa, .adam_##T = adam_##T##_##isa, .rmsprop_##T = rmsprop_##T##_##isa,                  \
    .adagrad_##T = adagrad_##T##_##isa, .lion_##T = lion_##T##_##isa, .lamb_##T = lamb_##T##_##isa,                \
    .add_scaled_##T = add_scaled_##T##_##isa, .lerp_##T = lerp_##T##_##isa,                                        \
    .sum_of_squares_##T = sum_of_squares_##T##_##isa
#define OPTIMIZER_TABLE(isa) {OPTIMIZER_ENTRIES(isa, f32), OPTIMIZER_ENTRIES(isa, f64)}
#endif
