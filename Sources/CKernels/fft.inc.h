// Butterflies over lanes: every vector holds the same element of several sequences, so that no shuffle is needed
// between them. A pass reads and writes the whole block once; with blocks of 64-byte rows it runs in the first or second
// level cache, bound by loads and stores for radices up to 4 and by arithmetic at 8 (about 2.1 operations a value).

// Vectors are passed between functions that are always inlined, so that their calling convention is of no account.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

#define R float
#define S f32
#define W 16
#include "fft_type.inc.h"
#undef R
#undef S
#undef W

#define R double
#define S f64
#define W 8
#include "fft_type.inc.h"
#undef R
#undef S
#undef W

#define MERCER_FFT_TABLE(S)                                                                                         \
    .pass_##S = ISA_NAME(mercer_fft_pass_##S), .gather_##S = ISA_NAME(mercer_fft_gather_##S),                       \
    .scatter_##S = ISA_NAME(mercer_fft_scatter_##S), .gather_real_##S = ISA_NAME(mercer_fft_gather_real_##S),       \
    .scatter_real_##S = ISA_NAME(mercer_fft_scatter_real_##S), .split_##S = ISA_NAME(mercer_fft_split_##S),         \
    .join_##S = ISA_NAME(mercer_fft_join_##S), .multiply_rows_##S = ISA_NAME(mercer_fft_multiply_rows_##S),         \
    .twist_##S = ISA_NAME(mercer_fft_twist_##S), .hadamard_##S = ISA_NAME(mercer_fft_hadamard_##S),

static const struct mercer_fft_kernels ISA_NAME(mercer_fft) = {MERCER_FFT_TABLE(f32) MERCER_FFT_TABLE(f64)};
