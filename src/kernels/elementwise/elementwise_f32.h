/* elementwise_f32.h - what float lanes do of the elementwise functions, and how lanes are done again. */
#ifndef SXT_ELEMENTWISE_F32_H
#define SXT_ELEMENTWISE_F32_H

#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/elementwise_f64.h"
#include "kernels/elementwise/logistic_f32.h"
#include "numbers/storage.h"

/* y with the hard lanes replaced by the function of x computed in double. */
static f32_v f32_redo(f32_v x, f32_v y, f32_m hard, void (*wide)(const double *, double *, ptrdiff_t))
{
    float lane[f32_W];
    double in[f32_W], out[f32_W];
    f32_store(lane, x);
    for (int k = 0; k < f32_W; k++)
        in[k] = (double)lane[k];
    wide(in, out, f32_W);
    for (int k = 0; k < f32_W; k++)
        lane[k] = (float)out[k];
    return f32_select(hard, f32_load(lane), y);
}

static f32_v f32_narrowed(const double *wide, f32_v y, f32_m hard)
{
    float lane[f32_W];
    for (int k = 0; k < f32_W; k++)
        lane[k] = (float)wide[k];
    return f32_select(hard, f32_load(lane), y);
}

static void f32_redo_binary(const sxt_binary_job *job, f32_v x, f32_v t, f32_binary *out)
{
    double wide[SXT_BINARY_OPERANDS][f32_W], *data[SXT_BINARY_OPERANDS] = {NULL};
    float lane[2][f32_W];
    f32_store(lane[0], x);
    f32_store(lane[1], t);
    for (int k = 0; k < f32_W; k++) {
        wide[SXT_LOGITS][k] = (double)lane[0][k];
        wide[SXT_TARGET][k] = (double)lane[1][k];
    }
    data[SXT_LOGITS] = wide[SXT_LOGITS];
    data[SXT_TARGET] = wide[SXT_TARGET];
    for (int k = SXT_LOSSES; k <= SXT_HESS; k++)
        data[k] = wide[k];
    f64_wide_binary(job, data, f32_W);
    out->loss = f32_narrowed(wide[SXT_LOSSES], out->loss, out->hard);
    out->grad = f32_narrowed(wide[SXT_GRAD], out->grad, out->hard);
    out->hess = f32_narrowed(wide[SXT_HESS], out->hess, out->hard);
}

/* Whether float lanes do: no weights, and a factor of the gradient that has room for its low part. */
static int f32_serves(const sxt_binary_job *job, void *const data[])
{
    double size = fabs(job->scale_hi);
    return job->from_logits && !data[SXT_WEIGHT] && !data[SXT_POS_WEIGHT] && !data[SXT_GRAD_OUTPUT] &&
           (size == 0.0 || (size > 0x1p-60 && size < 0x1p60));
}

SXT_INLINE void f32_binary_loop(const sxt_binary_job *job, void *const data[], float *losses, ptrdiff_t n,
                                int slope, int curvature)
{
    const float *x = data[SXT_LOGITS], *t = data[SXT_TARGET];
    float *grad = data[SXT_GRAD], *hess = data[SXT_HESS];
    float hi = (float)job->scale_hi, lo = (float)((job->scale_hi - (double)hi) + job->scale_lo);
    f32_pair scale = {f32_set1(hi), f32_set1(lo)};
    for (ptrdiff_t i = 0; i < n; i += f32_W) {
        f32_v xs = f32_read(x + i, n - i), ts = f32_read(t + i, n - i);
        f32_binary out = f32_binary_lanes(xs, ts, scale, slope, curvature);
        if (f32_mbits(out.hard))
            f32_redo_binary(job, xs, ts, &out);
        if (losses)
            f32_put(losses + i, out.loss, n - i);
        if (slope && grad)
            f32_put(grad + i, out.grad, n - i);
        if (curvature && hess)
            f32_put(hess + i, out.hess, n - i);
    }
}

static void f32_binary_sweep(const sxt_binary_job *job, void *const data[], float *losses, ptrdiff_t n)
{
    if (data[SXT_HESS])
        f32_binary_loop(job, data, losses, n, 1, 1);
    else if (data[SXT_GRAD])
        f32_binary_loop(job, data, losses, n, 1, 0);
    else
        f32_binary_loop(job, data, losses, n, 0, 0);
}

#endif
