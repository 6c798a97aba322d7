/* math_tmpl.h - exp and its sum for one compute type.
 *
 * Range reduction. n = round(x log2 e), r = x - n ln2 in two fused steps; the first is exact, because
 * n LN2_HI and x are multiples of a common power of two that the small difference still fits.
 * exp(x) = 2^n (1 + t), t = r + r^2 q(r), kept as a sum of two numbers of which the first is that exact
 * difference. The term stored for the outputs is 2^(n - n_ref + BIAS) (1 + t)
 * with n_ref = round(max log2 e): no subtraction of the maximum, hence none of its rounding error, and with
 * BIAS high enough that everything which can matter stays a normal number. Rows whose maximum exceeds
 * 2^17 are first shifted by it: there x - max is exact for every x near enough to matter (Sterbenz).
 *
 * The sum. A term e is cut on the grid `unit` by adding M1 (a power of two); its remainder, taken from both of its
 * parts, is cut on a grid 2^-GRID finer by adding M2. The bits of both sums grow by the
 * integer multiples of the grid, and are added as integers: exact, so order does not matter. The grid hangs
 * on the largest summed element, so the sum has a relative error below C 2^-(2 GRID + 1).
 *
 * Errors over all floats (tools/check_exp.c), in units of 2^-24 of the exact value: the term as stored 1.0, its two
 * parts, of which the sums are made, 0.237. What follows for the results is derived in docs/accuracy.md. */

