/* tile_sums_tmpl.h - maxima and sums of a tile's rows, lanes side by side; part of lanes_tmpl.h. */

/* ---- sweep 1: maxima ------------------------------------------------------------------------- */

static void V(place_skips)(V(lanes) *s, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        int64_t k = s->skip[i] - c0;
        s->skip_here[i] = k >= 0 && k < nc ? (V(int))k : -1;
    }
}

SXT_INLINE void V(note_nan)(V(lanes) *s, ptrdiff_t lane, KM bad)
{
    for (unsigned bits = V(mbits)(bad); bits; bits &= bits - 1)
        s->nan[lane + __builtin_ctz(bits)] = 1;
}

static void V(tile_max)(V(lanes) *s, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV m = V(load)(s->rest + i);
        KM bad = V(mnone)();
        for (ptrdiff_t c = 0; c < nc; c++) {
            KV x = V(load)(tile + c * s->lanes + i);
            bad = V(mor)(bad, V(unord)(x, x));
            m = V(max)(x, m);
        }
        V(store)(s->rest + i, m);
        V(note_nan)(s, i, bad);
    }
}

/* The label's element goes to at_skip, the maximum of the others to rest. */
static void V(tile_max_but_label)(V(lanes) *s, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV m = V(load)(s->rest + i), at = V(load)(s->at_skip + i);
        KI label = V(iload)(s->skip_here + i);
        KM bad = V(mnone)();
        for (ptrdiff_t c = 0; c < nc; c++) {
            KV x = V(load)(tile + c * s->lanes + i);
            KM here = V(ieq)(label, V(iset1)((V(int))c));
            bad = V(mor)(bad, V(unord)(x, x));
            at = V(select)(here, x, at);
            m = V(max)(V(select)(here, V(set1)(-(T)INFINITY), x), m);
        }
        V(store)(s->rest + i, m);
        V(store)(s->at_skip + i, at);
        V(note_nan)(s, i, bad);
    }
}

/* The first maximum goes to at_skip and skip, the largest of the others to rest. */
static void V(tile_max_two)(V(lanes) *s, const T *tile, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV m = V(load)(s->at_skip + i), second = V(load)(s->rest + i);
        KI at = V(iset1)(-1);
        KM bad = V(mnone)();
        for (ptrdiff_t c = 0; c < nc; c++) {
            KV x = V(load)(tile + c * s->lanes + i);
            bad = V(mor)(bad, V(unord)(x, x));
            KM more = V(lt)(m, x);
            second = V(max)(V(select)(more, m, x), second);
            at = V(iselect)(more, V(iset1)((V(int))c), at);
            m = V(select)(more, x, m);
        }
        V(store)(s->at_skip + i, m);
        V(store)(s->rest + i, second);
        V(int) where[V(W)];
        V(istore)(where, at);
        for (int k = 0; k < V(W); k++)
            s->skip[i + k] = where[k] >= 0 ? c0 + where[k] : s->skip[i + k];
        V(note_nan)(s, i, bad);
    }
}

static void V(lanes_prepare)(const sxt_job *job, V(lanes) *s)
{
    s->any_special = 0;
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        s->max[i] = s->at_skip[i] > s->rest[i] ? s->at_skip[i] : s->rest[i];
        int small = fabs((double)s->max[i]) < SMALL_MAX || job->classes == 1; /* see skip_max; single_tmpl.h */
        if (job->op == SXT_OP_LOGSUMEXP && !small) {
            s->skip[i] = -1;
            s->rest[i] = s->max[i];
        }
        s->special[i] |= s->nan[i] | !(fabs((double)s->max[i]) < (double)INFINITY);
        s->single[i] = job->op == SXT_OP_SOFTMAX && job->classes == 1 && !s->special[i];
        s->special[i] |= s->single[i];
        s->any_special |= s->special[i] && i < s->rows;
    }
    V(units) units = V(units_of)(job);
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        V(ref) ref = V(make_ref)(s->special[i] ? (T)0 : s->max[i], s->special[i] ? (T)0 : s->rest[i], units,
                                 &s->n_ref[i], &s->unit[i]);
        s->shift[i] = ref.shift;
        s->magic[i] = ref.magic;
        s->low[i] = ref.low;
        s->m1[i] = ref.m1;
        s->m2[i] = ref.m2;
    }
}

