#include "include/CKernels.h"

#define FAMILY "adaptive.inc.h"
#include "foreach_isa.h"

#define TABLE_OF(isa)                                                                                             \
    { apply_##isa, kernel_gradient_##isa, source_gradient_##isa }

#if defined(__x86_64__)
const struct mercer_adaptive_kernels mercer_adaptive_table[3] = {
    TABLE_OF(baseline), TABLE_OF(avx2), TABLE_OF(avx512)};
#else
const struct mercer_adaptive_kernels mercer_adaptive_table[3] = {
    TABLE_OF(baseline), TABLE_OF(baseline), TABLE_OF(baseline)};
#endif
