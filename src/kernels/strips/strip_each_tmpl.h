/* strip_each_tmpl.h - what many vectors add to a row's sums, four of them under way at once (numbers/exp_each_tmpl.h);
 * after strip_sums_tmpl.h. */

/* Vectors that lie `step` elements apart: the logits; where their terms go, NULL where they are not kept, or x; their
 * coefficients, NULL where there are none. */
typedef struct {
    const T *x;
    T *terms;
    const T *q;
    ptrdiff_t step;
} V(vectors);

/* Adds the first vector, whose exponential is ready, and keeps the term. */
SXT_INLINE void V(add_ready)(V(vectors) *from, V(two) ready, const V(constants) *c, int beside, int masses, int store,
                             int far, V(soon) *soon, V(accs) *a)
{
    f64_v wide[HALVES];
    KV term = V(add_two)(ready, &c->ref, &a->exps), q = V(set1)((T)1);
    int reads = V(has_targets)(beside) || beside == SUM_WEIGHTED;
    if (reads)
        q = V(load)(from->q);
    if (masses)
        V(halves_at)(from->q, wide);
    if (reads)
        from->q += from->step;
    if (beside != SUM_ALONE) {
        V(add_beside)(V(load)(from->x), NULL, q, masses ? wide : NULL, c, beside, a);
        from->x += from->step;
    }
    if (store) {
        V(store)(from->terms, term);
        from->terms += from->step;
    }
    V(ask_for)(soon, masses, far);
}

/* n vectors of logits without tails, in natural units; q of classes is what it is in memory. A few vectors with distances
 * are not worth the registers that they take; nor, with one lane, is anything that is added beside. */
SXT_INLINE void V(add_each)(V(vectors) from, ptrdiff_t n, const V(constants) *c, int beside, int masses, int store,
                            int far, V(soon) soon, V(accs) *to)
{
    const T *next = from.x;
    ptrdiff_t step = from.step;
    V(accs) a = *to;
    if (n < (V(has_distances)(beside) ? 12 : 3) || (V(W) == 1 && beside != SUM_ALONE)) {
        for (; n > 0; n--, next += step)
            V(add_ready)(&from, V(exp_two)(V(load)(next), NULL, &c->ref), c, beside, masses, store, far, &soon, &a);
        *to = a;
        return;
    }
    V(flow) flow = V(flow_of)(V(load)(next), V(load)(next + step), V(load)(next + 2 * step), &c->ref);
    next += 3 * step;
    for (; n > 3; n--, next += step) {
        V(add_ready)(&from, flow.first, c, beside, masses, store, far, &soon, &a);
        V(flow_on)(&flow, V(load)(next), &c->ref);
    }
    for (; n > 0; n--) {
        V(add_ready)(&from, flow.first, c, beside, masses, store, far, &soon, &a);
        V(flow_out)(&flow);
    }
    *to = a;
}
