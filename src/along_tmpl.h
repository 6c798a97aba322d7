/* along_tmpl.h - ordinary rows with their classes side by side, from some dozens of classes on: lanes along the classes
 * while a row is swept, across the rows while they are finished, as the tiles of few_tmpl.h are; part of that.
 *
 * A class that is left out of a row's sum is added like the others and taken away again: sums are integers, so
 * nothing of it remains, even where it went beyond the grid. */

SXT_INLINE const ST *N(row_at)(const sxt_plane *p, ptrdiff_t r) { return (const ST *)(const void *)(p->x.p + r * p->x.row); }

/* The largest elements to `rest`; with `two` the largest to `max` and the next to `rest`. Whether there was no
 * NaN. Lanes without a row get 0. */
SXT_INLINE int N(along_maxima)(const sxt_plane *p, V(few) *s, ptrdiff_t r0, ptrdiff_t classes, int two)
{
    KM bad = V(mnone)();
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        KV first[V(W)], second[V(W)];
        for (int k = 0; k < V(W); k++) {
            first[k] = second[k] = V(set1)((T)0);
            if (i + k >= s->rows)
                continue;
            const ST *x = N(row_at)(p, r0 + i + k);
            KV m = V(set1)(-(T)INFINITY), next = m;
            ptrdiff_t c = 0;
            for (; c + 2 * V(W) <= classes; c += 2 * V(W)) {
                KV a = LOAD(x + c), b = LOAD(x + c + V(W));
                bad = V(mor)(bad, V(unord)(a, b)); /* a NaN is passed over below; `bad` remembers it */
                if (two)
                    next = V(max)(V(max)(V(min)(m, a), next), V(min)(V(max)(m, a), b));
                m = V(max)(V(max)(a, b), m);
            }
            for (; c < classes; c += V(W)) {
                KV v = classes - c >= V(W) ? LOAD(x + c) : N(tail)(x + c, classes - c);
                bad = V(mor)(bad, V(unord)(v, v));
                if (two)
                    next = V(max)(V(min)(m, v), next);
                m = V(max)(v, m);
            }
            first[k] = m;
            second[k] = next;
        }
        if (two) {
            V(two_largest_of_each)(first, second);
            V(store)(s->max + i, first[0]);
            V(store)(s->rest + i, second[0]);
        } else {
            V(store)(s->rest + i, V(largest_of_each)(first));
        }
    }
    return V(mbits)(bad) == 0;
}

/* What is left out of each row's sum goes to `at`, the largest of the others to `rest`. */
static int N(along_scan)(const sxt_job *job, const sxt_plane *p, V(few) *s, ptrdiff_t r0)
{
    ptrdiff_t classes = job->classes;
    int two = job->op == SXT_OP_LABEL || job->op == SXT_OP_LOG_SOFTMAX;
    int ordinary = two ? N(along_maxima)(p, s, r0, classes, 1) : N(along_maxima)(p, s, r0, classes, 0);
    for (ptrdiff_t i = 0; i < s->n; i++)
        s->at[i] = job->op == SXT_OP_LOG_SOFTMAX ? s->max[i] : -(T)INFINITY;
    if (job->op == SXT_OP_LABEL) {
        V(few_labels)(job, p, s, r0);
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            T lane[V(W)];
            V(store)(lane, LOADN(N(row_at)(p, r0 + i) + s->skip[i], 1));
            s->at[i] = lane[0];
        }
        for (ptrdiff_t i = 0; i < s->n; i++)
            s->rest[i] = s->at[i] == s->max[i] ? s->rest[i] : s->max[i];
    }
    if (job->op != SXT_OP_LOGSUMEXP)
        return ordinary;
    /* log-sum-exps next to 0, see skip_max */
    int small = 0;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->skip[i] = -1;
        small |= i < s->rows && fabs((double)s->rest[i]) < SMALL_MAX;
    }
    if (!small)
        return ordinary;
    ordinary &= N(along_maxima)(p, s, r0, classes, 1);
    for (ptrdiff_t i = 0; i < s->n; i++) {
        int here = fabs((double)s->max[i]) < SMALL_MAX;
        s->skip[i] = here ? 0 : -1;
        s->at[i] = here ? s->max[i] : -(T)INFINITY;
        s->rest[i] = here ? s->rest[i] : s->max[i];
    }
    return ordinary;
}

