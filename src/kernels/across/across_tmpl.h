/* across_tmpl.h - rows side by side, lanes across the rows: few classes, strided axes, capped logits, anything
 * whose rows do not lie along memory.
 *
 * Up to 128 rows are packed into a tile of the compute type, swept there 16 at a time, and unpacked. Rows with more
 * classes than the scratch holds are packed block by block, once for each of the sweeps. */

#include "kernels/across/across_memory_tmpl.h"
#if ST_IS_ANY
#include "kernels/across/caps_tmpl.h"
#endif

#define STRIPS (TILE_MOST / SXT_STRIP)

typedef struct {
    V(plan) plan;
    V(tile) tile;
    ptrdiff_t near; /* classes at once on the way from and to memory */
    ptrdiff_t r0;
    V(strip) strip[STRIPS];
} N(across);

static void N(across_open)(N(across) *w, const sxt_plane *p, ptrdiff_t r0)
{
    const sxt_job *job = w->plan.job;
    ptrdiff_t left = p->rows - r0;
    w->r0 = r0;
    w->tile.rows = left < w->tile.lanes ? left : w->tile.lanes;
    w->tile.strips = (w->tile.rows + SXT_STRIP - 1) / SXT_STRIP;
    for (ptrdiff_t k = 0; k < w->tile.strips; k++) {
        V(strip) *s = &w->strip[k];
        V(strip_open)(&w->plan, p, r0 + k * SXT_STRIP, SXT_STRIP, s);
        s->lane = k * SXT_STRIP;
        s->in_parts = job->classes > SHORT_ROW || job->classes > w->tile.block;
#if ST_IS_ANY
        N(set_origins)(job, s);
#else
        for (ptrdiff_t i = 0; job->op == SXT_OP_LABEL && i < s->rows; i++)
            s->at_label[i] = N(get)(job, p->x.p + (s->first + i) * p->x.row + N(class_at)(p, &p->x, s->label[i]));
#endif
        if (s->in_parts)
            V(clear_parts)(s);
        if (V(has_targets)(w->plan.beside))
            V(bounds_start)(s);
        s->count = (V(uint))job->classes;
    }
}

/* Turns to the classes from `begin` to `end`, which are put into the tile unless they have been and still are there. */
static void N(turn_to)(N(across) *w, const sxt_plane *p, ptrdiff_t begin, ptrdiff_t end, int again)
{
    const sxt_job *job = w->plan.job;
    V(tile) *t = &w->tile;
    int whole = job->classes <= t->block;
    t->begin = begin;
    t->end = end;
    t->first = whole ? 0 : begin;
    if (whole && again)
        return;
    ptrdiff_t at = V(place)(t, begin, 0);
    if (t->target)
        N(pack)(job, p, &p->t, t, t->target + at, w->r0, begin, end - begin);
    N(pack)(job, p, &p->x, t, t->x + at, w->r0, begin, end - begin);
#if ST_IS_ANY
    for (ptrdiff_t k = 0; k < w->tile.strips; k++)
        N(cap_logits)(job, &w->strip[k], t);
#endif
}

/* Classes at once on the way from and to memory: what is done to them finds them in the first-level cache. */
#define NEAR_BYTES 16384

static ptrdiff_t N(near_classes)(const V(plan) *plan, const V(tile) *t)
{
    ptrdiff_t near = NEAR_BYTES / (t->lanes * (ptrdiff_t)sizeof(T));
    return plan->classes > t->block || near > t->block ? t->block : near;
}

static void N(across_scan)(N(across) *w, const sxt_plane *p)
{
    ptrdiff_t step = w->near, n = w->plan.classes;
    for (ptrdiff_t c = 0; c < n; c += step) {
        N(turn_to)(w, p, c, n - c < step ? n : c + step, 0);
        V(scan_tile)(&w->plan, &w->tile);
    }
    for (ptrdiff_t k = 0; k < w->tile.strips; k++)
        V(strip_prepare)(&w->plan, &w->strip[k]);
#if ST_IS_ANY
    for (ptrdiff_t k = 0; k < w->tile.strips; k++)
        N(set_tails)(w->plan.job, &w->strip[k], &w->tile);
#endif
}

