#include "include/CKernels.h"

#include "special.h"

#define FAMILY "elementwise.inc.h"
#include "foreach_isa.h"

#if defined(__x86_64__)
const struct mercer_elementwise_kernels *const mercer_elementwise_table[3] = {
    &mercer_elementwise_baseline, &mercer_elementwise_avx2, &mercer_elementwise_avx512};
#else
const struct mercer_elementwise_kernels *const mercer_elementwise_table[3] = {
    &mercer_elementwise_baseline, &mercer_elementwise_baseline, &mercer_elementwise_baseline};
#endif
