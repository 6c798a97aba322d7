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

/* The smallest elements to `least`. */
static void N(along_minima)(const sxt_plane *p, V(few) *s, ptrdiff_t r0, ptrdiff_t classes)
{
    KV high = V(set1)((T)INFINITY);
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        KV least[V(W)];
        for (int k = 0; k < V(W); k++) {
            least[k] = V(set1)((T)0);
            if (i + k >= s->rows)
                continue;
            const ST *x = N(row_at)(p, r0 + i + k);
            KV m = high;
            ptrdiff_t c = 0;
            for (; c + V(W) <= classes; c += V(W))
                m = V(min)(LOAD(x + c), m);
            if (c < classes)
                m = V(min)(V(select)(V(first)(classes - c), LOADN(x + c, classes - c), high), m);
            least[k] = m;
        }
        V(store)(s->least + i, V(smallest_of_each)(least));
    }
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
        for (ptrdiff_t i = s->rows; i < s->n; i++) /* a lane without a row has an ordinary loss */
            s->at[i] = (T)0;
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

/* What a sum is made with besides: units, for scaled logits; and for smoothed labels the dense sum, with a base for
 * each class or, NULL, the same for all. */
typedef struct {
    const V(vunits) *units;
    int dense;
    const T *base;
} N(beside);

SXT_INLINE void N(along_dense)(const N(beside) *with, KV v, KV q, KV top, KV d1, KV d2, V(acc) *dense)
{
    v = V(select)(V(eq)(v, V(set1)(-(T)INFINITY)), top, v);
    V(blend_add)(v, V(mul)(top, V(set1)(DENSE_SCALE)), q, with->base != NULL, d1, d2, dense);
}

/* One row: its terms to `e` and the last, broken vector of them to `last`. Of the memory that is read and written
 * later, next and out, the addresses may be past the end. */
SXT_INLINE void N(along_row)(const V(few) *s, ptrdiff_t i, const ST *x, uintptr_t next, uintptr_t out, ptrdiff_t classes,
                             T *e, T *last, int store, N(beside) with, V(acc) *acc, V(acc) *dense)
{
    V(vref) ref = {V(set1)((T)0), V(set1)(s->magic[i]), V(set1)(s->low[i]), V(set1)(s->m1[i]), V(set1)(s->m2[i]),
                   with.units, 1};
    KV one = V(set1)((T)1), top = one, d1 = one, d2 = one;
    if (with.dense) {
        top = V(set1)(s->max[i]);
        d1 = V(set1)(s->d1[i]);
        d2 = V(set1)(s->d2[i]);
    }
    int precise = SXT_T_IS_F32 && !with.dense && !with.units;
    ptrdiff_t c = 0;
    for (; c + V(W) <= classes; c += V(W)) {
        __builtin_prefetch((const void *)(next + (uintptr_t)c * sizeof(ST)));
        if (out)
            __builtin_prefetch((const void *)(out + (uintptr_t)c * sizeof(ST)), 1);
        KV v = LOAD(x + c), term = V(exp_add)(v, NULL, &ref, acc, precise);
        if (with.dense)
            N(along_dense)(&with, v, with.base ? V(load)(with.base + c) : one, top, d1, d2, dense);
        if (store)
            V(store)(e + c, term);
    }
    if (c < classes) {
        KV v = N(tail)(x + c, classes - c), term = V(exp_add)(v, NULL, &ref, acc, precise);
        if (with.dense)
            N(along_dense)(&with, v, with.base ? V(loadn)(with.base + c, classes - c) : one, top, d1, d2, dense);
        if (store)
            V(store)(last, term);
    }
}

/* Takes away what was left out of the sums, and the grids' own bits, of which there are as many as elements in
 * vectors. One for all the sums: it is small work. */
