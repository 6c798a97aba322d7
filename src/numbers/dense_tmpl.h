/* dense_tmpl.h - sums of q_c and of q_c (max - x_c) over the classes, q_c = base_c + slope_c target_c, for
 * label smoothing and class probabilities.
 *
 * Like the exponentials, the terms are cut onto a grid and added as integers, so that the order does not
 * matter; the grid hangs on the largest term, found in a sweep of its own: the sum is off by less than
 * C 2^-(2 GRID - 1) of the largest term. Terms with q_c == 0 are 0 whatever the logit. */

/* ---- lanes as doubles: those of floats in two halves, of which there may be fewer lanes ------------ */

#define HALVES (SXT_T_IS_F32 ? 2 : 1)
SXT_INLINE void V(halves)(KV v, f64_v half[HALVES])
{
#if SXT_T_IS_F32
    f32_split(v, half);
#else
    half[0] = v;
#endif
}

SXT_INLINE void V(halves_at)(const T *p, f64_v half[HALVES])
{
#if SXT_T_IS_F32
    f32_load_halves(p, half);
#else
    half[0] = f64_load(p);
#endif
}

SXT_INLINE void V(put_halves)(T *p, const f64_v half[HALVES])
{
#if SXT_T_IS_F32
    f32_store_halves(p, half);
#else
    f64_store(p, half[0]);
#endif
}

SXT_INLINE KV V(whole)(const f64_v half[HALVES])
{
#if SXT_T_IS_F32
    return f32_join(half);
#else
    return half[0];
#endif
}

/* The first n of them, of which there may be as many as lanes. */
SXT_INLINE void V(read_halves)(const T *p, ptrdiff_t n, f64_v half[HALVES])
{
    if (n >= V(W))
        V(halves_at)(p, half);
    else
        V(halves)(V(loadn)(p, n), half);
}

/* From one value a lane; of the lanes only those that exist (W may be below the lanes of two halves). */
SXT_INLINE void V(half_load)(const double *p, int step, f64_v half[HALVES])
{
    for (int k = 0; k < HALVES; k++)
        half[k] = step == 0 ? f64_set1(*p) : k * f64_W < V(W) ? f64_load(p + k * f64_W) : f64_set1(0.0);
}

/* n values from p. */
SXT_INLINE void V(halves_from)(const double *p, ptrdiff_t n, f64_v half[HALVES])
{
    for (int k = 0; k < HALVES; k++) {
        ptrdiff_t left = n - k * f64_W;
        half[k] = left >= f64_W ? f64_load(p + k * f64_W) : left > 0 ? f64_loadn(p + k * f64_W, left) : f64_set1(0.0);
    }
}

/* ---- sums on a grid ----------------------------------------------------------------------------------- */

/* The two magic numbers for terms up to `bound` in magnitude; *unit is the coarse grid. */
SXT_INLINE void V(grid_for)(T bound, T *m1, T *m2, double *unit)
{
    double e = (double)(int64_t)((V(scalar_bits)(bound) & (((V(uint))-1) >> 1)) >> BITS) - EXPONENT_BIAS;
    e = e < DENSE_LOW ? DENSE_LOW : e > DENSE_HIGH ? DENSE_HIGH : e;
    *unit = sxt_exp2i(e - (GRID - 2));
    *m1 = (T)(sxt_exp2i(e - (GRID - 2) + BITS) * 1.5);
    *m2 = (T)(sxt_exp2i(e - (2 * GRID - 2) + BITS) * 1.5);
}

SXT_INLINE KV V(dense_q)(KV base, KV slope, KV target) { return V(fma)(target, slope, base); }

/* q in doubles, for the gradient and for the sum of all q, which it hinges on: rounded to floats, base, slope and q
 * itself would each take half a unit of it. */
SXT_INLINE void V(wide_q)(const f64_v base[HALVES], const f64_v slope[HALVES], KV target, f64_v q[HALVES])
{
    f64_v t[HALVES];
    V(halves)(target, t);
    for (int k = 0; k < HALVES; k++)
        q[k] = f64_fma(t[k], slope[k], base[k]);
}

/* (max - x) DENSE_SCALE; max is dense_distance_of the maximum. */
SXT_INLINE T V(dense_distance_of)(T max) { return max * DENSE_SCALE; }
SXT_INLINE KV V(dense_distance)(KV max, KV x, const KV *tail)
{
    KV distance = V(fnma)(x, V(set1)(DENSE_SCALE), max);
    return tail ? V(fnma)(*tail, V(set1)(DENSE_SCALE), distance) : distance;
}
/* Likewise, finite: times a q of 0 it is 0. With another q an infinite one makes the row's bound infinite, and its sum is
 * not looked at (dot_of). */
SXT_INLINE KV V(dense_near)(KV max, KV x, const KV *tail)
{
    return V(min)(V(dense_distance)(max, x, tail), V(set1)((T)DENSE_TOO_LARGE));
}

SXT_INLINE void V(grid_add)(KV term, KV m1, KV m2, V(acc) *acc)
{
    KV coarse = V(add)(term, m1);
    KV fine = V(add)(V(sub)(term, V(sub)(coarse, m1)), m2);
    acc->coarse = V(iadd)(acc->coarse, V(bits)(coarse));
    acc->fine = V(iadd)(acc->fine, V(bits)(fine));
}

