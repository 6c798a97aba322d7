/* few_results_tmpl.h - sums, results and outputs of rows side by side; part of few_lanes_tmpl.h. */

/* Loops without branches: the compiler puts rows side by side. */
SXT_FN V(wide) V(few_lane_sum)(const V(few) *s, ptrdiff_t i)
{
    return V(wide_sum_of)(s->coarse[i], s->fine[i], (double)s->unit[i]);
}

static void V(few_finish_softmax)(V(few) *s)
{
    for (ptrdiff_t i = 0; i < s->n; i++) {
        V(outcome) o = V(finish_softmax)(V(few_lane_sum)(s, i));
        s->hi[i] = (T)o.factor_hi;
        s->lo[i] = (T)o.factor_lo;
        s->down[i] = (T)o.down;
        s->limit[i] = (T)1;
    }
}

static void V(few_finish_log_softmax)(V(few) *s)
{
    for (ptrdiff_t i = 0; i < s->n; i++) {
        V(outcome) o = V(finish_log_softmax)(V(few_lane_sum)(s, i), (double)s->max[i], 0.0, (double)s->n_ref[i]);
        s->hi[i] = (T)o.factor_hi;
        s->lo[i] = (T)o.factor_lo;
        s->patch[i] = (T)o.patch;
    }
}

static void V(few_finish_logsumexp)(V(few) *s)
{
    for (ptrdiff_t i = 0; i < s->n; i++)
        s->loss[i] = V(finish_logsumexp)(V(few_lane_sum)(s, i), (double)s->max[i], 0.0, (double)s->n_ref[i],
                                         s->skip[i] >= 0);
}

/* Losses or factors of gradients: one loop for both would be too much for the compiler's vectors. Whether no
 * loss overflowed. */
SXT_INLINE int V(few_finish_label)(V(few) *s, int gradients)
{
    int bad = 0;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        double scale = s->scale_grad[i];
        V(outcome) o = V(finish_label)(V(few_lane_sum)(s, i), (double)s->at[i], 0.0, (double)s->n_ref[i],
                                       gradients ? 0.0 : s->scale_loss[i], gradients ? scale : 0.0);
        if (!gradients) {
            bad |= (o.loss == (double)INFINITY) & (s->at[i] > -(T)INFINITY);
            s->loss[i] = o.loss;
        } else {
            s->down[i] = (T)o.down;
            s->hi[i] = (T)o.factor_hi;
            s->lo[i] = (T)o.factor_lo;
            s->patch[i] = (T)o.patch;
            s->limit[i] = (T)(scale >= 0.0 ? scale : (double)INFINITY);
        }
    }
    return !bad;
}

/* Loops that the compiler can do for several rows at once, as long as the classes have no weights. */
static void V(few_gather_blend)(const sxt_job *job, V(few) *s)
{
    V(blend) all = V(blend_of)(job, 0);
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->in.share[i] = all.share;
        s->in.base_label[i] = all.base_label;
        s->in.base_sum[i] = all.base_sum;
        s->in.z_loss[i] = all.z_loss;
        s->in.scale[i] = all.scale;
        s->in.shift[i] = s->in.dot[i] = 0.0;
    }
    for (ptrdiff_t i = 0; i < s->n; i++) {
        double counts = s->counts[i];
        s->in.row_weight[i] = counts;
        s->in.row_grad[i] = counts * all.row_grad;
        s->in.z_grad[i] = counts * all.z_grad;
        s->in.at_label[i] = (double)s->at[i];
        s->in.n_ref[i] = (double)s->n_ref[i];
        s->in.max[i] = (double)s->max[i];
    }
    for (ptrdiff_t i = 0; job->weight && i < s->n; i++) {
        V(blend) g = V(blend_of)(job, s->skip[i]);
        s->in.share[i] = g.share;
        s->in.base_label[i] = g.base_label;
    }
    double factor = job->blend == SXT_BLEND_WEIGHTED ? 1.0 : job->base_one;
    for (ptrdiff_t i = 0; sxt_smooths(job->blend) && i < s->n; i++) {
        double sum = V(grid_value_of)((double)s->d_coarse[i], (double)s->d_fine[i], s->d_unit[i]);
        s->in.dot[i] = factor * V(dot_of)(sum, s->bound[i]);
    }
}

