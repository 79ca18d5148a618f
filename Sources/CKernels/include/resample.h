// Resampling of pictures by separable, sparse row weights: vertical and horizontal passes.
#ifndef MERCER_RESAMPLE_H
#define MERCER_RESAMPLE_H

/// Row weights of a horizontal pass, made of blocks of `16 / lanes` taps, where `lanes` is 1, 2 or 4 (as many as
/// channels; 3 counts as 4). Unused taps of the last block have weight 0 and are never read as numbers.
struct mercer_resample_rows {
    /// The first source pixel of each output pixel; ascending.
    const int32_t *start;
    /// The source pixels of each output pixel.
    const int32_t *count;
    /// Where the weights of each output pixel begin.
    const int32_t *offset;
    /// float, or int32 with 22 bits after the point.
    const void *weights;
    int32_t outputs;
    /// Source pixels of a row.
    int32_t inputs;
};

struct mercer_resample_kernels {
    // Vertical passes: out[i] = sum over k of weights[k] * row k [i], rows `stride` bytes apart.
    void (*vertical_u8)(float *out, const uint8_t *rows, ptrdiff_t stride, const float *weights, ptrdiff_t taps,
                        ptrdiff_t n);
    void (*vertical_u16)(float *out, const uint16_t *rows, ptrdiff_t stride, const float *weights, ptrdiff_t taps,
                         ptrdiff_t n);
    void (*vertical_f16)(float *out, const void *rows, ptrdiff_t stride, const float *weights, ptrdiff_t taps,
                         ptrdiff_t n);
    void (*vertical_f32)(float *out, const float *rows, ptrdiff_t stride, const float *weights, ptrdiff_t taps,
                         ptrdiff_t n);
    void (*vertical_f64)(double *out, const double *rows, ptrdiff_t stride, const double *weights, ptrdiff_t taps,
                         ptrdiff_t n);

    // Horizontal passes over `lines` rows. `in` may be read 64 bytes, `out` written 16 bytes beyond the row's end.
    void (*horizontal_f32)(float *out, ptrdiff_t out_stride, const float *in, ptrdiff_t in_stride, ptrdiff_t lines,
                           ptrdiff_t channels, const struct mercer_resample_rows *rows);
    void (*horizontal_f64)(double *out, const double *in, ptrdiff_t channels, const struct mercer_resample_rows *rows);

    // Pillow's arithmetic on bytes: weights with 22 bits after the point, rounded and clipped to a byte. Nothing is
    // read or written beyond the rows' ends.
    void (*vertical_fixed)(uint8_t *out, const uint8_t *rows, ptrdiff_t stride, const int32_t *weights,
                           ptrdiff_t taps, ptrdiff_t n);
    void (*horizontal_fixed)(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride,
                             ptrdiff_t lines, ptrdiff_t channels, const struct mercer_resample_rows *rows);

    // A finished row in the output's type: rounded half up, clipped to the type's range.
    void (*store_u8)(uint8_t *out, const float *in, ptrdiff_t n);
    void (*store_u16)(uint16_t *out, const float *in, ptrdiff_t n);
    void (*store_f16)(void *out, const float *in, ptrdiff_t n);

    // y += tanh(alpha * scale * (blurred - sharp) + beta) / scale: one level of MULLER for pixels in [0, 1 / scale].
    void (*muller_level)(float *y, const float *blurred, const float *sharp, float alpha, float beta, float scale,
                         ptrdiff_t n);
};

extern const struct mercer_resample_kernels mercer_resample_table[3];

/// out[i] = in[index[i]] for pixels of `size` bytes.
void mercer_gather_pixels(void *out, const void *in, const int32_t *index, ptrdiff_t n, ptrdiff_t size);

#endif
