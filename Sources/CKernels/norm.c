#include "include/CKernels.h"

#include <string.h>

#define FAMILY "norm.inc.h"
#include "foreach_isa.h"

#if defined(__x86_64__)
const struct mercer_norm_kernels *const mercer_norm_table[3] = {&mercer_norm_baseline, &mercer_norm_avx2,
                                                                &mercer_norm_avx512};
#else
const struct mercer_norm_kernels *const mercer_norm_table[3] = {&mercer_norm_baseline, &mercer_norm_baseline,
                                                                &mercer_norm_baseline};
#endif
