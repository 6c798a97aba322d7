/* shards_tmpl.h - rows of which some classes are at hand: the steps of across_tmpl.h one at a time, with what a row has
 * come to kept in a record between them. Classes have the numbers that they have in the whole row. */

/* What is called once for each block of elements need not be copied into its callers. */
#define SHARD_FN static __attribute__((cold))

/* What is packed at once stays in the first-level cache. */
#define SHARD_BYTES 16384

SHARD_FN void N(shard_tile)(N(across) *w, const sxt_plane *p, sxt_scratch scratch, ptrdiff_t classes)
{
    V(tile) *t = &w->tile;
    ptrdiff_t parts = 1 + (p->t.p != NULL) + 3 * ST_IS_ANY, all = (ptrdiff_t)(scratch.bytes / sizeof(T));
    ptrdiff_t room = all / parts / SXT_STRIP * SXT_STRIP, near = SHARD_BYTES / (ptrdiff_t)sizeof(T);
    T *next = scratch.data;
    *t = (V(tile)){.lanes = TILE_MOST, .strip = w->strip};
    room = room < near ? room : near;
    while (t->lanes > SXT_STRIP && (classes * t->lanes > room || t->lanes / 2 >= p->rows))
        t->lanes /= 2;
    t->block = room / t->lanes;
    T **needed[] = {&t->x, p->t.p ? &t->target : NULL, ST_IS_ANY ? &t->tail : NULL, ST_IS_ANY ? &t->slope : NULL,
                    ST_IS_ANY ? &t->bend : NULL};
    for (size_t k = 0; k < sizeof needed / sizeof *needed; k++) {
        if (!needed[k])
            continue;
        *needed[k] = next;
        next += room;
    }
}

/* For pack and unpack of terms, which are stored as they are computed. */
static sxt_job N(job_of_terms)(const sxt_job *job)
{
    sxt_job terms = *job;
    terms.dtype = ST_IS_ANY ? SXT_F64 : job->dtype;
    return terms;
}

SHARD_FN void N(take_terms)(N(across) *w, const sxt_plane *p, ptrdiff_t at)
{
    V(tile) *t = &w->tile;
    sxt_job job = N(job_of_terms)(w->plan.job);
    N(pack)(&job, p, &p->x, t, t->x, w->r0, at, t->end - t->begin);
#if ST_IS_ANY
    for (ptrdiff_t i = 0; i < (t->end - t->begin) * t->lanes; i++) /* without a cap, as terms are not kept of others */
        t->slope[i] = job.logit_scale;
#endif
}

SHARD_FN void N(keep_terms)(const N(across) *w, const sxt_plane *p, ptrdiff_t at)
{
    const V(tile) *t = &w->tile;
    sxt_job job = N(job_of_terms)(w->plan.job);
    N(unpack)(&job, p, &p->y, t, t->x, w->r0, at, t->end - t->begin);
}

SHARD_FN void N(shard_turn)(N(across) *w, const sxt_plane *p, const sxt_shard *shard, ptrdiff_t begin, ptrdiff_t end)
{
    const sxt_job *job = w->plan.job;
    V(tile) *t = &w->tile;
    t->begin = t->first = begin;
    t->end = end;
    if (t->target)
        N(pack)(job, p, &p->t, t, t->target, w->r0, begin - shard->first, end - begin);
    if (shard->terms && shard->step == SXT_SHARD_WRITE) {
        N(take_terms)(w, p, begin - shard->first);
        return;
    }
    N(pack)(job, p, &p->x, t, t->x, w->r0, begin - shard->first, end - begin);
#if ST_IS_ANY
    for (ptrdiff_t k = 0; k < t->strips; k++)
        N(cap_logits)(job, &w->strip[k], t);
#endif
}

