// Pooling windows.
#ifndef MERCER_POOLING_H
#define MERCER_POOLING_H

struct mercer_pooling_kernels {
    /// largest[c] becomes x[c] and place[c] `index` wherever x[c] is larger, or NaN.
    void (*_Nonnull larger)(const float *_Nonnull x, int32_t index, size_t count, float *_Nonnull largest,
                            int32_t *_Nonnull place);
};

extern const struct mercer_pooling_kernels mercer_pooling_table[3];

#endif
