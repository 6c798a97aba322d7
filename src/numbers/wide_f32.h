/* wide_f32.h - the one number a float row hinges on, in double: sum, loss, factors. Same names as
 * wide_f64.h. Branch-free, so that rows side by side vectorise. */
#ifndef SXT_WIDE_F32_H
#define SXT_WIDE_F32_H

#include "numbers/constants.h"
#include "numbers/grids.h"
#include "numbers/scalar_math.h"

typedef double f32_wide;

/* The sum held by integer accumulators whose grid's reference has the given exponent. */
SXT_FN f32_wide f32_wide_sum(uint64_t a_hi, uint64_t a_lo, int64_t b_hi, uint64_t b_lo, double exponent)
{
    double a = (double)(int64_t)(a_hi * 0x100000000u + a_lo);
    double b = (double)(int64_t)((uint64_t)b_hi * 0x100000000u + b_lo);
    return fma(a, f32_GRID_STEPS, b) * sxt_exp2i(exponent - 2.0 * f32_GRID);
}

/* Likewise of sums that fit their lanes. */
SXT_FN f32_wide f32_wide_sum_of(int32_t a, int32_t b, double exponent)
{
    return fma((double)(uint32_t)a, f32_GRID_STEPS, (double)b) * sxt_exp2i(exponent - 2.0 * f32_GRID);
}

/* exp(x) in the terms' scale. x below any that matters gives a tiny positive number. */
SXT_FN f32_wide f32_wide_exp(double x, double n_ref)
{
    double low = (n_ref - 1000.0) * 0.6931;
    x = x > low ? x : low;
    double z = fma(x, LOG2E_F64, 0x1.8p52) - 0x1.8p52;
    double r = fma(-z, LN2_F64_LO, fma(-z, LN2_F64_HI, x));
    double q = sxt_exp_q(r);
    return (1.0 + fma(r * r, q, r)) * sxt_exp2i(z - n_ref + f32_BIAS);
}

SXT_FN f32_wide f32_wide_add(f32_wide a, f32_wide b) { return a + b; }

/* -log(e / (e + others)) for the element x with e = exp(x) in the terms' scale. The second form is for
 * a dominating element: log1p(others / e), which cannot cancel. One division for both. */
SXT_FN f32_wide f32_wide_nll(f32_wide others, f32_wide e, double x, double n_ref)
{
    double sum = others + e;
    sxt_dd f;
    double k = sxt_split((sxt_dd){sum, 0.0}, &f);
    int top = others < 0.375 * e;
    double numerator = top ? others : f.hi;
    double denominator = top ? fma(2.0, e, others) : 2.0 + f.hi;
    double s = numerator / denominator;
    double log = sxt_log_ratio((sxt_dd){s, 0.0}).hi;
    double scale = k - f32_BIAS + n_ref;
    double shifted = fma(scale, SXT_LN2_HI, -x) + fma(scale, SXT_LN2_LO, log);
    return top ? log : shifted;
}

/* log of a sum in the terms' scale. */
SXT_FN f32_wide f32_wide_log(f32_wide sum, double n_ref)
{
    sxt_dd f;
    double k = sxt_split((sxt_dd){sum, 0.0}, &f);
    double log = sxt_log_ratio((sxt_dd){f.hi / (2.0 + f.hi), 0.0}).hi;
    double scale = k - f32_BIAS + n_ref;
    return fma(scale, SXT_LN2_HI, fma(scale, SXT_LN2_LO, log));
}

/* scale (a - b), which may be infinite. */
SXT_FN f32_wide f32_wide_gap(double a, double b, double scale) { return scale * (a - b); }
SXT_FN f32_wide f32_wide_unit(void) { return 1.0; }
SXT_FN f32_wide f32_wide_from(double x) { return x; }
/* From what wide_round and wide_rest gave. */
SXT_FN f32_wide f32_wide_of(double hi, double lo) { (void)lo; return hi; }
SXT_FN double f32_wide_round(f32_wide x) { return x; }

/* scale / sum as a float (in a double) and the rest, for terms * factor. Here and in wide_ratio the
 * reciprocal stands alone, so that one division does for all quotients by the same sum. */
SXT_FN sxt_dd f32_wide_factor(double scale, f32_wide sum)
{
    double q = scale * (1.0 / sum);
    double hi = (double)(float)q;
    return (sxt_dd){hi, q - hi};
}
/* The factor of outputs up to a size is lifted: taken so many times larger, and what it gives made smaller at the end.
 * Of a result among the smallest normal numbers, the low part's product would else be subnormal and itself off by up
 * to half an ULP. Nothing overflows; outputs of a size that is not lifted are never so small, as no term is. */
#define f32_SMALL_SIZE 0x1p25
#define f32_SMALL_LIFT 0x1p100
#define f32_LARGE_SIZE 0x1p93
#define f32_LARGE_LIFT 0x1p32

/* What rounding leaves. */
SXT_FN double f32_wide_rest(f32_wide x) { (void)x; return 0.0; }

/* A value as two floats (in doubles). */
SXT_FN sxt_dd f32_wide_parts(f32_wide x)
{
    double hi = (double)(float)x;
    return (sxt_dd){hi, (double)(float)(x - hi)};
}

SXT_FN double f32_wide_ratio(f32_wide a, f32_wide b) { return a * (1.0 / b); }

#endif
