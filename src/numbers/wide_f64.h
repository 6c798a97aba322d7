/* wide_f64.h - the one number a double row hinges on, in twice double: sum, loss, factors. Same names as
 * wide_f32.h. Branch-free, so that rows side by side vectorise. */
#ifndef SXT_WIDE_F64_H
#define SXT_WIDE_F64_H

#include "numbers/grids.h"
#include "numbers/scalar_math.h"

typedef sxt_dd f64_wide;

SXT_FN f64_wide f64_wide_sum(uint64_t a_hi, uint64_t a_lo, int64_t b_hi, uint64_t b_lo, double exponent)
{
    double unit = sxt_exp2i(exponent - f64_GRID);
    double fine = ((double)b_hi * 0x1p32 + (double)(int64_t)b_lo) * (1.0 / f64_GRID_STEPS);
    sxt_dd a = sxt_two_sum((double)(int64_t)a_hi * 0x1p32, (double)(int64_t)a_lo);
    sxt_dd s = sxt_two_sum(a.hi, fine);
    s = sxt_fast_sum(s.hi, s.lo + a.lo);
    return (sxt_dd){s.hi * unit, s.lo * unit};
}

SXT_FN f64_wide f64_wide_sum_of(int64_t a, int64_t b, double exponent)
{
    return f64_wide_sum((uint64_t)a >> 32, (uint64_t)a & 0xffffffffu, b >> 32, (uint64_t)b & 0xffffffffu, exponent);
}

SXT_FN f64_wide f64_wide_exp(double x, double n_ref)
{
    double low = (n_ref - 1300.0) * 0.6931;
    double z;
    sxt_dd t = sxt_exp_parts(x > low ? x : low, &z);
    double k = z - n_ref + f64_BIAS;
    double scale = sxt_exp2i(k > -1000.0 ? k : -1000.0);
    return (sxt_dd){t.hi * scale, t.lo * scale};
}

SXT_FN f64_wide f64_wide_add(f64_wide a, f64_wide b) { return sxt_dd_add(a, b); }

SXT_FN f64_wide f64_wide_log(f64_wide sum, double n_ref)
{
    double k;
    sxt_dd log = sxt_log_parts(sum, &k);
    return sxt_dd_add(sxt_times_ln2(k - f64_BIAS + n_ref), log);
}

SXT_FN f64_wide f64_wide_nll(f64_wide others, f64_wide e, double x, double n_ref)
{
    sxt_dd sum = sxt_dd_add(others, e), f;
    double k = sxt_split(sum, &f);
    int top = others.hi < 0.375 * e.hi;
    sxt_dd general = sxt_fast_sum(2.0, f.hi), twice = {2.0 * e.hi, 2.0 * e.lo};
    general.lo += f.lo;
    sxt_dd special = sxt_dd_add(twice, others);
    sxt_dd numerator = {top ? others.hi : f.hi, top ? others.lo : f.lo};
    sxt_dd denominator = {top ? special.hi : general.hi, top ? special.lo : general.lo};
    sxt_dd log = sxt_log_ratio(sxt_dd_div(numerator, denominator));
    sxt_dd base = sxt_times_ln2(k - f64_BIAS + n_ref);
    sxt_dd distance = sxt_two_sum(base.hi, -x);
    distance = sxt_fast_sum(distance.hi, distance.lo + base.lo);
    sxt_dd shifted = sxt_dd_add(distance, log);
    return (sxt_dd){top ? log.hi : shifted.hi, top ? log.lo : shifted.lo};
}

/* scale (a - b), which may be infinite. */
SXT_FN f64_wide f64_wide_gap(double a, double b, double scale)
{
    sxt_dd gap = sxt_two_sum(a, -b);
    double p = gap.hi * scale;
    int finite = fabs(gap.hi) < (double)INFINITY && fabs(p) < (double)INFINITY;
    sxt_dd sum = sxt_fast_sum(p, finite ? fma(gap.hi, scale, -p) + gap.lo * scale : 0.0);
    return (sxt_dd){sum.hi, finite ? sum.lo : 0.0};
}
SXT_FN f64_wide f64_wide_unit(void) { return (sxt_dd){1.0, 0.0}; }
SXT_FN f64_wide f64_wide_from(double x) { return (sxt_dd){x, 0.0}; }
SXT_FN f64_wide f64_wide_of(double hi, double lo) { return (sxt_dd){hi, lo}; }
SXT_FN double f64_wide_round(f64_wide x) { return x.hi; }
SXT_FN sxt_dd f64_wide_factor(double scale, f64_wide sum)
{
    double q = scale / sum.hi;
    double r = fma(-q, sum.hi, scale) - q * sum.lo;
    return (sxt_dd){q, r / sum.hi};
}
/* wide_f32.h */
#define f64_SMALL_SIZE 0x1p720
#define f64_SMALL_LIFT 0x1p300
#define f64_LARGE_SIZE f64_SMALL_SIZE
#define f64_LARGE_LIFT f64_SMALL_LIFT
/* What rounding leaves. */
SXT_FN double f64_wide_rest(f64_wide x) { return x.lo; }
SXT_FN sxt_dd f64_wide_parts(f64_wide x) { return x; }
SXT_FN double f64_wide_ratio(f64_wide a, f64_wide b) { return sxt_dd_div(a, b).hi; }

#endif
