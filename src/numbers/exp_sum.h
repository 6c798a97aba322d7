/* exp_sum.h - sums of exponentials to twice double precision, in plain C: what streams, signed sums and
 * tiles of logits carry from piece to piece. */
#ifndef SXT_EXP_SUM_H
#define SXT_EXP_SUM_H

#include "numbers/constants.h"
#include "numbers/scalar_math.h"
#include "softxent.h"

/* a + b for |a| >= |b| or a == 0. */
SXT_FN sxt_dd sxt_ordered_add(sxt_dd a, sxt_dd b)
{
    sxt_dd s = sxt_fast_sum(a.hi, b.hi);
    return sxt_fast_sum(s.hi, s.lo + (a.lo + b.lo));
}

/* exp(x) = e 2^n with e in (0.7, 1.42), relative error below 2^-80 (measured: 2^-80.6); |x| < 2^21.
 * r = x - n ln2 is cut by 64, where nine terms of the Taylor series are enough, the first three of them
 * summed to twice double precision; then expm1(2 s) = 2 t + t^2 six times. In two parts, since loops over many
 * of them wait less between the shorter chains of each: expm1(r / 64), and exp(r) from it. */
SXT_FN sxt_dd sxt_expm1_64th(sxt_dd x, double *n)
{
    double z = fma(x.hi, LOG2E_F64, 0x1.8p52) - 0x1.8p52;
    double p = z * SXT_LN2_HI, p_low = fma(z, SXT_LN2_HI, -p);
    sxt_dd r = sxt_two_sum(x.hi - p, (x.lo - p_low) - z * SXT_LN2_LO);
    sxt_dd s = {r.hi * 0x1p-6, r.lo * 0x1p-6};
    double w = 1.0 / 362880.0;
    w = fma(w, s.hi, 1.0 / 40320.0);
    w = fma(w, s.hi, 1.0 / 5040.0);
    w = fma(w, s.hi, 1.0 / 720.0);
    w = fma(w, s.hi, 1.0 / 120.0);
    w = fma(w, s.hi, 1.0 / 24.0);
    sxt_dd sixth = sxt_fast_sum(0x1.5555555555555p-3, fma(w, s.hi, 0x1.5555555555555p-57));
    sxt_dd half = sxt_ordered_add((sxt_dd){0.5, 0.0}, sxt_dd_mul(s, sixth));
    *n = z;
    return sxt_ordered_add(s, sxt_dd_mul(sxt_dd_mul(s, s), half));
}

SXT_FN sxt_dd sxt_exp_of_64th(sxt_dd t)
{
#ifndef __OPTIMIZE_SIZE__
#pragma GCC unroll 6 /* or loops over many of them do not vectorise */
#endif
    for (int i = 0; i < 6; i++) {
        double square = t.hi * t.hi, square_low = fma(2.0 * t.hi, t.lo, fma(t.hi, t.hi, -square));
        t = sxt_ordered_add((sxt_dd){2.0 * t.hi, 2.0 * t.lo}, (sxt_dd){square, square_low});
    }
    return sxt_ordered_add((sxt_dd){1.0, 0.0}, t);
}

SXT_FN sxt_dd sxt_exp_pair(sxt_dd x, double *n) { return sxt_exp_of_64th(sxt_expm1_64th(x, n)); }

/* hi of a sum is in [2^512, 2^513), so that terms down to 2^-1500 of the sum stay normal numbers in lo. */
#define SXT_EXP_SUM_LOG2 512.0

/* s 2^exponent e^shift; s.hi 0 or in [2^-500, 2^1023]. */
SXT_FN sxt_exp_sum sxt_exp_sum_of(sxt_dd s, double exponent, double shift)
{
    if (s.hi == 0.0)
        return (sxt_exp_sum){0.0, 0.0, 0.0, 0.0};
    double k = (double)(int)(sxt_bits(s.hi) >> 52) - 1023.0 - SXT_EXP_SUM_LOG2, scale = sxt_exp2i(-k);
    return (sxt_exp_sum){s.hi * scale, s.lo * scale, exponent + k, shift};
}

