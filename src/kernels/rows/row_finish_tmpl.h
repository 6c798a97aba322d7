/* row_finish_tmpl.h - what of one contiguous row does not depend on how it is stored. Included once per
 * compute type, after results_tmpl.h. */

/* The grid of the dense sum. */
static void V(prepare_blend)(const sxt_job *job, sxt_row *row)
{
    T d1, d2, bound = V(blend_bound)((T)row->max, (T)row->least, V(blend_most)(job));
    V(grid_for)(bound, &d1, &d2, &row->d_unit);
    row->bound = (double)bound;
    row->d1 = (double)d1;
    row->d2 = (double)d2;
}

/* What the sweep for the maximum has left: special rows, the constants of the exponentials. */
static void V(prepare_row)(const sxt_job *job, sxt_row *row)
{
    row->max = row->skip >= 0 && row->at_skip > row->rest ? row->at_skip : row->rest;
    row->nan |= row->at_skip != row->at_skip;
    row->special = row->nan || !(fabs(row->max) < (double)INFINITY);
    row->fill = (double)NAN;
    if (job->op == SXT_OP_SOFTMAX && job->classes == 1 && !row->special) {
        row->special = 1;
        row->fill = 1.0;
    }
    T n_ref, exponent;
    V(ref) ref = V(make_ref)(row->special ? (T)0 : (T)row->max, row->special ? (T)0 : (T)row->rest,
                             V(units_of)(job), &n_ref, &exponent);
    row->shift = (double)ref.shift;
    row->magic = (double)ref.magic;
    row->low = (double)ref.low;
    row->m1 = (double)ref.m1;
    row->m2 = (double)ref.m2;
    row->n_ref = (double)n_ref;
    row->unit = (double)exponent;
    if (sxt_smooths(job->blend))
        V(prepare_blend)(job, row);
}

SXT_INLINE V(vref) V(row_ref)(const sxt_row *row)
{
    V(ref) ref = {(T)row->shift, (T)row->magic, (T)row->low, (T)row->m1, (T)row->m2};
    return V(broadcast)(&ref);
}

/* The loss or log-sum-exp of a special row. */
static double V(special_loss)(const sxt_job *job, const sxt_row *row)
{
    return job->op == SXT_OP_LOGSUMEXP && !row->nan ? row->max : (double)NAN;
}

static void V(row_finish_general)(const sxt_job *job, sxt_row *row, V(wide) sum, sxt_total *total)
{
    if (row->special) {
        V(add_result)(job, row->index, row->position, (double)NAN, 1.0, 0.0, total);
        return;
    }
    V(general) g = V(general_of)(job, row->index, row->skip);
    g.max = row->max;
    g.shift = row->shift;
    g.n_ref = row->n_ref;
    g.at_label = row->at_label;
    g.dot = row->dot;
    if (job->op == SXT_OP_DENSE) {
        g.mass = g.dense_mass = row->mass;
        g.q_max += job->slope[row->skip] * row->target_skip;
    }
    V(general_outcome) o = V(finish_general)(sum, g);
    if (job->focal_gamma != 0.0)
        V(finish_focal)(sum, &g, job->focal_gamma, &o);
    row->factor_hi = o.factor_hi;
    row->factor_lo = o.factor_lo;
    row->down = o.down;
    row->row_grad = g.row_grad;
    row->share_hi = o.share_hi;
    row->share_lo = o.share_lo;
    row->curve = o.curve;
    row->curve_z = o.curve_z;
    row->patch = o.grad_max;
    row->hess_patch = o.hess_max;
    row->label_patch = o.grad_label;
    row->label_hess = o.hess_label;
    V(add_result)(job, row->index, row->position, o.loss, o.unit, o.z, total);
}

static void V(row_finish_blend)(const sxt_job *job, sxt_row *row, V(wide) sum, sxt_total *total)
{
    V(blend) g = V(blend_of)(job, row->label);
    g.at_label = row->special ? 0.0 : row->at_skip;
    g.shift = row->shift;
    g.n_ref = row->n_ref;
    g.max = row->special ? 0.0 : row->max;
    g.dot = V(blend_dot)(job, sxt_smooths(job->blend) ? V(dot_value)(&row->dots, row->d_unit, (T)row->bound) : 0.0);
    V(blend_outcome) o = V(finish_blend)(sum, g);
    row->factor_hi = o.factor_hi;
    row->factor_lo = o.factor_lo;
    row->down = o.down;
    row->up = o.up;
    row->patch = o.patch;
    V(add_result)(job, row->index, row->position, row->special ? (double)NAN : o.loss, o.unit,
                  row->special ? 0.0 : o.z, total);
}

static void V(row_finish)(const sxt_job *job, sxt_row *row, sxt_total *total)
{
    V(wide) sum = V(wide_sum)(row->a_hi, row->a_lo, row->b_hi, row->b_lo, row->unit);
    V(outcome) o = {0, 0, 1, 0, 0};
    if (job->general) {
        V(row_finish_general)(job, row, sum, total);
        return;
    }
    if (job->blend) {
        V(row_finish_blend)(job, row, sum, total);
        return;
    }
    row->limit = 1.0;
    if (job->op == SXT_OP_SOFTMAX) {
        o = V(finish_softmax)(sum);
    } else if (job->op == SXT_OP_LOG_SOFTMAX) {
        o = V(finish_log_softmax)(sum, row->max, row->shift, row->n_ref);
    } else if (job->op == SXT_OP_LOGSUMEXP) {
        double lse = V(finish_logsumexp)(sum, row->max, row->shift, row->n_ref, row->skip >= 0);
        V(put_row_value)(job, row->index, row->special ? V(special_loss)(job, row) : lse);
    } else {
        double scale_loss, scale_grad;
        V(row_scales)(job, row->index, &scale_loss, &scale_grad);
        o = V(finish_label)(sum, row->at_skip, row->shift, row->n_ref, scale_loss, scale_grad);
        row->limit = scale_grad >= 0.0 ? scale_grad : (double)INFINITY;
        int huge = o.loss == (double)INFINITY && row->at_skip > -(double)INFINITY;
        if (huge)
            o.loss = V(finish_huge_loss)(sum, row->at_skip, row->max, row->shift, row->n_ref, scale_loss);
        V(add_result)(job, row->index, row->position, row->special ? (double)NAN : o.loss,
                      huge ? (double)DENSE_SCALE : 1.0, 0.0, total);
    }
    row->factor_hi = o.factor_hi;
    row->factor_lo = o.factor_lo;
    row->down = o.down;
    row->patch = o.patch;
}