static __attribute__((noinline)) void N(along_correct)(V(few) *s, ptrdiff_t classes, N(beside) with)
{
    V(uint) count = (V(uint))((classes + V(W) - 1) / V(W) * V(W) - 1);
    int precise = SXT_T_IS_F32 && !with.dense && !with.units;
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        V(vref) ref = {V(set1)((T)0), V(load)(s->magic + i), V(load)(s->low + i), V(load)(s->m1 + i),
                       V(load)(s->m2 + i), with.units, 1};
        V(acc) acc = {V(iset1)(0), V(iset1)(0)}, dense = acc;
        KV at = V(load)(s->at + i);
        (void)V(exp_add)(at, NULL, &ref, &acc, precise);
        T q[V(W)];
        for (int k = 0; k < V(W); k++)
            q[k] = with.base && i + k < s->n ? with.base[s->skip[i + k]] : (T)1;
        if (with.dense)
            N(along_dense)(&with, at, V(load)(q), V(load)(s->max + i), V(load)(s->d1 + i), V(load)(s->d2 + i), &dense);
        V(int) coarse[V(W)], fine[V(W)], d_coarse[V(W)], d_fine[V(W)];
        V(istore)(coarse, acc.coarse);
        V(istore)(fine, acc.fine);
        V(istore)(d_coarse, dense.coarse);
        V(istore)(d_fine, dense.fine);
        for (int k = 0; k < V(W); k++) {
            ptrdiff_t r = i + k;
            V(uint) a = (V(uint))s->coarse[r] - count * V(scalar_bits)(s->m1[r]) - (V(uint))coarse[k];
            V(uint) b = (V(uint))s->fine[r] - count * V(scalar_bits)(s->m2[r]) - (V(uint))fine[k];
            s->coarse[r] = (V(int))a;
            s->fine[r] = (V(int))b;
            if (!with.dense)
                continue;
            a = (V(uint))s->d_coarse[r] - count * V(scalar_bits)(s->d1[r]) - (V(uint))d_coarse[k];
            b = (V(uint))s->d_fine[r] - count * V(scalar_bits)(s->d2[r]) - (V(uint))d_fine[k];
            s->d_coarse[r] = (V(int))a;
            s->d_fine[r] = (V(int))b;
        }
    }
}

SXT_INLINE void N(along_sum)(const sxt_plane *p, V(few) *s, ptrdiff_t r0, ptrdiff_t classes, int store, N(beside) with)
{
    for (ptrdiff_t i = 0; i < s->n; i += V(W)) {
        KV sums[4][V(W)];
        for (int k = 0; k < V(W); k++) {
            V(acc) acc = {V(iset1)(0), V(iset1)(0)}, dense = acc;
            uintptr_t row = (uintptr_t)(r0 + i + k), later = row + (uintptr_t)s->lanes;
            uintptr_t next = (uintptr_t)p->x.p + later * (uintptr_t)p->x.row;
            uintptr_t soon = classes > TILED_CLASSES ? row + 1 : row;
            uintptr_t out = p->y.p ? (uintptr_t)p->y.p + soon * (uintptr_t)p->y.row : 0;
            if (i + k < s->rows)
                N(along_row)(s, i + k, N(row_at)(p, r0 + i + k), next, out, classes,
                             store ? N(terms_at)(p, s, r0, i + k, classes) : NULL, s->stage + (i + k) * V(W), store,
                             with, &acc, &dense);
            sums[0][k] = V(float)(acc.coarse);
            sums[1][k] = V(float)(acc.fine);
            sums[2][k] = V(float)(dense.coarse);
            sums[3][k] = V(float)(dense.fine);
        }
        V(istore)(s->coarse + i, V(sum_of_each)(sums[0]));
        V(istore)(s->fine + i, V(sum_of_each)(sums[1]));
        if (with.dense) {
            V(istore)(s->d_coarse + i, V(sum_of_each)(sums[2]));
            V(istore)(s->d_fine + i, V(sum_of_each)(sums[3]));
        }
    }
    N(along_correct)(s, classes, with);
}

/* Constants where the loops are to know: the plain sums and the most usual ones beside. */
static void N(along_sums)(const sxt_job *job, const sxt_plane *p, V(few) *s, ptrdiff_t r0, int store)
{
    ptrdiff_t classes = job->classes;
    V(vunits) units = V(broadcast_units)(V(units_of)(job));
    const T *base = job->blend == SXT_BLEND_WEIGHTED ? job->base_here : NULL;
    if (sxt_smooths(job->blend) && job->scaled)
        N(along_sum)(p, s, r0, classes, store, (N(beside)){&units, 1, base});
    else if (sxt_smooths(job->blend))
        N(along_sum)(p, s, r0, classes, store, (N(beside)){NULL, 1, base});
    else if (job->scaled)
        N(along_sum)(p, s, r0, classes, store, (N(beside)){&units, 0, NULL});
    else if (store)
        N(along_sum)(p, s, r0, classes, 1, (N(beside)){NULL, 0, NULL});
    else
        N(along_sum)(p, s, r0, classes, 0, (N(beside)){NULL, 0, NULL});
}

