/* api.c - the softmax family: arguments checked, then run; no arithmetic on rows. */
#include "softxent.h"

#include <math.h>
#include <string.h>

#include "calls/check.h"
#include "calls/entry.h"
#include "calls/logsumexp.h"
#include "walks/run.h"

static sxt_status lay_out_and_run(sxt_job *job, const sxt_array *x, uint64_t axes, const sxt_array *y,
                                  const sxt_mask *where, sxt_total *total)
{
    sxt_layout layout;
    sxt_status status = sxt_layout_make(&layout, x, axes, y, NULL, NULL, where);
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
    sxt_job job = {.op = op};
    sxt_status status = sxt_check_array(x);
    if (status == SXT_OK)
        job.dtype = x->dtype;
    if (status == SXT_OK)
        status = sxt_check_axes(x, axes);
    if (status == SXT_OK)
        status = sxt_check_like(out, x);
    if (status == SXT_OK)
        status = sxt_check_mask(where, x);
    return status == SXT_OK ? lay_out_and_run(&job, x, axes, out, where, &total) : status;
}

sxt_status sxt_softmax(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *out)
{
    SXT_ENTRY(elementwise_rows(SXT_OP_SOFTMAX, x, axes, where, out));
}

sxt_status sxt_log_softmax(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *out)
{
    SXT_ENTRY(elementwise_rows(SXT_OP_LOG_SOFTMAX, x, axes, where, out));
}

static sxt_status logsumexp(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *b, void *out,
                            void *sign)
{
    sxt_total total;
    sxt_job job = {.op = SXT_OP_LOGSUMEXP, .row_out = out};
    sxt_status status = sxt_check_array(x);
    if (status == SXT_OK)
        job.dtype = x->dtype;
    if (status == SXT_OK)
        status = sxt_check_axes(x, axes);
    if (status == SXT_OK)
        status = out ? sxt_check_mask(where, x) : SXT_ERR_ARGUMENT;
    if (status == SXT_OK && b)
        return sxt_logsumexp_with_factors(x, axes, where, b, out, sign);
    if (status == SXT_OK)
        status = lay_out_and_run(&job, x, axes, NULL, where, &total);
    if (status == SXT_OK && sign)
        sxt_signs_of_logs(x, axes, out, sign);
    return status;
}

sxt_status sxt_logsumexp(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *b,
                         void *out, void *sign)
{
    SXT_ENTRY(logsumexp(x, axes, where, b, out, sign));
}