/* e^x alone, x finite or -infinity; shifted where the kernels shift (math_tmpl.h). */
SXT_FN sxt_exp_sum sxt_exp_sum_single(double x)
{
    if (x == -(double)INFINITY)
        return (sxt_exp_sum){0.0, 0.0, 0.0, 0.0};
    if (fabs(x) > 131072.0)
        return sxt_exp_sum_of((sxt_dd){1.0, 0.0}, 0.0, x);
    double n;
    sxt_dd e = sxt_exp_pair((sxt_dd){x, 0.0}, &n);
    return sxt_exp_sum_of(e, n, 0.0);
}

/* The same number with a larger shift. Unshifted sums have exponents below 2^18, so a distance of 2^20
 * leaves nothing that could matter. */
SXT_FN sxt_exp_sum sxt_exp_sum_reshift(sxt_exp_sum a, double shift)
{
    if (a.hi == 0.0 || a.shift == shift)
        return a;
    sxt_dd distance = sxt_two_sum(a.shift, -shift);
    if (distance.hi < -0x1p20)
        return (sxt_exp_sum){0.0, 0.0, 0.0, 0.0};
    double n;
    sxt_dd e = sxt_exp_pair(distance, &n);
    return sxt_exp_sum_of(sxt_dd_mul((sxt_dd){a.hi, a.lo}, e), a.exponent + n, shift);
}

/* a + b; commutative to the last bit. Relative error below 2^-80 where the shifts differ, else 2^-103. */
SXT_FN sxt_exp_sum sxt_exp_sum_add(sxt_exp_sum a, sxt_exp_sum b)
{
    if (!(a.hi < (double)INFINITY && b.hi < (double)INFINITY))
        return (sxt_exp_sum){a.hi + b.hi, 0.0, 0.0, 0.0};
    if (a.hi == 0.0 || b.hi == 0.0)
        return a.hi == 0.0 ? b : a;
    double shift = a.shift > b.shift ? a.shift : b.shift;
    a = sxt_exp_sum_reshift(a, shift);
    b = sxt_exp_sum_reshift(b, shift);
    sxt_exp_sum big = a.exponent > b.exponent ? a : b, small = a.exponent > b.exponent ? b : a;
    double distance = small.exponent - big.exponent;
    if (a.hi == 0.0 || b.hi == 0.0)
        return a.hi == 0.0 ? b : a;
    if (distance < -1500.0)
        return big;
    double half = floor(distance * 0.5), first = sxt_exp2i(half), second = sxt_exp2i(distance - half);
    sxt_dd cut = {small.hi * first * second, small.lo * first * second};
    sxt_dd sum = sxt_dd_add((sxt_dd){big.hi, big.lo}, cut);
    return sxt_exp_sum_of(sum, big.exponent, shift);
}

/* a / b for b > 0 that has the larger shift; infinity from 2^1020 on. */
SXT_FN sxt_dd sxt_exp_sum_ratio(sxt_exp_sum a, sxt_exp_sum b)
{
    a = sxt_exp_sum_reshift(a, b.shift);
    double distance = a.exponent - b.exponent;
    if (a.hi == 0.0 || distance < -1200.0)
        return (sxt_dd){0.0, 0.0};
    if (distance > 1020.0)
        return (sxt_dd){(double)INFINITY, 0.0};
    double first = distance > -600.0 ? distance : -600.0; /* in two steps, for subnormal results */
    double power = sxt_exp2i(first), rest = sxt_exp2i(distance - first);
    sxt_dd q = sxt_dd_div((sxt_dd){a.hi, a.lo}, (sxt_dd){b.hi, b.lo});
    return (sxt_dd){q.hi * power * rest, q.lo * power * rest};
}

/* The logarithm of a sum that is finite and not empty; relative error below 2^-60 of the larger of it and
 * the shift. */
SXT_FN sxt_dd sxt_exp_sum_log_pair(sxt_exp_sum a)
{
    double k;
    sxt_dd log = sxt_log_parts((sxt_dd){a.hi, a.lo}, &k);
    log = sxt_dd_add(sxt_times_ln2(k + a.exponent), log);
    return sxt_dd_add((sxt_dd){a.shift, 0.0}, log);
}

/* The logarithm of any sum: -infinity for the empty one, canonical NaN. */
SXT_FN double sxt_exp_sum_log_of(sxt_exp_sum a)
{
    if (a.hi == 0.0)
        return -(double)INFINITY;
    if (!(a.hi < (double)INFINITY))
        return a.hi != a.hi ? (double)NAN : (double)INFINITY;
    return sxt_exp_sum_log_pair(a).hi + 0.0;
}

#endif
