/* cross_entropy_call.h - a call of sxt_cross_entropy on its way: checked, counted, turned into a job. One file each. */
#ifndef SXT_CROSS_ENTROPY_CALL_H
#define SXT_CROSS_ENTROPY_CALL_H

#include "kernels/kernels.h"

/* What is known of the arrays. */
typedef struct {
    ptrdiff_t rows, classes, ignored;
} sxt_counts;

static inline int sxt_is_ignored(const sxt_cross_entropy_args *a, ptrdiff_t row)
{
    return a->labels && a->has_ignore_index && a->labels[row] == a->ignore_index;
}

/* Every argument (cross_entropy_checks.c). A label out of range goes to *bad, which may be NULL. */
sxt_status sxt_check_cross_entropy(const sxt_cross_entropy_args *a, sxt_counts *counts, sxt_label_error *bad);

/* The same for logits that hold some of the classes, from `first` on. */
sxt_status sxt_check_shard(const sxt_cross_entropy_args *a, ptrdiff_t first, ptrdiff_t classes, sxt_counts *counts,
                           sxt_label_error *bad);

/* What the mean divides by (divisors.c): the sum of the weights of the rows that count; `weight`: of classes, or NULL. */
double sxt_divisor(const sxt_cross_entropy_args *a, const sxt_counts *counts, const double *weight);

/* Arrays that a job points to (coefficients.c), in one allocation. */
typedef struct {
    void *memory; /* for sxt_free_lines; or NULL */
    double *base, *slope;
    void *base_here, *slope_here, *push_hi, *push_lo; /* in the compute type; the push in two parts */
} sxt_coefficients;

/* base and, with class probabilities, slope of the job; of a weighted blend its push. wide: the compute type is double. */
sxt_status sxt_make_coefficients(const sxt_cross_entropy_args *a, int wide, sxt_job *job, sxt_coefficients *arrays);

/* The base of smoothed labels as a blend takes it, if it is flat enough for one; otherwise the job's base_most stays 0. */
void sxt_set_flat_base(const sxt_cross_entropy_args *a, int wide, sxt_job *job);

/* The form of the job (forms.c), and what goes with it. */
sxt_status sxt_choose_form(const sxt_cross_entropy_args *a, sxt_job *job, sxt_coefficients *arrays);

/* What the mean divides losses and z_loss by; 1 for other reductions. */
typedef struct {
    double loss, z;
} sxt_means;

/* A call as a job, with the form chosen (cross_entropy.c). arrays->memory is to be freed in any case. */
sxt_status sxt_make_job(const sxt_cross_entropy_args *a, const sxt_counts *counts, sxt_means *means, sxt_job *job,
                        sxt_coefficients *arrays);

/* The sums that are left of a job, for other calls to go on with. */
void sxt_hand_out(sxt_total *total, sxt_sum sums[2]);

#endif
