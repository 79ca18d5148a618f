// Depthwise convolution: one channel in, one out. Works on strips, rows of one vector of channels a pixel.
#ifndef MERCER_DEPTHWISE_H
#define MERCER_DEPTHWISE_H

struct mercer_depthwise_kernels {
    /// Channels of a strip: the lanes of a vector.
    int64_t lanes;

    /// Copies `pixels` pixels of an image into a strip: to[p][l] = from[p · stride + (first + l) / multiplier], for
    /// l < `channels`; the lanes above are zero.
    void (*_Nonnull pack_pixels)(
        int64_t pixels, const float *_Nonnull from, int64_t stride, int64_t first, int64_t multiplier,
        int64_t channels, float *_Nonnull to);

    /// Copies weights [channel][stride] into [taps][lanes], tap t from element index[t].
    void (*_Nonnull pack_weights)(
        int64_t taps, const int32_t *_Nonnull index, int64_t channels, const float *_Nonnull from, int64_t stride,
        float *_Nonnull to);

    /// Outputs of one row: to[i · to_stride + l] = bias[l] + Σ_r Σ_t strips[r][i · step + t · tap_step][l] · weights[r][t][l].
    /// Steps count pixels of the strip; `bias` has full lanes.
    void (*_Nonnull row)(
        int64_t outputs, int64_t rows, const float *_Nonnull const *_Nonnull strips, int64_t step, int64_t tap_step,
        const float *_Nonnull const *_Nonnull weights, int64_t taps, const float *_Nullable bias, int64_t channels,
        float *_Nonnull to, int64_t to_stride);

    /// The same of an image itself, for full lanes and three neighbouring taps: sources[r] is the first of a row's
    /// `pixels` pixels, which are `pixel_step` elements apart; output i's tap t reads pixel offset + i · step + t, zero
    /// beyond the row. `ahead` is a row that will be read next.
    void (*_Nonnull direct_row)(
        int64_t outputs, int64_t rows, const float *_Nonnull const *_Nonnull sources, int64_t pixel_step,
        int64_t pixels, int64_t offset, int64_t step, const float *_Nonnull const *_Nonnull weights,
        const float *_Nullable bias, const float *_Nullable ahead, float *_Nonnull to, int64_t to_stride);

    /// Gradient of one kernel row: sums[t][l] += Σ_i gradient[i][l] · strip[i · step + t · tap_step][l].
    void (*_Nonnull weight_row)(
        int64_t outputs, int64_t taps, const float *_Nonnull strip, int64_t step, int64_t tap_step,
        const float *_Nonnull gradient, float *_Nonnull sums);
};

extern const struct mercer_depthwise_kernels mercer_depthwise_table[3];

#endif
