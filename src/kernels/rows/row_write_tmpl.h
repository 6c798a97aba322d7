/* row_write_tmpl.h - the outputs of one contiguous row, or of a range of it; part of rows_tmpl.h. */

/* The term of element i and those after it, n to go: as stored, or computed again. */
SXT_INLINE KV N(row_term)(const sxt_row *row, const V(vref) *ref, ptrdiff_t i, ptrdiff_t n)
{
    const ST *x = (const ST *)row->x + i;
    if (row->terms) {
        const T *e = (const T *)row->terms + i;
        return n >= V(W) ? V(load)(e) : V(loadn)(e, n);
    }
    return V(exp_term)(n >= V(W) ? LOAD(x) : N(tail)(x, n), NULL, ref);
}

/* All that the loop needs is in registers: to the compiler, y might be the row itself. */
static void N(write_scaled)(const sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    V(vref) ref = V(row_ref)(row);
    KV hi = V(set1)((T)row->factor_hi), lo = V(set1)((T)row->factor_lo), down = V(set1)((T)row->down);
    KV top = V(set1)((T)row->limit);
    const sxt_row here = {.x = row->x, .terms = row->terms};
    ST *y = row->y;
    ptrdiff_t i = begin;
    if (here.terms && V(factor_will_do)((T)row->factor_hi, (T)row->down, (T)row->limit))
        for (; i + V(W) <= end; i += V(W)) {
            KV term = V(load)((const T *)here.terms + i);
            STORE(y + i, V(fma)(term, hi, V(mul)(term, lo)));
        }
    for (; here.terms && i + V(W) <= end; i += V(W))
        STORE(y + i, V(scaled_value)(V(load)((const T *)here.terms + i), hi, lo, down, top));
    for (; i < end; i += V(W))
        N(put)(y + i, V(scaled_value)(N(row_term)(&here, &ref, i, end - i), hi, lo, down, top), end - i);
}

/* Of a blend; all classes push alike. */
static void N(write_blend)(const sxt_job *job, const sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    V(vref) ref = V(row_ref)(row);
    V(vunits) units = V(broadcast_units)(V(units_of)(job));
    ref.units = job->scaled ? &units : NULL;
    KV hi = V(set1)((T)row->factor_hi), lo = V(set1)((T)row->factor_lo), down = V(set1)((T)row->down);
    T first, rest;
    V(push_parts)(job->base_one, job->push_scale, &first, &rest);
    KV push_hi = V(set1)(first * (T)row->up), push_lo = V(set1)(rest * (T)row->up);
    const sxt_row here = {.x = row->x, .terms = row->terms};
    ST *y = row->y;
    ptrdiff_t i = begin;
    if (here.terms && row->down == 1.0)
        for (; i + V(W) <= end; i += V(W))
            STORE(y + i, V(blend_unscaled)(V(load)((const T *)here.terms + i), hi, lo, push_hi, push_lo));
    for (; here.terms && i + V(W) <= end; i += V(W))
        STORE(y + i, V(blend_value)(V(load)((const T *)here.terms + i), hi, lo, push_hi, push_lo, down));
    for (; i < end; i += V(W))
        N(put)(y + i, V(blend_value)(N(row_term)(&here, &ref, i, end - i), hi, lo, push_hi, push_lo, down), end - i);
}

