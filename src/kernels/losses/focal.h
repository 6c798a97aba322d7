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

#include "kernels/strips/strip.h"
#include "numbers/exp_sum.h"
#include "vectors/vectors.h"

typedef struct {
    double hi[SXT_STRIP], lo[SXT_STRIP];
} sxt_dd_lanes;

SXT_FN sxt_dd sxt_of_lane(const sxt_dd_lanes *x, ptrdiff_t i) { return (sxt_dd){x->hi[i], x->lo[i]}; }

SXT_FN void sxt_to_lane(sxt_dd_lanes *x, ptrdiff_t i, sxt_dd value)
{
    x->hi[i] = value.hi;
    x->lo[i] = value.lo;
}

SXT_FN sxt_dd sxt_dd_select(int first, sxt_dd a, sxt_dd b)
{
    return (sxt_dd){first ? a.hi : b.hi, first ? a.lo : b.lo};
}

/* The rows of a strip. Shares of the sum of all exponentials: p of the label, rest of all but the maximum; q = 1 - p;
 * each in units of 1 / 2^lift, which is not 1 for one of p and q at most, small then. q^gamma = power 2^n,
 * A = slope 2^n, B = bend p 2^n / q. */
typedef struct {
    sxt_dd_lanes most, own; /* the exponentials of maximum and label */
    sxt_dd_lanes sum, p, q, rest, nll, power, slope;
    double p_lift[SXT_STRIP], q_lift[SXT_STRIP], rest_lift[SXT_STRIP], bend[SXT_STRIP], n[SXT_STRIP];
} sxt_focal;

/* x 2^n, rounded once; n an integer, at most 2000. Half of n is rounded towards 0, in integers as wide as doubles. */
SXT_FN double sxt_focal_scaled(double x, double n)
{
    int64_t power = (int64_t)(sxt_bits(n + 0x1.8p52) - sxt_bits(0x1.8p52));
    power = power > -2000 ? power : -2000;
    uint64_t whole = (uint64_t)power, half = (whole + 4096u + (whole >> 63)) / 2u - 2048u;
    return x * sxt_double((half + 1023u) << 52) * sxt_double((whole - half + 1023u) << 52);
}

/* By how many powers of two a / b has to grow to lie about 2^-60: none unless it is below 2^-300. */
SXT_FN double sxt_focal_lift(double a, double b)
{
    double apart = sxt_integer((sxt_bits(b) >> 52) - (sxt_bits(a) >> 52));
    return apart > 300.0 ? apart - 60.0 : 0.0;
}

/* a 2^lift / b */
SXT_FN sxt_dd sxt_focal_share(sxt_dd a, sxt_dd b, double lift)
{
    return sxt_dd_div((sxt_dd){sxt_focal_scaled(a.hi, lift), sxt_focal_scaled(a.lo, lift)}, b);
}

/* q^gamma; 0 of 0. */
static __attribute__((noinline)) void sxt_focal_powers(sxt_focal *f, ptrdiff_t rows, double gamma)
{
    EACH_DOUBLE(i, rows) {
        double k;
        sxt_dd log = sxt_log_parts(sxt_of_lane(&f->q, i), &k);
        log = sxt_dd_add(sxt_times_ln2(k - f->q_lift[i]), log);
        double t = gamma * log.hi, low = fma(gamma, log.hi, -t) + gamma * log.lo;
        int far = !(t > -1e4);
        sxt_to_lane(&f->power, i, (sxt_dd){far ? -1e4 : t, far ? 0.0 : low});
    }
    EACH_DOUBLE(i, rows)
        sxt_to_lane(&f->power, i, sxt_expm1_64th(sxt_of_lane(&f->power, i), &f->n[i]));
    EACH_DOUBLE(i, rows) {
        sxt_dd power = sxt_exp_of_64th(sxt_of_lane(&f->power, i)), none = {0.0, 0.0};
        sxt_to_lane(&f->power, i, sxt_dd_select(f->q.hi[i] > 0.0, power, none));
        f->n[i] = f->q.hi[i] > 0.0 ? f->n[i] : 0.0;
    }
}

/* A and B; 0 where q is. Of a lifted q, p n / q is 1. */
static __attribute__((noinline)) void sxt_focal_slopes(sxt_focal *f, ptrdiff_t rows, double gamma)
{
    EACH_DOUBLE(i, rows) {
        sxt_dd one = {1.0, 0.0}, none = {0.0, 0.0}, nll = sxt_of_lane(&f->nll, i), power = sxt_of_lane(&f->power, i);
        sxt_dd q = sxt_of_lane(&f->q, i), p = sxt_dd_select(f->p_lift[i] > 0.0, none, sxt_of_lane(&f->p, i));
        sxt_dd ratio = sxt_dd_select(f->q_lift[i] > 0.0, one, sxt_dd_div(sxt_dd_mul(p, nll), q));
        sxt_dd slope = sxt_dd_add(one, sxt_dd_mul((sxt_dd){gamma, 0.0}, ratio));
        double bend = gamma * ((2.0 - nll.hi) + (gamma - 1.0) * ratio.hi);
        sxt_to_lane(&f->slope, i, sxt_dd_select(q.hi > 0.0, sxt_dd_mul(power, slope), none));
        f->bend[i] = q.hi > 0.0 ? power.hi * bend : 0.0;
    }
}

#endif
