// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A stream is (key, stream); it is read in groups of 16 Philox blocks, that is 64 words.
#ifndef MERCER_RANDOM_H
#define MERCER_RANDOM_H

/// Each function writes whole groups, of 64 values of 32 bits or 32 values of 64 bits, from `first_group` on.
/// The same bits on every instruction set.
struct mercer_random_kernels {
    void (*_Nonnull bits)(uint32_t *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group);
    /// low + width·u, u in [0, 1), at most `top`.
    void (*_Nonnull uniform_f32)(float *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group, float low,
                        float width, float top);
    void (*_Nonnull uniform_f64)(double *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group, double low,
                        double width, double top);
    void (*_Nonnull normal_f32)(float *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group, float mean,
                       float deviation);
    void (*_Nonnull normal_f64)(double *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group, double mean,
                       double deviation);
    void (*_Nonnull exponential_f32)(float *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                            float scale);
    void (*_Nonnull exponential_f64)(double *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                            double scale);
    void (*_Nonnull laplace_f32)(float *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group, float center,
                        float scale);
    void (*_Nonnull laplace_f64)(double *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                        double center, double scale);
    void (*_Nonnull gumbel_f32)(float *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group, float center,
                       float scale);
    void (*_Nonnull gumbel_f64)(double *_Nonnull out, size_t groups, uint64_t key, uint64_t stream, uint64_t first_group,
                       double center, double scale);
    /// The key stream of ChaCha20 (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008): 20 rounds, a key of 8
    /// words, a counter of 64 bits, nonce 0. Groups of 16 blocks: word w of block b lies at 16·w + b.
    void (*_Nonnull chacha20)(uint32_t *_Nonnull out, size_t groups, const uint32_t *_Nonnull key, uint64_t first_group);
};

extern const struct mercer_random_kernels *_Nonnull const mercer_random_table[3];

static inline const struct mercer_random_kernels *_Nonnull mercer_random(int isa) { return mercer_random_table[isa]; }

#endif
