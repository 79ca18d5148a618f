// Transposition of matrices of 4- and 8-byte elements.
#ifndef MERCER_TRANSPOSE_H
#define MERCER_TRANSPOSE_H

/// to[r * to_stride + c] = from[c * from_stride + r] for r < rows, c < columns; strides in elements.
typedef void (*mercer_transpose_loop)(const void *_Nonnull from, ptrdiff_t from_stride, void *_Nonnull to,
                                      ptrdiff_t to_stride, size_t rows, size_t columns);

struct mercer_transpose_kernels {
    mercer_transpose_loop _Nonnull of4;
    mercer_transpose_loop _Nonnull of8;
};

extern const struct mercer_transpose_kernels *_Nonnull const mercer_transpose_table[3];

/// The loop for elements of 4 or 8 bytes.
static inline mercer_transpose_loop _Nonnull mercer_transpose_function(int isa, int size) {
    return size == 4 ? mercer_transpose_table[isa]->of4 : mercer_transpose_table[isa]->of8;
}

#endif
