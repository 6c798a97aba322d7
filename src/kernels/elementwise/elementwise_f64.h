/* elementwise_f64.h - the elementwise functions over arrays of doubles: for double data, and the way that
 * narrower data with options or values beyond the reach of float lanes goes (elementwise_tmpl.h). */
#ifndef SXT_ELEMENTWISE_F64_H
#define SXT_ELEMENTWISE_F64_H

#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/logistic_f64.h"
#include "numbers/scalar_math.h"
#include "numbers/storage.h"

/* ---- sigmoid ----------------------------------------------------------------------------------------- */

static void f64_wide_sigmoid(const double *x, double *y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += f64_W)
        f64_put(y + i, f64_sigmoid(f64_read(x + i, n - i), 0), n - i);
}

static void f64_wide_log_sigmoid(const double *x, double *y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += f64_W)
        f64_put(y + i, f64_log_sigmoid(f64_read(x + i, n - i), 0), n - i);
}

static void f64s_sigmoid(const void *x, void *y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += f64_W)
        f64_put((double *)y + i, f64_sigmoid(f64_read((const double *)x + i, n - i), 1), n - i);
}

static void f64s_log_sigmoid(const void *x, void *y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += f64_W)
        f64_put((double *)y + i, f64_log_sigmoid(f64_read((const double *)x + i, n - i), 1), n - i);
}

/* ---- binary cross-entropy of logits ------------------------------------------------------------------ */

/* The constant argument `way` chooses what is computed and how. */
enum { F64_LOSS, F64_SLOPE, F64_CURVATURE, F64_WEIGHTED_LOSS, F64_WEIGHTED, F64_WIDE_LOSS, F64_WIDE };

SXT_INLINE f64_binary_out f64_binary_lanes(const f64_binary_in *in, int way)
{
    switch (way) {
    case F64_LOSS:
    case F64_SLOPE:
    case F64_CURVATURE:
        return f64_binary_plain(in, way != F64_LOSS, way == F64_CURVATURE);
    case F64_WEIGHTED_LOSS:
    case F64_WEIGHTED:
        return f64_binary_weighted(in, way == F64_WEIGHTED, 1);
    default:
        return f64_binary_weighted(in, way == F64_WIDE, 0);
    }
}

SXT_INLINE void f64_binary_sweep(const sxt_binary_job *job, double *const data[], ptrdiff_t n, int way)
{
    f64_v one = f64_set1(1.0);
    f64_binary_in in = {one, one, one, one, one, {f64_set1(job->scale_hi), f64_set1(job->scale_lo)}};
    for (ptrdiff_t i = 0; i < n; i += f64_W) {
        ptrdiff_t left = n - i;
        in.x = f64_read(data[SXT_LOGITS] + i, left);
        in.target = f64_read(data[SXT_TARGET] + i, left);
        if (way >= F64_WEIGHTED_LOSS) {
            in.weight = data[SXT_WEIGHT] ? f64_read(data[SXT_WEIGHT] + i, left) : one;
            in.pos_weight = data[SXT_POS_WEIGHT] ? f64_read(data[SXT_POS_WEIGHT] + i, left) : one;
            in.grad_output = data[SXT_GRAD_OUTPUT] ? f64_read(data[SXT_GRAD_OUTPUT] + i, left) : one;
        }
        f64_binary_out out = f64_binary_lanes(&in, way);
        if (data[SXT_LOSSES])
            f64_put(data[SXT_LOSSES] + i, out.loss, left);
        if (data[SXT_GRAD])
            f64_put(data[SXT_GRAD] + i, out.grad, left);
        if (data[SXT_HESS])
            f64_put(data[SXT_HESS] + i, out.hess, left);
    }
}

/* ---- binary cross-entropy of probabilities ------------------------------------------------------------- */

/* min(100, -log x), x >= 0: torch.nn.BCELoss clamps there. */
SXT_FN sxt_dd f64_clamped_log(sxt_dd x)
{
    const double least = 0x1p-150; /* its logarithm is beyond -100 */
    double k, hi = x.hi > least ? x.hi : least, lo = x.hi > least ? x.lo : 0.0;
    sxt_dd log = sxt_log_parts((sxt_dd){hi, lo}, &k);
    log = sxt_dd_add(sxt_times_ln2(k), log);
    int inside = log.hi > -100.0;
    return (sxt_dd){inside ? -log.hi : 100.0, inside ? -log.lo : 0.0};
}

