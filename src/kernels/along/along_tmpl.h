/* along_tmpl.h - rows with their classes side by side: lanes along the classes while a row is swept, across the rows
 * while they are finished.
 *
 * A strip has so many rows that they stay in the first-level cache with what is made of them; a row that is shared by
 * threads is a strip by itself, whose ranges of classes are scanned, summed and written by different ones. */

/* The walker's own memory. stage: the terms of each row's last, broken vector, which written to their place would have
 * to be waited for. tile: those of the others, `tile_pitch` from row to row, up to TILED_CLASSES; beyond, its room in
 * the first-level cache is worth more than the waiting for rows that are no multiple of vectors, unless the results go
 * past the caches. NULL where the terms go to the outputs' place. */
typedef struct {
    T *stage, *tile;
    ptrdiff_t tile_pitch;
    ptrdiff_t rows; /* of a strip */
    const T *tails; /* of capped logits, whose rows lie `pitch` elements apart: capped_tmpl.h */
    ptrdiff_t pitch;
    int past; /* along_past_tmpl.h */
} V(along);

#define TILED_CLASSES (192 * 4 / (ptrdiff_t)sizeof(T))

SXT_INLINE const T *V(row_of)(const sxt_view *view, ptrdiff_t r)
{
    return (const T *)(const void *)(view->p + r * view->row);
}

/* Of any alignment. */
SXT_INLINE T V(get)(const T *x)
{
    T value;
    memcpy(&value, (const void *)x, sizeof value);
    return value;
}

SXT_INLINE T *V(output_of)(const sxt_view *view, ptrdiff_t r) { return (T *)(void *)(view->p + r * view->row); }

/* Lanes past the end hold `fill`: -infinity never wins a maximum and its exp is 0. */
SXT_INLINE KV V(upto_or)(const T *x, ptrdiff_t n, T fill)
{
    return n >= V(W) ? V(load)(x) : V(select)(V(first)(n), V(loadn)(x, n), V(set1)(fill));
}

#include "kernels/along/along_past_tmpl.h"
#include "kernels/along/along_scan_tmpl.h"
#include "kernels/along/along_sum_tmpl.h"
#include "kernels/along/along_write_tmpl.h"

/* Cuts the scratch. */
static V(along) V(along_room)(const V(plan) *plan, sxt_scratch scratch)
{
    ptrdiff_t classes = plan->classes, near = classes > SHORT_ROW ? 32768 : classes > TILED_CLASSES ? 16384 : 8192;
    ptrdiff_t rows = near / (classes * (ptrdiff_t)sizeof(T)), room = (ptrdiff_t)(scratch.bytes / sizeof(T));
    ptrdiff_t each = V(W) + (classes > TILED_CLASSES ? 0 : classes / V(W) * V(W));
    rows = rows < 1 ? 1 : rows > SXT_STRIP ? SXT_STRIP : rows;
    rows = rows > V(W) ? rows / V(W) * V(W) : rows;
    while (rows > 1 && rows * each > room)
        rows /= 2;
    T *tile = classes > TILED_CLASSES ? NULL : (T *)scratch.data + rows * V(W);
    return (V(along)){.stage = scratch.data, .tile = tile, .tile_pitch = classes / V(W) * V(W), .rows = rows};
}

/* A strip that is open. */
SXT_INLINE void V(along_strip)(const V(plan) *plan, const V(along) *here, V(strip) *s, sxt_total *total)
{
    int writes = s->plane->y.p || s->plane->h.p;
    V(along_open)(plan, s);
    V(along_scan)(plan, s);
    V(strip_prepare)(plan, s);
    if (HAS_TAILS(plan))
        V(along_tails)(plan, here, s);
    V(along_bounds)(plan, here, s);
    V(along_sums)(plan, here, s, writes && plan->form->terms);
    V(strip_values)(plan, s);
    plan->form->finish(plan, s, writes);
    if (plan->form->results)
        V(strip_results)(plan, s, total);
    for (ptrdiff_t k = 0; writes && k < s->rows; k++)
        V(along_write)(plan, here, s, k, 0, plan->classes);
}

static void V(along_rows)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    V(plan) plan = V(plan_of)(job, 0);
    V(along) here = V(along_room)(&plan, scratch);
    V(strip) s;
    V(past_open)(&plan, p, scratch, &here);
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += here.rows) {
        V(strip_open)(&plan, p, r0, here.rows, &s);
        V(along_strip)(&plan, &here, &s, total);
    }
    if (V(goes_past)(&here))
        sxt_stores_done();
}

/* Whether a plane's rows are so. */
static int V(lies_along)(const sxt_job *job, const sxt_plane *p)
{
    const sxt_view *views[] = {&p->x, &p->t, &p->y, &p->h};
    int along = p->blocks == 1 && job->classes > 1;
    for (int k = 0; k < 4; k++)
        along &= !views[k]->p || views[k]->cls == sizeof(T);
    return along;
}

