#include "include/CKernels.h"

#define FAMILY "probe.inc.h"
#include "foreach_isa.h"

#define TABLE_OF(isa)                                                                                             \
    { probe_multiply_add_##isa, 2 * probe_chains_##isa * probe_lanes_##isa, probe_read_##isa,                      \
      probe_copy_##isa, probe_fill_##isa }

#if defined(__x86_64__)
const struct mercer_probe_kernels mercer_probe_table[3] = {TABLE_OF(baseline), TABLE_OF(avx2), TABLE_OF(avx512)};
#else
const struct mercer_probe_kernels mercer_probe_table[3] = {TABLE_OF(baseline), TABLE_OF(baseline), TABLE_OF(baseline)};
#endif
