/* forms_tmpl.h - the forms that a job takes: from the sums of a strip's rows to losses and the outputs' constants, by
 * the formulas of finish_tmpl.h and blend_tmpl.h. */

static void V(softmax)(const V(plan) *plan, V(strip) *s, int writes)
{
    (void)plan;
    (void)writes;
    EACH_LANE(i, s) {
        V(outcome) o = V(finish_softmax)(V(sum_of)(s, i));
        s->hi[i] = (T)o.factor_hi;
        s->lo[i] = (T)o.factor_lo;
        s->down[i] = (T)o.down;
        s->limit[i] = (T)1;
    }
}

static void V(log_softmax)(const V(plan) *plan, V(strip) *s, int writes)
{
    (void)plan;
    (void)writes;
    EACH_LANE(i, s) {
        V(outcome) o = V(finish_log_softmax)(V(sum_of)(s, i), (double)s->max[i], (double)s->shift[i],
                                             (double)s->n_ref[i]);
        s->hi[i] = (T)o.factor_hi;
        s->lo[i] = (T)o.factor_lo;
        s->patch[i] = (T)o.patch;
    }
}

static void V(no_options)(V(strip) *s)
{
    SIDE_BY_SIDE for (ptrdiff_t i = 0; i < SXT_STRIP; i++) {
        s->value_unit[i] = 1.0;
        s->z[i] = 0.0;
    }
}

static void V(logsumexp)(const V(plan) *plan, V(strip) *s, int writes)
{
    (void)plan;
    (void)writes;
    V(no_options)(s);
    EACH_LANE(i, s)
        s->value[i] = V(finish_logsumexp)(V(sum_of)(s, i), (double)s->max[i], (double)s->shift[i],
                                          (double)s->n_ref[i], s->at[i] > -(T)INFINITY);
}

/* Factors of the losses and of the gradients. */
static void V(label_scales)(const sxt_job *job, V(strip) *s)
{
    SIDE_BY_SIDE for (ptrdiff_t i = 0; i < SXT_STRIP; i++) {
        s->scale_loss[i] = 1.0;
        s->scale_grad[i] = job->grad_scale;
    }
    if (job->weight || job->sample_weight || job->grad_output)
        for (ptrdiff_t i = 0; i < s->rows; i++)
            if (!s->ignored[i])
                V(row_scales)(job, V(row_number)(s, i), &s->scale_loss[i], &s->scale_grad[i]);
}

static void V(label_losses)(V(strip) *s)
{
    double most = 0.0;
    V(no_options)(s);
    EACH_LANE(i, s) {
        double x = (double)s->at[i] - (double)s->shift[i];
        s->value[i] = V(label_loss)(V(sum_of)(s, i), V(wide_of)(s->e_hi[i], s->e_lo[i]), x, (double)s->n_ref[i],
                                    s->scale_loss[i]);
    }
    for (ptrdiff_t i = 0; i < s->rows; i++)
        most = s->value[i] > most ? s->value[i] : most;
    for (ptrdiff_t i = 0; most == (double)INFINITY && i < s->rows; i++)
        if (s->value[i] == (double)INFINITY && s->at[i] > -(T)INFINITY) {
            s->value[i] = V(finish_huge_loss)(V(sum_of)(s, i), (double)s->at[i], (double)s->max[i],
                                              (double)s->shift[i], (double)s->n_ref[i], s->scale_loss[i]);
            s->value_unit[i] = (double)DENSE_SCALE;
        }
}

/* Exponentials, losses and gradients by themselves: one loop for all would be too much for the compiler's vectors. */
static void V(label)(const V(plan) *plan, V(strip) *s, int writes)
{
    const sxt_job *job = plan->job;
    V(label_scales)(job, s);
    EACH_LANE(i, s) {
        V(wide) e = V(wide_exp)((double)s->at[i] - (double)s->shift[i], (double)s->n_ref[i]);
        s->e_hi[i] = V(wide_round)(e);
        s->e_lo[i] = V(wide_rest)(e);
    }
    if (job->row_out || job->want_sum)
        V(label_losses)(s);
    if (!writes)
        return;
    EACH_LANE(i, s) {
        double scale = s->scale_grad[i];
        V(outcome) o = V(label_gradient)(V(sum_of)(s, i), V(wide_of)(s->e_hi[i], s->e_lo[i]), scale);
        s->hi[i] = (T)o.factor_hi;
        s->lo[i] = (T)o.factor_lo;
        s->down[i] = (T)o.down;
        s->patch[i] = (T)o.patch;
        s->limit[i] = (T)(scale >= 0.0 ? scale : (double)INFINITY);
    }
}

