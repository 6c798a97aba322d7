/* along_plain_tmpl.h - the sums of rows of which nothing but the exponentials is summed, the usual case; part of
 * along_sum_tmpl.h. Each row's first vectors are under way before the last ones of the row before it are added
 * (numbers/exp_each_tmpl.h). */

/* The least number of classes of such a row: as many vectors as are on their way. */
#define PLAIN_ROW (3 * V(W))

SXT_INLINE V(vref) V(plain_ref)(const V(strip) *s, ptrdiff_t k)
{
    return (V(vref)){V(set1)((T)0), V(set1)(s->magic[k]), V(set1)(s->low[k]), V(set1)(s->m1[k]), V(set1)(s->m2[k]), NULL, 1};
}

/* The vectors that begin a row: the broken one, if there is one, which would be waited for where it is last. */
SXT_INLINE KV V(first_vector)(const T *x, ptrdiff_t n)
{
    ptrdiff_t left = n % V(W);
    return left ? V(upto_or)(x + n - left, left, -(T)INFINITY) : V(load)(x);
}

/* The sums in the lanes of rows i and following, V(W) at most. */
SXT_INLINE void V(plain_rows)(const V(plan) *plan, const V(along) *here, const V(strip) *s, ptrdiff_t i, int store,
                              KV coarse[V(W)], KV fine[V(W)])
{
    const sxt_plane *p = s->plane;
    ptrdiff_t n = plan->classes, behind = n % V(W) ? 0 : V(W), rows = s->rows - i < V(W) ? s->rows - i : V(W);
    const T *x = V(row_of)(&p->x, s->first + i);
    V(vref) ref = V(plain_ref)(s, i);
    V(flow) flow = V(flow_of)(V(first_vector)(x, n), V(load)(x + behind), V(load)(x + behind + V(W)), &ref);
    for (ptrdiff_t k = 0; k < rows; k++) {
        V(vref) own = ref;
        V(acc) acc = {V(iset1)(0), V(iset1)(0)};
        V(soon) soon = V(soon_of)(plan, here, s, i + k, 0);
        T *e = store ? V(terms_of)(here, s, i + k) : NULL, *place = e;
        const T *from = x + behind + 2 * V(W), *end = x + n / V(W) * V(W);
        if (store) {
            place = behind ? e : here->stage + (i + k) * V(W);
            e += behind;
        }
#define ADD                                                                                          \
    {                                                                                                \
        KV term = V(add_two)(flow.first, &own, &acc);                                                \
        if (store) {                                                                                 \
            V(store)(place, term);                                                                   \
            place = e;                                                                               \
            e += V(W);                                                                               \
        }                                                                                            \
        V(ask_for)(&soon, 0, 0);                                                                     \
    }
        for (; from < end; from += V(W)) {
            ADD
            V(flow_on)(&flow, V(load)(from), &ref);
        }
        if (k + 1 < rows) { /* behind the last row it comes once more, and is not added */
            x = V(row_of)(&p->x, s->first + i + k + 1);
            ref = V(plain_ref)(s, i + k + 1);
        }
        ADD
        V(flow_on)(&flow, V(first_vector)(x, n), &ref);
        ADD
        V(flow_on)(&flow, V(load)(x + behind), &ref);
        ADD
        V(flow_on)(&flow, V(load)(x + behind + V(W)), &ref);
#undef ADD
        coarse[k] = V(float)(acc.coarse);
        fine[k] = V(float)(acc.fine);
    }
    for (ptrdiff_t k = rows; k < V(W); k++)
        coarse[k] = fine[k] = V(float)(V(iset1)(0));
}
