/* divisors.c - what the mean of a loss divides by: rows, or their weights, summed to twice double precision. */
#include "calls/cross_entropy_call.h"

double sxt_divisor(const sxt_cross_entropy_args *a, const sxt_counts *counts, const double *weight)
{
    if (!weight && !a->sample_weight)
        return (double)(counts->rows - counts->ignored);
    double sum = 0.0, low = 0.0;
    for (ptrdiff_t i = 0; i < counts->rows; i++) {
        if (sxt_is_ignored(a, i))
            continue;
        double w = weight ? weight[a->labels[i]] : 1.0;
        w *= a->sample_weight ? a->sample_weight[i] : 1.0;
        double s = sum + w, t = s - sum;
        low += (sum - (s - t)) + (w - t);
        sum = s;
    }
    return sum + low;
}