/* Each class has a push of its own. */
static void N(write_weighted)(const sxt_job *job, const sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    V(vref) ref = V(row_ref)(row);
    V(vunits) units = V(broadcast_units)(V(units_of)(job));
    ref.units = job->scaled ? &units : NULL;
    KV hi = V(set1)((T)row->factor_hi), lo = V(set1)((T)row->factor_lo), down = V(set1)((T)row->down);
    KV up = V(set1)((T)row->up);
    const T *push_hi = job->push_hi, *push_lo = job->push_lo;
    const sxt_row here = {.x = row->x, .terms = row->terms};
    ST *y = row->y;
    ptrdiff_t i = begin;
    if (here.terms && row->up == 1.0 && row->down == 1.0)
        for (; i + V(W) <= end; i += V(W))
            STORE(y + i, V(blend_unscaled)(V(load)((const T *)here.terms + i), hi, lo, V(load)(push_hi + i),
                                      V(load)(push_lo + i)));
    for (; i < end; i += V(W)) {
        ptrdiff_t n = end - i;
        KV first = n >= V(W) ? V(load)(push_hi + i) : V(loadn)(push_hi + i, n);
        KV rest = n >= V(W) ? V(load)(push_lo + i) : V(loadn)(push_lo + i, n);
        KV value = V(blend_value)(N(row_term)(&here, &ref, i, n), hi, lo, V(mul)(first, up), V(mul)(rest, up), down);
        N(put)(y + i, value, n);
    }
}

static void N(write_log)(const sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    const ST *x = row->x;
    ST *y = row->y;
    KV hi = V(set1)((T)row->factor_hi), lo = V(set1)((T)row->factor_lo);
    KV max = V(set1)((T)row->max), top = V(set1)((T)row->patch);
    for (ptrdiff_t i = begin; i < end; i += V(W)) {
        ptrdiff_t n = end - i;
        KV v = n >= V(W) ? LOAD(x + i) : LOADN(x + i, n);
        N(ask_to_write)(y + i);
        N(put)(y + i, V(log_value)(v, max, hi, lo, top), n);
    }
}

static void N(write_fill)(ST *y, ptrdiff_t n, double value)
{
    KV v = V(set1)((T)value);
    for (ptrdiff_t i = 0; i < n; i += V(W))
        N(put)(y + i, v, n - i);
}

/* The general form's gradient and diagonal of the Hessian. */
static void N(write_general)(const sxt_job *job, const sxt_row *row)
{
    ST *y = row->y, *h = row->h;
    const sxt_row here = {.x = row->x, .terms = row->terms};
    V(vref) ref = V(row_ref)(row);
    V(gradient) gradient = V(gradient_of)(&row->factor_hi, &row->factor_lo, &row->row_grad, &row->down, 0);
    V(hessian) hessian = V(hessian_of)(&row->share_hi, &row->share_lo, &row->curve, &row->curve_z, 0);
    ptrdiff_t classes = job->classes;
    for (ptrdiff_t i = 0; i < classes; i += V(W)) {
        ptrdiff_t n = classes - i;
        KV term = N(row_term)(&here, &ref, i, n);
        f64_v q[HALVES];
        N(wide_q_of)(job, row->t, i, n, q);
        if (y)
            N(put)(y + i, V(gradient_value)(&gradient, term, q), n);
        if (h)
            N(put)(h + i, V(hessian_value)(&hessian, term), n);
    }
    if (y && row->label >= 0)
        STOREN(y + row->label, V(set1)((T)row->label_patch), 1);
    if (h && row->label >= 0)
        STOREN(h + row->label, V(set1)((T)row->label_hess), 1);
    if (y)
        STOREN(y + row->skip, V(set1)((T)row->patch), 1);
    if (h)
        STOREN(h + row->skip, V(set1)((T)row->hess_patch), 1);
}

static void N(write)(const sxt_job *job, const sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    if (row->special) {
        if (row->y)
            N(write_fill)((ST *)row->y + begin, end - begin, row->fill);
        if (row->h)
            N(write_fill)((ST *)row->h + begin, end - begin, row->fill);
    } else if (job->general) {
        if (row->y || row->h)
            N(write_general)(job, row);
    } else if (row->y && job->op == SXT_OP_LOG_SOFTMAX) {
        N(write_log)(row, begin, end);
    } else if (row->y) {
        if (job->push_hi)
            N(write_weighted)(job, row, begin, end);
        else if (job->blend)
            N(write_blend)(job, row, begin, end);
        else
            N(write_scaled)(row, begin, end);
        if (job->op == SXT_OP_LABEL && row->skip >= begin && row->skip < end)
            STOREN((ST *)row->y + row->skip, V(set1)((T)row->patch), 1);
    }
}
