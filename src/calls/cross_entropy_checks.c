/* cross_entropy_checks.c - what cross-entropy asks of its arguments: options that go together, arrays that do, labels in range. */
#include <math.h>

#include "calls/check.h"
#include "calls/cross_entropy_call.h"
#include "machine/dispatch.h"

static int finite_at_least(double x, double low) { return x >= low && x < (double)INFINITY; }

/* Other losses than the plain one, of which there is one at most, have labels and logits, and no option that changes
 * what a probability is. */
static int check_loss(const sxt_cross_entropy_args *a)
{
    int others = 0, legal = 1, optional = a->label_smoothing != 0.0 || a->z_loss != 0.0 || a->softcap != 0.0;
#define SXT_LOSS(name, parameter)                                                                  \
    legal &= finite_at_least(a->parameter, 0.0);                                                   \
    others += a->parameter != 0.0;
#include "kernels/losses/losses.def"
    return legal && (others == 0 || (others == 1 && a->labels && a->from_logits && !optional));
}

static sxt_status check_options(const sxt_cross_entropy_args *a)
{
    if (!a || (a->labels != NULL) == (a->probs != NULL) || a->reduction < SXT_NONE || a->reduction > SXT_MEAN)
        return SXT_ERR_ARGUMENT;
    if (!(a->label_smoothing >= 0.0 && a->label_smoothing <= 1.0) || !finite_at_least(a->z_loss, 0.0) ||
        !finite_at_least(a->softcap, 0.0) || !(fabs(a->logit_scale) < (double)INFINITY))
        return SXT_ERR_ARGUMENT;
    if (a->reduction == SXT_NONE ? a->loss != NULL || a->sums != NULL : a->row_losses != NULL || a->grad_output != NULL)
        return SXT_ERR_ARGUMENT;
    if (!a->from_logits && (a->z_loss != 0.0 || a->logit_scale != 1.0 || a->softcap != 0.0))
        return SXT_ERR_ARGUMENT;
    return check_loss(a) ? SXT_OK : SXT_ERR_ARGUMENT;
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

static sxt_status check_labels(const sxt_cross_entropy_args *a, sxt_counts *counts, sxt_label_error *bad)
{
    const sxt_kernels *kernels = sxt_active_kernels();
    const int64_t *ignore = a->has_ignore_index ? &a->ignore_index : NULL;
    if (!kernels)
        return SXT_ERR_ISA;
    if (kernels->stretches->check_labels(a->labels, counts->rows, counts->classes, ignore, &counts->ignored))
        return SXT_OK;
    ptrdiff_t i = 0;
    while ((a->labels[i] >= 0 && a->labels[i] < counts->classes) || sxt_is_ignored(a, i))
        i++;
    if (bad)
        *bad = (sxt_label_error){a->labels[i], i};
    return SXT_ERR_LABEL;
}

static ptrdiff_t rows_of(const sxt_cross_entropy_args *a)
{
    ptrdiff_t rows = 1;
    for (int i = 0; i < a->logits.ndim; i++)
        rows *= i == a->axis ? 1 : a->logits.shape[i];
    return rows;
}

sxt_status sxt_check_cross_entropy(const sxt_cross_entropy_args *a, sxt_counts *counts, sxt_label_error *bad)
{
    sxt_status status = check_options(a);
    if (status == SXT_OK)
        status = check_arrays(a);
    if (status != SXT_OK)
        return status;
    *counts = (sxt_counts){rows_of(a), a->logits.shape[a->axis], 0};
    if (counts->classes == 0)
        return SXT_ERR_EMPTY;
    return a->labels ? check_labels(a, counts, bad) : SXT_OK;
}

sxt_status sxt_check_shard(const sxt_cross_entropy_args *a, ptrdiff_t first, ptrdiff_t classes, sxt_counts *counts,
                           sxt_label_error *bad)
{
    sxt_status status = check_options(a);
    if (status == SXT_OK)
        status = check_arrays(a);
    if (status != SXT_OK)
        return status;
    if (a->hess || (a->reduction == SXT_MEAN && !a->divisors))
        return SXT_ERR_ARGUMENT;
    *counts = (sxt_counts){rows_of(a), classes, 0};
    if (first < 0 || first > classes || a->logits.shape[a->axis] > classes - first)
        return SXT_ERR_SHAPE;
    return a->labels ? check_labels(a, counts, bad) : SXT_OK;
}
