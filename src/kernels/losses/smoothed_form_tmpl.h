/* smoothed_form_tmpl.h - smoothed, weighted and scaled labels (blend_tmpl.h): from the sums of a strip's rows to losses
 * and the gradients' constants; part of forms_tmpl.h. */

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
