#include "include/CKernels.h"

#define FAMILY "transpose.inc.h"
#include "foreach_isa.h"

#if defined(__x86_64__)
const struct mercer_transpose_kernels *const mercer_transpose_table[3] = {
    &mercer_transpose_baseline, &mercer_transpose_avx2, &mercer_transpose_avx512};
#else
const struct mercer_transpose_kernels *const mercer_transpose_table[3] = {
    &mercer_transpose_baseline, &mercer_transpose_baseline, &mercer_transpose_baseline};
#endif
