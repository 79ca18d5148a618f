#include "include/CKernels.h"

#include <string.h>

#define FAMILY "gemm.inc.h"
#include "foreach_isa.h"

#define TABLE_OF(isa)                                                                                             \
    {                                                                                                             \
        panel_rows_##isa, panel_columns_##isa, panel_##isa, pack_left_rows_##isa, pack_left_columns_##isa,        \
            pack_right_rows_##isa, pack_right_columns_##isa, pack_right_segments_##isa, vector_times_rows_##isa,  \
            vector_times_columns_##isa, outer_##isa                                                               \
    }

#if defined(__x86_64__)
const struct mercer_gemm_kernels mercer_gemm_table[3] = {
    TABLE_OF(baseline), TABLE_OF(avx2), TABLE_OF(avx512)};
#else
const struct mercer_gemm_kernels mercer_gemm_table[3] = {
    TABLE_OF(baseline), TABLE_OF(baseline), TABLE_OF(baseline)};
#endif