/* ---- sweep 2: sums --------------------------------------------------------------------------- */

SXT_INLINE V(vref) V(lane_ref)(const V(lanes) *s, ptrdiff_t i)
{
    return (V(vref)){V(load)(s->shift + i), V(load)(s->magic + i), V(load)(s->low + i), V(load)(s->m1 + i),
                     V(load)(s->m2 + i), NULL, 0};
}

SXT_INLINE void V(tile_sum)(V(lanes) *s, T *tile, const T *tails, ptrdiff_t nc, int precise, int store,
                            int skip, const V(vunits) *units)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        V(vref) ref = V(lane_ref)(s, i);
        ref.units = units;
        KI label = V(iload)(s->skip_here + i);
        KV tail = V(set1)((T)0), tail_skip = V(load)(s->tail_skip + i);
        for (ptrdiff_t c = 0; c < nc;) {
            V(acc) acc = {V(iset1)(0), V(iset1)(0)};
            V(uint) count = 0;
            for (; c < nc && count < FLUSH; c++, count++) {
                KV x = V(load)(tile + c * s->lanes + i);
                if (tails) {
                    tail = V(load)(tails + c * s->lanes + i);
                    tail_skip = V(select)(V(ieq)(label, V(iset1)((V(int))c)), tail, tail_skip);
                }
                if (skip)
                    x = V(select)(V(ieq)(label, V(iset1)((V(int))c)), V(set1)(-(T)INFINITY), x);
                KV e = V(exp_add)(x, tails ? &tail : NULL, &ref, &acc, precise);
                if (store)
                    V(store)(tile + c * s->lanes + i, e);
            }
            V(int) coarse[V(W)], fine[V(W)];
            V(istore)(coarse, acc.coarse);
            V(istore)(fine, acc.fine);
            for (int k = 0; k < V(W); k++) {
                V(uint) a = (V(uint))coarse[k] - count * V(scalar_bits)(s->m1[i + k]);
                V(int) b = (V(int))((V(uint))fine[k] - count * V(scalar_bits)(s->m2[i + k]));
                s->a_hi[i + k] += (uint64_t)a >> 32;
                s->a_lo[i + k] += (uint64_t)a & 0xffffffffu;
                s->b_hi[i + k] += (int64_t)b >> 32;
                s->b_lo[i + k] += (uint64_t)(int64_t)b & 0xffffffffu;
            }
        }
        if (tails)
            V(store)(s->tail_skip + i, tail_skip);
    }
}

static void V(tile_sum_all)(const sxt_job *job, V(lanes) *s, const V(tiles_t) *t, ptrdiff_t nc, int store)
{
    V(vunits) units = V(broadcast_units)(V(units_of)(job));
    if (job->scaled)
        V(tile_sum)(s, t->x, NULL, nc, 0, store, 1, &units);
    else if (HAS_TAILS(t) && store)
        V(tile_sum)(s, t->x, t->tail, nc, 0, 1, 1, NULL);
    else if (HAS_TAILS(t))
        V(tile_sum)(s, t->x, t->tail, nc, 0, 0, 1, NULL);
    else if (job->op == SXT_OP_SOFTMAX)
        V(tile_sum)(s, t->x, NULL, nc, SXT_T_IS_F32, store, 0, NULL);
    else if (sxt_smooths(job->blend))
        V(tile_sum)(s, t->x, NULL, nc, 0, store, 1, NULL);
    else if (store)
        V(tile_sum)(s, t->x, NULL, nc, SXT_T_IS_F32, 1, 1, NULL);
    else
        V(tile_sum)(s, t->x, NULL, nc, SXT_T_IS_F32, 0, 1, NULL);
}