/* Blocks of the shard's classes, as the tile has them. */
#define EACH_BLOCK(w, p, shard)                                                                      \
    for (ptrdiff_t c_ = (shard)->first, end_ = c_ + (shard)->classes, next_; c_ < end_; c_ = next_)   \
        if (next_ = end_ - c_ < (w)->tile.block ? end_ : c_ + (w)->tile.block,                        \
            N(shard_turn)(w, p, shard, c_, next_), 1)

static sxt_shard_row *N(record)(const sxt_shard *shard, const V(strip) *s, ptrdiff_t i)
{
    return &shard->rows[V(row_number)(s, i)];
}

/* Element of class c of a row, which the shard has. */
static double N(shard_element)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, const V(strip) *s,
                               ptrdiff_t i, ptrdiff_t c)
{
    return (double)N(get)(job, v->p + (s->first + i) * v->row + N(class_at)(p, v, c));
}

static int N(has_class)(const sxt_shard *shard, ptrdiff_t c)
{
    return c >= shard->first && c < shard->first + shard->classes;
}

SHARD_FN void N(shard_open)(N(across) *w, const sxt_plane *p, ptrdiff_t r0)
{
    ptrdiff_t left = p->rows - r0;
    w->r0 = r0;
    w->tile.rows = left < w->tile.lanes ? left : w->tile.lanes;
    w->tile.strips = (w->tile.rows + SXT_STRIP - 1) / SXT_STRIP;
    for (ptrdiff_t k = 0; k < w->tile.strips; k++) {
        V(strip) *s = &w->strip[k];
        V(strip_open)(&w->plan, p, r0 + k * SXT_STRIP, SXT_STRIP, s);
        s->lane = k * SXT_STRIP;
        s->in_parts = 1;
        V(clear_parts)(s);
    }
}

/* ---- origin ------------------------------------------------------------------------------------------- */

SHARD_FN void N(shard_origins)(const sxt_job *job, const sxt_plane *p, const sxt_shard *shard, const V(strip) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        double best = -(double)INFINITY;
        for (ptrdiff_t c = 0; c < shard->classes; c++) {
            double x = N(shard_element)(job, p, &p->x, s, i, c);
            x = job->logit_scale < 0.0 ? -x : x;
            best = x > best ? x : best;
        }
        N(record)(shard, s, i)->origin = best;
    }
}

#if ST_IS_ANY
SHARD_FN void N(take_origins)(const sxt_job *job, const sxt_shard *shard, V(strip) *s)
{
    for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
        s->origin[i] = s->tail[i] = s->label_tail[i] = 0.0;
    for (ptrdiff_t i = 0; job->softcap == 0.0 && i < s->rows; i++) {
        double best = N(record)(shard, s, i)->origin;
        best = job->logit_scale < 0.0 ? -best : best;
        s->origin[i] = fabs(best) < (double)INFINITY ? best : 0.0;
    }
}
#endif

/* ---- scan --------------------------------------------------------------------------------------------- */

SHARD_FN void N(shard_scan)(N(across) *w, const sxt_plane *p, const sxt_shard *shard)
{
    const sxt_job *job = w->plan.job;
    int by_label = w->plan.form->leaves == LEAVES_LABEL;
    for (ptrdiff_t k = 0; k < w->tile.strips; k++) {
        V(strip) *s = &w->strip[k];
        for (ptrdiff_t i = 0; i < SXT_STRIP; i++) {
            s->max[i] = s->second[i] = -(T)INFINITY;
            s->least[i] = (T)INFINITY;
            s->skip[i] = -1;
        }
#if ST_IS_ANY
        N(take_origins)(job, shard, s);
#endif
    }
    EACH_BLOCK(w, p, shard)
        V(scan_tile)(&w->plan, &w->tile);
    for (ptrdiff_t k = 0; k < w->tile.strips; k++) {
        const V(strip) *s = &w->strip[k];
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            sxt_shard_row *r = N(record)(shard, s, i);
            r->max = (double)s->max[i];
            r->second = (double)s->second[i];
            r->least = (double)s->least[i];
            r->nan = s->nan[i] != 0;
            r->place = by_label ? -1 : s->skip[i];
            if (r->place >= 0)
                r->at_place = N(shard_element)(job, p, &p->x, s, i, r->place - shard->first);
            if (job->op == SXT_OP_LABEL && N(has_class)(shard, (ptrdiff_t)s->label[i])) {
                r->has_label = 1;
                r->at_label = N(shard_element)(job, p, &p->x, s, i, (ptrdiff_t)s->label[i] - shard->first);
            }
        }
    }
}

