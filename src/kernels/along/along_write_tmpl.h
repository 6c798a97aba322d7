/* along_write_tmpl.h - the outputs of a row, or of a range of it; part of along_tmpl.h. */

/* Of any alignment. */
SXT_INLINE void V(set)(T *y, T value) { memcpy((void *)y, &value, sizeof value); }

static void V(write_fill)(T *y, ptrdiff_t n, T value)
{
    for (ptrdiff_t i = 0; i < n; i += V(W))
        V(put)(y + i, V(set1)(value), n - i);
}

static void V(write_log)(const V(strip) *s, ptrdiff_t k, const T *x, T *y, ptrdiff_t c, ptrdiff_t end)
{
    KV hi = V(set1)(s->hi[k]), lo = V(set1)(s->lo[k]), max = V(set1)(s->max[k]), top = V(set1)(s->patch[k]);
    for (; c + V(W) <= end; c += V(W))
        V(store)(y + c, V(log_value)(V(load)(x + c), max, hi, lo, top));
    if (c < end)
        V(storen)(y + c, V(log_value)(V(loadn)(x + c, end - c), max, hi, lo, top), end - c);
}

static void V(write_scaled)(const V(strip) *s, ptrdiff_t k, const T *e, const T *last, T *y, ptrdiff_t c, ptrdiff_t end)
{
    KV hi = V(set1)(s->hi[k]), lo = V(set1)(s->lo[k]), down = V(set1)(s->down[k]), limit = V(set1)(s->limit[k]);
    if (V(stays_below)(s->hi[k], s->down[k], s->limit[k]))
        for (; c + V(W) <= end; c += V(W))
            V(store)(y + c, V(lifted_value)(V(load)(e + c), hi, lo, down));
    for (; c + V(W) <= end; c += V(W))
        V(store)(y + c, V(scaled_value)(V(load)(e + c), hi, lo, down, limit));
    if (c < end)
        V(storen)(y + c, V(scaled_value)(V(load)(last), hi, lo, down, limit), end - c);
}

static void V(write_pushed)(const sxt_job *job, const V(strip) *s, ptrdiff_t k, const T *e, const T *last, T *y,
                            ptrdiff_t c, ptrdiff_t end)
{
    const T *push_hi = job->push_hi, *push_lo = job->push_lo;
    T first, rest;
    V(push_parts)(job->base_one, job->push_scale, &first, &rest);
    KV hi = V(set1)(s->hi[k]), lo = V(set1)(s->lo[k]), down = V(set1)(s->down[k]), up = V(set1)(s->up[k]);
    KV here_hi = V(mul)(V(set1)(first), up), here_lo = V(mul)(V(set1)(rest), up);
    if (!push_hi)
        for (; c + V(W) <= end; c += V(W))
            V(store)(y + c, V(blend_value)(V(load)(e + c), hi, lo, here_hi, here_lo, down));
    for (ptrdiff_t n; c < end; c += V(W)) {
        n = end - c;
        if (push_hi) {
            here_hi = V(mul)(V(read)(push_hi + c, n), up);
            here_lo = V(mul)(V(read)(push_lo + c, n), up);
        }
        V(put)(y + c, V(blend_value)(V(load)(n >= V(W) ? e + c : last), hi, lo, here_hi, here_lo, down), n);
    }
}

