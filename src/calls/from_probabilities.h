/* from_probabilities.h - cross-entropy of probabilities instead of logits: L = -sum_c q_c log p_c. */
#ifndef SXT_FROM_PROBABILITIES_H
#define SXT_FROM_PROBABILITIES_H

#include "walks/layout.h"

/* Like sxt_run, for a cross-entropy job whose x holds probabilities. Gradient -q / p, Hessian q / p^2. */
sxt_status sxt_run_from_probabilities(const sxt_job *job, const sxt_layout *layout, sxt_dtype dtype,
                                      sxt_total *total);

/* The same for rows of which the layout has a shard, the classes from `first` on: to one sum a row, and outputs. */
void sxt_sum_of_shard(const sxt_job *job, const sxt_layout *layout, sxt_dtype dtype, ptrdiff_t first, sxt_sum *rows);
/* Losses of n rows, of their shards' sums, merged. */
void sxt_losses_of_sums(const sxt_job *job, sxt_dtype dtype, const sxt_sum *rows, ptrdiff_t n, sxt_total *total);

#endif