static void N(across_bounds)(N(across) *w, const sxt_plane *p)
{
    ptrdiff_t step = w->tile.block, n = w->plan.classes;
    for (ptrdiff_t k = 0; V(has_distances)(w->plan.beside) && k < w->tile.strips; k++)
        V(strip_even_grids)(&w->plan, &w->strip[k]);
    if (!V(has_targets)(w->plan.beside))
        return;
    for (ptrdiff_t c = 0; c < n; c += step) {
        N(turn_to)(w, p, c, n - c < step ? n : c + step, 1);
        V(bound_tile)(&w->plan, &w->tile);
    }
    for (ptrdiff_t k = 0; k < w->tile.strips; k++) {
        V(strip) *s = &w->strip[k];
        V(strip_target_grids)(s);
        for (ptrdiff_t i = 0; p->t.p && i < s->rows; i++)
            if (s->skip[i] >= 0)
                s->target_skip[i] = N(get)(w->plan.job, p->t.p + (s->first + i) * p->t.row +
                                                            N(class_at)(p, &p->t, s->skip[i]));
    }
}

static void N(across_sums)(N(across) *w, const sxt_plane *p, int store, sxt_total *total, int writes)
{
    ptrdiff_t step = w->tile.block, n = w->plan.classes;
    for (ptrdiff_t c = 0; c < n; c += step) {
        N(turn_to)(w, p, c, n - c < step ? n : c + step, 1);
        V(sum_tile)(&w->plan, &w->tile, store);
    }
    /* step by step: what one strip waits for is done for the others meanwhile */
    for (ptrdiff_t k = 0; k < w->tile.strips; k++)
        V(strip_values)(&w->plan, &w->strip[k]);
    for (ptrdiff_t k = 0; k < w->tile.strips; k++)
        w->plan.form->finish(&w->plan, &w->strip[k], writes);
    for (ptrdiff_t k = 0; w->plan.form->results && k < w->tile.strips; k++)
        V(strip_results)(&w->plan, &w->strip[k], total);
}

static void N(across_write)(N(across) *w, const sxt_plane *p, int terms)
{
    const sxt_job *job = w->plan.job;
    const V(tile) *t = &w->tile;
    ptrdiff_t step = w->near, n = w->plan.classes;
    for (ptrdiff_t c = 0; c < n; c += step) {
        N(turn_to)(w, p, c, n - c < step ? n : c + step, 1);
        V(write_tile)(&w->plan, t, terms, p->y.p != NULL || HAS_TAILS(&w->plan));
        ptrdiff_t at = V(place)(t, t->begin, 0);
        if (p->y.p)
            N(unpack)(job, p, &p->y, t, t->x + at, w->r0, t->begin, t->end - t->begin);
        if (p->h.p)
            N(unpack)(job, p, &p->h, t, t->hess + at, w->r0, t->begin, t->end - t->begin);
    }
}

/* Rows in a tile. Of rows along memory it stays in the first-level cache with the memory that it comes from and goes to
 * and that of the next one, which is asked for. Of rows side by side each class is in a page of its own, so that many at
 * once are worth more than a tile in a near cache: as many as the scratch has room for. Where it has not even room for a
 * few whole rows, they are read three times, many at once again. */
#define NEAR_TILE 6144
#define ALONG_LANES 64

static ptrdiff_t N(lanes_of)(const sxt_plane *p, ptrdiff_t classes, ptrdiff_t room)
{
    int side_by_side = p->x.row == sizeof(ST);
    ptrdiff_t lanes = side_by_side ? TILE_MOST : ALONG_LANES, near = NEAR_TILE / (ptrdiff_t)sizeof(T);
    near = side_by_side || near > room ? room : near;
    while (lanes > SXT_STRIP && classes * lanes > near)
        lanes /= 2;
    if (side_by_side && classes * lanes > near)
        lanes = TILE_MOST;
    while (lanes > SXT_STRIP && lanes / 2 >= p->rows)
        lanes /= 2;
    return lanes;
}

