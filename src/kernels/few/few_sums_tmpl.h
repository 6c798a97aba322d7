/* few_sums_tmpl.h - sums of exponentials, and a blend's dense sums, rows side by side; part of few_lanes_tmpl.h. */

/* weighted: base, or NULL where all are the same. */
SXT_INLINE void V(few_sum_with)(V(few) *s, ptrdiff_t classes, int precise, int store, int blends, const T *weighted,
                                const V(vunits) *units)
{
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        V(vref) ref = {V(set1)((T)0), V(load)(s->magic + i), V(load)(s->low + i), V(load)(s->m1 + i),
                       V(load)(s->m2 + i), units, 1};
        V(acc) acc = {V(iset1)(0), V(iset1)(0)}, dense = acc;
        KV top = V(load)(s->max + i), max = V(mul)(top, V(set1)(DENSE_SCALE));
        KV d1 = V(load)(s->d1 + i), d2 = V(load)(s->d2 + i);
        T *x = s->tile + i;
        uintptr_t in = s->x_ahead.p + (uintptr_t)(i * s->x_ahead.row);
        uintptr_t out = s->y_ahead.p + (uintptr_t)(i * s->y_ahead.row);
        for (ptrdiff_t c = 0; c < classes; c++, x += s->lanes) {
            __builtin_prefetch((const void *)(in + (uintptr_t)(c * s->x_ahead.cls)));
            __builtin_prefetch((const void *)(out + (uintptr_t)(c * s->y_ahead.cls)), 1);
            KV v = V(load)(x), e = V(exp_add)(v, NULL, &ref, &acc, precise);
            if (store)
                V(store)(x, e);
            if (blends) { /* the label is -infinity here, and not in the sum */
                v = V(select)(V(eq)(v, V(set1)(-(T)INFINITY)), top, v);
                V(blend_add)(v, max, V(set1)(weighted ? weighted[c] : (T)1), weighted != NULL, d1, d2, &dense);
            }
        }
        if (blends) {
            V(istore)(s->d_coarse + i, dense.coarse);
            V(istore)(s->d_fine + i, dense.fine);
        }
        V(istore)(s->coarse + i, acc.coarse);
        V(istore)(s->fine + i, acc.fine);
    }
    V(uint) count = (V(uint))classes;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->coarse[i] = (V(int))((V(uint))s->coarse[i] - count * V(scalar_bits)(s->m1[i]));
        s->fine[i] = (V(int))((V(uint))s->fine[i] - count * V(scalar_bits)(s->m2[i]));
    }
    for (ptrdiff_t i = 0; blends && i < s->n; i++) {
        s->d_coarse[i] = (V(int))((V(uint))s->d_coarse[i] - count * V(scalar_bits)(s->d1[i]));
        s->d_fine[i] = (V(int))((V(uint))s->d_fine[i] - count * V(scalar_bits)(s->d2[i]));
    }
}

/* Whether to store is left to the running loop: the variants are many. */
static void V(few_sum_blend)(const sxt_job *job, V(few) *s, ptrdiff_t classes, int store)
{
    const T *base = job->base_here;
    V(vunits) units = V(broadcast_units)(V(units_of)(job));
    if (job->scaled && job->blend == SXT_BLEND_WEIGHTED)
        V(few_sum_with)(s, classes, 0, store, 1, base, &units);
    else if (job->scaled && job->blend == SXT_BLEND_EVEN)
        V(few_sum_with)(s, classes, 0, store, 1, NULL, &units);
    else if (job->scaled)
        V(few_sum_with)(s, classes, 0, store, 0, NULL, &units);
    else if (job->blend == SXT_BLEND_WEIGHTED)
        V(few_sum_with)(s, classes, 0, store, 1, base, NULL);
    else
        V(few_sum_with)(s, classes, 0, store, 1, NULL, NULL);
}

static void V(few_sum)(const sxt_job *job, V(few) *s, ptrdiff_t classes, int store)
{
    if (sxt_smooths(job->blend) || job->scaled)
        V(few_sum_blend)(job, s, classes, store);
    else if (store)
        V(few_sum_with)(s, classes, SXT_T_IS_F32, 1, 0, NULL, NULL);
    else
        V(few_sum_with)(s, classes, SXT_T_IS_F32, 0, 0, NULL, NULL);
}
