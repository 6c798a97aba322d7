/* cross_entropy.c - cross-entropy: a call becomes a job, which is run, and what is left of it a mean. */
#include "softxent.h"

#include <math.h>
#include <stdlib.h>

#include "calls/cross_entropy_call.h"
#include "calls/entry.h"
#include "calls/from_probabilities.h"
#include "numbers/scalar_math.h"
#include "walks/run.h"

static double mean_of(const sxt_lanes_sum *sum, double count)
{
    double hi, lo;
    sxt_lanes_sum_value(sum, &hi, &lo);
    if (count == 0.0)
        return (double)NAN;
    return sxt_canonical((isfinite(hi) ? hi + lo : hi) / count / SXT_TOTAL_SCALE);
}

static sxt_status run(const sxt_cross_entropy_args *a, sxt_job *job, double mean, double z_mean)
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
        *a->loss = mean_of(&total.loss, mean);
        if (a->z_loss != 0.0)
            *a->loss = sxt_canonical(*a->loss + mean_of(&total.z, z_mean));
    }
    return status;
}

static sxt_status cross_entropy(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    sxt_counts counts;
    sxt_status status = sxt_check_cross_entropy(a, &counts, bad);
    if (status != SXT_OK)
        return status;
    double mean = 1.0, z_mean = 1.0;
    if (a->reduction == SXT_MEAN) {
        z_mean = sxt_divisor(a, &counts, NULL);
        mean = a->weight && a->labels ? sxt_divisor(a, &counts, a->weight) : z_mean;
    }
    sxt_job job = {
        .op = a->labels ? SXT_OP_LABEL : SXT_OP_DENSE,
        .dtype = a->logits.dtype,
        .classes = counts.classes,
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
        .want_sum = a->loss != NULL,
        .logit_scale = a->logit_scale,
        .softcap = a->softcap,
    };
    sxt_coefficients arrays;
    status = sxt_choose_form(a, &job, &arrays);
    if (status == SXT_OK)
        status = run(a, &job, mean, z_mean);
    free(arrays.memory);
    return status;
}

/* A Hessian takes the general form, in double where logits are scaled; the gradient keeps the bits that it has
 * without one. The output that takes the logits' place is last. */
static sxt_status scaled_hessian(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    sxt_cross_entropy_args gradient = *a, hessian = *a;
    gradient.hess = hessian.grad = NULL;
    hessian.loss = NULL;
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