/* Cuts the scratch into the tiles that the job needs. */
static void N(make_tile)(N(across) *w, const sxt_plane *p, sxt_scratch scratch)
{
    V(tile) *t = &w->tile;
    ptrdiff_t classes = w->plan.classes < 4 ? 4 : w->plan.classes, stage = classes * V(W); /* transposed by fours */
    ptrdiff_t parts = 1 + (p->t.p != NULL) + (p->h.p != NULL) + 3 * ST_IS_ANY, all = (ptrdiff_t)(scratch.bytes / sizeof(T));
    T *next = scratch.data;
    *t = (V(tile)){.strip = w->strip};
    if (!ST_IS_ANY && p->x.row != sizeof(ST) && stage <= all / 4) { /* else rows are transposed without one */
        t->stage = next;
        next += (stage + 15) / 16 * 16;
        all -= (stage + 15) / 16 * 16;
    }
    ptrdiff_t room = all / parts / SXT_STRIP * SXT_STRIP;
    t->lanes = N(lanes_of)(p, classes, room);
    t->block = room / t->lanes;
    w->near = N(near_classes)(&w->plan, t);
    T **needed[] = {&t->x, p->t.p ? &t->target : NULL, p->h.p ? &t->hess : NULL,
                    ST_IS_ANY ? &t->tail : NULL, ST_IS_ANY ? &t->slope : NULL, ST_IS_ANY ? &t->bend : NULL};
    for (size_t k = 0; k < sizeof needed / sizeof *needed; k++) {
        if (!needed[k])
            continue;
        *needed[k] = next;
        next += room;
    }
}

#if !ST_IS_ANY
/* Results that no cache keeps (tuning.h) and that do not take the logits' place, which is near. */
static int N(goes_past)(const sxt_job *job, const sxt_plane *p)
{
    const sxt_view *y = p->y.p ? &p->y : &p->h;
    return SXT_STORES_PAST && job->past && !p->copied_on && y->p && y->p != p->x.p && y->row == sizeof(ST) &&
           p->blocks == 1 && N(on_lines)(y->p, y->cls);
}
#endif

static void N(across_rows)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    N(across) w;
    w.plan = V(plan_of)(job, ST_IS_ANY);
    N(make_tile)(&w, p, scratch);
    w.plan.place |= job->classes > w.tile.block;
#if !ST_IS_ANY
    w.tile.past = N(goes_past)(job, p);
#endif
    int writes = p->y.p || p->h.p, store = job->classes <= w.tile.block && writes && w.plan.form->terms;
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += w.tile.lanes) {
        N(across_open)(&w, p, r0);
#if !ST_IS_ANY
        w.tile.in = N(look_ahead)(&p->next, r0, &p->x, r0 + w.tile.lanes, p->rows + p->ahead);
        if (!w.tile.past)
            w.tile.out = N(look_ahead)(&p->results, r0, p->y.p ? &p->y : &p->h, r0, p->rows);
        if (p->t.p && !p->next.p) /* packed targets are near */
            w.tile.in_target = N(look_ahead)(&p->next, r0, &p->t, r0 + w.tile.lanes, p->rows + p->ahead);
#endif
        N(across_scan)(&w, p);
        N(across_bounds)(&w, p);
        N(across_sums)(&w, p, store, total, writes);
        if (writes)
            N(across_write)(&w, p, store);
    }
    if (w.tile.past)
        sxt_stores_done();
}

#undef STRIPS

#if !ST_IS_ANY
#include "kernels/across/single_tmpl.h"

static void N(plane)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    if (N(is_single)(job, p))
        N(single)(job, p, total);
    else if (V(goes_along)(job, p))
        V(along_rows)(job, p, scratch, total);
    else
        N(across_rows)(job, p, scratch, total);
}
#endif

#undef NEAR_BYTES
#undef NEAR_TILE
#undef ALONG_LANES
#undef AHEAD
