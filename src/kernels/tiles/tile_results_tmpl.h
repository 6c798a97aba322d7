/* tile_results_tmpl.h - from the sums of a tile's rows to their outputs; part of lanes_tmpl.h. */

/* ---- from sums to constants ------------------------------------------------------------------- */

/* The loops below have no branch and one operation each, so that the compiler puts rows side by side. */
SXT_FN V(wide) V(lane_sum)(const V(lanes) *s, ptrdiff_t i)
{
    return V(wide_sum)(s->a_hi[i], s->a_lo[i], s->b_hi[i], s->b_lo[i], (double)s->unit[i]);
}

SXT_FN void V(lane_outcome)(V(lanes) *s, ptrdiff_t i, V(outcome) o)
{
    s->hi[i] = (T)o.factor_hi;
    s->lo[i] = (T)o.factor_lo;
    s->patch[i] = (T)o.patch;
    s->loss[i] = o.loss;
    s->down[i] = (T)o.down;
}

static void V(finish_softmax_lanes)(V(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        V(lane_outcome)(s, i, V(finish_softmax)(V(lane_sum)(s, i)));
}

static void V(finish_logsumexp_lanes)(V(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        s->loss[i] = V(finish_logsumexp)(V(lane_sum)(s, i), (double)s->max[i], (double)s->shift[i],
                                           (double)s->n_ref[i], s->skip[i] >= 0);
}

static void V(finish_log_softmax_lanes)(V(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        V(lane_outcome)(s, i, V(finish_log_softmax)(V(lane_sum)(s, i), (double)s->max[i], (double)s->shift[i],
                                                    (double)s->n_ref[i]));
}

static void V(finish_label_lanes)(V(lanes) *s, const double *scale_loss, const double *scale_grad)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        V(lane_outcome)(s, i, V(finish_label)(V(lane_sum)(s, i), (double)s->at_skip[i], (double)s->shift[i],
                                              (double)s->n_ref[i], scale_loss[i], scale_grad[i]));
}

static void V(lanes_finish)(const sxt_job *job, V(lanes) *s)
{
    double scale_loss[WIDE_TILE] = {0}, scale_grad[WIDE_TILE] = {0};
    if (job->op == SXT_OP_SOFTMAX) {
        V(finish_softmax_lanes)(s);
    } else if (job->op == SXT_OP_LOG_SOFTMAX) {
        V(finish_log_softmax_lanes)(s);
    } else if (job->op == SXT_OP_LOGSUMEXP) {
        V(finish_logsumexp_lanes)(s);
        return;
    } else {
        for (ptrdiff_t i = 0; i < s->rows; i++)
            if (s->skip[i] >= 0)
                V(row_scales)(job, s->number[i], scale_loss + i, scale_grad + i);
        V(finish_label_lanes)(s, scale_loss, scale_grad);
    }
    for (ptrdiff_t i = 0; i < s->rows; i++)
        s->limit[i] = job->op == SXT_OP_LABEL ? (T)(scale_grad[i] >= 0.0 ? scale_grad[i] : (double)INFINITY) : (T)1;
}

/* What is known of the rows, as lanes; rows without a result count as rows of zeros. */
static void V(gather_general)(const sxt_job *job, V(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        V(general) g = {.n_ref = 0.0};
        if (i < s->rows && !s->special[i]) {
            g = V(general_of)(job, s->number[i], s->skip[i]);
            g.tail = (double)s->tail_skip[i];
            g.origin = (double)s->origin[i] * job->logit_scale;
            g.at_label = (double)s->at_label[i];
            g.label_tail = (double)s->label_tail[i];
            g.max = (double)s->max[i];
            g.shift = (double)s->shift[i];
            g.n_ref = (double)s->n_ref[i];
            g.dot = s->dot[i];
            if (job->op == SXT_OP_DENSE) {
                g.mass = g.dense_mass = s->mass[i];
                g.q_max += job->slope[s->skip[i]] * (double)s->target_skip[i];
            }
        }
#define TO_LANE(name) s->in.name[i] = g.name;
        GENERAL_INPUTS(TO_LANE)
#undef TO_LANE
    }
}

static void V(finish_focal_lanes)(const sxt_job *job, V(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        if (s->special[i])
            continue;
#define FROM_LANE(name) .name = s->in.name[i],
        V(general) g = {GENERAL_INPUTS(FROM_LANE)};
#undef FROM_LANE
#define FROM_LANE(name) .name = s->out.name[i],
        V(general_outcome) o = {GENERAL_RESULTS(FROM_LANE)};
#undef FROM_LANE
        V(finish_focal)(V(lane_sum)(s, i), &g, job->focal_gamma, &o);
#define TO_LANE(name) s->out.name[i] = o.name;
        GENERAL_RESULTS(TO_LANE)
#undef TO_LANE
    }
}

static void V(finish_general_lanes)(const sxt_job *job, V(lanes) *s)
{
    V(gather_general)(job, s);
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
#define FROM_LANE(name) .name = s->in.name[i],
        V(general) g = {GENERAL_INPUTS(FROM_LANE)};
#undef FROM_LANE
        V(general_outcome) o = V(finish_general)(V(lane_sum)(s, i), g);
#define TO_LANE(name) s->out.name[i] = o.name;
        GENERAL_RESULTS(TO_LANE)
#undef TO_LANE
    }
    if (job->focal_gamma != 0.0)
        V(finish_focal_lanes)(job, s);
}

/* position: of the first lane's row in its task. */
static void V(lanes_results)(const sxt_job *job, V(lanes) *s, ptrdiff_t position, sxt_total *total)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        double value = job->general ? s->out.loss[i] : job->blend ? s->blend_out.loss[i] : s->loss[i];
        if (s->special[i]) {
            value = (double)NAN;
            if (job->op == SXT_OP_LOGSUMEXP && !s->nan[i])
                value = (double)s->max[i];
            if (V(ignored)(job, s->number[i]))
                value = 0.0;
        }
        int optional = (job->general || job->blend) && !s->special[i];
        double unit = !optional ? 1.0 : job->blend ? s->blend_out.unit[i] : s->out.unit[i];
        double z = !optional ? 0.0 : job->blend ? s->blend_out.z[i] : s->out.z[i];
        if (value == (double)INFINITY && job->op == SXT_OP_LABEL && !optional && !s->special[i] &&
            s->at_skip[i] > -(T)INFINITY) {
            double scale_loss, scale_grad;
            V(row_scales)(job, s->number[i], &scale_loss, &scale_grad);
            value = V(finish_huge_loss)(V(lane_sum)(s, i), (double)s->at_skip[i], (double)s->max[i],
                                        (double)s->shift[i], (double)s->n_ref[i], scale_loss);
            unit = (double)DENSE_SCALE;
        }
        V(add_result)(job, s->number[i], position + i, value, unit, z, total);
    }
}

