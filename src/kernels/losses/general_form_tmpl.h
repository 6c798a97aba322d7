/* general_form_tmpl.h - probabilities, Hessians, options by row, capped logits, losses that are not plain: from the sums
 * of a strip's rows to losses and the constants of gradients and Hessians; part of forms_tmpl.h. */

/* What labels, weights and factors say of each row; nothing of those without a result. */
static void V(gather_rows)(const sxt_job *job, V(strip) *s)
{
    EACH_LANE(i, s) {
#define NOTHING(name) s->in.name[i] = 0.0;
        GENERAL_INPUTS(NOTHING)
#undef NOTHING
    }
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

/* Whether rows differ in nothing that general_of tells but in the coefficients at label and maximum. */
static int V(rows_alike)(const V(plan) *plan)
{
    const sxt_job *job = plan->job;
    int coefficients = job->op == SXT_OP_LABEL ? job->weight || job->base : plan->beside != SUM_BARE;
    return !coefficients && !job->sample_weight && !job->grad_output;
}

static void V(gather_alike)(const sxt_job *job, V(strip) *s)
{
    V(general) all = V(general_of)(job, 0, 0);
    EACH_LANE(i, s) {
#define SAME(name) s->in.name[i] = all.name;
        GENERAL_INPUTS(SAME)
#undef SAME
    }
    if (job->op == SXT_OP_LABEL)
        EACH_LANE(i, s) {
            int top = s->label[i] == s->skip[i];
            s->in.label_is_max[i] = top ? 1.0 : 0.0;
            s->in.q_max[i] = top ? all.q_label : 0.0;
        }
    else
        EACH_LANE(i, s)
            s->in.q_max[i] = (double)s->target_skip[i];
}

static void V(gather_general)(const V(plan) *plan, V(strip) *s)
{
    const sxt_job *job = plan->job;
    if (V(rows_alike)(plan))
        V(gather_alike)(job, s);
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

static void V(general_loss)(const V(plan) *plan, V(strip) *s, int writes)
{
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
        V(losses)[plan->job->loss](plan, s, writes);
    EACH_LANE(i, s) {
        s->value[i] = s->out.loss[i];
        s->value_unit[i] = s->out.unit[i];
        s->z[i] = s->out.z[i];
    }
}
