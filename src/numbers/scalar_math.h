/* scalar_math.h - logarithm and exponential to about 2^-60 for the one value a row needs, in plain C.
 *
 * Written without branches and without libm, so that the compiler may put 2, 4 or 8 rows side by side
 * and the bits stay the same: every operation is a single IEEE one, fused only where fma stands.
 * A number of twice the precision is an unevaluated sum hi + lo with |lo| <= ulp(hi) / 2.
 * Sources: Dekker 1971 and Knuth TAOCP 2, 4.2.2 for the sums; the coefficients come from
 * tools/make_coefficients.py. */
#ifndef SXT_SCALAR_MATH_H
#define SXT_SCALAR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "numbers/constants.h"
#include "vectors/fused.h"

typedef struct {
    double hi, lo;
} sxt_dd;

#define SXT_FN static inline __attribute__((always_inline, unused))

SXT_FN uint64_t sxt_bits(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
SXT_FN double sxt_double(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}
/* NaN has another sign on another machine: one for all. */
SXT_FN double sxt_canonical(double x) { return x == x ? x : (double)NAN; }
/* 2^k for k in [-1022, 1023] given as a double. Adding 1.5 2^52 leaves the integer in the low bits. */
SXT_FN double sxt_exp2i(double k) { return sxt_double(sxt_bits(k + (0x1.8p52 + 1023.0)) << 52); }
/* A small integer, given modulo 2^64, without one of 32 bits on the way: lanes keep their width. */
SXT_FN double sxt_integer(uint64_t k) { return sxt_double(sxt_bits(0x1.8p52) + k) - 0x1.8p52; }

/* a + b exactly; sxt_fast_sum wants |a| >= |b| or a == 0. */
SXT_FN sxt_dd sxt_two_sum(double a, double b)
{
    double s = a + b, t = s - a;
    return (sxt_dd){s, (a - (s - t)) + (b - t)};
}
SXT_FN sxt_dd sxt_fast_sum(double a, double b)
{
    double s = a + b;
    return (sxt_dd){s, b - (s - a)};
}
SXT_FN sxt_dd sxt_dd_add(sxt_dd a, sxt_dd b)
{
    sxt_dd s = sxt_two_sum(a.hi, b.hi);
    return sxt_fast_sum(s.hi, s.lo + (a.lo + b.lo));
}
SXT_FN sxt_dd sxt_dd_mul(sxt_dd a, sxt_dd b)
{
    double p = a.hi * b.hi;
    return sxt_fast_sum(p, fma(a.hi, b.hi, -p) + (a.hi * b.lo + a.lo * b.hi));
}
/* Relative error about 2^-104. */
SXT_FN sxt_dd sxt_dd_div(sxt_dd a, sxt_dd b)
{
    double q = a.hi / b.hi;
    double r = fma(-q, b.hi, a.hi) + (a.lo - q * b.lo);
    return sxt_fast_sum(q, r / b.hi);
}

/* 1 / b, likewise: one division. */
SXT_FN sxt_dd sxt_dd_inverse(sxt_dd b)
{
    double q = 1.0 / b.hi;
    return (sxt_dd){q, (fma(-q, b.hi, 1.0) - q * b.lo) * q};
}

/* log((1 + s) / (1 - s)) = 2 s + s^3 P(s^2), |s| <= 3 - 2 sqrt 2. P to 2^-67.2 of the result. */
#define LOG_F64_0 0x1.5555555555555p-1
#define LOG_F64_1 0x1.9999999999c73p-2
#define LOG_F64_2 0x1.249249244fba6p-2
#define LOG_F64_3 0x1.c71c7224ff5e8p-3
#define LOG_F64_4 0x1.745cf2b55b8e3p-3
#define LOG_F64_5 0x1.3b1bf613e8453p-3
#define LOG_F64_6 0x1.0ffd69a7a48afp-3
#define LOG_F64_7 0x1.03e0dcf18be89p-3
#define LOG_F64_8 0x1.5f2f361933ee7p-5

SXT_FN sxt_dd sxt_log_ratio(sxt_dd s)
{
    double u = s.hi * s.hi;
    double p = LOG_F64_8;
    p = fma(p, u, LOG_F64_7);
    p = fma(p, u, LOG_F64_6);
    p = fma(p, u, LOG_F64_5);
    p = fma(p, u, LOG_F64_4);
    p = fma(p, u, LOG_F64_3);
    p = fma(p, u, LOG_F64_2);
    p = fma(p, u, LOG_F64_1);
    p = fma(p, u, LOG_F64_0);
    return sxt_fast_sum(2.0 * s.hi, fma(u * s.hi, p, 2.0 * s.lo));
}

/* x = 2^k (1 + f), 1 + f in [sqrt 1/2, sqrt 2); x normal and positive. */
SXT_FN double sxt_split(sxt_dd x, sxt_dd *f)
{
    uint64_t u = sxt_bits(x.hi);
    /* the exponent of x / sqrt(1/2), plus 1024: the offset moves the mantissa's cut from 1 to sqrt(1/2) */
    uint64_t exponent = (u - 0x3fe6a09e667f3bcdu + ((uint64_t)1024 << 52)) >> 52;
    double inverse = sxt_double((1023u + 1024u - exponent) << 52);
    *f = sxt_fast_sum(x.hi * inverse - 1.0, x.lo * inverse);
    return sxt_integer(exponent - 1024u);
}

#define SXT_LN2_HI 0x1.62e42fefa39efp-1
#define SXT_LN2_LO 0x1.abc9e3b39803fp-56

/* k ln 2, |k| < 2^31, to about 2^-106 relative. */
SXT_FN sxt_dd sxt_times_ln2(double k)
{
    double p = k * SXT_LN2_HI;
    return sxt_fast_sum(p, fma(k, SXT_LN2_HI, -p) + k * SXT_LN2_LO);
}

/* log x, x positive and normal: *k is the power of two taken out, the result the log of the rest. */
SXT_FN sxt_dd sxt_log_parts(sxt_dd x, double *k)
{
    sxt_dd f;
    *k = sxt_split(x, &f);
    sxt_dd d = sxt_fast_sum(2.0, f.hi);
    d.lo += f.lo;
    return sxt_log_ratio(sxt_dd_div(f, d));
}

/* log(1 + q), q >= 0, with small relative error down to q = 0. */
SXT_FN sxt_dd sxt_log1p(sxt_dd q)
{
    double k;
    sxt_dd one = {1.0, 0.0};
    sxt_dd big = sxt_log_parts(sxt_dd_add(one, q), &k);
    big = sxt_dd_add(sxt_times_ln2(k), big);
    sxt_dd d = sxt_fast_sum(2.0, q.hi);
    d.lo += q.lo;
    sxt_dd small = sxt_log_ratio(sxt_dd_div(q, d));
    return q.hi < 0.375 ? small : big;
}

/* q(r) of exp(r) = 1 + r + r^2 q(r), of degree 9. */
SXT_FN double sxt_exp_q(double r)
{
    double q = f64_EXP_FIRST;
#define STEP(coefficient) q = fma(q, r, coefficient);
    f64_EXP_STEPS(STEP)
#undef STEP
    return q;
}

/* exp(x - n ln 2) = 1 + t for the integer n nearest to x log2(e): r + r^2 q(r).
 * t to about 2^-58 absolute. |x| < 2^31. In two steps: the difference r + low, and its exponential. */
SXT_FN double sxt_exp_reduced(double x, double *n, double *low)
{
    double z = fma(x, 0x1.71547652b82fep+0, 0x1.8p52) - 0x1.8p52;
    double r0 = fma(-z, SXT_LN2_HI, x);
    double r = fma(-z, SXT_LN2_LO, r0);
    *low = fma(-z, SXT_LN2_LO, r0 - r);
    *n = z;
    return r;
}

SXT_FN sxt_dd sxt_exp_raised(double r, double low)
{
    double q = sxt_exp_q(r);
    sxt_dd one = sxt_fast_sum(1.0, r);
    return sxt_fast_sum(one.hi, one.lo + fma(r * r, q, low));
}

SXT_FN sxt_dd sxt_exp_parts(double x, double *n)
{
    double low, r = sxt_exp_reduced(x, n, &low);
    return sxt_exp_raised(r, low);
}

#endif
