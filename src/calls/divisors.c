/* divisors.c - what the mean of a loss divides by: rows, or their weights, summed exactly, so that neither the order of
 * the rows nor the cut of the batch matters. */
#include "calls/cross_entropy_call.h"

#include "calls/entry.h"

static void add_weights(const sxt_cross_entropy_args *a, ptrdiff_t rows, const double *weight, sxt_exact *sum)
{
    double block[SXT_EXACT_BLOCK];
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < rows; i++) {
        if (!sxt_is_ignored(a, i)) {
            double w = weight ? weight[a->labels[i]] : 1.0;
            block[n++] = a->sample_weight ? w * a->sample_weight[i] : w;
        }
        if (n == SXT_EXACT_BLOCK || i + 1 == rows) {
            sxt_exact_add_doubles(sum, block, n);
            n = 0;
        }
    }
}

static void add_divisor(const sxt_cross_entropy_args *a, const sxt_counts *counts, const double *weight, sxt_exact *sum)
{
    if (weight || a->sample_weight)
        add_weights(a, counts->rows, weight, sum);
    else
        sxt_exact_add(sum, (double)(counts->rows - counts->ignored));
}

double sxt_divisor(const sxt_cross_entropy_args *a, const sxt_counts *counts, const double *weight)
{
    if (!weight && !a->sample_weight)
        return (double)(counts->rows - counts->ignored);
    sxt_exact sum = {{0}, 0};
    add_divisor(a, counts, weight, &sum);
    return sxt_exact_round(&sum);
}

static sxt_status divisors(const sxt_cross_entropy_args *a, sxt_sum sums[2], sxt_label_error *bad)
{
    sxt_counts counts;
    sxt_status status = sums ? sxt_check_cross_entropy(a, &counts, bad) : SXT_ERR_ARGUMENT;
    if (status != SXT_OK)
        return status;
    sums[0] = sums[1] = (sxt_sum){{0}, 0};
    add_divisor(a, &counts, a->labels ? a->weight : NULL, &sums[0]);
    add_divisor(a, &counts, NULL, &sums[1]);
    sxt_exact_carry(&sums[0]);
    sxt_exact_carry(&sums[1]);
    return SXT_OK;
}

sxt_status sxt_cross_entropy_divisors(const sxt_cross_entropy_args *a, sxt_sum sums[2], sxt_label_error *bad)
{
    SXT_ENTRY(divisors(a, sums, bad));
}
