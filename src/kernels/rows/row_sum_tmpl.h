/* row_sum_tmpl.h - the sums of one contiguous row, or of a range of it; part of rows_tmpl.h. */

/* Lines that will be written soon: asked for now, a store does not wait for their old content. Addresses may be past
 * the end. */
SXT_INLINE void N(ask_to_write)(const void *place) { __builtin_prefetch((const void *)((uintptr_t)place + 1024), 1); }

static void N(prepare)(const sxt_job *job, sxt_row *row)
{
    if (job->op == SXT_OP_LOGSUMEXP && fabs(row->rest) < SMALL_MAX)
        N(skip_max)(job, row);
    V(prepare_row)(job, row);
}

/* What the dense sum of a blend needs, and what it has come to. weight: base, or NULL where all are the same. */
typedef struct {
    const T *weight;
    KV max, d1, d2;
    V(acc) acc;
} N(blend_sum);

SXT_INLINE N(blend_sum) N(blend_start)(const sxt_job *job, const sxt_row *row, ptrdiff_t begin)
{
    const T *base = job->push_hi ? (const T *)job->base_here + begin : NULL;
    return (N(blend_sum)){base, V(set1)(V(dense_distance_of)((T)row->max)), V(set1)((T)row->d1),
                          V(set1)((T)row->d2), {V(iset1)(0), V(iset1)(0)}};
}

SXT_INLINE void N(blend_add)(N(blend_sum) *b, KV x, ptrdiff_t i, ptrdiff_t n, int weighted)
{
    KV q = !weighted ? V(set1)((T)1) : n >= V(W) ? V(load)(b->weight + i) : V(loadn)(b->weight + i, n);
    V(blend_add)(x, b->max, q, weighted, b->d1, b->d2, &b->acc);
}

/* What range_sum does beside adding exponentials of elements in natural units. */
enum { N(SUM_ONLY), N(SUM_BLEND), N(SUM_WEIGHTED) };

/* Adds the elements from `begin` to `end` but the one at row->skip, terms to row->terms if store. */
SXT_INLINE void N(range_sum)(const sxt_job *job, sxt_row *row, ptrdiff_t begin, ptrdiff_t end, int precise, int store,
                             int beside, const V(vunits) *units, int unshifted)
{
    int blends = beside != N(SUM_ONLY), weighted = beside == N(SUM_WEIGHTED);
    N(blend_sum) blend;
    if (blends)
        blend = N(blend_start)(job, row, begin);
    const ST *x = (const ST *)row->x + begin, *next = row->prefetch ? (const ST *)row->prefetch + begin : NULL;
    T *e = store ? (T *)row->terms + begin : NULL;
    ptrdiff_t n = end - begin, skip = row->skip - begin, stop = N(vector_of)(skip, n);
    V(vref) ref = V(row_ref)(row);
    ref.units = units;
    ref.unshifted = unshifted;
    V(uint) bits1 = V(scalar_bits)((T)row->m1), bits2 = V(scalar_bits)((T)row->m2);
    for (ptrdiff_t i = 0; i < n;) {
        V(acc) acc = {V(iset1)(0), V(iset1)(0)};
        V(uint) count = 0;
        if (blends)
            blend.acc = acc;
        while (i < n && count < FLUSH) {
            ptrdiff_t run_end = i <= stop ? stop : n;
            for (; i + V(W) <= run_end && count < FLUSH; i += V(W), count++) {
                if (next) /* the next rows arrive while this one is computed */
                    __builtin_prefetch(next + i);
                if (store)
                    N(ask_to_write)(e + i);
                KV v = LOAD(x + i), term = V(exp_add)(v, NULL, &ref, &acc, precise);
                if (blends)
                    N(blend_add)(&blend, v, i, V(W), weighted);
                if (store)
                    V(store)(e + i, term);
            }
            if (i >= n || count == FLUSH)
                continue;
            if (i == stop || n - i < V(W)) {
                ptrdiff_t left = n - i < V(W) ? n - i : V(W), out = i == stop ? skip - i : -1;
                KV v = N(tail_but)(x + i, left, out, -(T)INFINITY), term = V(exp_add)(v, NULL, &ref, &acc, precise);
                if (blends) /* before the terms take the place of the elements */
                    N(blend_add)(&blend, N(tail_but)(x + i, left, out, (T)row->max), i, left, weighted);
                if (store)
                    V(storen)(e + i, term, left);
                i += V(W);
                count++;
            }
        }
        uint64_t a = V(hsumu)(V(iadd)(acc.coarse, V(iset1)((V(int))(0 - count * bits1))));
        int64_t b = V(hsums)(V(iadd)(acc.fine, V(iset1)((V(int))(0 - count * bits2))));
        row->a_hi += a >> 32;
        row->a_lo += a & 0xffffffffu;
        row->b_hi += b >> 32;
        row->b_lo += (uint64_t)b & 0xffffffffu;
        if (blends)
            V(grid_flush)(&row->dots, &blend.acc, count, (T)row->d1, (T)row->d2);
    }
}

/* Whether to store is left to the running loop: the variants are many. */
static void N(sum_blend)(const sxt_job *job, sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    V(vunits) units = V(broadcast_units)(V(units_of)(job));
    int store = row->terms != NULL;
    if (job->scaled && job->blend == SXT_BLEND_WEIGHTED)
        N(range_sum)(job, row, begin, end, 0, store, N(SUM_WEIGHTED), &units, 0);
    else if (job->scaled && job->blend == SXT_BLEND_EVEN)
        N(range_sum)(job, row, begin, end, 0, store, N(SUM_BLEND), &units, 0);
    else if (job->scaled)
        N(range_sum)(job, row, begin, end, 0, store, N(SUM_ONLY), &units, 0);
    else if (job->blend == SXT_BLEND_WEIGHTED && row->shift == 0.0)
        N(range_sum)(job, row, begin, end, 0, store, N(SUM_WEIGHTED), NULL, 1);
    else if (job->blend == SXT_BLEND_WEIGHTED)
        N(range_sum)(job, row, begin, end, 0, store, N(SUM_WEIGHTED), NULL, 0);
    else if (row->shift == 0.0)
        N(range_sum)(job, row, begin, end, 0, store, N(SUM_BLEND), NULL, 1);
    else
        N(range_sum)(job, row, begin, end, 0, store, N(SUM_BLEND), NULL, 0);
}

static void N(sum)(const sxt_job *job, sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    if (row->special)
        return;
    if (sxt_smooths(job->blend) || job->scaled)
        N(sum_blend)(job, row, begin, end);
    else if (row->shift != 0.0)
        N(range_sum)(job, row, begin, end, SXT_T_IS_F32, row->terms != NULL, N(SUM_ONLY), NULL, 0);
    else if (row->terms)
        N(range_sum)(job, row, begin, end, SXT_T_IS_F32, 1, N(SUM_ONLY), NULL, 1);
    else
        N(range_sum)(job, row, begin, end, SXT_T_IS_F32, 0, N(SUM_ONLY), NULL, 1);
}
