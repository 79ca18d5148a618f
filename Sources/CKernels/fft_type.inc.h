// The loops of the family `fft` for one type of number: R is float or double, S its name, W the lanes of a block.

#define FFT_PASTE_(a, b) mercer_fft_##a##_##b
#define FFT_PASTE(a, b) FFT_PASTE_(a, b)
#define F(name) ISA_NAME(FFT_PASTE(name, S))

typedef R F(v) __attribute__((vector_size(VBYTES)));
// A row of a block, whatever the width of registers.
typedef R F(row) __attribute__((vector_size(64)));
typedef uint64_t F(u64x4) __attribute__((vector_size(32)));

#define V F(v)
#define ROW F(row)
#define LANES (VBYTES / sizeof(R))

INLINE V F(load)(const R *p) {
    V v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void F(store)(R *p, V v) { memcpy(p, &v, sizeof v); }
INLINE ROW F(load_row)(const R *p) {
    ROW v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void F(store_row)(R *p, ROW v) { memcpy(p, &v, sizeof v); }

// MARK: Butterflies

INLINE void F(butterfly2)(V *r, V *i) {
    V ar = r[0] + r[1], ai = i[0] + i[1];
    r[1] = r[0] - r[1];
    i[1] = i[0] - i[1];
    r[0] = ar;
    i[0] = ai;
}

INLINE void F(butterfly3)(V *r, V *i) {
    const R half = (R)0.5, sine = (R)0.86602540378443864676;
    V sr = r[1] + r[2], si = i[1] + i[2];
    V dr = (r[1] - r[2]) * sine, di = (i[1] - i[2]) * sine;
    V mr = r[0] - sr * half, mi = i[0] - si * half;
    r[0] += sr;
    i[0] += si;
    r[1] = mr + di;
    i[1] = mi - dr;
    r[2] = mr - di;
    i[2] = mi + dr;
}

INLINE void F(butterfly4)(V *r, V *i) {
    V ar = r[0] + r[2], ai = i[0] + i[2], br = r[0] - r[2], bi = i[0] - i[2];
    V cr = r[1] + r[3], ci = i[1] + i[3], dr = r[1] - r[3], di = i[1] - i[3];
    r[0] = ar + cr;
    i[0] = ai + ci;
    r[1] = br + di;
    i[1] = bi - dr;
    r[2] = ar - cr;
    i[2] = ai - ci;
    r[3] = br - di;
    i[3] = bi + dr;
}

INLINE void F(butterfly5)(V *r, V *i) {
    const R c1 = (R)0.30901699437494742410, c2 = (R)-0.80901699437494742410;
    const R s1 = (R)0.95105651629515357212, s2 = (R)0.58778525229247312917;
    V ar = r[1] + r[4], ai = i[1] + i[4], br = r[1] - r[4], bi = i[1] - i[4];
    V cr = r[2] + r[3], ci = i[2] + i[3], dr = r[2] - r[3], di = i[2] - i[3];
    V er = r[0] + ar * c1 + cr * c2, ei = i[0] + ai * c1 + ci * c2;
    V fr = r[0] + ar * c2 + cr * c1, fi = i[0] + ai * c2 + ci * c1;
    V gr = br * s1 + dr * s2, gi = bi * s1 + di * s2;
    V hr = br * s2 - dr * s1, hi = bi * s2 - di * s1;
    r[0] += ar + cr;
    i[0] += ai + ci;
    r[1] = er + gi;
    i[1] = ei - gr;
    r[4] = er - gi;
    i[4] = ei + gr;
    r[2] = fr + hi;
    i[2] = fi - hr;
    r[3] = fr - hi;
    i[3] = fi + hr;
}

INLINE void F(butterfly8)(V *r, V *i) {
    const R h = (R)0.70710678118654752440;
    V er[4] = {r[0], r[2], r[4], r[6]}, ei[4] = {i[0], i[2], i[4], i[6]};
    V or_[4] = {r[1], r[3], r[5], r[7]}, oi[4] = {i[1], i[3], i[5], i[7]};
    F(butterfly4)(er, ei);
    F(butterfly4)(or_, oi);
    // The odd half times 1, exp(-iπ/4), -i, exp(-3iπ/4).
    V tr = (or_[1] + oi[1]) * h, ti = (oi[1] - or_[1]) * h;
    V ur = (oi[3] - or_[3]) * h, ui = (or_[3] + oi[3]) * -h;
    r[0] = er[0] + or_[0];
    i[0] = ei[0] + oi[0];
    r[4] = er[0] - or_[0];
    i[4] = ei[0] - oi[0];
    r[1] = er[1] + tr;
    i[1] = ei[1] + ti;
    r[5] = er[1] - tr;
    i[5] = ei[1] - ti;
    r[2] = er[2] + oi[2];
    i[2] = ei[2] - or_[2];
    r[6] = er[2] - oi[2];
    i[6] = ei[2] + or_[2];
    r[3] = er[3] + ur;
    i[3] = ei[3] + ui;
    r[7] = er[3] - ur;
    i[7] = ei[3] - ui;
}

// Any odd radix: sums and differences of the pairs x[j], x[radix - j] against cosines and sines.
INLINE void F(butterfly_odd)(size_t radix, V *r, V *i, const R *roots) {
    size_t half = radix / 2;
    V sr[32], si[32], dr[32], di[32];
    V zr = r[0], zi = i[0];
    V total_r = zr, total_i = zi;
    for (size_t j = 1; j <= half; j++) {
        sr[j] = r[j] + r[radix - j];
        si[j] = i[j] + i[radix - j];
        dr[j] = r[j] - r[radix - j];
        di[j] = i[j] - i[radix - j];
        total_r += sr[j];
        total_i += si[j];
    }
    r[0] = total_r;
    i[0] = total_i;
    for (size_t k = 1; k <= half; k++) {
        V ar = zr, ai = zi, br = (V){}, bi = (V){};
        size_t index = 0;
        for (size_t j = 1; j <= half; j++) {
            index += k;
            if (index >= radix) index -= radix;
            R c = roots[2 * index], s = roots[2 * index + 1];
            ar += sr[j] * c;
            ai += si[j] * c;
            br += dr[j] * s;
            bi += di[j] * s;
        }
        r[k] = ar + bi;
        i[k] = ai - br;
        r[radix - k] = ar - bi;
        i[radix - k] = ai + br;
    }
}

INLINE void F(butterfly)(size_t radix, V *r, V *i, const R *roots) {
    if (radix == 2) F(butterfly2)(r, i);
    else if (radix == 3) F(butterfly3)(r, i);
    else if (radix == 4) F(butterfly4)(r, i);
    else if (radix == 5) F(butterfly5)(r, i);
    else if (radix == 8) F(butterfly8)(r, i);
    else F(butterfly_odd)(radix, r, i, roots);
}

INLINE void F(pass_of)(size_t radix, size_t m, size_t width, const R *xr, const R *xi, R *yr, R *yi,
                       const R *twiddles, const R *roots) {
    V r[63], i[63];
    size_t plane = m * width;
    for (size_t p = 0; p < m; p++) {
        const R *w = twiddles + p * (radix - 1) * 2;
        for (size_t q = 0; q < width; q += LANES) {
            for (size_t k = 0; k < radix; k++) {
                r[k] = F(load)(xr + k * plane + q);
                i[k] = F(load)(xi + k * plane + q);
            }
            F(butterfly)(radix, r, i, roots);
            F(store)(yr + q, r[0]);
            F(store)(yi + q, i[0]);
            for (size_t k = 1; k < radix; k++) {
                R c = w[2 * k - 2], s = w[2 * k - 1];
                F(store)(yr + k * width + q, r[k] * c - i[k] * s);
                F(store)(yi + k * width + q, r[k] * s + i[k] * c);
            }
        }
        xr += width;
        xi += width;
        yr += radix * width;
        yi += radix * width;
    }
}

// The last pass, m = 1: no twiddles.
INLINE void F(last_of)(size_t radix, size_t width, const R *xr, const R *xi, R *yr, R *yi, const R *roots) {
    V r[63], i[63];
    for (size_t q = 0; q < width; q += LANES) {
        for (size_t k = 0; k < radix; k++) {
            r[k] = F(load)(xr + k * width + q);
            i[k] = F(load)(xi + k * width + q);
        }
        F(butterfly)(radix, r, i, roots);
        for (size_t k = 0; k < radix; k++) {
            F(store)(yr + k * width + q, r[k]);
            F(store)(yi + k * width + q, i[k]);
        }
    }
}

static void F(pass)(size_t radix, size_t m, size_t width, const R *xr, const R *xi, R *yr, R *yi, const R *twiddles,
                    const R *roots) {
#define PASS(n)                                                                                                     \
    return m == 1 ? F(last_of)(n, width, xr, xi, yr, yi, roots)                                                     \
                  : F(pass_of)(n, m, width, xr, xi, yr, yi, twiddles, roots)
    switch (radix) {
    case 2: PASS(2);
    case 3: PASS(3);
    case 4: PASS(4);
    case 5: PASS(5);
    case 7: PASS(7);
    case 8: PASS(8);
    default: PASS(radix);
    }
#undef PASS
}

// MARK: Between tensors and blocks

#if W == 16
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#else
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#endif

// Four rows of four 64-bit words become four columns.
INLINE void F(transpose4)(F(u64x4) *t) {
    F(u64x4) a = __builtin_shufflevector(t[0], t[1], 0, 4, 2, 6), b = __builtin_shufflevector(t[0], t[1], 1, 5, 3, 7);
    F(u64x4) c = __builtin_shufflevector(t[2], t[3], 0, 4, 2, 6), d = __builtin_shufflevector(t[2], t[3], 1, 5, 3, 7);
    t[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    t[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    t[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    t[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

#if W == 16
// Pairs of consecutive numbers of 16 sequences, `lane_step` numbers apart: first ones to rows of `re`, second ones to
// rows of `im`, rows `row_step` apart. Returns how many of the n pairs a lane were moved, a multiple of four.
INLINE size_t F(gather_rows)(const R *x, ptrdiff_t lane_step, size_t n, R *re, R *im, size_t row_step) {
    R columns[4][2 * W];
    size_t j = 0;
    for (; j + 4 <= n; j += 4) {
        for (size_t l = 0; l < W; l += 4) {
            F(u64x4) t[4];
            for (int k = 0; k < 4; k++) memcpy(&t[k], x + 2 * j + (ptrdiff_t)(l + k) * lane_step, 32);
            F(transpose4)(t);
            for (int k = 0; k < 4; k++) memcpy(&columns[k][2 * l], &t[k], 32);
        }
        for (int k = 0; k < 4; k++) {
            ROW a = F(load_row)(columns[k]), b = F(load_row)(columns[k] + W);
            F(store_row)(re + (j + k) * row_step, EVEN(a, b));
            F(store_row)(im + (j + k) * row_step, ODD(a, b));
        }
    }
    return j;
}

// The reverse.
INLINE size_t F(scatter_rows)(const R *re, const R *im, size_t row_step, R *y, ptrdiff_t lane_step, size_t n, R scale) {
    R columns[4][2 * W];
    size_t j = 0;
    for (; j + 4 <= n; j += 4) {
        for (int k = 0; k < 4; k++) {
            ROW a = F(load_row)(re + (j + k) * row_step) * scale, b = F(load_row)(im + (j + k) * row_step) * scale;
            F(store_row)(columns[k], ZIP_LOW(a, b));
            F(store_row)(columns[k] + W, ZIP_HIGH(a, b));
        }
        for (size_t l = 0; l < W; l += 4) {
            F(u64x4) t[4];
            for (int k = 0; k < 4; k++) memcpy(&t[k], &columns[k][2 * l], 32);
            F(transpose4)(t);
            for (int k = 0; k < 4; k++) memcpy(y + 2 * j + (ptrdiff_t)(l + k) * lane_step, &t[k], 32);
        }
    }
    return j;
}
#endif

static void F(gather)(const R *x, ptrdiff_t step, ptrdiff_t lane_step, size_t n, size_t lanes, R *re, R *im) {
    size_t j = 0;
    if (lanes == W && lane_step == 1) {
        for (; j < n; j++) {
            ROW a = F(load_row)(x + 2 * (ptrdiff_t)j * step), b = F(load_row)(x + 2 * (ptrdiff_t)j * step + W);
            F(store_row)(re + j * W, EVEN(a, b));
            F(store_row)(im + j * W, ODD(a, b));
        }
        return;
    }
#if W == 16
    if (lanes == W && step == 1) j = F(gather_rows)(x, 2 * lane_step, n, re, im, W);
#endif
    for (; j < n; j++) {
        for (size_t l = 0; l < lanes; l++) {
            const R *p = x + 2 * ((ptrdiff_t)j * step + (ptrdiff_t)l * lane_step);
            re[j * W + l] = p[0];
            im[j * W + l] = p[1];
        }
        for (size_t l = lanes; l < W; l++) re[j * W + l] = im[j * W + l] = 0;
    }
}

static void F(scatter)(const R *re, const R *im, R *y, ptrdiff_t step, ptrdiff_t lane_step, size_t n, size_t lanes,
                       R scale) {
    size_t j = 0;
    if (lanes == W && lane_step == 1) {
        for (; j < n; j++) {
            ROW a = F(load_row)(re + j * W) * scale, b = F(load_row)(im + j * W) * scale;
            F(store_row)(y + 2 * (ptrdiff_t)j * step, ZIP_LOW(a, b));
            F(store_row)(y + 2 * (ptrdiff_t)j * step + W, ZIP_HIGH(a, b));
        }
        return;
    }
#if W == 16
    if (lanes == W && step == 1) j = F(scatter_rows)(re, im, W, y, 2 * lane_step, n, scale);
#endif
    for (; j < n; j++)
        for (size_t l = 0; l < lanes; l++) {
            R *p = y + 2 * ((ptrdiff_t)j * step + (ptrdiff_t)l * lane_step);
            p[0] = re[j * W + l] * scale;
            p[1] = im[j * W + l] * scale;
        }
}

static void F(gather_real)(const R *x, ptrdiff_t step, ptrdiff_t lane_step, size_t n, size_t lanes, R *re) {
    size_t j = 0;
#if W == 16
    if (lanes == W && step == 1) j = 2 * F(gather_rows)(x, lane_step, n / 2, re, re + W, 2 * W);
#endif
    for (; j < n; j++) {
        const R *p = x + (ptrdiff_t)j * step;
        if (lanes == W && lane_step == 1) {
            F(store_row)(re + j * W, F(load_row)(p));
            continue;
        }
        for (size_t l = 0; l < lanes; l++) re[j * W + l] = p[(ptrdiff_t)l * lane_step];
        for (size_t l = lanes; l < W; l++) re[j * W + l] = 0;
    }
}

static void F(scatter_real)(const R *re, R *y, ptrdiff_t step, ptrdiff_t lane_step, size_t n, size_t lanes, R scale) {
    size_t j = 0;
#if W == 16
    if (lanes == W && step == 1) j = 2 * F(scatter_rows)(re, re + W, 2 * W, y, lane_step, n / 2, scale);
#endif
    for (; j < n; j++) {
        R *p = y + (ptrdiff_t)j * step;
        if (lanes == W && lane_step == 1) {
            F(store_row)(p, F(load_row)(re + j * W) * scale);
            continue;
        }
        for (size_t l = 0; l < lanes; l++) p[(ptrdiff_t)l * lane_step] = re[j * W + l] * scale;
    }
}

// MARK: Real sequences in pairs

static void F(split)(size_t n, const R *zr, const R *zi, R *ar, R *ai, R *br, R *bi) {
    const R half = (R)0.5;
    for (size_t k = 0; k <= n / 2; k++) {
        size_t c = k == 0 ? 0 : n - k;
        ROW pr = F(load_row)(zr + k * W), pi = F(load_row)(zi + k * W);
        ROW qr = F(load_row)(zr + c * W), qi = F(load_row)(zi + c * W);
        F(store_row)(ar + k * W, (pr + qr) * half);
        F(store_row)(ai + k * W, (pi - qi) * half);
        F(store_row)(br + k * W, (pi + qi) * half);
        F(store_row)(bi + k * W, (qr - pr) * half);
    }
}

static void F(join)(size_t n, const R *ar, const R *ai, const R *br, const R *bi, R *zr, R *zi) {
    for (size_t k = 0; k <= n / 2; k++) {
        ROW pr = F(load_row)(ar + k * W), qr = F(load_row)(br + k * W);
        if (k == 0 || 2 * k == n) {
            F(store_row)(zr + k * W, pr);
            F(store_row)(zi + k * W, qr);
            continue;
        }
        ROW pi = F(load_row)(ai + k * W), qi = F(load_row)(bi + k * W);
        F(store_row)(zr + k * W, pr - qi);
        F(store_row)(zi + k * W, pi + qr);
        F(store_row)(zr + (n - k) * W, pr + qi);
        F(store_row)(zi + (n - k) * W, qr - pi);
    }
}

// MARK: Factors

static void F(multiply_rows)(size_t n, const R *xr, const R *xi, const R *cr, const R *ci, R *yr, R *yi) {
    for (size_t j = 0; j < n; j++) {
        ROW a = F(load_row)(xr + j * W), b = F(load_row)(xi + j * W);
        F(store_row)(yr + j * W, a * cr[j] - b * ci[j]);
        F(store_row)(yi + j * W, a * ci[j] + b * cr[j]);
    }
}

static void F(twist)(size_t n, size_t first, size_t lanes, int shift, const R *coarse, const R *fine, R *zr, R *zi) {
    size_t mask = ((size_t)1 << shift) - 1;
    for (size_t j = 0; j < n; j++) {
        for (size_t l = 0; l < lanes; l++) {
            size_t product = j * (first + l);
            const R *c = coarse + 2 * (product >> shift), *f = fine + 2 * (product & mask);
            R wr = c[0] * f[0] - c[1] * f[1], wi = c[0] * f[1] + c[1] * f[0];
            R a = zr[j * W + l], b = zi[j * W + l];
            zr[j * W + l] = a * wr - b * wi;
            zi[j * W + l] = a * wi + b * wr;
        }
    }
}

// MARK: Walsh-Hadamard

static void F(hadamard)(R *x, size_t n, R scale) {
    size_t h = 1;
    for (; h < n && h < W; h *= 2)
        for (size_t i = 0; i < n; i += 2 * h)
            for (size_t j = i; j < i + h; j++) {
                R a = x[j], b = x[j + h];
                x[j] = a + b;
                x[j + h] = a - b;
            }
    for (; h < n; h *= 2)
        for (size_t i = 0; i < n; i += 2 * h)
            for (size_t j = i; j < i + h; j += W) {
                ROW a = F(load_row)(x + j), b = F(load_row)(x + j + h);
                F(store_row)(x + j, a + b);
                F(store_row)(x + j + h, a - b);
            }
    if (scale != 1)
        for (size_t j = 0; j < n; j++) x[j] *= scale;
}

#undef EVEN
#undef ODD
#undef ZIP_LOW
#undef ZIP_HIGH
#undef V
#undef ROW
#undef LANES
#undef F
#undef FFT_PASTE
#undef FFT_PASTE_
