/* sums.c - sums without rounding, by themselves: numbers/exact_sum.h. */
#include <math.h>

#include "calls/entry.h"
#include "numbers/exact_sum.h"
#include "numbers/scalar_math.h"

static sxt_status sum_add(sxt_sum *sum, const double *values, ptrdiff_t n)
{
    if (!sum || n < 0 || (n > 0 && !values))
        return SXT_ERR_ARGUMENT;
    for (ptrdiff_t i = 0; i < n; i++) {
        sxt_exact_add(sum, values[i]);
        if (i % (1 << 20) == 0)
            sxt_exact_carry(sum);
    }
    sxt_exact_carry(sum);
    return SXT_OK;
}

sxt_status sxt_sum_add(sxt_sum *sum, const double *values, ptrdiff_t n) { SXT_ENTRY(sum_add(sum, values, n)); }

sxt_status sxt_sum_merge(sxt_sum *sum, const sxt_sum *other)
{
    if (!sum || !other)
        return SXT_ERR_ARGUMENT;
    sxt_exact_merge(sum, other);
    sxt_exact_carry(sum);
    return SXT_OK;
}

double sxt_sum_over(const sxt_sum *sum, double divisor)
{
    uint64_t caller = sxt_float_enter();
    double value = !sum || divisor == 0.0 ? (double)NAN : sxt_canonical(sxt_exact_mean(sum, divisor));
    sxt_float_leave(caller);
    return value;
}
