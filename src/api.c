/* api.c - the softmax family and cross-entropy: arguments checked, then run; no arithmetic on rows. */
#include "softxent.h"

#include <math.h>
#include <string.h>

#include "check.h"
#include "run.h"

/* Everything that the row functions share: check, lay out, run. */
static sxt_status run_rows(sxt_job *job, const sxt_array *x, uint64_t axes, const sxt_array *y,
                           const sxt_mask *where, sxt_total *total)
{
    sxt_layout layout;
    sxt_status status = sxt_layout_make(&layout, x, axes, y, NULL, where);
    if (status != SXT_OK)
        return status;
    job->classes = layout.classes;
    status = layout.rows > 0 && layout.classes == 0 ? SXT_ERR_EMPTY
                                                    : sxt_run(job, &layout, x->dtype, total);
    sxt_layout_free(&layout);
    return status;
}

static sxt_status elementwise_rows(sxt_op op, const sxt_array *x, uint64_t axes, const sxt_mask *where,
                                   const sxt_array *out)
{
    sxt_total total;
    sxt_job job = {.op = op, .want_grad = 1};
    sxt_status status = sxt_check_array(x);
    if (status == SXT_OK)
        status = sxt_check_axes(x, axes);
    if (status == SXT_OK)
        status = sxt_check_like(out, x);
    return status == SXT_OK ? run_rows(&job, x, axes, out, where, &total) : status;
}

sxt_status sxt_softmax(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *out)
{
    return elementwise_rows(SXT_OP_SOFTMAX, x, axes, where, out);
}

sxt_status sxt_log_softmax(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *out)
{
    return elementwise_rows(SXT_OP_LOG_SOFTMAX, x, axes, where, out);
}

sxt_status sxt_logsumexp(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *b,
                         void *out, void *sign)
{
    sxt_total total;
    sxt_job job = {.op = SXT_OP_LOGSUMEXP, .row_out = out};
    sxt_status status = sxt_check_array(x);
    if (status == SXT_OK)
        status = sxt_check_axes(x, axes);
    if (status == SXT_OK && !out)
        status = SXT_ERR_ARGUMENT;
    if (status == SXT_OK && (b || sign))
        status = SXT_ERR_UNSUPPORTED;
    return status == SXT_OK ? run_rows(&job, x, axes, NULL, where, &total) : status;
}

/* ---- cross-entropy --------------------------------------------------------------------------- */

static sxt_status check_options(const sxt_cross_entropy_args *a)
{
    if ((a->labels != NULL) == (a->probs != NULL) || a->reduction < SXT_NONE || a->reduction > SXT_MEAN)
        return SXT_ERR_ARGUMENT;
    if (!(a->label_smoothing >= 0.0 && a->label_smoothing <= 1.0))
        return SXT_ERR_ARGUMENT;
    if (a->reduction == SXT_NONE ? a->loss != NULL : a->row_losses != NULL || a->grad_output != NULL)
        return SXT_ERR_ARGUMENT;
    if (a->probs || a->label_smoothing != 0.0 || a->z_loss != 0.0 || a->logit_scale != 1.0 ||
        a->softcap != 0.0 || !a->from_logits || a->hess)
        return SXT_ERR_UNSUPPORTED;
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

static int is_ignored(const sxt_cross_entropy_args *a, int64_t label)
{
    return a->has_ignore_index && label == a->ignore_index;
}

static sxt_status check_labels(const sxt_cross_entropy_args *a, ptrdiff_t rows, ptrdiff_t classes,
                               sxt_label_error *bad)
{
    int wrong = 0;
    for (ptrdiff_t i = 0; i < rows; i++)
        wrong |= (uint64_t)a->labels[i] >= (uint64_t)classes && !is_ignored(a, a->labels[i]);
    if (!wrong)
        return SXT_OK;
    for (ptrdiff_t i = 0; i < rows; i++)
        if ((uint64_t)a->labels[i] >= (uint64_t)classes && !is_ignored(a, a->labels[i])) {
            if (bad)
                *bad = (sxt_label_error){a->labels[i], i};
            break;
        }
    return SXT_ERR_LABEL;
}

/* What the mean divides by: the weights of the labels that count. */
static double mean_divisor(const sxt_cross_entropy_args *a, ptrdiff_t rows)
{
    if (!a->weight && !a->sample_weight) {
        ptrdiff_t kept = 0;
        for (ptrdiff_t i = 0; i < rows; i++)
            kept += !is_ignored(a, a->labels[i]);
        return (double)kept;
    }
    double sum = 0.0, low = 0.0;
    for (ptrdiff_t i = 0; i < rows; i++) {
        if (is_ignored(a, a->labels[i]))
            continue;
        double w = a->weight ? a->weight[a->labels[i]] : 1.0;
        w *= a->sample_weight ? a->sample_weight[i] : 1.0;
        double s = sum + w, t = s - sum;
        low += (sum - (s - t)) + (w - t);
        sum = s;
    }
    return sum + low;
}

sxt_status sxt_cross_entropy(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    sxt_status status = check_options(a);
    if (status == SXT_OK)
        status = check_arrays(a);
    if (status != SXT_OK)
        return status;
    ptrdiff_t rows = 1, classes = a->logits.shape[a->axis];
    for (int i = 0; i < a->logits.ndim; i++)
        rows *= i == a->axis ? 1 : a->logits.shape[i];
    if (rows > 0 && classes == 0)
        return SXT_ERR_EMPTY;
    status = check_labels(a, rows, classes, bad);
    if (status != SXT_OK)
        return status;
    double divisor = a->reduction == SXT_MEAN ? mean_divisor(a, rows) : 1.0;
    sxt_job job = {
        .op = SXT_OP_CROSS_ENTROPY,
        .want_grad = a->grad != NULL,
        .labels = a->labels,
        .has_ignore_index = a->has_ignore_index,
        .ignore_index = a->ignore_index,
        .weight = a->weight,
        .sample_weight = a->sample_weight,
        .grad_output = a->grad_output,
        .grad_scale = divisor == 0.0 ? 0.0 : a->grad_scale / divisor,
        .row_out = a->row_losses,
        .want_sum = a->loss != NULL,
    };
    sxt_total total = {0.0, 0.0};
    status = run_rows(&job, &a->logits, UINT64_C(1) << a->axis, a->grad, NULL, &total);
    if (status == SXT_OK && a->loss) {
        double sum = isfinite(total.hi) ? total.hi + total.lo : total.hi;
        *a->loss = a->reduction == SXT_MEAN ? sum / divisor : sum;
    }
    return status;
}
