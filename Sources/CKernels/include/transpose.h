// Transposition of matrices of 4- and 8-byte elements, and strands put together and taken apart.
#ifndef MERCER_TRANSPOSE_H
#define MERCER_TRANSPOSE_H

/// to[r * to_stride + c] = from[c * from_stride + r] for r < rows, c < columns; strides in elements.
typedef void (*mercer_transpose_loop)(const void *_Nonnull from, ptrdiff_t from_stride, void *_Nonnull to,
                                      ptrdiff_t to_stride, size_t rows, size_t columns);

enum { mercer_strands_most = 16 };

struct mercer_transpose_kernels {
    mercer_transpose_loop _Nonnull of4;
    mercer_transpose_loop _Nonnull of8;

    /// to[offsets[k] + c] = from[c * ways + k] for c < count, k < ways, at most `mercer_strands_most`; elements of 4
    /// bytes.
    void (*_Nonnull deinterleave)(const void *_Nonnull from, void *_Nonnull to, const ptrdiff_t *_Nonnull offsets,
                                  size_t ways, size_t count);
    /// to[c * ways + k] = from[offsets[k] + c].
    void (*_Nonnull interleave)(const void *_Nonnull from, const ptrdiff_t *_Nonnull offsets, void *_Nonnull to,
                                size_t ways, size_t count);
};

extern const struct mercer_transpose_kernels *_Nonnull const mercer_transpose_table[3];

/// The loop for elements of 4 or 8 bytes.
static inline mercer_transpose_loop _Nonnull mercer_transpose_function(int isa, int size) {
    return size == 4 ? mercer_transpose_table[isa]->of4 : mercer_transpose_table[isa]->of8;
}

/// The table of an instruction set.
static inline const struct mercer_transpose_kernels *_Nonnull mercer_transpose_functions(int isa) {
    return mercer_transpose_table[isa];
}

#endif
