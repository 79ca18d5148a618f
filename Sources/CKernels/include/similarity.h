// Sums of a kernel over many points: distances from dot products, kernel sums of density estimates, cosine features.
#ifndef MERCER_SIMILARITY_H
#define MERCER_SIMILARITY_H

/// Kernels of a density estimate as functions of the distance, 1 at distance 0.
enum mercer_density_kernel {
    mercer_density_gaussian = 0,
    mercer_density_tophat = 1,
    mercer_density_epanechnikov = 2,
    mercer_density_exponential = 3,
    mercer_density_linear = 4,
    mercer_density_cosine = 5
};

/// The longest chain of bandwidths.
enum { MERCER_CHAIN_LEVELS = 10 };

#define MERCER_SIMILARITY_LOOPS(T, S)                                                                              \
    /* Turns dot products x.y_j into |x - y_j|^2 in place, given |x|^2 and |y_j|^2; those below                    \
       near (|x|^2 + |y_j|^2) are computed again from the coordinates y[j * d ..< j * d + d]. The smallest. */     \
    T (*_Nonnull distances_##S)(T *_Nonnull dot, const T *_Nonnull y2, size_t n, T x2, T near,                     \
                                const T *_Nonnull x, const T *_Nonnull y, size_t d);                               \
    /* out[0] += sum w k, out[1] += sum (w k)^2, out[2] += sum w k r over squared distances r. `base` is a squared \
       distance that the values are relative to, k(r) / k(base), where the kernel never vanishes. */               \
    void (*_Nonnull kernel_sums_##S)(int kernel, const T *_Nonnull r, const T *_Nullable w, size_t n, T base,      \
                                     T bandwidth, double *_Nonnull out);                                           \
    /* The same for the Gaussian at bandwidths h, h/sqrt 2, h/2, ...: one exponential a distance, then squares.     \
       out[3 k ...] belongs to the k-th. */                                                                        \
    void (*_Nonnull gaussian_chain_##S)(const T *_Nonnull r, const T *_Nullable w, size_t n, T base, T bandwidth,  \
                                        int levels, double *_Nonnull out);                                         \
    /* r -> scale exp((base - r) / 2h^2) in place. */                                                              \
    void (*_Nonnull gaussian_##S)(T *_Nonnull r, size_t n, T base, T bandwidth, T scale);                          \
    /* sums[i] += sum over rows of cos(dot[row][i] + phase[i]). */                                                 \
    void (*_Nonnull cosine_sums_##S)(const T *_Nonnull dot, size_t rows, size_t n, const T *_Nonnull phase,        \
                                     double *_Nonnull sums);                                                       \
    /* out[0] += sum f_i cos(dot_i + phase_i), out[1] += sum cos^2. */                                             \
    void (*_Nonnull cosine_dot_##S)(const T *_Nonnull dot, size_t n, const T *_Nonnull phase,                      \
                                    const T *_Nonnull f, double *_Nonnull out);

struct mercer_similarity_kernels {
    MERCER_SIMILARITY_LOOPS(float, f32)
    MERCER_SIMILARITY_LOOPS(double, f64)
};

extern const struct mercer_similarity_kernels *_Nonnull const mercer_similarity_table[3];

static inline const struct mercer_similarity_kernels *_Nonnull mercer_similarity(int isa) {
    return mercer_similarity_table[isa];
}

#endif
