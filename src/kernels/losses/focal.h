/* focal.h - focal loss (Lin et al. 2017): what multiplies the plain loss of a row, in twice double.
 *
 * With p the label's probability, q = 1 - p and n = -log p, a row of weight w has
 *
 *     loss     = w q^gamma n
 *     gradient = w A (p_c - [c == label]),                              A = q^gamma (1 + gamma p n / q)
 *     hessian  = w (A p_c (1 - p_c) + B (p_c - [c == label])^2),
 *     B = -p dA/dp = gamma q^(gamma - 1) p (2 - n + (gamma - 1) p n / q)
 *
 * so that it is the general form with other constants. A is a sum of terms >= 0. All results go to 0 with q, but
 * for gamma < 1 B does not, and q^gamma may be far smaller or larger than they: powers of two are kept apart
 * until the end. log q is off by about 2^-61 and q^gamma by gamma 2^-61 of itself, besides gamma times the error
 * of q. */
#ifndef SXT_FOCAL_H
#define SXT_FOCAL_H

#include "numbers/exp_sum.h"

/* q^gamma = power 2^n, A = slope 2^n, B = bend p 2^n / q. */
typedef struct {
    sxt_dd power, slope;
    double bend, n;
} sxt_focal;

/* x 2^n, rounded once; n an integer, at most 2000. */
SXT_FN double sxt_focal_scaled(double x, double n)
{
    n = n > -2000.0 ? n : -2000.0;
    double half = (double)(int)(0.5 * n);
    return x * sxt_exp2i(half) * sxt_exp2i(n - half);
}

/* By how many powers of two a / b has to grow to lie about 2^-60: none unless it is below 2^-300. */
SXT_FN double sxt_focal_lift(double a, double b)
{
    double apart = (double)(int)(sxt_bits(b) >> 52) - (double)(int)(sxt_bits(a) >> 52);
    return apart > 300.0 ? apart - 60.0 : 0.0;
}

/* a 2^lift / b */
SXT_FN sxt_dd sxt_focal_share(sxt_dd a, sxt_dd b, double lift)
{
    return sxt_dd_div((sxt_dd){sxt_focal_scaled(a.hi, lift), sxt_focal_scaled(a.lo, lift)}, b);
}

/* Of q 2^-lift, which is positive, and n, which is finite. Where there is a lift, p n / q is 1. */
static __attribute__((noinline)) sxt_focal sxt_focal_of(sxt_dd q, double lift, sxt_dd p, sxt_dd nll, double gamma)
{
    double k, n;
    sxt_dd log = sxt_log_parts(q, &k);
    log = sxt_dd_add(sxt_times_ln2(k - lift), log);
    double t = gamma * log.hi, low = fma(gamma, log.hi, -t) + gamma * log.lo;
    int far = !(t > -1e4);
    sxt_dd power = sxt_exp_pair((sxt_dd){far ? -1e4 : t, far ? 0.0 : low}, &n);
    sxt_dd one = {1.0, 0.0}, ratio = lift > 0.0 ? one : sxt_dd_div(sxt_dd_mul(p, nll), q);
    sxt_dd slope = sxt_dd_add(one, sxt_dd_mul((sxt_dd){gamma, 0.0}, ratio));
    double bend = gamma * ((2.0 - nll.hi) + (gamma - 1.0) * ratio.hi);
    return (sxt_focal){power, sxt_dd_mul(power, slope), power.hi * bend, n};
}

#endif