/* The product is not rounded before it is cut, and takes an operation less than with one that is. */
SXT_INLINE void V(grid_add_product)(KV a, KV b, KV m1, KV m2, V(acc) *acc)
{
    KV coarse = V(fma)(a, b, m1);
    KV fine = V(add)(V(fma)(a, b, V(sub)(m1, coarse)), m2);
    acc->coarse = V(iadd)(acc->coarse, V(bits)(coarse));
    acc->fine = V(iadd)(acc->fine, V(bits)(fine));
}

SXT_INLINE void V(grid_note)(sxt_grid_sum *s, int64_t coarse, int64_t fine)
{
    s->coarse_hi += coarse >> 32;
    s->coarse_lo += (uint64_t)coarse & 0xffffffffu;
    s->fine_hi += fine >> 32;
    s->fine_lo += (uint64_t)fine & 0xffffffffu;
}

/* All lanes of `count` additions to one sum. */
SXT_INLINE void V(grid_flush)(sxt_grid_sum *s, const V(acc) *acc, V(uint) count, T m1, T m2)
{
    V(int) c1 = (V(int))(0 - count * V(scalar_bits)(m1)), c2 = (V(int))(0 - count * V(scalar_bits)(m2));
    V(grid_note)(s, V(hsums)(V(iadd)(acc->coarse, V(iset1)(c1))), V(hsums)(V(iadd)(acc->fine, V(iset1)(c2))));
}

SXT_FN double V(grid_value_of)(double coarse, double fine, double unit)
{
    return coarse * unit + fine * (unit * (1.0 / (double)((uint64_t)1 << GRID)));
}

SXT_INLINE double V(grid_value)(const sxt_grid_sum *s, double unit)
{
    double coarse = (double)s->coarse_hi * 0x1p32 + (double)(int64_t)s->coarse_lo;
    double fine = (double)s->fine_hi * 0x1p32 + (double)(int64_t)s->fine_lo;
    return V(grid_value_of)(coarse, fine, unit);
}

/* The sum of q (max - x), times DENSE_SCALE. A term beyond the grid's range is one beyond the largest
 * number. */
SXT_FN double V(dot_of)(double sum, T bound)
{
    return (double)bound < DENSE_TOO_LARGE ? sum : (double)bound * (double)INFINITY;
}

SXT_INLINE double V(dot_value)(const sxt_grid_sum *s, double unit, T bound)
{
    return V(dot_of)(V(grid_value)(s, unit), bound);
}

/* ---- the sum of all q ------------------------------------------------------------------------------------ */

/* Cut on the grid of `unit`, grid_for's of the largest q, and for doubles on a finer one, too; for floats, whose q is
 * a double here, on one that is 2^29 times finer. */
#define MASS_UNIT (SXT_T_IS_F32 ? 0x1p-29 : 1.0)
#define MASS_PARTS (SXT_T_IS_F32 ? 1 : 2)
typedef struct {
    f64_v magic[MASS_PARTS][HALVES];
} V(mass_grid);
typedef struct {
    f64_i sum[MASS_PARTS][HALVES];
} V(mass);

/* units: those of consecutive lanes, or (step 0) the same for all. */
SXT_INLINE V(mass_grid) V(mass_grid_of)(const double *units, int step)
{
    V(mass_grid) g;
    V(half_load)(units, step, g.magic[0]);
    for (int k = 0; k < HALVES; k++) {
        g.magic[0][k] = f64_mul(g.magic[0][k], f64_set1(MASS_UNIT * 0x1.8p52));
        for (int part = 1; part < MASS_PARTS; part++)
            g.magic[part][k] = f64_mul(g.magic[0][k], f64_set1(1.0 / (double)((uint64_t)1 << GRID)));
    }
    return g;
}

SXT_INLINE V(mass) V(no_mass)(void)
{
    V(mass) m;
    for (int part = 0; part < MASS_PARTS; part++)
        for (int k = 0; k < HALVES; k++)
            m.sum[part][k] = f64_iset1(0);
    return m;
}

SXT_INLINE void V(mass_add)(const f64_v q[HALVES], const V(mass_grid) *g, V(mass) *m)
{
    for (int k = 0; k < HALVES; k++) {
        f64_v left = q[k];
        for (int part = 0; part < MASS_PARTS; part++) {
            f64_v cut = f64_add(left, g->magic[part][k]);
            m->sum[part][k] = f64_iadd(m->sum[part][k], f64_bits(cut));
            left = f64_sub(left, f64_sub(cut, g->magic[part][k]));
        }
    }
}

/* Lane i of `count` additions to sums[i], or (step 0) all lanes to one sum. */
SXT_INLINE void V(mass_flush)(sxt_grid_sum *sums, const V(mass) *m, uint64_t count, const V(mass_grid) *g, int step)
{
    for (int k = 0; k < HALVES && k * f64_W < V(W); k++) {
        int64_t lane[2][f64_W];
        double magic[2][f64_W];
        for (int part = 0; part < MASS_PARTS; part++) {
            f64_istore(lane[part], m->sum[part][k]);
            f64_store(magic[part], g->magic[part][k]);
        }
        for (int i = 0; i < f64_W; i++) {
            int64_t cut[2] = {0, 0};
            for (int part = 0; part < MASS_PARTS; part++)
                cut[part] = (int64_t)((uint64_t)lane[part][i] - count * sxt_bits(magic[part][i]));
            V(grid_note)(sums + step * (k * f64_W + i), cut[0], cut[1]);
        }
    }
}

SXT_INLINE double V(mass_value)(const sxt_grid_sum *s, double unit) { return V(grid_value)(s, unit * MASS_UNIT); }
