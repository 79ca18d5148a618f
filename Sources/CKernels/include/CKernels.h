// Mercer's innermost loops. C with vector extensions: no allocation, no threads, no policy.
// Each family has a table of functions for each instruction set; Swift picks a table at start.
#ifndef MERCER_CKERNELS_H
#define MERCER_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Instruction sets that kernels are compiled for, from narrow to wide. On aarch64 `baseline` is NEON and the only one.
enum mercer_isa { mercer_isa_baseline = 0, mercer_isa_avx2 = 1, mercer_isa_avx512 = 2 };

/// The widest instruction set that this processor and operating system can run.
int mercer_isa_detect(void);

#include "resample.h"
#include "elementwise.h"
#include "similarity.h"
#include "integer.h"
#include "reduce.h"
#include "optimizer.h"
#include "thread_state.h"
#include "gemm.h"
#include "depthwise.h"
#include "adaptive.h"
#include "attention.h"
#include "fft.h"
#include "norm.h"
#include "transpose.h"
#include "winograd.h"
#include "random.h"
#include "probe.h"
#include "pooling.h"

#endif
