// What attention does to tiles of scores between two matrix products.
#ifndef MERCER_ATTENTION_H
#define MERCER_ATTENTION_H

struct mercer_attention_kernels {
    /// scores = scores · scale + mask; with a mask of bytes, -∞ where a byte is 0. `mask_step` is 0 or 1.
    void (*_Nonnull add_mask)(
        int64_t columns, float *_Nonnull scores, float scale, const float *_Nonnull mask, int64_t mask_step);
    void (*_Nonnull cut_mask)(
        int64_t columns, float *_Nonnull scores, float scale, const uint8_t *_Nonnull mask, int64_t mask_step);

    /// One tile of a softmax that runs over the columns in parts. For each row: the new maximum m of what was seen,
    /// scores become exp(scale · score - m), and the sum and `width` elements of `out`, which are weighted sums so far,
    /// are scaled to it. `first` marks the first part: there is nothing to scale.
    void (*_Nonnull softmax_part)(
        int64_t rows, int64_t columns, float *_Nonnull scores, int64_t stride, float scale, float *_Nonnull maxima,
        float *_Nonnull sums, float *_Nonnull const *_Nonnull out, int64_t width, bool first);

    /// Divides the rows by their sums (0 where nothing was seen), and writes maximum + log(sum), +∞ there.
    void (*_Nonnull finish)(
        int64_t rows, const float *_Nonnull maxima, const float *_Nonnull sums, float *_Nonnull const *_Nonnull out,
        int64_t width, float *_Nullable log_sums);

    /// p = exp(scale · p - log_sum), from scores to probabilities, and d = scale · p · (d - delta), for `columns`
    /// elements; those from there to `padded` become zero.
    void (*_Nonnull score_gradient)(
        int64_t columns, int64_t padded, float *_Nonnull p, float *_Nonnull d, float score_scale, float scale,
        float log_sum, float delta);

    /// Σ a · b.
    float (*_Nonnull dot)(int64_t columns, const float *_Nonnull a, const float *_Nonnull b);
};

extern const struct mercer_attention_kernels mercer_attention_table[3];

#endif