/* Up to so many classes the terms go to a tile: read from the output, rows that are no multiple of vectors would
 * wait for the stores to their neighbours. Beyond, the tile's room in the first-level cache is worth more. */
#define TILED_CLASSES (192 * 4 / (ptrdiff_t)sizeof(T))

/* Where the terms of a row go but those of the last, broken vector, which have a place of their own. Not over the
 * logits: tiles_tmpl.h may still need them. */
SXT_INLINE T *N(terms_at)(const sxt_plane *p, const V(few) *s, ptrdiff_t r0, ptrdiff_t i, ptrdiff_t classes)
{
    if (classes > TILED_CLASSES && p->y.p != p->x.p)
        return (T *)(void *)(p->y.p + (r0 + i) * p->y.row);
    return s->tile + i * (classes / V(W) * V(W));
}

SXT_INLINE void N(along_sum)(const sxt_plane *p, V(few) *s, ptrdiff_t r0, ptrdiff_t classes, int store)
{
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        KV coarse[V(W)], fine[V(W)];
        for (int k = 0; k < V(W); k++) {
            coarse[k] = fine[k] = V(set1)((T)0);
            if (i + k >= s->rows)
                continue;
            const ST *x = N(row_at)(p, r0 + i + k);
            uintptr_t next = (uintptr_t)x + (uintptr_t)(s->lanes * p->x.row); /* perhaps past the end */
            T *e = store ? N(terms_at)(p, s, r0, i + k, classes) : NULL;
            V(vref) ref = {V(set1)((T)0), V(set1)(s->magic[i + k]), V(set1)(s->low[i + k]), V(set1)(s->m1[i + k]),
                           V(set1)(s->m2[i + k]), NULL, 1};
            V(acc) acc = {V(iset1)(0), V(iset1)(0)};
            ptrdiff_t c = 0;
            for (; c + V(W) <= classes; c += V(W)) {
                __builtin_prefetch((const void *)(next + (uintptr_t)c * sizeof(ST)));
                KV term = V(exp_add)(LOAD(x + c), NULL, &ref, &acc, SXT_T_IS_F32);
                if (store)
                    V(store)(e + c, term);
            }
            if (c < classes) {
                KV term = V(exp_add)(N(tail)(x + c, classes - c), NULL, &ref, &acc, SXT_T_IS_F32);
                if (store)
                    V(store)(s->stage + (i + k) * V(W), term);
            }
            coarse[k] = V(float)(acc.coarse);
            fine[k] = V(float)(acc.fine);
        }
        V(istore)(s->coarse + i, V(sum_of_each)(coarse));
        V(istore)(s->fine + i, V(sum_of_each)(fine));
    }
}

/* Takes away what was left out, and the grid's own bits, of which there are as many as elements in vectors. */
static void N(along_correct)(V(few) *s, ptrdiff_t classes)
{
    V(uint) count = (V(uint))((classes + V(W) - 1) / V(W) * V(W) - 1);
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        V(vref) ref = {V(set1)((T)0), V(load)(s->magic + i), V(load)(s->low + i), V(load)(s->m1 + i),
                       V(load)(s->m2 + i), NULL, 1};
        V(acc) acc = {V(iset1)(0), V(iset1)(0)};
        (void)V(exp_add)(V(load)(s->at + i), NULL, &ref, &acc, SXT_T_IS_F32);
        V(int) coarse[V(W)], fine[V(W)];
        V(istore)(coarse, acc.coarse);
        V(istore)(fine, acc.fine);
        for (int k = 0; k < V(W); k++) {
            V(uint) a = (V(uint))s->coarse[i + k] - count * V(scalar_bits)(s->m1[i + k]) - (V(uint))coarse[k];
            V(uint) b = (V(uint))s->fine[i + k] - count * V(scalar_bits)(s->m2[i + k]) - (V(uint))fine[k];
            s->coarse[i + k] = (V(int))a;
            s->fine[i + k] = (V(int))b;
        }
    }
}