/* ---- sweep 3: outputs ------------------------------------------------------------------------- */

/* The values at the maximum and at the label, which come from sums of the others. */
static void V(patch_general)(const V(lanes) *s, const V(tiles_t) *t, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        int64_t top = s->skip[i] - c0, label = s->label[i] - c0;
        if (s->label[i] >= 0 && label >= 0 && label < nc) {
            t->x[label * s->lanes + i] = (T)s->out.grad_label[i];
            if (t->hess)
                t->hess[label * s->lanes + i] = (T)s->out.hess_label[i];
        }
        if (s->skip[i] >= 0 && top >= 0 && top < nc) {
            t->x[top * s->lanes + i] = (T)s->out.grad_max[i];
            if (t->hess)
                t->hess[top * s->lanes + i] = (T)s->out.hess_max[i];
        }
    }
}

/* From derivatives in the capped logits to those in the logits. */
static void V(chain_rule)(const V(lanes) *s, const V(tiles_t) *t, ptrdiff_t nc)
{
    for (ptrdiff_t at = 0; at < nc * s->lanes; at++) {
        T grad = t->x[at], slope = t->slope[at];
        if (t->hess)
            t->hess[at] = sxt_canonical(t->hess[at] * slope * slope + grad * t->bend[at]);
        t->x[at] = sxt_canonical(grad * slope);
    }
}

