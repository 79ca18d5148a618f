// Reductions and softmax. A row is read once (softmax: three times, from the first-level cache for rows up to 16 K
// elements); four independent accumulators hide the latency of the addition, and float32 sums pass into a float64
// every 1024 elements, so that the error doesn't grow with the length of a row. Columns are taken eight vectors wide,
// one accumulator each, and partial sums of 128 rows are added up, for the same reason. Softmax along columns takes four
// vectors side by side through all rows, three times as well. Everything runs against
// memory bandwidth, the softmax family against the FMA ports.

#include "vector_math.inc.h"

#define N VF
#define T float
#define M int32_t
#define LANES VF_LANES
#define INFINITE __builtin_inff()
#define LOG(x) (float)log(x)
#include "reduce_functions.inc.h"
#undef N
#undef T
#undef M
#undef LANES
#undef INFINITE
#undef LOG

#define N VD
#define T double
#define M int64_t
#define LANES VD_LANES
#define INFINITE __builtin_inf()
#define LOG(x) log(x)
#include "reduce_functions.inc.h"
#undef N
#undef T
#undef M
#undef LANES
#undef INFINITE
#undef LOG

#define F32_ROWS(name) VF(rows_##name),
#define F64_ROWS(name) VD(rows_##name),
#define F32_COLUMNS(name) VF(columns_##name),
#define F64_COLUMNS(name) VD(columns_##name),
#define F32_ARGUMENT_ROWS(name) VF(argument_rows_##name),
#define F64_ARGUMENT_ROWS(name) VD(argument_rows_##name),
#define F32_ARGUMENT_COLUMNS(name) VF(argument_columns_##name),
#define F64_ARGUMENT_COLUMNS(name) VD(argument_columns_##name),
#define F32_MAP(name) VF(map_##name),
#define F64_MAP(name) VD(map_##name),
#define F32_COLUMN_MAP(name) VF(column_map_##name),
#define F64_COLUMN_MAP(name) VD(column_map_##name),
static const struct mercer_reduce_kernels ISA_NAME(mercer_reduce) = {
    .rows = {{MERCER_REDUCTIONS(F32_ROWS)}, {MERCER_REDUCTIONS(F64_ROWS)}},
    .columns = {{MERCER_REDUCTIONS(F32_COLUMNS)}, {MERCER_REDUCTIONS(F64_COLUMNS)}},
    .argument_rows = {{MERCER_ARGUMENT_REDUCTIONS(F32_ARGUMENT_ROWS)},
                      {MERCER_ARGUMENT_REDUCTIONS(F64_ARGUMENT_ROWS)}},
    .argument_columns = {{MERCER_ARGUMENT_REDUCTIONS(F32_ARGUMENT_COLUMNS)},
                         {MERCER_ARGUMENT_REDUCTIONS(F64_ARGUMENT_COLUMNS)}},
    .row_maps = {{MERCER_ROW_MAPS(F32_MAP)}, {MERCER_ROW_MAPS(F64_MAP)}},
    .column_maps = {{MERCER_ROW_MAPS(F32_COLUMN_MAP)}, {MERCER_ROW_MAPS(F64_COLUMN_MAP)}},
    .shifted_softmax = {VF(shifted_softmax), VD(shifted_softmax)},
};
#undef F32_ROWS
#undef F64_ROWS
#undef F32_COLUMNS
#undef F64_COLUMNS
#undef F32_ARGUMENT_ROWS
#undef F64_ARGUMENT_ROWS
#undef F32_ARGUMENT_COLUMNS
#undef F64_ARGUMENT_COLUMNS
#undef F32_MAP
#undef F64_MAP
#undef F32_COLUMN_MAP
#undef F64_COLUMN_MAP