/* Gradient and diagonal of the Hessian; y or h may be NULL. */
SXT_INLINE void V(general_as)(const V(plan) *plan, const V(strip) *s, ptrdiff_t k, const T *e, const T *last, T *y, T *h,
                              int beside)
{
    const T *t = V(targets_of)(s, k);
    V(gradient) gradient = V(gradient_of)(s->out.factor_hi + k, s->out.factor_lo + k, s->in.row_grad + k,
                                         s->out.down + k, 0);
    V(hessian) hessian = V(hessian_of)(s->out.share_hi + k, s->out.share_lo + k, s->out.curve + k, s->out.curve_z + k, 0);
    f64_v q[HALVES], term[HALVES];
    ptrdiff_t c = 0, n = plan->classes;
    if ((!y || V(ordinary_gradient)(s->out.factor_hi[k], s->out.factor_lo[k], s->in.row_grad[k])) &&
        (!h || V(ordinary_hessian)(s->out.share_hi[k], s->out.share_lo[k], s->out.curve[k], s->out.curve_z[k])))
        for (; c + V(W) <= n; c += V(W)) {
            V(halves_at)(e + c, term);
            if (y) {
                V(wide_q_along)(plan, t, c, V(W), beside, q);
                V(gradient_halves)(&gradient, term, q, 1, q);
                V(put_halves)(y + c, q);
            }
            if (h) {
                V(hessian_halves)(&hessian, term, 1, q);
                V(put_halves)(h + c, q);
            }
        }
    for (; c < n; c += V(W)) {
        KV one = V(load)(n - c >= V(W) ? e + c : last);
        if (y) {
            V(wide_q_along)(plan, t, c, n - c, beside, q);
            V(put)(y + c, V(gradient_value)(&gradient, one, q), n - c);
        }
        if (h)
            V(put)(h + c, V(hessian_value)(&hessian, one), n - c);
    }
}

/* What is there is a constant where the usual loops are to know. */
static void V(write_general)(const V(plan) *plan, const V(strip) *s, ptrdiff_t k, const T *e, const T *last, T *y, T *h)
{
    if (!y)
        V(general_as)(plan, s, k, e, last, NULL, h, SUM_ALONE);
    else if (plan->beside == SUM_BARE && !h)
        V(general_as)(plan, s, k, e, last, y, NULL, SUM_BARE);
    else
        V(general_as)(plan, s, k, e, last, y, h, plan->beside);
    ptrdiff_t top = s->skip[k], label = plan->job->op == SXT_OP_LABEL ? (ptrdiff_t)s->label[k] : top;
    if (y) {
        V(set)(y + label, (T)s->out.grad_label[k]);
        V(set)(y + top, (T)s->out.grad_max[k]);
    }
    if (h) {
        V(set)(h + label, (T)s->out.hess_label[k]);
        V(set)(h + top, (T)s->out.hess_max[k]);
    }
}

/* Classes from `begin` to `end` of row k; the general form's all at once. */
static void V(along_write)(const V(plan) *plan, const V(along) *here, const V(strip) *s, ptrdiff_t k, ptrdiff_t begin,
                           ptrdiff_t end)
{
    const sxt_plane *p = s->plane;
    T *y = p->y.p ? V(output_of)(&p->y, s->first + k) : NULL, *h = p->h.p ? V(output_of)(&p->h, s->first + k) : NULL;
    const T *last = here->stage + k * V(W);
    if (s->special[k]) {
        T fill = V(special_fill)(plan, s, k);
        if (y)
            V(write_fill)(y + begin, end - begin, fill);
        if (h)
            V(write_fill)(h + begin, end - begin, fill);
        return;
    }
    if (plan->form->writes == WRITE_LOG) {
        const T *x = V(row_of)(&p->x, s->first + k);
        if (!V(goes_past)(here) || !V(past_log)(s, k, x, y, end))
            V(write_log)(s, k, x, y, begin, end);
        return;
    }
    T *e = V(terms_of)(here, s, k);
    if (plan->form->writes == WRITE_GENERAL) {
        V(write_general)(plan, s, k, e, last, y, h);
        return;
    }
    if (plan->form->writes == WRITE_PUSHED)
        V(write_pushed)(plan->job, s, k, e, last, y, begin, end);
    else if (!V(goes_past)(here) || !V(past_scaled)(s, k, e, last, y, end))
        V(write_scaled)(s, k, e, last, y, begin, end);
    if (plan->form->leaves == LEAVES_LABEL && s->skip[k] >= begin && s->skip[k] < end)
        V(set)(y + s->skip[k], s->patch[k]);
}
