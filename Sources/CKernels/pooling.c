#include "include/CKernels.h"

#define FAMILY "pooling.inc.h"
#include "foreach_isa.h"

#if defined(__x86_64__)
const struct mercer_pooling_kernels mercer_pooling_table[3] = {
    {pooling_larger_baseline}, {pooling_larger_avx2}, {pooling_larger_avx512}};
#else
const struct mercer_pooling_kernels mercer_pooling_table[3] = {
    {pooling_larger_baseline}, {pooling_larger_baseline}, {pooling_larger_baseline}};
#endif
