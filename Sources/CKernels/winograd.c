#include "include/CKernels.h"

#define FAMILY "winograd.inc.h"
#include "foreach_isa.h"

#if defined(__x86_64__)
const struct mercer_winograd_kernels mercer_winograd_table[3] = {
    mercer_winograd_baseline, mercer_winograd_avx2, mercer_winograd_avx512};
#else
const struct mercer_winograd_kernels mercer_winograd_table[3] = {
    mercer_winograd_baseline, mercer_winograd_baseline, mercer_winograd_baseline};
#endif