/* ---- smoothed, weighted and scaled labels (blend_tmpl.h) ------------------------------------------------ */

static void V(gather_blend)(const V(plan) *plan, V(strip) *s)
{
    const sxt_job *job = plan->job;
    V(blend) all = V(blend_of)(job, 0);
    double factor = job->blend == SXT_BLEND_WEIGHTED ? 1.0 : job->base_one;
    int sums = plan->beside != SUM_ALONE;
    EACH_LANE(i, s) {
#define SAME(name) s->blend_in.name[i] = all.name;
        BLEND_INPUTS(SAME)
#undef SAME
        s->blend_in.at_label[i] = s->special[i] ? 0.0 : (double)s->at[i];
        s->blend_in.max[i] = s->special[i] ? 0.0 : (double)s->max[i];
        s->blend_in.shift[i] = (double)s->shift[i];
        s->blend_in.n_ref[i] = (double)s->n_ref[i];
        s->blend_in.dot[i] = sums && !s->special[i] ? factor * s->dot[i] : 0.0;
    }
    for (ptrdiff_t i = 0; job->weight && i < s->rows; i++) {
        V(blend) g = V(blend_of)(job, s->label[i]);
        s->blend_in.share[i] = g.share;
        s->blend_in.base_label[i] = g.base_label;
    }
}

static void V(smoothed_label)(const V(plan) *plan, V(strip) *s, int writes)
{
    (void)writes;
    V(gather_blend)(plan, s);
    EACH_LANE(i, s) {
#define FROM_LANE(name) .name = s->blend_in.name[i],
        V(blend) g = {BLEND_INPUTS(FROM_LANE)};
#undef FROM_LANE
        V(blend_outcome) o = V(finish_blend)(V(sum_of)(s, i), g);
#define TO_LANE(name) s->blend_out.name[i] = o.name;
        BLEND_RESULTS(TO_LANE)
#undef TO_LANE
    }
    EACH_LANE(i, s) {
        s->value[i] = s->blend_out.loss[i];
        s->value_unit[i] = s->blend_out.unit[i];
        s->z[i] = s->blend_out.z[i];
        s->hi[i] = (T)s->blend_out.factor_hi[i];
        s->lo[i] = (T)s->blend_out.factor_lo[i];
        s->up[i] = (T)s->blend_out.up[i];
        s->down[i] = (T)s->blend_out.down[i];
        s->patch[i] = (T)s->blend_out.patch[i];
    }
}

/* ---- probabilities, Hessians, options by row, capped logits ------------------------------------------- */

/* What labels, weights and factors say of each row; nothing of those without a result. */
static void V(gather_rows)(const sxt_job *job, V(strip) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        if (s->special[i])
            continue;
        V(general) g = V(general_of)(job, V(row_number)(s, i), s->skip[i]);
        if (job->op == SXT_OP_DENSE)
            g.q_max += job->slope[s->skip[i]] * (double)s->target_skip[i];
#define TO_LANE(name) s->in.name[i] = g.name;
        GENERAL_INPUTS(TO_LANE)
#undef TO_LANE
    }
}

