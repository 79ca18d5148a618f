// Adaptive resampling: every pixel and channel has a kernel of its own.
//
// Idea: a kernel row and the pixels under it are both runs of neighbouring numbers, so nothing is unfolded: vectors of
// eight and of four, then single numbers. Each kernel is read once and used for one sum, so that the bound is the
// memory that the kernels come from (four bytes a multiply-add).

#define always static inline __attribute__((always_inline))

typedef float ISA_NAME(v8) __attribute__((vector_size(32), aligned(4)));
typedef float ISA_NAME(v4) __attribute__((vector_size(16), aligned(4)));
#define v8 ISA_NAME(v8)
#define v4 ISA_NAME(v4)

always float ISA_NAME(sum8)(v8 a) {
    v4 b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return (b[0] + b[2]) + (b[1] + b[3]);
}

always void ISA_NAME(apply_side)(
    int64_t pixels, const int64_t side, int64_t scale, const float *kernels, int64_t kernel_step,
    const float *const *lines, float *y, int64_t y_step) {
    for (int64_t j = 0; j < pixels; j++, kernels += kernel_step, y += y_step) {
        v8 sum = {0};
        v4 half = {0};
        float rest = 0;
        for (int64_t u = 0; u < side; u++) {
            const float *k = kernels + u * side, *x = lines[u] + j * scale;
            int64_t v = 0;
            for (; v + 8 <= side; v += 8) sum += *(const v8 *)(k + v) * *(const v8 *)(x + v);
            for (; v + 4 <= side; v += 4) half += *(const v4 *)(k + v) * *(const v4 *)(x + v);
            for (; v < side; v++) rest += k[v] * x[v];
        }
        *y = ISA_NAME(sum8)(sum) + ((half[0] + half[2]) + (half[1] + half[3])) + rest;
    }
}

always void ISA_NAME(kernel_gradient_side)(
    int64_t pixels, const int64_t side, int64_t scale, const float *gradient, int64_t y_step,
    const float *const *lines, float *to, int64_t kernel_step) {
    for (int64_t j = 0; j < pixels; j++, to += kernel_step, gradient += y_step) {
        float g = *gradient;
        for (int64_t u = 0; u < side; u++) {
            const float *x = lines[u] + j * scale;
            float *k = to + u * side;
            int64_t v = 0;
            for (; v + 8 <= side; v += 8) *(v8 *)(k + v) = g * *(const v8 *)(x + v);
            for (; v + 4 <= side; v += 4) *(v4 *)(k + v) = g * *(const v4 *)(x + v);
            for (; v < side; v++) k[v] = g * x[v];
        }
    }
}

always void ISA_NAME(source_gradient_side)(
    int64_t pixels, const int64_t side, int64_t scale, const float *gradient, int64_t y_step, const float *kernels,
    int64_t kernel_step, float *const *lines) {
    for (int64_t j = 0; j < pixels; j++, kernels += kernel_step, gradient += y_step) {
        float g = *gradient;
        for (int64_t u = 0; u < side; u++) {
            const float *k = kernels + u * side;
            float *x = lines[u] + j * scale;
            int64_t v = 0;
            for (; v + 8 <= side; v += 8) *(v8 *)(x + v) += g * *(const v8 *)(k + v);
            for (; v + 4 <= side; v += 4) *(v4 *)(x + v) += g * *(const v4 *)(k + v);
            for (; v < side; v++) x[v] += g * k[v];
        }
    }
}

// The side that is used most is known to the compiler.
static void ISA_NAME(apply)(
    int64_t pixels, int64_t side, int64_t scale, const float *kernels, int64_t kernel_step,
    const float *const *lines, float *y, int64_t y_step) {
    if (side == 8)
        ISA_NAME(apply_side)(pixels, 8, scale, kernels, kernel_step, lines, y, y_step);
    else
        ISA_NAME(apply_side)(pixels, side, scale, kernels, kernel_step, lines, y, y_step);
}

static void ISA_NAME(kernel_gradient)(
    int64_t pixels, int64_t side, int64_t scale, const float *gradient, int64_t y_step, const float *const *lines,
    float *to, int64_t kernel_step) {
    if (side == 8)
        ISA_NAME(kernel_gradient_side)(pixels, 8, scale, gradient, y_step, lines, to, kernel_step);
    else
        ISA_NAME(kernel_gradient_side)(pixels, side, scale, gradient, y_step, lines, to, kernel_step);
}

static void ISA_NAME(source_gradient)(
    int64_t pixels, int64_t side, int64_t scale, const float *gradient, int64_t y_step, const float *kernels,
    int64_t kernel_step, float *const *lines) {
    if (side == 8)
        ISA_NAME(source_gradient_side)(pixels, 8, scale, gradient, y_step, kernels, kernel_step, lines);
    else
        ISA_NAME(source_gradient_side)(pixels, side, scale, gradient, y_step, kernels, kernel_step, lines);
}

#undef always
#undef v8
#undef v4
