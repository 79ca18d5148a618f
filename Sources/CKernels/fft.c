#include "include/CKernels.h"

#include <string.h>

#define FAMILY "fft.inc.h"
#include "foreach_isa.h"

#if defined(__x86_64__)
const struct mercer_fft_kernels *const mercer_fft_table[3] = {&mercer_fft_baseline, &mercer_fft_avx2,
                                                              &mercer_fft_avx512};
#else
const struct mercer_fft_kernels *const mercer_fft_table[3] = {&mercer_fft_baseline, &mercer_fft_baseline,
                                                              &mercer_fft_baseline};
#endif
