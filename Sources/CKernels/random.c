#include "include/CKernels.h"

#include <string.h>

#define FAMILY "random.inc.h"
#include "foreach_isa.h"

#if defined(__x86_64__)
const struct mercer_random_kernels *const mercer_random_table[3] = {
    &mercer_random_baseline, &mercer_random_avx2, &mercer_random_avx512};
#else
const struct mercer_random_kernels *const mercer_random_table[3] = {
    &mercer_random_baseline, &mercer_random_baseline, &mercer_random_baseline};
#endif