/* Whether no loss overflowed. */
static int V(few_finish_blend)(const sxt_job *job, V(few) *s)
{
    int bad = 0;
    V(few_gather_blend)(job, s);
    for (ptrdiff_t i = 0; i < s->n; i++) {
#define FROM_LANE(name) .name = s->in.name[i],
        V(blend) g = {BLEND_INPUTS(FROM_LANE)};
#undef FROM_LANE
        V(blend_outcome) o = V(finish_blend)(V(few_lane_sum)(s, i), g);
#define TO_LANE(name) s->out.name[i] = o.name;
        BLEND_RESULTS(TO_LANE)
#undef TO_LANE
    }
    for (ptrdiff_t i = 0; i < s->n; i++) {
        bad |= s->out.unit[i] != 1.0;
        s->loss[i] = s->out.loss[i];
        s->z[i] = s->out.z[i];
        s->hi[i] = (T)s->out.factor_hi[i];
        s->lo[i] = (T)s->out.factor_lo[i];
        s->up[i] = (T)s->out.up[i];
        s->down[i] = (T)s->out.down[i];
        s->patch[i] = (T)s->out.patch[i];
    }
    return !bad;
}

static int V(few_finish)(const sxt_job *job, V(few) *s, int writes)
{
    if (job->op == SXT_OP_SOFTMAX)
        V(few_finish_softmax)(s);
    else if (job->op == SXT_OP_LOG_SOFTMAX)
        V(few_finish_log_softmax)(s);
    else if (job->op == SXT_OP_LOGSUMEXP)
        V(few_finish_logsumexp)(s);
    else if (job->blend)
        return V(few_finish_blend)(job, s);
    else
        return (!(job->row_out || job->want_sum) || V(few_finish_label)(s, 0)) &&
               (!writes || V(few_finish_label)(s, 1));
    return 1;
}

static void V(few_results)(const sxt_job *job, const sxt_plane *p, V(few) *s, ptrdiff_t r0, sxt_total *total)
{
    ptrdiff_t index = p->first_row + r0 * p->row_step;
    if (job->row_out)
        for (ptrdiff_t i = 0; i < s->rows; i++)
            V(put_row_value)(job, index + i * p->row_step,
                             job->blend ? sxt_canonical(s->loss[i] + s->z[i]) : s->loss[i]);
    if (!job->want_sum)
        return;
    for (ptrdiff_t i = s->rows; i < s->n; i++)
        s->loss[i] = s->z[i] = 0.0;
    sxt_lanes_sum_add_rows(&total->loss, s->loss, s->n);
    if (job->blend)
        sxt_lanes_sum_add_rows(&total->z, s->z, s->n);
}

/* ---- outputs --------------------------------------------------------------------------------------- */

static void V(few_write_scaled)(V(few) *s, ptrdiff_t classes)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), down = V(load)(s->down + i);
        KV top = V(load)(s->limit + i);
        T *y = s->tile + i;
        for (ptrdiff_t c = 0; c < classes; c++, y += s->lanes)
            V(store)(y, V(scaled_value)(V(load)(y), hi, lo, down, top));
    }
}

static void V(few_write_blend)(const sxt_job *job, V(few) *s, ptrdiff_t classes)
{
    const T *push_hi = job->push_hi, *push_lo = job->push_lo;
    T first, rest;
    V(push_parts)(job->base_one, job->push_scale, &first, &rest);
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), up = V(load)(s->up + i), down = V(load)(s->down + i);
        KV here_hi = V(mul)(V(set1)(first), up), here_lo = V(mul)(V(set1)(rest), up);
        T *y = s->tile + i;
        for (ptrdiff_t c = 0; c < classes; c++, y += s->lanes) {
            if (push_hi) {
                here_hi = V(mul)(V(set1)(push_hi[c]), up);
                here_lo = V(mul)(V(set1)(push_lo[c]), up);
            }
            V(store)(y, V(blend_value)(V(load)(y), hi, lo, here_hi, here_lo, down));
        }
    }
}

static void V(few_write_log)(V(few) *s, ptrdiff_t classes)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), max = V(load)(s->max + i), top = V(load)(s->patch + i);
        T *y = s->tile + i;
        for (ptrdiff_t c = 0; c < classes; c++, y += s->lanes)
            V(store)(y, V(log_value)(V(load)(y), max, hi, lo, top));
    }
}

static void V(few_write)(const sxt_job *job, V(few) *s, ptrdiff_t classes)
{
    if (job->op == SXT_OP_LOG_SOFTMAX)
        V(few_write_log)(s, classes);
    else if (job->blend)
        V(few_write_blend)(job, s, classes);
    else
        V(few_write_scaled)(s, classes);
    if (job->op != SXT_OP_SOFTMAX)
        for (ptrdiff_t i = 0; i < s->rows; i++)
            s->tile[s->skip[i] * s->lanes + i] = s->patch[i];
}
