#include "include/CKernels.h"

#define FAMILY "reduce.inc.h"
#include "foreach_isa.h"

#if defined(__x86_64__)
const struct mercer_reduce_kernels *const mercer_reduce_table[3] = {
    &mercer_reduce_baseline, &mercer_reduce_avx2, &mercer_reduce_avx512};
#else
const struct mercer_reduce_kernels *const mercer_reduce_table[3] = {
    &mercer_reduce_baseline, &mercer_reduce_baseline, &mercer_reduce_baseline};
#endif
