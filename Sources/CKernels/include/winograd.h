// Convolutions of 3 × 3 kernels by minimal filtering: transforms to and from the 36 frequencies of a tile.
#ifndef MERCER_WINOGRAD_H
#define MERCER_WINOGRAD_H

/// A tile of a picture: where pixel (0, 0) lies or would lie, steps in elements, and which of the tile's rows and
/// columns the picture has.
struct mercer_winograd_tile {
    float *_Nonnull origin;
    int64_t row_step, pixel_step;
    int64_t top, bottom, left, right;
};

/// Frequencies lie `step` elements apart. Channels go in panels of `panel` channels, `panel_step` elements apart; the
/// last vector of a panel is written as a whole.
struct mercer_winograd_frequencies {
    float *_Nonnull origin;
    int64_t step, panel, panel_step;
};

struct mercer_winograd_kernels {
    /// Weights of two vectors of outputs, `depth` times: from[tap · tap_step + d · columns] for the nine taps, and
    /// to[frequency · step + d · columns], where columns is two vectors.
    void (*_Nonnull taps)(int64_t depth, const float *_Nonnull from, int64_t tap_step, float *_Nonnull to, int64_t step);

    /// 6 × 6 pixels. Elements are read up to `end`, which lies behind the picture.
    void (*_Nonnull input)(int64_t channels, const struct mercer_winograd_tile *_Nonnull tile,
                           const float *_Nonnull end, const struct mercer_winograd_frequencies *_Nonnull to);

    /// The 4 × 4 pixels of a result: what they hold if `accumulate`, else `bias` (or zero), and the frequencies' sum.
    void (*_Nonnull output)(int64_t channels, const struct mercer_winograd_frequencies *_Nonnull from,
                            const struct mercer_winograd_tile *_Nonnull tile, const float *_Nullable bias,
                            bool accumulate);

    /// 4 × 4 pixels of a gradient, to be multiplied with the frequencies of `input` for the weights' gradient.
    void (*_Nonnull gradient)(int64_t channels, const struct mercer_winograd_tile *_Nonnull tile,
                              const float *_Nonnull end, const struct mercer_winograd_frequencies *_Nonnull to);

    /// The gradient of nine taps, `tap_step` apart.
    void (*_Nonnull weights)(int64_t channels, const float *_Nonnull from, int64_t step, float *_Nonnull to,
                             int64_t tap_step);
};

extern const struct mercer_winograd_kernels mercer_winograd_table[3];

#endif
