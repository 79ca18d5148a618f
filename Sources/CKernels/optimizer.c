#include "include/CKernels.h"

#define FAMILY "optimizer.inc.h"
#include "foreach_isa.h"

const struct mercer_optimizer_kernels mercer_optimizer_table[3] = {
#if defined(__x86_64__)
    OPTIMIZER_TABLE(baseline), OPTIMIZER_TABLE(avx2), OPTIMIZER_TABLE(avx512),
#else
    OPTIMIZER_TABLE(baseline), OPTIMIZER_TABLE(baseline), OPTIMIZER_TABLE(baseline),
#endif
};
