/* factor_terms.h - the terms of a log-sum-exp with factors, compiled for each instruction set. */

/* b = mantissa 2^exponent with 1 <= |mantissa| < 2; b finite and not 0. */
SXT_FN double factor_mantissa(double b, double *exponent)
{
    int subnormal = fabs(b) < 0x1p-1022;
    uint64_t bits = sxt_bits(subnormal ? b * 0x1p54 : b);
    *exponent = (double)(int)(bits >> 52 & 2047) - (subnormal ? 1023.0 + 54.0 : 1023.0);
    return sxt_double((bits & ~((uint64_t)2047 << 52)) | (uint64_t)1023 << 52);
}

/* Only the exponential is rounded (exp_sum.h): its product with the factor is exact, so that terms which
 * cancel, cancel. Differences below -4096 are left there: no factor lifts such a term back into sight. */
static void factor_terms(const double *x, const double *b, ptrdiff_t n, double max, sxt_factor_terms *out)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        sxt_dd distance = sxt_two_sum(x[i], -max);
        int far = !(distance.hi > -4096.0);
        distance.hi = far ? -4096.0 : distance.hi;
        distance.lo = far ? 0.0 : distance.lo;
        double power, exponent, m = factor_mantissa(b[i], &exponent);
        sxt_dd e = sxt_exp_pair(distance, &power);
        double high = m * e.hi, low = m * e.lo;
        out->part[0][i] = high;
        out->part[1][i] = fma(m, e.hi, -high);
        out->part[2][i] = low;
        out->part[3][i] = fma(m, e.lo, -low);
        out->exponent[i] = power + exponent;
    }
}