/* Gradient in place of the terms, Hessian to its tile if there is one. */
static void V(tile_write_general)(const sxt_job *job, const V(lanes) *s, const V(tiles_t) *t, ptrdiff_t c0,
                                  ptrdiff_t nc, int terms)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        V(vref) ref = V(lane_ref)(s, i);
        V(gradient) gradient = V(gradient_of)(s->out.factor_hi + i, s->out.factor_lo + i, s->in.row_grad + i,
                                             s->out.down + i, 1);
        V(hessian) hessian = V(hessian_of)(s->out.share_hi + i, s->out.share_lo + i, s->out.curve + i,
                                           s->out.curve_z + i, 1);
        for (ptrdiff_t c = 0; c < nc; c++) {
            ptrdiff_t at = c * s->lanes + i;
            KV term = V(load)(t->x + at);
            f64_v q[HALVES];
            V(wide_lane_q)(job, t->target, c0 + c, at, q);
            KV tail = V(load)((HAS_TAILS(t) ? t->tail : t->x) + at);
            term = terms ? term : V(exp_term)(term, HAS_TAILS(t) ? &tail : NULL, &ref);
            V(store)(t->x + at, V(gradient_value)(&gradient, term, q));
            if (t->hess)
                V(store)(t->hess + at, V(hessian_value)(&hessian, term));
        }
    }
    V(patch_general)(s, t, c0, nc);
    if (HAS_TAILS(t))
        V(chain_rule)(s, t, nc);
}

SXT_INLINE void V(tile_write)(const sxt_job *job, const V(lanes) *s, T *tile, ptrdiff_t nc, int terms)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        V(vref) ref = V(lane_ref)(s, i);
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), patch = V(load)(s->patch + i);
        KV max = V(load)(s->max + i);
        KI label = V(iload)(s->skip_here + i);
        int log = job->op == SXT_OP_LOG_SOFTMAX, patched = job->op == SXT_OP_LABEL;
        KV top = V(load)(s->limit + i);
        for (ptrdiff_t c = 0; c < nc; c++) {
            T *at = tile + c * s->lanes + i;
            KV x = V(load)(at), y;
            if (log) {
                y = V(log_value)(x, max, hi, lo, patch);
            } else {
                KV e = terms ? x : V(exp_term)(x, NULL, &ref);
                y = V(scaled_value)(e, hi, lo, V(load)(s->down + i), top);
                if (patched)
                    y = V(select)(V(ieq)(label, V(iset1)((V(int))c)), patch, y);
            }
            V(store)(at, y);
        }
    }
}

/* What a special row is filled with. */
static T V(special_value)(const sxt_job *job, const V(lanes) *s, ptrdiff_t i)
{
    if (V(ignored)(job, s->number[i]))
        return (T)0;
    if (s->single[i])
        return (T)1;
    if (s->kept[i] == 0)
        return job->op == SXT_OP_LOG_SOFTMAX ? -(T)INFINITY : (T)0;
    return (T)NAN;
}

static void V(tile_output)(const sxt_job *job, const V(lanes) *s, T *tile, ptrdiff_t nc, int terms)
{
    if (terms)
        V(tile_write)(job, s, tile, nc, 1);
    else
        V(tile_write)(job, s, tile, nc, 0);
}

static void V(fill_special)(const sxt_job *job, const V(lanes) *s, T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; s->any_special && i < s->rows; i++) {
        if (!s->special[i])
            continue;
        T fill = V(special_value)(job, s, i);
        for (ptrdiff_t c = 0; c < nc; c++)
            tile[c * s->lanes + i] = fill;
    }
}
