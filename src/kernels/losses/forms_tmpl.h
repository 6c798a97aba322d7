/* forms_tmpl.h - the forms that a job takes, one line each: what a walker has to know of it, and its function from the
 * sums of a strip's rows to losses and the outputs' constants. */

static void V(no_options)(V(strip) *s)
{
    SIDE_BY_SIDE for (ptrdiff_t i = 0; i < SXT_STRIP; i++) {
        s->value_unit[i] = 1.0;
        s->z[i] = 0.0;
    }
}

#include "kernels/losses/softmax_forms_tmpl.h"
#include "kernels/losses/label_form_tmpl.h"
#include "kernels/losses/smoothed_form_tmpl.h"
#include "kernels/losses/general_form_tmpl.h"

enum {
    V(FORM_SOFTMAX), V(FORM_LOG_SOFTMAX), V(FORM_LOGSUMEXP), V(FORM_LABEL), V(FORM_SMOOTHED), V(FORM_GENERAL)
};

/* What is left out of the sum of exponentials; whether there is a value a row; how outputs are made; whether of terms. */
static const V(form) V(forms)[] = {
    [V(FORM_SOFTMAX)] = {LEAVES_NOTHING, 0, WRITE_SCALED, 1, V(softmax)},
    [V(FORM_LOG_SOFTMAX)] = {LEAVES_MAX, 0, WRITE_LOG, 0, V(log_softmax)},
    [V(FORM_LOGSUMEXP)] = {LEAVES_SMALL_MAX, 1, WRITE_NOTHING, 0, V(logsumexp)},
    [V(FORM_LABEL)] = {LEAVES_LABEL, 1, WRITE_SCALED, 1, V(label)},
    [V(FORM_SMOOTHED)] = {LEAVES_LABEL, 1, WRITE_PUSHED, 1, V(smoothed_label)},
    [V(FORM_GENERAL)] = {LEAVES_MAX, 1, WRITE_GENERAL, 1, V(general_loss)},
};

static int V(form_of)(const sxt_job *job)
{
    if (job->general)
        return V(FORM_GENERAL);
    if (job->blend)
        return V(FORM_SMOOTHED);
    return job->op == SXT_OP_SOFTMAX     ? V(FORM_SOFTMAX)
         : job->op == SXT_OP_LOG_SOFTMAX ? V(FORM_LOG_SOFTMAX)
         : job->op == SXT_OP_LOGSUMEXP   ? V(FORM_LOGSUMEXP)
                                         : V(FORM_LABEL);
}

/* What is summed beside the exponentials. Targets without weights and smoothing are the coefficients themselves. */
static int V(beside_of)(const sxt_job *job)
{
    if (sxt_smooths(job->blend))
        return job->blend == SXT_BLEND_WEIGHTED ? SUM_WEIGHTED : SUM_EVEN;
    if (!job->general || !job->base)
        return SUM_ALONE;
    return job->op == SXT_OP_DENSE && !job->weight && job->share == 1.0 ? SUM_BARE : SUM_TARGETS;
}

static V(plan) V(plan_of)(const sxt_job *job, int tails)
{
    int beside = V(beside_of)(job), form = V(form_of)(job);
    return (V(plan)){.job = job, .form = &V(forms)[form], .classes = job->classes, .beside = beside,
                     .scaled = job->scaled, .tails = tails,
                     .place = job->general || job->classes > SHORT_ROW,
                     .base = job->base_here, .slope = job->slope_here, .units = V(units_of)(job)};
}
