// Loops at the machine's bounds. `multiply_add`: sixteen accumulators in registers, each fed by its own product
// and sum, so that the latency of one is hidden behind the others; nothing is loaded. `read`: eight accumulators over
// a stream, bound by the bandwidth of whatever level of memory holds it. `copy` and `fill`: the same with one store for
// each load, and with stores alone.

typedef float ISA_NAME(probe_vector) __attribute__((vector_size(VBYTES)));
#define V ISA_NAME(probe_vector)
enum { ISA_NAME(probe_lanes) = VBYTES / 4, ISA_NAME(probe_chains) = VBYTES == 16 ? 12 : 16 };

static float ISA_NAME(probe_multiply_add)(size_t rounds) {
#pragma clang fp contract(fast)
    enum { chains = ISA_NAME(probe_chains) };
    V sum[chains];
    for (int i = 0; i < chains; i++) sum[i] = (V){} + (float)i;
    V factor = (V){} + 0.999f, term = (V){} + 0.001f;
    for (size_t r = 0; r < rounds; r++) {
        __asm__ volatile("" ::: "memory");
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++) sum[i] = sum[i] * factor + term;
    }
    V total = sum[0];
    for (int i = 1; i < chains; i++) total += sum[i];
    float result = 0;
    for (int i = 0; i < ISA_NAME(probe_lanes); i++) result += total[i];
    return result;
}

static float ISA_NAME(probe_read)(const float *x, size_t count) {
    enum { lanes = ISA_NAME(probe_lanes), step = 8 * lanes };
    typedef float vector __attribute__((vector_size(VBYTES), aligned(4), may_alias));
    V sum[8] = {};
    size_t i = 0;
    for (; i + step <= count; i += step) {
#pragma clang loop unroll(full)
        for (int k = 0; k < 8; k++) sum[k] += *(const vector *)(x + i + k * lanes);
    }
    V total = sum[0];
    for (int k = 1; k < 8; k++) total += sum[k];
    float result = 0;
    for (int k = 0; k < lanes; k++) result += total[k];
    for (; i < count; i++) result += x[i];
    return result;
}

static void ISA_NAME(probe_copy)(const float *x, float *y, size_t count) {
    enum { lanes = ISA_NAME(probe_lanes), step = 8 * lanes };
    typedef float vector __attribute__((vector_size(VBYTES), aligned(4), may_alias));
    size_t i = 0;
    for (; i + step <= count; i += step) {
        V held[8];
#pragma clang loop unroll(full)
        for (int k = 0; k < 8; k++) held[k] = *(const vector *)(x + i + k * lanes);
#pragma clang loop unroll(full)
        for (int k = 0; k < 8; k++) *(vector *)(y + i + k * lanes) = held[k];
    }
    for (; i < count; i++) y[i] = x[i];
}

static void ISA_NAME(probe_fill)(float *y, size_t count) {
    enum { lanes = ISA_NAME(probe_lanes), step = 8 * lanes };
    typedef float vector __attribute__((vector_size(VBYTES), aligned(4), may_alias));
    V one = (V){} + 1.0f;
    size_t i = 0;
    for (; i + step <= count; i += step) {
#pragma clang loop unroll(full)
        for (int k = 0; k < 8; k++) *(vector *)(y + i + k * lanes) = one;
    }
    for (; i < count; i++) y[i] = 1;
}

#undef V
