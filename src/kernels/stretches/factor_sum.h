/* factor_sum.h - sums of b exp(x), compiled for each instruction set.
 *
 * Only the exponential is rounded (exp_sum.h): its product with the factor is the sum of four doubles, which
 * are added exactly (exact_sum.h), so that terms which cancel, cancel. */

#ifndef SXT_FACTOR_SUM_H
#define SXT_FACTOR_SUM_H

#include "kernels/stretches/stretches.h"
#include "numbers/exact_sum.h"
#include "numbers/exp_sum.h"
#include "numbers/scalar_math.h"

/* b = mantissa 2^exponent with 1 <= |mantissa| < 2; b finite and not 0. */
SXT_FN double factor_mantissa(double b, double *exponent)
{
    int subnormal = fabs(b) < 0x1p-1022;
    uint64_t bits = sxt_bits(subnormal ? b * 0x1p54 : b);
    *exponent = (double)(int)(bits >> 52 & 2047) - (subnormal ? 1023.0 + 54.0 : 1023.0);
    return sxt_double((bits & ~((uint64_t)2047 << 52)) | (uint64_t)1023 << 52);
}

/* Differences below -4096 are left there: no factor lifts such a term back into sight. */
static void factor_parts(const double *x, const double *b, ptrdiff_t n, double max, double top,
                         double part[4][SXT_FACTOR_BLOCK])
{
    for (ptrdiff_t i = 0; i < n; i++) {
        sxt_dd distance = sxt_two_sum(x[i], -max);
        int far = !(distance.hi > -4096.0);
        distance.hi = far ? -4096.0 : distance.hi;
        distance.lo = far ? 0.0 : distance.lo;
        double n_e, n_b, m = factor_mantissa(b[i], &n_b);
        sxt_dd e = sxt_exp_pair(distance, &n_e);
        double shift = n_e + n_b - top + SXT_FACTOR_ROOM;
        double power = shift < SXT_FACTOR_LOWEST ? 0.0 : sxt_exp2i(shift < SXT_FACTOR_LOWEST ? 0.0 : shift);
        double high = m * e.hi, low = m * e.lo;
        part[0][i] = high * power;
        part[1][i] = fma(m, e.hi, -high) * power;
        part[2][i] = low * power;
        part[3][i] = fma(m, e.lo, -low) * power;
    }
}

/* Values of any sign, 0 or normal, which are destroyed. */
static void factor_add(sxt_exact *sum, double *v, ptrdiff_t n)
{
    uint64_t most = 0, least = UINT64_MAX;
    for (ptrdiff_t i = 0; i < n; i++) {
        uint64_t size = sxt_bits(v[i]) & (UINT64_MAX >> 1);
        most = size > most ? size : most;
        least = size - 1 < least ? size - 1 : least; /* zeros go to the top */
    }
    if (most > 0)
        sxt_exact_add_between(sum, v, n, (int)((least + 1) >> 52) - 1075, (int)(most >> 52) - 1022);
}

static void factor_sum(const double *x, const double *b, ptrdiff_t n, double max, double top, sxt_exact *sum)
{
    double part[4][SXT_FACTOR_BLOCK];
    factor_parts(x, b, n, max, top, part);
    for (int k = 0; k < 4; k++)
        factor_add(sum, part[k], n);
}

#endif
