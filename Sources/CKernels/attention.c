#include "include/CKernels.h"

#include <math.h>

#define FAMILY "attention.inc.h"
#include "foreach_isa.h"

#define TABLE_OF(isa)                                                                                             \
    { add_mask_##isa, cut_mask_##isa, softmax_part_##isa, finish_##isa, score_gradient_##isa, dot_##isa }

#if defined(__x86_64__)
const struct mercer_attention_kernels mercer_attention_table[3] = {
    TABLE_OF(baseline), TABLE_OF(avx2), TABLE_OF(avx512)};
#else
const struct mercer_attention_kernels mercer_attention_table[3] = {
    TABLE_OF(baseline), TABLE_OF(baseline), TABLE_OF(baseline)};
#endif