static void N(along_write_log)(const V(few) *s, ptrdiff_t i, const ST *x, ST *y, ptrdiff_t classes)
{
    KV hi = V(set1)(s->hi[i]), lo = V(set1)(s->lo[i]), max = V(set1)(s->max[i]), top = V(set1)(s->patch[i]);
    ptrdiff_t c = 0;
    for (; c + V(W) <= classes; c += V(W))
        STORE(y + c, V(log_value)(LOAD(x + c), max, hi, lo, top));
    if (c < classes)
        STOREN(y + c, V(log_value)(LOADN(x + c, classes - c), max, hi, lo, top), classes - c);
}

static void N(along_write_scaled)(const V(few) *s, ptrdiff_t i, const T *e, const T *last, ST *y, ptrdiff_t classes)
{
    KV hi = V(set1)(s->hi[i]), lo = V(set1)(s->lo[i]), down = V(set1)(s->down[i]), limit = V(set1)(s->limit[i]);
    ptrdiff_t c = 0;
    if (V(factor_will_do)(s->hi[i], s->down[i], s->limit[i]))
        for (; c + V(W) <= classes; c += V(W)) {
            KV term = V(load)(e + c);
            STORE(y + c, V(fma)(term, hi, V(mul)(term, lo)));
        }
    for (; c + V(W) <= classes; c += V(W))
        STORE(y + c, V(scaled_value)(V(load)(e + c), hi, lo, down, limit));
    if (c < classes)
        STOREN(y + c, V(scaled_value)(V(load)(last), hi, lo, down, limit), classes - c);
}

static void N(along_write_blend)(const sxt_job *job, const V(few) *s, ptrdiff_t i, const T *e, const T *last, ST *y)
{
    const T *push_hi = job->push_hi, *push_lo = job->push_lo;
    T first, rest;
    V(push_parts)(job->base_one, job->push_scale, &first, &rest);
    KV hi = V(set1)(s->hi[i]), lo = V(set1)(s->lo[i]), down = V(set1)(s->down[i]), up = V(set1)(s->up[i]);
    KV here_hi = V(mul)(V(set1)(first), up), here_lo = V(mul)(V(set1)(rest), up);
    for (ptrdiff_t c = 0, n; c < job->classes; c += V(W)) {
        n = job->classes - c;
        if (push_hi) {
            here_hi = V(mul)(n >= V(W) ? V(load)(push_hi + c) : V(loadn)(push_hi + c, n), up);
            here_lo = V(mul)(n >= V(W) ? V(load)(push_lo + c) : V(loadn)(push_lo + c, n), up);
        }
        KV term = n >= V(W) ? V(load)(e + c) : V(load)(last);
        N(put)(y + c, V(blend_value)(term, hi, lo, here_hi, here_lo, down), n);
    }
}

static void N(along_write)(const sxt_job *job, const sxt_plane *p, const V(few) *s, ptrdiff_t r0)
{
    ptrdiff_t classes = job->classes;
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        ST *y = (ST *)(void *)(p->y.p + (r0 + i) * p->y.row);
        const T *e = N(terms_at)(p, s, r0, i, classes), *last = s->stage + i * V(W);
        if (job->op == SXT_OP_LOG_SOFTMAX)
            N(along_write_log)(s, i, N(row_at)(p, r0 + i), y, classes);
        else if (job->blend)
            N(along_write_blend)(job, s, i, e, last, y);
        else
            N(along_write_scaled)(s, i, e, last, y, classes);
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
    if (sxt_smooths(job->blend)) {
        N(along_minima)(p, s, r0, job->classes);
        V(few_grids)(job, s);
    }
    N(along_sums)(job, p, s, r0, writes && job->op != SXT_OP_LOG_SOFTMAX);
    if (!V(few_finish)(job, s, writes))
        return 0;
    if (job->op == SXT_OP_LABEL || job->op == SXT_OP_LOGSUMEXP)
        V(few_results)(job, p, s, r0, total);
    if (writes)
        N(along_write)(job, p, s, r0);
    return 1;
}

/* Whether that is faster than tiles of rows side by side, whose last vector is never half empty, and than rows one
 * after another. */
static int N(goes_along)(const sxt_job *job, const sxt_plane *p)
{
    ptrdiff_t least = p->y.p ? (SXT_T_IS_F32 ? 64 : 56) : (SXT_T_IS_F32 ? 112 : 96), most = ALONG_MOST;
    if (sxt_smooths(job->blend)) {
        least *= p->y.p ? 3 : 2;
        most = most * 3 / 4;
    }
    return p->x.cls == sizeof(ST) && (!p->y.p || p->y.cls == sizeof(ST)) && job->classes >= least &&
           job->classes <= most;
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