static void V(gather_general)(const V(plan) *plan, V(strip) *s)
{
    const sxt_job *job = plan->job;
    int same = plan->beside == SUM_BARE && !job->sample_weight && !job->grad_output;
    V(general) all = {.n_ref = 0.0};
    if (same)
        all = V(general_of)(job, 0, 0);
    EACH_LANE(i, s) {
#define SAME(name) s->in.name[i] = all.name;
        GENERAL_INPUTS(SAME)
#undef SAME
    }
    if (same)
        EACH_LANE(i, s)
            s->in.q_max[i] = (double)s->target_skip[i];
    else
        V(gather_rows)(job, s);
    EACH_LANE(i, s) {
        s->in.max[i] = (double)s->max[i];
        s->in.shift[i] = (double)s->shift[i];
        s->in.n_ref[i] = (double)s->n_ref[i];
    }
    if (plan->beside != SUM_ALONE)
        EACH_LANE(i, s)
            s->in.dot[i] = s->dot[i];
    if (job->op == SXT_OP_LABEL)
        EACH_LANE(i, s)
            s->in.at_label[i] = (double)s->at_label[i];
    else
        EACH_LANE(i, s)
            s->in.mass[i] = s->in.dense_mass[i] = s->mass[i];
    if (HAS_TAILS(plan))
        EACH_LANE(i, s) {
            s->in.tail[i] = (double)s->tail[i];
            s->in.origin[i] = (double)s->origin[i] * job->logit_scale;
            s->in.label_tail[i] = (double)s->label_tail[i];
        }
}

static void V(other_losses)(const V(plan) *plan, V(strip) *s)
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
        V(losses)[plan->job->loss](V(sum_of)(s, i), &g, plan->job->loss_parameter, &o);
#define TO_LANE(name) s->out.name[i] = o.name;
        GENERAL_RESULTS(TO_LANE)
#undef TO_LANE
    }
}

static void V(general_loss)(const V(plan) *plan, V(strip) *s, int writes)
{
    (void)writes;
    V(gather_general)(plan, s);
    EACH_LANE(i, s) {
#define FROM_LANE(name) .name = s->in.name[i],
        V(general) g = {GENERAL_INPUTS(FROM_LANE)};
#undef FROM_LANE
        V(general_outcome) o = V(finish_general)(V(sum_of)(s, i), g);
#define TO_LANE(name) s->out.name[i] = o.name;
        GENERAL_RESULTS(TO_LANE)
#undef TO_LANE
    }
    if (plan->job->loss != SXT_LOSS_PLAIN)
        V(other_losses)(plan, s);
    EACH_LANE(i, s) {
        s->value[i] = s->out.loss[i];
        s->value_unit[i] = s->out.unit[i];
        s->z[i] = s->out.z[i];
    }
}

/* ---- the table ---------------------------------------------------------------------------------------- */

static const V(form) V(forms)[] = {
    [FORM_SOFTMAX] = {LEAVES_NOTHING, 0, WRITE_SCALED, 1, V(softmax)},
    [FORM_LOG_SOFTMAX] = {LEAVES_MAX, 0, WRITE_LOG, 0, V(log_softmax)},
    [FORM_LOGSUMEXP] = {LEAVES_SMALL_MAX, 1, WRITE_NOTHING, 0, V(logsumexp)},
    [FORM_LABEL] = {LEAVES_LABEL, 1, WRITE_SCALED, 1, V(label)},
    [FORM_SMOOTHED] = {LEAVES_LABEL, 1, WRITE_PUSHED, 1, V(smoothed_label)},
    [FORM_GENERAL] = {LEAVES_MAX, 1, WRITE_GENERAL, 1, V(general_loss)},
};

static int V(form_of)(const sxt_job *job)
{
    if (job->general)
        return FORM_GENERAL;
    if (job->blend)
        return FORM_SMOOTHED;
    return job->op == SXT_OP_SOFTMAX     ? FORM_SOFTMAX
         : job->op == SXT_OP_LOG_SOFTMAX ? FORM_LOG_SOFTMAX
         : job->op == SXT_OP_LOGSUMEXP   ? FORM_LOGSUMEXP
                                         : FORM_LABEL;
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
                     .precise = SXT_T_IS_F32 && !V(has_distances)(beside) && !job->scaled,
                     .scaled = job->scaled, .tails = tails,
                     .place = job->general || job->classes > SHORT_ROW,
                     .base = job->base_here, .slope = job->slope_here, .units = V(units_of)(job)};
}