static void N(along_write)(const sxt_job *job, const sxt_plane *p, const V(few) *s, ptrdiff_t r0)
{
    ptrdiff_t classes = job->classes;
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        ST *y = (ST *)(void *)(p->y.p + (r0 + i) * p->y.row);
        KV hi = V(set1)(s->hi[i]), lo = V(set1)(s->lo[i]);
        ptrdiff_t c = 0;
        if (job->op == SXT_OP_LOG_SOFTMAX) {
            const ST *x = N(row_at)(p, r0 + i);
            KV max = V(set1)(s->max[i]), top = V(set1)(s->patch[i]);
            for (; c + V(W) <= classes; c += V(W))
                STORE(y + c, V(log_value)(LOAD(x + c), max, hi, lo, top));
            if (c < classes)
                STOREN(y + c, V(log_value)(LOADN(x + c, classes - c), max, hi, lo, top), classes - c);
            continue;
        }
        KV down = V(set1)(s->down[i]), limit = V(set1)(s->limit[i]);
        const T *e = N(terms_at)(p, s, r0, i, classes);
        if (V(factor_will_do)(s->hi[i], s->down[i], s->limit[i]))
            for (; c + V(W) <= classes; c += V(W)) {
                KV term = V(load)(e + c);
                STORE(y + c, V(fma)(term, hi, V(mul)(term, lo)));
            }
        for (; c + V(W) <= classes; c += V(W))
            STORE(y + c, V(scaled_value)(V(load)(e + c), hi, lo, down, limit));
        if (c < classes)
            STOREN(y + c, V(scaled_value)(V(load)(s->stage + i * V(W)), hi, lo, down, limit), classes - c);
        if (job->op == SXT_OP_LABEL)
            STOREN(y + s->skip[i], V(set1)(s->patch[i]), 1);
    }
}

/* As few_tile. */
static int N(along_strip)(const sxt_job *job, const sxt_plane *p, V(few) *s, ptrdiff_t r0, sxt_total *total)
{
    int writes = p->y.p != NULL;
    s->rows = p->rows - r0 < s->lanes ? p->rows - r0 : s->lanes;
    s->n = (s->rows + 7) / 8 * 8;
    int ordinary = N(along_scan)(job, p, s, r0);
    if (!V(few_prepare)(job, s) || !ordinary)
        return 0;
    if (writes && job->op != SXT_OP_LOG_SOFTMAX)
        N(along_sum)(p, s, r0, job->classes, 1);
    else
        N(along_sum)(p, s, r0, job->classes, 0);
    N(along_correct)(s, job->classes);
    if (!V(few_finish)(job, s, writes))
        return 0;
    if (job->op == SXT_OP_LABEL || job->op == SXT_OP_LOGSUMEXP)
        V(few_results)(job, p, s, r0, total);
    if (writes)
        N(along_write)(job, p, s, r0);
    return 1;
}

/* Whether that is faster than tiles of rows side by side: not for few classes, whose last vector is mostly empty. */
static int N(goes_along)(const sxt_job *job, const sxt_plane *p)
{
    ptrdiff_t least = p->y.p ? (SXT_T_IS_F32 ? 64 : 56) : (SXT_T_IS_F32 ? 112 : 96);
    return p->x.cls == sizeof(ST) && (!p->y.p || p->y.cls == sizeof(ST)) && !job->blend && job->classes >= least;
}

/* Cuts the scratch; a strip has so many rows that they stay in the first-level cache with what is made of them. */
static void N(along_room)(const sxt_job *job, sxt_scratch scratch, V(few) *s)
{
    ptrdiff_t classes = job->classes, near = classes > TILED_CLASSES ? 12288 : 8192;
    ptrdiff_t lanes = near / (classes * (ptrdiff_t)sizeof(T)), tile = (classes / V(W) + 1) * V(W);
    lanes = lanes < 8 ? 8 : lanes > 32 ? 32 : lanes / 8 * 8;
    while (lanes > 8 && lanes * tile * (ptrdiff_t)sizeof(T) > (ptrdiff_t)scratch.bytes)
        lanes /= 2;
    s->lanes = lanes;
    s->stage = scratch.data;
    s->tile = s->stage + lanes * V(W);
}
