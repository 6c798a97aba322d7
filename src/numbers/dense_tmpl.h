/* dense_tmpl.h - sums of q_c and of q_c (max - x_c) over the classes, q_c = base_c + slope_c target_c, for
 * label smoothing and class probabilities.
 *
 * Like the exponentials, the terms are cut onto a grid and added as integers, so that the order does not
 * matter; the grid hangs on the largest term, found in a sweep of its own: the sum is off by less than
 * C 2^-(2 GRID - 1) of the largest term. Terms with q_c == 0 are 0 whatever the logit. */

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

/* Not a finite number: the whole row is NaN then. */
SXT_INLINE KM V(dense_bad)(KV q)
{
    KV zero = V(mul)(q, V(set1)((T)0));
    return V(unord)(zero, zero);
}

/* q (max - x) DENSE_SCALE; max is dense_distance_of the maximum. */
SXT_INLINE T V(dense_distance_of)(T max) { return max * DENSE_SCALE; }
SXT_INLINE KV V(dense_term)(KV q, KV max, KV x, const KV *tail)
{
    KV zero = V(set1)((T)0), distance = V(fnma)(x, V(set1)(DENSE_SCALE), max);
    if (tail)
        distance = V(fnma)(*tail, V(set1)(DENSE_SCALE), distance);
    return V(select)(V(eq)(q, zero), zero, V(mul)(q, distance));
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
