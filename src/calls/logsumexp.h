/* logsumexp.h - log-sum-exp with factors of any sign. */
#ifndef SXT_LOGSUMEXP_H
#define SXT_LOGSUMEXP_H

#include "softxent.h"

/* As sxt_logsumexp, whose arguments have been checked, with factors; sign may be NULL. */
sxt_status sxt_logsumexp_with_factors(const sxt_array *x, uint64_t axes, const sxt_mask *where,
                                      const sxt_array *b, void *out, void *sign);

/* The signs of sums of x along `axes` without factors, from their logarithms: 1, 0 for -infinity, NaN. */
void sxt_signs_of_logs(const sxt_array *x, uint64_t axes, const void *logs, void *sign);

#endif
