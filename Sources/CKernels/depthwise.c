#include "include/CKernels.h"

#define FAMILY "depthwise.inc.h"
#include "foreach_isa.h"

#define TABLE_OF(isa)                                                                                             \
    { lanes_##isa, pack_pixels_##isa, pack_weights_##isa, row_##isa, direct_row_##isa, weight_row_##isa }

#if defined(__x86_64__)
const struct mercer_depthwise_kernels mercer_depthwise_table[3] = {
    TABLE_OF(baseline), TABLE_OF(avx2), TABLE_OF(avx512)};
#else
const struct mercer_depthwise_kernels mercer_depthwise_table[3] = {
    TABLE_OF(baseline), TABLE_OF(baseline), TABLE_OF(baseline)};
#endif
