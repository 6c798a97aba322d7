/* from_probabilities.h - cross-entropy of probabilities instead of logits: L = -sum_c q_c log p_c. */
#ifndef SXT_FROM_PROBABILITIES_H
#define SXT_FROM_PROBABILITIES_H

#include "walks/layout.h"

/* Like sxt_run, for a cross-entropy job whose x holds probabilities. Gradient -q / p, Hessian q / p^2. */
sxt_status sxt_run_from_probabilities(const sxt_job *job, const sxt_layout *layout, sxt_dtype dtype,
                                      sxt_total *total);

#endif