/* Whether that is faster than rows side by side, whose last vector is never half empty; that of a row which is just
 * longer than whole vectors nearly is. Other sums than the plain one come to that later: without outputs, at 64
 * classes of float on Zen 4, it takes 0.88 of the time for log-sum-exp, 0.92 for the loss, but 1.31 for that of
 * probabilities, 1.26 for scaled logits, and at 160 classes 1.26 for smoothed labels. */
static int V(goes_along)(const sxt_job *job, const sxt_plane *p)
{
    ptrdiff_t least = SXT_T_IS_F32 ? 64 : 56;
    if (!V(lies_along)(job, p))
        return 0;
    if (sxt_smooths(job->blend))
        least = p->y.p ? 3 * least : 7 * least / 2;
    else if (!p->y.p && (job->op == SXT_OP_DENSE || job->scaled))
        least = 7 * least / 4;
    ptrdiff_t last = job->classes % V(W);
    if (job->op != SXT_OP_LOG_SOFTMAX && last > 0 && last <= V(W) / 4)
        least += V(W);
    return job->classes >= least || p->rows <= 2;
}

/* ---- one row, shared by threads ------------------------------------------------------------------------ */

typedef struct {
    V(plan) plan;
    V(along) here;
    V(strip) strip;
    T last[V(W)];
} V(shared_row);

static void V(share_open)(const sxt_job *job, const sxt_plane *p, void *memory)
{
    V(shared_row) *row = memory;
    row->plan = V(plan_of)(job, 0);
    row->here = (V(along)){.stage = row->last, .rows = 1};
    V(strip_open)(&row->plan, p, 0, 1, &row->strip);
    V(along_open)(&row->plan, &row->strip);
}

static void V(share_scan)(const void *memory, ptrdiff_t begin, ptrdiff_t end, sxt_range *range)
{
    const V(shared_row) *row = memory;
    T max[SXT_STRIP], second[SXT_STRIP], least[SXT_STRIP] = {(T)0};
    range->nan = !V(along_extremes)(&row->strip, begin, end, 1, max, second, least);
    range->begin = begin;
    range->max = (double)max[0];
    range->second = (double)second[0];
    range->least = (double)least[0];
}

/* From the maxima of all ranges, in order. */
static void V(share_prepare)(void *memory, const sxt_range *ranges, ptrdiff_t n)
{
    V(shared_row) *row = memory;
    V(strip) *s = &row->strip;
    sxt_range all = ranges[0];
    for (ptrdiff_t i = 1; i < n; i++) {
        const sxt_range *part = &ranges[i];
        double lower = part->max < all.max ? part->max : all.max;
        all.begin = part->max > all.max ? part->begin : all.begin;
        all.max = part->max > all.max ? part->max : all.max;
        all.second = all.second > part->second ? all.second : part->second;
        all.second = lower > all.second ? lower : all.second;
        all.least = part->least < all.least ? part->least : all.least;
        all.nan |= part->nan;
    }
    s->max[0] = (T)all.max;
    s->second[0] = (T)all.second;
    s->least[0] = (T)all.least;
    s->nan[0] = all.nan;
    for (int k = 1; k < SXT_STRIP; k++)
        s->max[k] = s->second[k] = s->least[k] = (T)0;
    if (V(needs_place)(&row->plan, s->max[0]))
        s->skip[0] = V(place_of_max)(&row->plan, s, 0, all.begin);
    V(strip_prepare)(&row->plan, s);
    if (V(has_distances)(row->plan.beside))
        V(strip_even_grids)(&row->plan, s);
    V(clear_parts)(s);
}

static void V(share_sum)(const void *memory, ptrdiff_t begin, ptrdiff_t end, sxt_range *range)
{
    const V(shared_row) *row = memory;
    V(parts) parts = {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};
    int store = row->strip.plane->y.p && row->plan.form->terms;
    V(along_long)(&row->plan, &row->here, &row->strip, 0, begin, end, store, &parts);
    range->exps = parts.exps;
    range->dots = parts.dots;
}

static void V(share_finish)(void *memory, const sxt_range *ranges, ptrdiff_t n, sxt_total *total)
{
    V(shared_row) *row = memory;
    V(strip) *s = &row->strip;
    for (ptrdiff_t i = 0; i < n; i++) {
        V(add_parts)(&s->exps.parts[0], &ranges[i].exps);
        V(add_parts)(&s->dots.parts[0], &ranges[i].dots);
    }
    s->in_parts = 1;
    V(strip_values)(&row->plan, s);
    row->plan.form->finish(&row->plan, s, s->plane->y.p != NULL);
    if (row->plan.form->results)
        V(strip_results)(&row->plan, s, total);
}

static void V(share_write)(const void *memory, ptrdiff_t begin, ptrdiff_t end)
{
    const V(shared_row) *row = memory;
    V(along_write)(&row->plan, &row->here, &row->strip, 0, begin, end);
}