/* ---- from merged records ------------------------------------------------------------------------------- */

SHARD_FN void N(take_scans)(N(across) *w, const sxt_shard *shard)
{
    const sxt_job *job = w->plan.job;
    for (ptrdiff_t k = 0; k < w->tile.strips; k++) {
        V(strip) *s = &w->strip[k];
        for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
            s->max[i] = s->second[i] = s->least[i] = s->at_label[i] = (T)0;
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            const sxt_shard_row *r = N(record)(shard, s, i);
            s->max[i] = (T)r->max;
            s->second[i] = (T)r->second;
            s->least[i] = (T)r->least;
            s->nan[i] = r->nan != 0;
            s->at_label[i] = (T)r->at_label;
            s->skip[i] = w->plan.form->leaves == LEAVES_LABEL ? (ptrdiff_t)s->label[i] : (ptrdiff_t)r->place;
        }
#if ST_IS_ANY
        N(take_origins)(job, shard, s);
        for (ptrdiff_t i = 0; i < s->rows; i++)
            N(transform)(job, s->origin[i], &s->at_label[i], &s->label_tail[i]);
#endif
        V(strip_prepare)(&w->plan, s);
#if ST_IS_ANY
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            double x = N(record)(shard, s, i)->at_place;
            if (s->skip[i] >= 0)
                N(transform)(job, s->origin[i], &x, &s->tail[i]);
        }
#endif
        if (V(has_distances)(w->plan.beside))
            V(strip_even_grids)(&w->plan, s);
    }
    (void)job;
}

SHARD_FN void N(take_bounds)(N(across) *w, const sxt_shard *shard)
{
    for (ptrdiff_t k = 0; V(has_targets)(w->plan.beside) && k < w->tile.strips; k++) {
        V(strip) *s = &w->strip[k];
        V(bounds_start)(s);
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            const sxt_shard_row *r = N(record)(shard, s, i);
            s->bound_d[i] = (T)r->bound_d;
            s->bound_q[i] = (T)r->bound_q;
            s->target_skip[i] = (T)r->target_at_place;
        }
        V(strip_target_grids)(s);
    }
}

/* ---- bound, sum ---------------------------------------------------------------------------------------- */

SHARD_FN void N(shard_bound)(N(across) *w, const sxt_plane *p, const sxt_shard *shard)
{
    for (ptrdiff_t k = 0; k < w->tile.strips; k++)
        V(bounds_start)(&w->strip[k]);
    EACH_BLOCK(w, p, shard)
        V(bound_tile)(&w->plan, &w->tile);
    for (ptrdiff_t k = 0; k < w->tile.strips; k++) {
        const V(strip) *s = &w->strip[k];
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            sxt_shard_row *r = N(record)(shard, s, i);
            r->bound_d = (double)s->bound_d[i];
            r->bound_q = (double)s->bound_q[i];
            r->nan |= s->nan[i] != 0;
            r->target_at_place = 0.0;
            if (p->t.p && N(has_class)(shard, s->skip[i]))
                r->target_at_place = N(shard_element)(w->plan.job, p, &p->t, s, i, s->skip[i] - shard->first);
        }
    }
}

static void N(put_parts)(const sxt_grid_sum *sum, int64_t to[4])
{
    to[0] = sum->coarse_hi;
    to[1] = (int64_t)sum->coarse_lo;
    to[2] = sum->fine_hi;
    to[3] = (int64_t)sum->fine_lo;
}

