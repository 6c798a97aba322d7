/* label_form_tmpl.h - cross-entropy of labels: from the sums of a strip's rows to losses and the gradients' constants;
 * part of forms_tmpl.h. */

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
    int64_t infinite = 0; /* no maximum: that is a chain of comparisons, which is waited for */
    V(no_options)(s);
    EACH_LANE(i, s) {
        double x = (double)s->at[i] - (double)s->shift[i];
        s->value[i] = V(label_loss)(V(sum_of)(s, i), V(wide_of)(s->e_hi[i], s->e_lo[i]), x, (double)s->n_ref[i],
                                    s->scale_loss[i]);
    }
    EACH_LANE(i, s)
        infinite |= s->value[i] == (double)INFINITY;
    for (ptrdiff_t i = 0; infinite && i < s->rows; i++)
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
        s->patch[i] = (T)sxt_canonical(o.patch);
        /* A factor beyond the largest number makes NaN of a product, which min() takes for the limit. */
        double below = s->hi[i] > -(T)INFINITY ? (double)INFINITY : -(double)INFINITY;
        s->limit[i] = (T)(scale >= 0.0 ? scale : scale < 0.0 ? below : (double)NAN);
    }
}
