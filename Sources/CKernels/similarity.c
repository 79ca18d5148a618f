#include "include/CKernels.h"

#define FAMILY "similarity.inc.h"
#include "foreach_isa.h"

#if defined(__x86_64__)
const struct mercer_similarity_kernels *const mercer_similarity_table[3] = {
    &mercer_similarity_baseline, &mercer_similarity_avx2, &mercer_similarity_avx512};
#else
const struct mercer_similarity_kernels *const mercer_similarity_table[3] = {
    &mercer_similarity_baseline, &mercer_similarity_baseline, &mercer_similarity_baseline};
#endif
