#include "include/CKernels.h"
#include <string.h>

#define FAMILY "resample.inc.h"
#include "foreach_isa.h"

const struct mercer_resample_kernels mercer_resample_table[3] = {
#if defined(__x86_64__)
#define TABLE(isa)                                                                                                \
    {vertical_u8_##isa,     vertical_u16_##isa,       vertical_f16_##isa,     vertical_f32_##isa,                 \
     vertical_f64_##isa,    horizontal_f32_##isa,     horizontal_f64_##isa,   vertical_fixed_##isa,               \
     horizontal_fixed_##isa, store_u8_##isa,          store_u16_##isa,        store_f16_##isa,                    \
     muller_level_##isa}
    TABLE(baseline), TABLE(avx2), TABLE(avx512),
#else
#define TABLE                                                                                                     \
    {vertical_u8_baseline,     vertical_u16_baseline,   vertical_f16_baseline,   vertical_f32_baseline,           \
     vertical_f64_baseline,    horizontal_f32_baseline, horizontal_f64_baseline, vertical_fixed_baseline,         \
     horizontal_fixed_baseline, store_u8_baseline,      store_u16_baseline,      store_f16_baseline,              \
     muller_level_baseline}
    TABLE, TABLE, TABLE,
#endif
};

#define GATHER(type)                                                                                              \
    for (ptrdiff_t i = 0; i < n; i++) ((type *)out)[i] = ((const type *)in)[index[i]]

void mercer_gather_pixels(void *out, const void *in, const int32_t *index, ptrdiff_t n, ptrdiff_t size) {
    struct three { uint8_t byte[3]; };
    struct six { uint16_t half[3]; };
    struct twelve { uint32_t word[3]; };
    switch (size) {
    case 1: GATHER(uint8_t); return;
    case 2: GATHER(uint16_t); return;
    case 3: GATHER(struct three); return;
    case 4: GATHER(uint32_t); return;
    case 6: GATHER(struct six); return;
    case 8: GATHER(uint64_t); return;
    case 12: GATHER(struct twelve); return;
    default:
        for (ptrdiff_t i = 0; i < n; i++)
            memcpy((char *)out + i * size, (const char *)in + (ptrdiff_t)index[i] * size, (size_t)size);
    }
}
