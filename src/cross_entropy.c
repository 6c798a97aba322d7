/* cross_entropy.c - cross-entropy: options checked and turned into the one form of kernels.h, then run. */
#include "softxent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "dispatch.h"
#include "float_environment.h"
#include "from_probabilities.h"
#include "run.h"
#include "scalar_math.h"

static int finite_at_least(double x, double low) { return x >= low && x < (double)INFINITY; }

static sxt_status check_options(const sxt_cross_entropy_args *a)
{
    if (!a || (a->labels != NULL) == (a->probs != NULL) || a->reduction < SXT_NONE || a->reduction > SXT_MEAN)
        return SXT_ERR_ARGUMENT;
    if (!(a->label_smoothing >= 0.0 && a->label_smoothing <= 1.0) || !finite_at_least(a->z_loss, 0.0) ||
        !finite_at_least(a->softcap, 0.0) || !(fabs(a->logit_scale) < (double)INFINITY))
        return SXT_ERR_ARGUMENT;
    if (a->reduction == SXT_NONE ? a->loss != NULL : a->row_losses != NULL || a->grad_output != NULL)
        return SXT_ERR_ARGUMENT;
    if (!a->from_logits && (a->z_loss != 0.0 || a->logit_scale != 1.0 || a->softcap != 0.0))
        return SXT_ERR_ARGUMENT;
    return SXT_OK;
}

static sxt_status check_arrays(const sxt_cross_entropy_args *a)
{
    sxt_status status = sxt_check_array(&a->logits);
    if (status == SXT_OK && (a->axis < 0 || a->axis >= a->logits.ndim))
        status = SXT_ERR_AXIS;
    if (status == SXT_OK && a->probs)
        status = sxt_check_like(a->probs, &a->logits);
    if (status == SXT_OK && a->grad)
        status = sxt_check_like(a->grad, &a->logits);
    if (status == SXT_OK && a->hess)
        status = sxt_check_like(a->hess, &a->logits);
    return status;
}

static int is_ignored(const sxt_cross_entropy_args *a, ptrdiff_t row)
{
    return a->labels && a->has_ignore_index && a->labels[row] == a->ignore_index;
}

static sxt_status check_labels(const sxt_cross_entropy_args *a, ptrdiff_t rows, ptrdiff_t classes,
                               ptrdiff_t *ignored, sxt_label_error *bad)
{
    const sxt_kernels *kernels = sxt_active_kernels();
    if (!kernels)
        return SXT_ERR_ISA;
    if (kernels->check_labels(a->labels, rows, classes, a->has_ignore_index ? &a->ignore_index : NULL, ignored))
        return SXT_OK;
    ptrdiff_t i = 0;
    while ((a->labels[i] >= 0 && a->labels[i] < classes) || is_ignored(a, i))
        i++;
    if (bad)
        *bad = (sxt_label_error){a->labels[i], i};
    return SXT_ERR_LABEL;
}

/* Sum over the rows that count of their weights: what the mean divides by. */
static double divisor(const sxt_cross_entropy_args *a, ptrdiff_t rows, ptrdiff_t ignored, const double *weight)
{
    if (!weight && !a->sample_weight)
        return (double)(rows - ignored);
    double sum = 0.0, low = 0.0;
    for (ptrdiff_t i = 0; i < rows; i++) {
        if (is_ignored(a, i))
            continue;
        double w = weight ? weight[a->labels[i]] : 1.0;
        w *= a->sample_weight ? a->sample_weight[i] : 1.0;
        double s = sum + w, t = s - sum;
        low += (sum - (s - t)) + (w - t);
        sum = s;
    }
    return sum + low;
}

/* base and slope of the general form, and their copies in the compute type: one allocation. */
static sxt_status make_coefficients(const sxt_cross_entropy_args *a, ptrdiff_t classes, sxt_job *job,
                                    void **memory)
{
    double smooth = a->label_smoothing / (double)classes, sum = 0.0, low = 0.0;
    size_t n = (size_t)classes;
    job->share = 1.0 - a->label_smoothing;
    *memory = NULL;
    if (a->label_smoothing == 0.0 && !a->probs)
        return SXT_OK;
    double *base = malloc(n * 4 * sizeof *base);
    if (!base)
        return SXT_ERR_MEMORY;
    double *slope = base + n, *here = base + 2 * n;
    for (size_t c = 0; c < n; c++) {
        double w = a->weight ? a->weight[c] : 1.0;
        base[c] = w * smooth;
        slope[c] = w * job->share;
        double s = sum + base[c], t = s - sum;
        low += (sum - (s - t)) + (base[c] - t);
        sum = s;
    }
    job->base_sum = a->weight ? sum + low : a->label_smoothing;
    int wide = a->logits.dtype == SXT_F64 || a->logit_scale != 1.0 || a->softcap != 0.0;
    if (wide) {
        memcpy(here, base, 2 * n * sizeof *here);
    } else {
        float *f = (float *)here;
        for (size_t c = 0; c < 2 * n; c++)
            f[c] = (float)base[c];
    }
    job->base = base;
    job->slope = slope;
    job->base_here = here;
    job->slope_here = wide ? (void *)(here + n) : (void *)((float *)here + n);
    *memory = base;
    return SXT_OK;
}

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
    job->classes = layout.classes;
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
    sxt_status status = check_options(a);
    if (status == SXT_OK)
        status = check_arrays(a);
    if (status != SXT_OK)
        return status;
    ptrdiff_t rows = 1, ignored = 0, classes = a->logits.shape[a->axis];
    for (int i = 0; i < a->logits.ndim; i++)
        rows *= i == a->axis ? 1 : a->logits.shape[i];
    if (classes == 0)
        return SXT_ERR_EMPTY;
    if (a->labels)
        status = check_labels(a, rows, classes, &ignored, bad);
    if (status != SXT_OK)
        return status;
    double mean = 1.0, z_mean = 1.0;
    if (a->reduction == SXT_MEAN) {
        z_mean = divisor(a, rows, ignored, NULL);
        mean = a->weight && a->labels ? divisor(a, rows, ignored, a->weight) : z_mean;
    }
    sxt_job job = {
        .op = a->labels ? SXT_OP_LABEL : SXT_OP_DENSE,
        .dtype = a->logits.dtype,
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
        .general = a->probs || a->label_smoothing != 0.0 || a->z_loss != 0.0 ||
                   a->logit_scale != 1.0 || a->softcap != 0.0,
    };
    void *memory;
    status = make_coefficients(a, classes, &job, &memory);
    if (status == SXT_OK)
        status = run(a, &job, mean, z_mean);
    free(memory);
    return status;
}

sxt_status sxt_cross_entropy(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    uint64_t saved = sxt_float_enter();
    sxt_status status = cross_entropy(a, bad);
    sxt_float_leave(saved);
    return status;
}
