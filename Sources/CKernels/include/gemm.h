// Single-precision matrix products: packing and the register-blocked panel product.
#ifndef MERCER_GEMM_H
#define MERCER_GEMM_H

struct mercer_gemm_kernels {
    /// The most rows of a left panel, and the columns of a right panel (two vectors).
    int64_t panel_rows, panel_columns;

    /// out[i][j] = init + Σ left[i, k] · right[k, j] for `rows` rows (1...panel_rows) and `columns` columns.
    ///
    /// The depth is `segments` runs of `run` elements. `left` is a packed panel, [segments·run, rows]; or it is null
    /// and `left_rows` holds [segments, rows] pointers to runs, each read from `offset` on. `right` holds packed
    /// panels, [⌈columns/panel_columns⌉, segments·run, panel_columns]. `out` are pointers to the rows; `init` is what
    /// they hold when `accumulate`, else `bias` (by column), or zero where that is null.
    void (*_Nonnull panel)(
        int64_t rows, int64_t columns, int64_t segments, int64_t run, const float *_Nullable left,
        const float *_Nonnull const *_Nullable left_rows, int64_t offset, const float *_Nonnull right,
        float *_Nonnull const *_Nonnull out, int64_t out_column, const float *_Nullable bias, bool accumulate);

    /// Packs `run` elements of `rows` rows, read from `offset` on: to[k, i] = left_rows[i][offset + k].
    /// Up to three elements after the end are written to as well.
    void (*_Nonnull pack_left_rows)(
        int64_t rows, int64_t run, const float *_Nonnull const *_Nonnull left_rows, int64_t offset,
        float *_Nonnull to);

    /// Packs a left operand that is stored transposed: to[k, i] = from[k · stride + i].
    void (*_Nonnull pack_left_columns)(
        int64_t rows, int64_t depth, const float *_Nonnull from, int64_t stride, float *_Nonnull to);

    /// Packs `depth` rows of a right operand into panels that are `panel_depth` deep, from depth 0 of each on:
    /// to[j / w][k][j % w] = from[k · stride + j]; the last panel is filled up with zeros.
    void (*_Nonnull pack_right_rows)(
        int64_t depth, int64_t columns, const float *_Nonnull from, int64_t stride, int64_t panel_depth,
        float *_Nonnull to);

    /// Packs a right operand that is stored transposed: to[j / w][k][j % w] = from[j · stride + k].
    void (*_Nonnull pack_right_columns)(
        int64_t depth, int64_t columns, const float *_Nonnull from, int64_t stride, int64_t panel_depth,
        float *_Nonnull to);

    /// Packs rows that are given by pointers, `segments` runs of `run` elements each ([depth, segments] pointers):
    /// to[j / w][k][j % w] = the j-th of the segments · run elements of row k, for j in `column`..<column + columns.
    void (*_Nonnull pack_right_segments)(
        int64_t depth, int64_t segments, int64_t run, const float *_Nonnull const *_Nonnull rows, int64_t column,
        int64_t columns, int64_t panel_depth, float *_Nonnull to);

    /// to[j] = bias[j] + Σ_k x[k] · matrix[k · stride + j].
    void (*_Nonnull vector_times_rows)(
        int64_t depth, int64_t columns, const float *_Nonnull x, const float *_Nonnull matrix, int64_t stride,
        float *_Nonnull to, const float *_Nullable bias);

    /// to[j] = bias[j] + Σ_k x[k] · matrix[j · stride + k].
    void (*_Nonnull vector_times_columns)(
        int64_t depth, int64_t columns, const float *_Nonnull x, const float *_Nonnull matrix, int64_t stride,
        float *_Nonnull to, const float *_Nullable bias);

    /// out[i · out_stride + j] += Σ_k left[k · left_step + i] · right[k · right_step + j] for k in 0..<run, both
    /// operands read where they lie; `right_step` is positive, and steps may overlap.
    void (*_Nonnull outer)(
        int64_t rows, int64_t columns, int64_t run, const float *_Nonnull left, int64_t left_step,
        const float *_Nonnull right, int64_t right_step, float *_Nonnull out, int64_t out_stride);
};

extern const struct mercer_gemm_kernels mercer_gemm_table[3];

#endif
