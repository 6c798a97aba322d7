/* few_sum.h - the mean of few losses, with the bits of sxt_exact_mean and without its 70 limbs, which of a call with a
 * dozen rows are a good part: two cuts on grids that hang on the largest value hold all bits of those that lie less than
 * 2^49 apart. */
#ifndef SXT_FEW_SUM_H
#define SXT_FEW_SUM_H

#include "numbers/exact_sum.h"

/* From one grid to the next: what the first cut leaves is below 2^49 units of the second. */
#define SXT_FEW_BITS 50

/* Whether the sum of n <= SXT_EXACT_BLOCK values over count is in *mean; else nothing is. */
static inline int sxt_few_mean(const double *values, ptrdiff_t n, double count, double *mean)
{
    sxt_exact_range range = sxt_exact_range_of(values, n);
    int top = range.top, unit = top - 51, fine_unit = unit - SXT_FEW_BITS;
    /* Grids and the result are normal numbers. */
    if (top < -500 || top > 500 || range.low < fine_unit || !(count > 0x1p-200 && count < 0x1p200))
        return 0;
    double first = 1.5 * sxt_exact_power(unit + 52), second = 1.5 * sxt_exact_power(fine_unit + 52);
    uint64_t coarse = 0, fine = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        double c = values[k] + first, f = values[k] - (c - first) + second;
        uint64_t bits[2];
        memcpy(bits, &c, sizeof c);
        memcpy(bits + 1, &f, sizeof f);
        coarse += bits[0];
        fine += bits[1];
    }
    /* coarse 2^50 + fine as 64 bits from the highest one downwards, the last of which stands for everything below */
    int64_t high = sxt_exact_units(coarse, n, first), low_part = sxt_exact_units(fine, n, second);
    high += low_part >> SXT_FEW_BITS;
    uint64_t rest = (uint64_t)low_part & ((UINT64_C(1) << SXT_FEW_BITS) - 1);
    int up = __builtin_clzll((uint64_t)high), left = SXT_FEW_BITS - up; /* up: 3 to 14 */
    uint64_t head = (uint64_t)high << up | rest >> left | ((rest & ((UINT64_C(1) << left) - 1)) != 0);
    *mean = (double)head / count * sxt_exact_power(unit - up);
    return 1;
}

#endif
