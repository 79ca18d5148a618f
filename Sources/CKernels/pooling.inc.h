// A pixel's channels beside the largest ones of its window so far: one comparison and two choices for three loads and
// two stores, bound by the load unit of the first-level cache.

#include "vector_math.inc.h"

static void ISA_NAME(pooling_larger)(const float *x, int32_t index, size_t count, float *largest, int32_t *place) {
    size_t c = 0;
    for (; c + VF_LANES <= count; c += VF_LANES) {
        VF(v) v = VF(load)(x + c), best = VF(load)(largest + c);
        VF(m) where, wins = (v > best) | (v != v);
        memcpy(&where, place + c, sizeof where);
        where = (wins & index) | (~wins & where);
        VF(store)(largest + c, VF(pick)(wins, v, best));
        memcpy(place + c, &where, sizeof where);
    }
    for (; c < count; c++)
        if (x[c] > largest[c] || x[c] != x[c]) {
            largest[c] = x[c];
            place[c] = index;
        }
}
