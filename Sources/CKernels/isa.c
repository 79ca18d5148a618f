#include "include/CKernels.h"

_Thread_local struct mercer_thread_state mercer_thread_state_storage;

int mercer_isa_detect(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return mercer_isa_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return mercer_isa_avx2;
#endif
    return mercer_isa_baseline;
}