SXT_INLINE V(uint) V(scalar_bits)(T x)
{
    V(uint) u;
    memcpy(&u, &x, sizeof u);
    return u;
}
SXT_INLINE T V(scalar_float)(V(uint) u)
{
    T x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* exp(scale x): log2 e times scale; ln2 / scale, the step of the range reduction of x, as ln2_hi and
 * ln2_lo / scale; scale in two parts. */
typedef struct {
    T log2e, ln2_hi, ln2_lo, scale, scale_lo;
} V(units);

SXT_INLINE V(units) V(natural)(void) { return (V(units)){LOG2E, LN2_HI, LN2_LO, (T)1, (T)0}; }

/* What the elements of a row with maximum m need; rest is the largest element that is summed. */
typedef struct {
    T shift, magic, low, m1, m2;
} V(ref);

/* The grids, for the exponent of the largest element summed. */
SXT_INLINE void V(set_grids)(T e, V(ref) *ref)
{
    ref->m1 = V(scalar_float)(V(scalar_bits)(e + (ROUND + (T)(EXPONENT_BIAS + 1))) << BITS);
    ref->m2 = (T)1.5 * V(scalar_float)(
        V(scalar_bits)(e + (ROUND + (T)(EXPONENT_BIAS + 1 - GRID))) << BITS);
}

/* n_ref and the exponent of the grid's reference go to *n_ref and *exponent. Branch-free: loops over
 * rows side by side vectorise. m finite. is_rest: rest is m, a constant where this is expanded. */
SXT_INLINE V(ref) V(make_ref_of)(T m, T rest, int is_rest, V(units) u, T *n_ref, T *exponent)
{
    V(ref) ref;
    T magnitude = V(scalar_float)(V(scalar_bits)(m) & (((V(uint))-1) >> 1));
    ref.shift = magnitude * u.scale > (T)131072 ? m : (T)0;
    T n = V(scalar_fma)(m - ref.shift, u.log2e, ROUND) - ROUND;
    ref.magic = (ROUND + (T)(EXPONENT_BIAS + BIAS)) - n;
    ref.low = (n - (T)(EXPONENT_BIAS + BIAS)) * u.ln2_hi;
    T n_rest = V(scalar_fma)(rest - ref.shift, u.log2e, ROUND) - ROUND;
    T relative = n_rest - n;
    relative = relative > (T)LOWEST_UNIT ? relative : (T)LOWEST_UNIT;
    T e = (is_rest ? (T)0 : relative) + (T)BIAS;
    *n_ref = n;
    *exponent = e;
    V(set_grids)(e, &ref);
    return ref;
}

SXT_INLINE V(ref) V(make_ref)(T m, T rest, V(units) u, T *n_ref, T *exponent)
{
    return V(make_ref_of)(m, rest, 0, u, n_ref, exponent);
}

typedef struct {
    KV log2e, ln2_hi, ln2_lo, scale, scale_lo;
} V(vunits);

SXT_INLINE V(vunits) V(broadcast_units)(V(units) u)
{
    return (V(vunits)){V(set1)(u.log2e), V(set1)(u.ln2_hi), V(set1)(u.ln2_lo), V(set1)(u.scale),
                        V(set1)(u.scale_lo)};
}

/* units: NULL for the natural ones. */
typedef struct {
    KV shift, magic, low, m1, m2;
    const V(vunits) *units;
    int unshifted; /* shift is 0: a constant where the loops are to know */
} V(vref);

/* q(r) of exp(r) = 1 + r + r^2 q(r). */
SXT_INLINE KV V(exp_q)(KV r)
{
    KV q = V(set1)(V(EXP_FIRST));
#define STEP(coefficient) q = V(fma)(q, r, V(set1)(coefficient));
    V(EXP_STEPS)(STEP)
#undef STEP
    return q;
}

/* 2^(n - n_ref + BIAS), and t in two parts, of x, or of x + tail where tail is not NULL. Elements below the
 * window have *pow == 0; NaN stays NaN. */
SXT_INLINE void V(exp_parts)(KV x, const KV *tail, const V(vref) *ref, KV *pow, KV *r_part, KV *p_part)
{
    x = V(max)(ref->low, ref->unshifted ? x : V(sub)(x, ref->shift));
    const V(vunits) *u = ref->units;
    KV z = V(fma)(x, u ? u->log2e : V(set1)(LOG2E), ref->magic);
    KV n = V(sub)(z, ref->magic);
    KV r0 = V(fnma)(n, u ? u->ln2_hi : V(set1)(LN2_HI), x);
    KV low = u ? V(fnma)(n, u->ln2_lo, V(mul)(r0, u->scale_lo)) : V(mul)(n, V(set1)(-LN2_LO));
    if (tail)
        low = V(add)(low, *tail);
    KV r = u ? V(fma)(r0, u->scale, low) : V(add)(r0, low);
    *pow = V(float)(V(shl)(V(bits)(z)));
    KV q = V(exp_q)(r), rr = V(mul)(r, r);
    /* r0 is exact, r is not: what it lost is made good by adding `low` to r0 only at the end. In scaled units
     * the product with the scale is rounded anyway. */
    *r_part = u ? r : r0;
    *p_part = u ? V(mul)(q, rr) : V(fma)(q, rr, low);
}

/* 2^(n - n_ref + BIAS) (1 + t) as the rounded pow (1 + r) and the rest, which holds the error of that rounding:
 * added up, they are rounded once, where r + p would be rounded first. */
SXT_INLINE KV V(exp_two)(KV x, const KV *tail, const V(vref) *ref, KV *rest)
{
    KV pow, r, p;
    V(exp_parts)(x, tail, ref, &pow, &r, &p);
    KV most = V(fma)(r, pow, pow);
    *rest = V(fma)(p, pow, V(fma)(r, pow, V(sub)(pow, most)));
    return most;
}

SXT_INLINE KV V(exp_term)(KV x, const KV *tail, const V(vref) *ref)
{
    KV rest, most = V(exp_two)(x, tail, ref, &rest);
    return V(add)(most, rest);
}

typedef struct {
    KI coarse, fine;
} V(acc);

/* Adds exp(x) to the accumulators, both parts of it, and returns it. */
SXT_INLINE KV V(exp_add)(KV x, const KV *tail, const V(vref) *ref, V(acc) *acc)
{
    KV rest, most = V(exp_two)(x, tail, ref, &rest), e = V(add)(most, rest);
    KV coarse = V(add)(e, ref->m1);
    KV left = V(add)(V(sub)(most, V(sub)(coarse, ref->m1)), rest);
    KV fine = V(add)(left, ref->m2);
    acc->coarse = V(iadd)(acc->coarse, V(bits)(coarse));
    acc->fine = V(iadd)(acc->fine, V(bits)(fine));
    return e;
}

SXT_INLINE V(vref) V(broadcast)(const V(ref) *ref)
{
    return (V(vref)){V(set1)(ref->shift), V(set1)(ref->magic), V(set1)(ref->low), V(set1)(ref->m1),
                     V(set1)(ref->m2), NULL, 0};
}

/* x - (hi + lo), with the rounding error of x - hi carried along; `top` where x is the maximum.
 * x = -infinity makes the carried error NaN: max puts a finite number there. */
SXT_INLINE KV V(log_value)(KV x, KV max, KV hi, KV lo, KV top)
{
    KV d = V(sub)(x, hi);
    KV b = V(sub)(d, x);
    KV error = V(sub)(V(sub)(x, V(sub)(d, b)), V(add)(hi, b));
    error = V(max)(error, V(set1)(-(T)1e30));
    return V(select)(V(eq)(x, max), top, V(add)(d, V(sub)(error, lo)));
}
