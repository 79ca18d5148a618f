// Pictures resampled with a kernel of its own for each pixel and channel.
#ifndef MERCER_ADAPTIVE_H
#define MERCER_ADAPTIVE_H

/// A line of pixels, one channel at a time. `kernels` and its gradient hold `side`² numbers for each pixel,
/// `kernel_step` from one pixel to the next; `lines` are the `side` lines of the source under the kernel's rows, of
/// which pixel j reads `side` numbers from j · scale on. y and its gradient lie `y_step` apart.
struct mercer_adaptive_kernels {
    /// y[j] = Σ_u Σ_v kernels[j][u][v] · lines[u][j · scale + v].
    void (*_Nonnull apply)(
        int64_t pixels, int64_t side, int64_t scale, const float *_Nonnull kernels, int64_t kernel_step,
        const float *_Nonnull const *_Nonnull lines, float *_Nonnull y, int64_t y_step);

    /// to[j][u][v] = gradient[j] · lines[u][j · scale + v].
    void (*_Nonnull kernel_gradient)(
        int64_t pixels, int64_t side, int64_t scale, const float *_Nonnull gradient, int64_t y_step,
        const float *_Nonnull const *_Nonnull lines, float *_Nonnull to, int64_t kernel_step);

    /// lines[u][j · scale + v] += gradient[j] · kernels[j][u][v].
    void (*_Nonnull source_gradient)(
        int64_t pixels, int64_t side, int64_t scale, const float *_Nonnull gradient, int64_t y_step,
        const float *_Nonnull kernels, int64_t kernel_step, float *_Nonnull const *_Nonnull lines);
};

extern const struct mercer_adaptive_kernels mercer_adaptive_table[3];

#endif
