/* cross_entropy.c - cross-entropy: a call becomes a job, which is run, and what is left of it a mean. */
#include "softxent.h"

#include <math.h>

#include "calls/cross_entropy_call.h"
#include "calls/entry.h"
#include "calls/from_probabilities.h"
#include "machine/lines.h"
#include "numbers/few_sum.h"
#include "numbers/scalar_math.h"
#include "walks/run.h"

static double over(const sxt_exact *sum, double divisor)
{
    return divisor == 0.0 ? (double)NAN : sxt_canonical(sxt_exact_mean(sum, divisor) / SXT_TOTAL_SCALE);
}

/* One loss alone is its sum; below, powers of two are no longer exact. */
static double mean_of(sxt_loss_sum *sum, double divisor)
{
    double only = sum->values[0], mean;
    if (!sum->begun && sum->waiting == 1 && divisor != 0.0 && only >= 0x1p-900)
        return only / divisor / SXT_TOTAL_SCALE;
    if (!sum->begun && sxt_few_mean(sum->values, sum->waiting, divisor, &mean))
        return mean / SXT_TOTAL_SCALE;
    sxt_loss_sum_flush(sum);
    return over(&sum->sum, divisor);
}

void sxt_hand_out(sxt_total *total, sxt_sum sums[2])
{
    sxt_loss_sum *from[] = {&total->loss, &total->z};
    for (int k = 0; k < 2; k++) {
        sxt_loss_sum_flush(from[k]);
        sxt_exact_carry(&from[k]->sum);
        sums[k] = from[k]->sum;
    }
}

double sxt_cross_entropy_of_sums(const sxt_sum sums[2], const double divisors[2], int z_loss)
{
    double loss = over(&sums[0], divisors[0]);
    return z_loss ? sxt_canonical(loss + over(&sums[1], divisors[1])) : loss;
}

static sxt_status run(const sxt_cross_entropy_args *a, sxt_job *job, const sxt_means *means)
{
    sxt_layout layout;
    sxt_total total;
    sxt_status status = sxt_layout_make(&layout, &a->logits, UINT64_C(1) << a->axis, a->grad, a->hess,
                                        a->probs, NULL);
    if (status != SXT_OK)
        return status;
    if (a->from_logits)
        status = sxt_run(job, &layout, a->logits.dtype, &total);
    else
        status = sxt_run_from_probabilities(job, &layout, a->logits.dtype, &total);
    sxt_layout_free(&layout);
    if (status == SXT_OK && a->loss) {
        *a->loss = mean_of(&total.loss, means->loss);
        if (a->z_loss != 0.0)
            *a->loss = sxt_canonical(*a->loss + mean_of(&total.z, means->z));
    }
    if (status == SXT_OK && a->sums)
        sxt_hand_out(&total, a->sums);
    return status;
}

sxt_status sxt_make_job(const sxt_cross_entropy_args *a, const sxt_counts *counts, sxt_means *means, sxt_job *job,
                        sxt_coefficients *arrays)
{
    double mean = 1.0, z_mean = 1.0;
    if (a->reduction == SXT_MEAN) {
        z_mean = a->divisors ? a->divisors[1] : sxt_divisor(a, counts, NULL);
        mean = a->divisors             ? a->divisors[0]
               : a->weight && a->labels ? sxt_divisor(a, counts, a->weight)
                                        : z_mean;
    }
    *means = (sxt_means){mean, z_mean};
    *job = (sxt_job){
        .op = a->labels ? SXT_OP_LABEL : SXT_OP_DENSE,
        .dtype = a->logits.dtype,
        .classes = counts->classes,
        .labels = a->labels,
        .has_ignore_index = a->has_ignore_index,
        .ignore_index = a->ignore_index,
        .weight = a->weight,
        .sample_weight = a->sample_weight,
        .grad_output = a->grad_output,
        .grad_scale = mean == 0.0 ? 0.0 : a->grad_scale / mean,
        .z_loss = a->z_loss,
        .z_scale = z_mean == 0.0 ? 0.0 : a->grad_scale / z_mean,
        .row_out = a->row_losses,
        .want_sum = a->loss || a->sums,
        .logit_scale = a->logit_scale,
        .softcap = a->softcap,
    };
    return sxt_choose_form(a, job, arrays);
}

static sxt_status cross_entropy(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    sxt_counts counts;
    sxt_means means;
    sxt_job job;
    sxt_coefficients arrays;
    sxt_status status = sxt_check_cross_entropy(a, &counts, bad);
    if (status != SXT_OK)
        return status;
    status = sxt_make_job(a, &counts, &means, &job, &arrays);
    if (status == SXT_OK)
        status = run(a, &job, &means);
    sxt_free_lines(arrays.memory);
    return status;
}

/* A Hessian takes the general form, in double where logits are scaled; the gradient keeps the bits that it has
 * without one. The output that takes the logits' place is last. */
static sxt_status scaled_hessian(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    sxt_cross_entropy_args gradient = *a, hessian = *a;
    gradient.hess = hessian.grad = NULL;
    hessian.loss = NULL;
    hessian.sums = NULL;
    hessian.row_losses = NULL;
    int gradient_last = a->grad && a->grad->data == a->logits.data;
    sxt_status status = cross_entropy(gradient_last ? &hessian : &gradient, bad);
    return status == SXT_OK ? cross_entropy(gradient_last ? &gradient : &hessian, bad) : status;
}

sxt_status sxt_cross_entropy(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    int twice = a && a->hess && a->labels && a->logit_scale != 1.0 && a->softcap == 0.0;
    SXT_ENTRY(twice ? scaled_hessian(a, bad) : cross_entropy(a, bad));
}
