#ifndef MERCER_PROBE_H
#define MERCER_PROBE_H

#include <stddef.h>

/// What this processor can do at best, for benchmarks to be held against.
struct mercer_probe_kernels {
    /// Multiplies and adds `rounds` times in independent chains; does `rounds` × `operations` float32 operations.
    float (*multiply_add)(size_t rounds);
    /// Operations of one round.
    size_t operations;
    /// Sums `count` floats: reads memory and little else.
    float (*read)(const float *x, size_t count);
    /// Copies `count` floats: reads as much as it writes.
    void (*copy)(const float *x, float *y, size_t count);
    /// Sets `count` floats to one: writes memory and little else.
    void (*fill)(float *y, size_t count);
};

extern const struct mercer_probe_kernels mercer_probe_table[3];

#endif
