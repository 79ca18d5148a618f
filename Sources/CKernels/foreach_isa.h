// Compiles one family of kernels for each instruction set of this architecture.
//
// A family is a pair of files: `NAME.c`, which is
//     #include "include/CKernels.h"
//     #define FAMILY "NAME.inc.h"
//     #include "foreach_isa.h"
// and `NAME.inc.h`, which holds the loops, written once, with every file-level name wrapped in ISA_NAME(...), and
// ends by defining its table `const struct mercer_NAME_kernels ISA_NAME(mercer_NAME) = {...}`. The target is set by
// an attribute, so no compiler flag is needed. `NAME.c` then gathers the tables in an array indexed by mercer_isa.
//
// Inside the family: VBYTES is the vector width in bytes, ISA one of baseline, avx2, avx512, and VFMA is 1 where a
// product and a sum contract into one instruction. Baseline is SSE2 on x86-64 and NEON on aarch64.

#define ISA_PASTE_(a, b) a##_##b
#define ISA_PASTE(a, b) ISA_PASTE_(a, b)
#define ISA_NAME(x) ISA_PASTE(x, ISA)

#define ISA baseline
#define ISA_LEVEL 0
#define VBYTES 16
#if defined(__aarch64__)
#define VFMA 1
#else
#define VFMA 0
#endif
#include FAMILY
#undef ISA
#undef ISA_LEVEL
#undef VBYTES
#undef VFMA

#if defined(__x86_64__)

#define VFMA 1

#define ISA avx2
#define ISA_LEVEL 1
#define VBYTES 32
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#include FAMILY
#pragma clang attribute pop
#undef ISA
#undef ISA_LEVEL
#undef VBYTES

#define ISA avx512
#define ISA_LEVEL 2
#define VBYTES 64
#pragma clang attribute push(                                                                                     \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi,bmi2"))),           \
    apply_to = function)
#include FAMILY
#pragma clang attribute pop
#undef ISA
#undef ISA_LEVEL
#undef VBYTES
#undef VFMA

#endif