/* One element. As in torch.nn.BCELoss the derivatives' denominator p (1 - p) is at least 1e-12. */
SXT_FN void f64_binary_probability(const double v[SXT_BINARY_INPUTS], sxt_dd scale, double *loss,
                                   double *grad, double *hess)
{
    double p = v[SXT_LOGITS], t = v[SXT_TARGET];
    sxt_dd other = sxt_fast_sum(1.0, -p), weight = {v[SXT_WEIGHT], 0.0};
    sxt_dd no = sxt_two_sum(1.0, -t), yes = sxt_dd_mul((sxt_dd){v[SXT_POS_WEIGHT], 0.0}, (sxt_dd){t, 0.0});
    sxt_dd a = sxt_dd_mul(yes, f64_clamped_log((sxt_dd){p, 0.0})), b = sxt_dd_mul(no, f64_clamped_log(other));
    *loss = sxt_dd_mul(weight, sxt_dd_add(a, b)).hi;

    sxt_dd product = sxt_dd_mul(other, (sxt_dd){p, 0.0});
    int tiny = !(product.hi > 1e-12);
    product = (sxt_dd){tiny ? 1e-12 : product.hi, tiny ? 0.0 : product.lo};
    scale = sxt_dd_mul(scale, sxt_dd_mul(weight, (sxt_dd){v[SXT_GRAD_OUTPUT], 0.0}));
    sxt_dd up = sxt_dd_mul(no, (sxt_dd){p, 0.0}), down = sxt_dd_mul(yes, other);
    sxt_dd slope = sxt_dd_add(up, (sxt_dd){-down.hi, -down.lo});
    *grad = sxt_dd_mul(scale, sxt_dd_div(slope, product)).hi;
    up = sxt_dd_div(sxt_dd_mul(up, (sxt_dd){p, 0.0}), product);
    down = sxt_dd_div(sxt_dd_mul(down, other), product);
    *hess = sxt_dd_mul(scale, sxt_dd_div(sxt_dd_add(up, down), product)).hi;

    int bad = !(p >= 0.0 && p <= 1.0);
    *loss = bad || *loss != *loss ? (double)NAN : *loss;
    *grad = bad || *grad != *grad ? (double)NAN : *grad;
    *hess = bad || *hess != *hess ? (double)NAN : *hess;
}

static void f64_binary_probabilities(const sxt_binary_job *job, double *const data[], ptrdiff_t n)
{
    sxt_dd scale = {job->scale_hi, job->scale_lo};
    for (ptrdiff_t i = 0; i < n; i++) {
        double in[SXT_BINARY_INPUTS], out[SXT_BINARY_OPERANDS - SXT_BINARY_INPUTS];
        for (int k = 0; k < SXT_BINARY_INPUTS; k++) {
            in[k] = 1.0;
            if (data[k]) /* any alignment */
                memcpy(in + k, (const void *)(data[k] + i), sizeof in[k]);
        }
        f64_binary_probability(in, scale, out, out + 1, out + 2);
        for (int k = 0; k < SXT_BINARY_OPERANDS - SXT_BINARY_INPUTS; k++)
            if (data[SXT_BINARY_INPUTS + k])
                memcpy((void *)(data[SXT_BINARY_INPUTS + k] + i), out + k, sizeof out[k]);
    }
}

/* ---- either --------------------------------------------------------------------------------------------- */

/* In plain double, for narrower data. */
static void f64_wide_binary(const sxt_binary_job *job, double *const data[], ptrdiff_t n)
{
    if (!job->from_logits)
        f64_binary_probabilities(job, data, n);
    else if (data[SXT_GRAD] || data[SXT_HESS])
        f64_binary_sweep(job, data, n, F64_WIDE);
    else
        f64_binary_sweep(job, data, n, F64_WIDE_LOSS);
}

static void f64_precise_binary(const sxt_binary_job *job, double *const data[], ptrdiff_t n)
{
    int weighted = data[SXT_WEIGHT] || data[SXT_POS_WEIGHT] || data[SXT_GRAD_OUTPUT];
    int slope = data[SXT_GRAD] || data[SXT_HESS];
    if (!job->from_logits)
        f64_binary_probabilities(job, data, n);
    else if (weighted && slope)
        f64_binary_sweep(job, data, n, F64_WEIGHTED);
    else if (weighted)
        f64_binary_sweep(job, data, n, F64_WEIGHTED_LOSS);
    else if (data[SXT_HESS])
        f64_binary_sweep(job, data, n, F64_CURVATURE);
    else if (slope)
        f64_binary_sweep(job, data, n, F64_SLOPE);
    else
        f64_binary_sweep(job, data, n, F64_LOSS);
}

static void f64s_binary(const sxt_binary_job *job, void *const data[], ptrdiff_t n, sxt_exact *sum)
{
    double losses[SXT_ELEMENT_BLOCK], *block[SXT_BINARY_OPERANDS];
    for (int k = 0; k < SXT_BINARY_OPERANDS; k++)
        block[k] = data[k];
    if (sum)
        block[SXT_LOSSES] = losses;
    f64_precise_binary(job, block, n);
    if (sum)
        sxt_exact_add_doubles(sum, losses, n);
}

#endif
