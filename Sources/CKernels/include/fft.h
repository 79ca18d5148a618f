// Discrete Fourier transforms of many sequences at once, one a vector lane.
//
// A block is two arrays `re`, `im` of [length][W] values, W·sizeof = 64 bytes: element j of the sequence in lane l lies
// at j·W + l. Complex tensors interleave real and imaginary parts; gather and scatter convert.
#ifndef MERCER_FFT_H
#define MERCER_FFT_H

#define MERCER_FFT_FUNCTIONS(R, S)                                                                                  \
    /* One Stockham pass over `width` = stride·W values: a butterfly of `radix` inputs m apart, then twiddles       \
       w[p][k-1] = exp(-2πi·p·k / (radix·m)) as pairs. `roots`: cos and sin of 2πj/radix, read for radices that     \
       have no code of their own. */                                                                                \
    void (*_Nonnull pass_##S)(size_t radix, size_t m, size_t width, const R *_Nonnull xr, const R *_Nonnull xi,     \
                              R *_Nonnull yr, R *_Nonnull yi, const R *_Nonnull twiddles, const R *_Nonnull roots); \
    /* Interleaved complex numbers into a block: element j of lane l is at x[2·(j·step + l·lane_step)]; lanes       \
       beyond `lanes` are zero. */                                                                                  \
    void (*_Nonnull gather_##S)(const R *_Nonnull x, ptrdiff_t step, ptrdiff_t lane_step, size_t n, size_t lanes,   \
                                R *_Nonnull re, R *_Nonnull im);                                                    \
    void (*_Nonnull scatter_##S)(const R *_Nonnull re, const R *_Nonnull im, R *_Nonnull y, ptrdiff_t step,         \
                                 ptrdiff_t lane_step, size_t n, size_t lanes, R scale);                             \
    /* The same for real numbers and one half of a block. */                                                        \
    void (*_Nonnull gather_real_##S)(const R *_Nonnull x, ptrdiff_t step, ptrdiff_t lane_step, size_t n,            \
                                     size_t lanes, R *_Nonnull re);                                                 \
    void (*_Nonnull scatter_real_##S)(const R *_Nonnull re, R *_Nonnull y, ptrdiff_t step, ptrdiff_t lane_step,     \
                                      size_t n, size_t lanes, R scale);                                             \
    /* The spectra a, b (n/2 + 1 rows each) of two real sequences that were transformed as a + ib = z (n rows). */  \
    void (*_Nonnull split_##S)(size_t n, const R *_Nonnull zr, const R *_Nonnull zi, R *_Nonnull ar,                \
                               R *_Nonnull ai, R *_Nonnull br, R *_Nonnull bi);                                     \
    /* The reverse: z = a + ib of two half spectra, the imaginary parts of the first and the middle row ignored. */ \
    void (*_Nonnull join_##S)(size_t n, const R *_Nonnull ar, const R *_Nonnull ai, const R *_Nonnull br,           \
                              const R *_Nonnull bi, R *_Nonnull zr, R *_Nonnull zi);                                \
    /* y[j] = x[j]·c[j], one complex factor a row. In place if y is x. */                                           \
    void (*_Nonnull multiply_rows_##S)(size_t n, const R *_Nonnull xr, const R *_Nonnull xi, const R *_Nonnull cr,  \
                                       const R *_Nonnull ci, R *_Nonnull yr, R *_Nonnull yi);                       \
    /* z[j][l] *= exp(-2πi·j·(first + l) / total), from tables of the powers of the two digits of j·(first + l) in  \
       base 2^shift: coarse[d] = exp(-2πi·d·2^shift / total), fine[d] = exp(-2πi·d / total), as pairs. */           \
    void (*_Nonnull twist_##S)(size_t n, size_t first, size_t lanes, int shift, const R *_Nonnull coarse,           \
                               const R *_Nonnull fine, R *_Nonnull zr, R *_Nonnull zi);                             \
    /* Walsh-Hadamard transform in natural order of n = 2^k consecutive values, in place, times `scale`. */         \
    void (*_Nonnull hadamard_##S)(R *_Nonnull x, size_t n, R scale);

struct mercer_fft_kernels {
    MERCER_FFT_FUNCTIONS(float, f32)
    MERCER_FFT_FUNCTIONS(double, f64)
};

extern const struct mercer_fft_kernels *_Nonnull const mercer_fft_table[3];

static inline const struct mercer_fft_kernels *_Nonnull mercer_fft(int isa) { return mercer_fft_table[isa]; }

#endif
