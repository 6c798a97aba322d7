/* softmax_forms_tmpl.h - softmax, log-softmax and log-sum-exp: from the sums of a strip's rows to results and the outputs'
 * constants; part of forms_tmpl.h. */

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

static void V(logsumexp)(const V(plan) *plan, V(strip) *s, int writes)
{
    (void)plan;
    (void)writes;
    V(no_options)(s);
    EACH_LANE(i, s)
        s->value[i] = V(finish_logsumexp)(V(sum_of)(s, i), (double)s->max[i], (double)s->shift[i],
                                          (double)s->n_ref[i], s->at[i] > -(T)INFINITY);
}
