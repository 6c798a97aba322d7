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

/* An element on its way, step by step. Reduced: pow = 2^(n - n_ref + BIAS), r and low. */
typedef struct {
    KV pow, r, low;
} V(reduced);

/* t = r + p in exp(x) = 2^n (1 + t). */
typedef struct {
    KV pow, r, p;
} V(raised);

/* 2^(n - n_ref + BIAS) (1 + t) as the rounded pow (1 + r) and the rest, which holds the error of that rounding:
 * added up, they are rounded once, where r + p would be rounded first. */
typedef struct {
    KV most, rest;
} V(two);

/* Of x, or of x + tail where tail is not NULL. Elements below the window have pow == 0; NaN stays NaN. */
SXT_INLINE V(reduced) V(exp_reduce)(KV x, const KV *tail, const V(vref) *ref)
{
    x = V(max)(ref->low, ref->unshifted ? x : V(sub)(x, ref->shift));
    const V(vunits) *u = ref->units;
    KV z = V(fma)(x, u ? u->log2e : V(set1)(LOG2E), ref->magic);
    KV n = V(sub)(z, ref->magic);
    KV r = V(fnma)(n, u ? u->ln2_hi : V(set1)(LN2_HI), x);
    KV low = u ? V(fnma)(n, u->ln2_lo, V(mul)(r, u->scale_lo)) : V(mul)(n, V(set1)(-LN2_LO));
    if (tail)
        low = V(add)(low, *tail);
    return (V(reduced)){V(float)(V(shl)(V(bits)(z))), r, low};
}

SXT_INLINE V(raised) V(exp_raise)(V(reduced) a, const V(vunits) *u)
{
    KV r = u ? V(fma)(a.r, u->scale, a.low) : V(add)(a.r, a.low);
    KV q = V(exp_q)(r), rr = V(mul)(r, r);
    /* a.r is exact, r is not: what it lost is made good by adding `low` to a.r only at the end. In scaled units
     * the product with the scale is rounded anyway. */
    return u ? (V(raised)){a.pow, r, V(mul)(q, rr)} : (V(raised)){a.pow, a.r, V(fma)(q, rr, a.low)};
}

SXT_INLINE V(two) V(exp_split)(V(raised) b)
{
    KV most = V(fma)(b.r, b.pow, b.pow);
    return (V(two)){most, V(fma)(b.p, b.pow, V(fma)(b.r, b.pow, V(sub)(b.pow, most)))};
}

SXT_INLINE V(two) V(exp_two)(KV x, const KV *tail, const V(vref) *ref)
{
    return V(exp_split)(V(exp_raise)(V(exp_reduce)(x, tail, ref), ref->units));
}

SXT_INLINE KV V(exp_term)(KV x, const KV *tail, const V(vref) *ref)
{
    V(two) e = V(exp_two)(x, tail, ref);
    return V(add)(e.most, e.rest);
}

typedef struct {
    KI coarse, fine;
} V(acc);

/* Adds both parts to the accumulators; returns the term. */
SXT_INLINE KV V(add_two)(V(two) c, const V(vref) *ref, V(acc) *acc)
{
    KV e = V(add)(c.most, c.rest), coarse = V(add)(e, ref->m1);
    KV left = V(add)(V(sub)(c.most, V(sub)(coarse, ref->m1)), c.rest);
    KV fine = V(add)(left, ref->m2);
    acc->coarse = V(iadd)(acc->coarse, V(bits)(coarse));
    acc->fine = V(iadd)(acc->fine, V(bits)(fine));
    return e;
}

SXT_INLINE KV V(exp_add)(KV x, const KV *tail, const V(vref) *ref, V(acc) *acc)
{
    return V(add_two)(V(exp_two)(x, tail, ref), ref, acc);
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