static sxt_grid_sum N(take_parts)(const int64_t from[4])
{
    return (sxt_grid_sum){.coarse_hi = from[0], .coarse_lo = (uint64_t)from[1],
                          .fine_hi = from[2], .fine_lo = (uint64_t)from[3]};
}

SHARD_FN void N(shard_sum)(N(across) *w, const sxt_plane *p, const sxt_shard *shard)
{
    EACH_BLOCK(w, p, shard) {
        V(sum_tile)(&w->plan, &w->tile, shard->terms);
        if (shard->terms)
            N(keep_terms)(w, p, w->tile.begin - shard->first);
    }
    for (ptrdiff_t k = 0; k < w->tile.strips; k++) {
        const V(strip) *s = &w->strip[k];
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            sxt_shard_row *r = N(record)(shard, s, i);
            N(put_parts)(&s->exps.parts[i], r->exps);
            N(put_parts)(&s->dots.parts[i], r->dots);
            if (HAS_MASSES(&w->plan))
                N(put_parts)(&s->masses[i], r->masses);
        }
    }
}

/* ---- results ------------------------------------------------------------------------------------------- */

SHARD_FN void N(shard_finish)(N(across) *w, const sxt_shard *shard, sxt_total *total)
{
    int writes = shard->step == SXT_SHARD_WRITE;
    for (ptrdiff_t k = 0; k < w->tile.strips; k++) {
        V(strip) *s = &w->strip[k];
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            const sxt_shard_row *r = N(record)(shard, s, i);
            s->exps.parts[i] = N(take_parts)(r->exps);
            s->dots.parts[i] = N(take_parts)(r->dots);
            if (HAS_MASSES(&w->plan))
                s->masses[i] = N(take_parts)(r->masses);
        }
        V(strip_values)(&w->plan, s);
        w->plan.form->finish(&w->plan, s, writes);
        if (w->plan.form->results && !writes)
            V(strip_results)(&w->plan, s, total);
    }
}

SHARD_FN void N(shard_write)(N(across) *w, const sxt_plane *p, const sxt_shard *shard)
{
    const sxt_job *job = w->plan.job;
    const V(tile) *t = &w->tile;
    EACH_BLOCK(w, p, shard) {
        V(write_tile)(&w->plan, t, shard->terms, 1);
        N(unpack)(job, p, &p->y, t, t->x, w->r0, t->begin - shard->first, t->end - t->begin);
    }
}

SHARD_FN void N(shard)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, const sxt_shard *shard,
                     sxt_total *total)
{
    N(across) w;
    w.plan = V(plan_of)(job, ST_IS_ANY);
    w.plan.place = 1;
    N(shard_tile)(&w, p, scratch, shard->classes);
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += w.tile.lanes) {
        N(shard_open)(&w, p, r0);
        if (shard->step == SXT_SHARD_ORIGIN) {
            for (ptrdiff_t k = 0; k < w.tile.strips; k++)
                N(shard_origins)(job, p, shard, &w.strip[k]);
            continue;
        }
        if (shard->step == SXT_SHARD_SCAN) {
            N(shard_scan)(&w, p, shard);
            continue;
        }
        N(take_scans)(&w, shard);
        if (shard->step == SXT_SHARD_BOUND) {
            N(shard_bound)(&w, p, shard);
            continue;
        }
        N(take_bounds)(&w, shard);
        if (shard->step == SXT_SHARD_SUM) {
            N(shard_sum)(&w, p, shard);
            continue;
        }
        N(shard_finish)(&w, shard, total);
        if (shard->step == SXT_SHARD_WRITE)
            N(shard_write)(&w, p, shard);
    }
}

#undef SHARD_BYTES
#undef SHARD_FN
#undef EACH_BLOCK
