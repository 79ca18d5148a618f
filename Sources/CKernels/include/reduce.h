// Reductions over rows and columns of a matrix, and softmax over its rows.
#ifndef MERCER_REDUCE_H
#define MERCER_REDUCE_H

// squared_deviation: the sum of (x - aux)^2; exponential: the sum of e^(x - aux).
#define MERCER_REDUCTIONS(X) X(sum) X(product) X(maximum) X(minimum) X(squared_deviation) X(exponential)
#define MERCER_ARGUMENT_REDUCTIONS(X) X(maximum) X(minimum)
// Rows of x to rows of y. softmax, log_softmax: y = f(x), aux unused. Their gradients: x is the result, aux the incoming
// gradient, of the same layout.
#define MERCER_ROW_MAPS(X) X(softmax) X(log_softmax) X(softmax_gradient) X(log_softmax_gradient)

#define MERCER_ENUMERATE(name) mercer_reduction_##name,
enum mercer_reduction { MERCER_REDUCTIONS(MERCER_ENUMERATE) mercer_reduction_count };
#undef MERCER_ENUMERATE
#define MERCER_ENUMERATE(name) mercer_argument_##name,
enum mercer_argument_reduction { MERCER_ARGUMENT_REDUCTIONS(MERCER_ENUMERATE) mercer_argument_reduction_count };
#undef MERCER_ENUMERATE
#define MERCER_ENUMERATE(name) mercer_row_map_##name,
enum mercer_row_map { MERCER_ROW_MAPS(MERCER_ENUMERATE) mercer_row_map_count };
#undef MERCER_ENUMERATE

/// Reduces each row (to y[row]; aux has an element a row) or each column (to y[column]; aux has one a column) of a
/// matrix whose rows are `stride` elements apart. At least one row and one column.
typedef void (*mercer_reduce_loop)(const void *_Nonnull x, size_t rows, size_t columns, size_t stride,
                                   const void *_Nullable aux, void *_Nonnull y);

/// The position of the first largest or smallest element (NaN counts as that) of each row or column.
typedef void (*mercer_argument_loop)(const void *_Nonnull x, size_t rows, size_t columns, size_t stride,
                                     int64_t *_Nonnull y);

/// Dense rows to dense rows; y may be x or aux.
typedef void (*mercer_row_map_loop)(const void *_Nonnull x, const void *_Nullable aux, size_t rows, size_t columns,
                                    void *_Nonnull y);

/// The same along the columns of a matrix whose rows are `stride` elements apart in x, aux and y.
typedef void (*mercer_column_map_loop)(const void *_Nonnull x, const void *_Nullable aux, size_t rows,
                                       size_t columns, size_t stride, void *_Nonnull y);

struct mercer_reduce_kernels {
    mercer_reduce_loop _Nonnull rows[2][mercer_reduction_count];
    mercer_reduce_loop _Nonnull columns[2][mercer_reduction_count];
    mercer_argument_loop _Nonnull argument_rows[2][mercer_argument_reduction_count];
    mercer_argument_loop _Nonnull argument_columns[2][mercer_argument_reduction_count];
    mercer_row_map_loop _Nonnull row_maps[2][mercer_row_map_count];
    /// The same maps along columns.
    mercer_column_map_loop _Nonnull column_maps[2][mercer_row_map_count];
    /// y = scale[row] e^(x - lse[row]) - shift[row]: `aux` holds lse, scale and shift, one array after the other.
    mercer_row_map_loop _Nonnull shifted_softmax[2];
};

extern const struct mercer_reduce_kernels *_Nonnull const mercer_reduce_table[3];

static inline mercer_reduce_loop _Nonnull mercer_row_reduction(int isa, int type, enum mercer_reduction operation) {
    return mercer_reduce_table[isa]->rows[type][operation];
}
static inline mercer_reduce_loop _Nonnull mercer_column_reduction(int isa, int type, enum mercer_reduction operation) {
    return mercer_reduce_table[isa]->columns[type][operation];
}
static inline mercer_argument_loop _Nonnull mercer_argument_of_rows(int isa, int type,
                                                                    enum mercer_argument_reduction operation) {
    return mercer_reduce_table[isa]->argument_rows[type][operation];
}
static inline mercer_argument_loop _Nonnull mercer_argument_of_columns(int isa, int type,
                                                                       enum mercer_argument_reduction operation) {
    return mercer_reduce_table[isa]->argument_columns[type][operation];
}
static inline mercer_row_map_loop _Nonnull mercer_row_map_function(int isa, int type, enum mercer_row_map operation) {
    return mercer_reduce_table[isa]->row_maps[type][operation];
}
static inline mercer_column_map_loop _Nonnull mercer_column_map_function(int isa, int type,
                                                                         enum mercer_row_map operation) {
    return mercer_reduce_table[isa]->column_maps[type][operation];
}
static inline mercer_row_map_loop _Nonnull mercer_shifted_softmax_function(int isa, int type) {
    return mercer_reduce_table[isa]->shifted_softmax[type];
}

#endif
