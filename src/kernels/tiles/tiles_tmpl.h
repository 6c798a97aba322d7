/* tiles_tmpl.h - many rows at once, lanes across the rows: few classes, strided axes, masks, anything
 * that is not a contiguous row. Included once per storage type, after rows_tmpl.h; what
 * happens inside the tile is in lanes_tmpl.h.
 *
 * `lanes` rows are packed into a tile of the compute type, tile[class][lane], worked on there with the
 * functions of math_tmpl.h, and unpacked. Rows with more classes than the scratch holds are packed block by
 * block, once for each of the three sweeps. The sums are integers, so the bits are those of rows_tmpl.h. */

#include "kernels/tiles/tile_memory_tmpl.h"

static void N(lanes_start)(const sxt_job *job, const sxt_plane *p, V(lanes) *s, ptrdiff_t r0)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        s->number[i] = p->first_row + (r0 + i) * p->row_step;
        s->skip[i] = -1;
        s->rest[i] = s->at_skip[i] = -(T)INFINITY;
        s->least[i] = (T)INFINITY;
        s->bound_d[i] = s->bound_q[i] = s->target_skip[i] = s->tail_skip[i] = (T)0;
        s->at_label[i] = s->label_tail[i] = s->origin[i] = (T)0;
        s->label[i] = -1;
        s->dot[i] = s->mass[i] = 0.0;
        s->nan[i] = 0;
        s->special[i] = i < s->rows && V(ignored)(job, s->number[i]);
        s->kept[i] = 1;
        s->a_hi[i] = s->a_lo[i] = s->b_lo[i] = 0;
        s->b_hi[i] = 0;
    }
    for (ptrdiff_t i = 0; job->op == SXT_OP_LABEL && i < s->rows; i++) {
        if (s->special[i])
            continue;
        s->label[i] = job->labels[s->number[i]];
        if (job->general)
            s->at_label[i] = N(get)(job, p->x.p + (r0 + i) * p->x.row + N(class_at)(p, &p->x, s->label[i]));
        else
            s->skip[i] = s->label[i];
    }
    for (ptrdiff_t i = 0; p->mask.p && i < s->rows; i++) {
        s->kept[i] = 0;
        for (ptrdiff_t c = 0; c < job->classes; c++)
            s->kept[i] |= N(kept)(p, r0 + i, c);
    }
}

/* Classes at once on the way from and to memory: what is done to them finds them in the first-level cache. */
#define NEAR_BYTES 16384

static ptrdiff_t N(near_classes)(const sxt_job *job, const V(lanes) *s, const V(tiles_t) *t)
{
    ptrdiff_t near = NEAR_BYTES / (s->lanes * (ptrdiff_t)sizeof(T));
    return job->classes > t->block || near > t->block ? t->block : near;
}

static void N(sweep_max)(const sxt_job *job, const sxt_plane *p, V(lanes) *s, ptrdiff_t r0, const V(tiles_t) *t)
{
#if ST_IS_ANY
    N(set_origins)(job, p, s, r0);
#endif
    ptrdiff_t step = N(near_classes)(job, s, t), nc;
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += nc) {
        V(tiles_t) here = V(tiles_from)(t, s, job->classes <= t->block ? c0 : 0);
        nc = job->classes - c0 < step ? job->classes - c0 : step;
        N(load_logits)(job, p, s, &here, r0, c0, nc);
        if (sxt_skips_max(job) || job->op == SXT_OP_LOGSUMEXP) {
            V(tile_max_two)(s, here.x, c0, nc);
        } else if (job->op == SXT_OP_LABEL) {
            V(place_skips)(s, c0, nc);
            V(tile_max_but_label)(s, here.x, nc);
            if (sxt_smooths(job->blend))
                V(tile_min)(s, here.x, nc);
        } else {
            V(tile_max)(s, here.x, nc);
        }
    }
    V(lanes_prepare)(job, s);
}

static void N(sweep_bounds)(const sxt_job *job, const sxt_plane *p, V(lanes) *s, ptrdiff_t r0, const V(tiles_t) *t)
{
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        if (job->classes > t->block)
            N(load_logits)(job, p, s, t, r0, c0, nc);
        if (t->target)
            N(pack)(job, p, &p->t, s, t->target, r0, c0, nc);
        V(place_skips)(s, c0, nc);
        V(tile_bounds)(job, s, t, c0, nc);
    }
    V(lanes_grids)(s);
}

static void N(sweep_sum)(const sxt_job *job, const sxt_plane *p, V(lanes) *s, ptrdiff_t r0, const V(tiles_t) *t,
                         int store)
{
    int dense = sxt_smooths(job->blend) || job->base || t->target;
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        if (job->classes > t->block) {
            N(load_logits)(job, p, s, t, r0, c0, nc);
            if (t->target)
                N(pack)(job, p, &p->t, s, t->target, r0, c0, nc);
        }
        V(place_skips)(s, c0, nc);
        if (dense && job->blend)
            V(tile_blend)(job, s, t, c0, nc);
        else if (dense)
            V(tile_dense)(job, s, t, c0, nc);
        V(tile_sum_all)(job, s, t, nc, store);
    }
    if (dense)
        V(lanes_dense_values)(s);
}

static void N(sweep_write)(const sxt_job *job, const sxt_plane *p, V(lanes) *s, ptrdiff_t r0, const V(tiles_t) *t,
                           int store)
{
    T masked = job->op == SXT_OP_LOG_SOFTMAX ? -(T)INFINITY : (T)0;
    ptrdiff_t step = N(near_classes)(job, s, t), nc;
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += nc) {
        V(tiles_t) here = V(tiles_from)(t, s, job->classes <= t->block ? c0 : 0);
        nc = job->classes - c0 < step ? job->classes - c0 : step;
        if (job->classes > t->block) {
            N(load_logits)(job, p, s, t, r0, c0, nc);
            if (t->target)
                N(pack)(job, p, &p->t, s, t->target, r0, c0, nc);
        }
        V(place_skips)(s, c0, nc);
        if (job->general)
            V(tile_write_general)(job, s, &here, c0, nc, store);
        else if (job->blend)
            V(tile_write_blend)(job, s, here.x, c0, nc, store);
        else
            V(tile_output)(job, s, here.x, nc, store);
        V(fill_special)(job, s, here.x, nc);
        if (p->y.p)
            N(unpack)(job, p, &p->y, s, here.x, r0, c0, nc, masked);
        if (t->hess) {
            V(fill_special)(job, s, here.hess, nc);
            N(unpack)(job, p, &p->h, s, here.hess, r0, c0, nc, masked);
        }
    }
}

/* Cuts the scratch into the tiles that the job needs. */
static V(tiles_t) N(make_tiles)(const sxt_plane *p, sxt_scratch scratch, ptrdiff_t *room)
{
    V(tiles_t) t = {0};
    T *next = scratch.data;
    ptrdiff_t parts = 1 + (p->t.p != NULL) + (p->h.p != NULL) + 3 * ST_IS_ANY;
    *room = (ptrdiff_t)(scratch.bytes / sizeof(T)) / parts / WIDE_TILE * WIDE_TILE;
    T **needed[] = {&t.x, p->t.p ? &t.target : NULL, p->h.p ? &t.hess : NULL,
                    ST_IS_ANY ? &t.tail : NULL, ST_IS_ANY ? &t.slope : NULL, ST_IS_ANY ? &t.bend : NULL};
    for (size_t k = 0; k < sizeof needed / sizeof *needed; k++) {
        if (!needed[k])
            continue;
        *needed[k] = next;
        next += *room;
    }
    return t;
}

static void N(tiles)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    V(lanes) s;
    ptrdiff_t room;
    V(tiles_t) t = N(make_tiles)(p, scratch, &room);
    int across = p->x.row == sizeof(ST) && p->x.cls != sizeof(ST) && !p->mask.p && p->blocks == 1;
    int writes = p->y.p || p->h.p;
    s.lanes = across ? WIDE_TILE : NARROW_TILE;
    while (s.lanes > NARROW_TILE && job->classes * s.lanes > room)
        s.lanes /= 2;
    t.block = room / s.lanes;
    int store = job->classes <= t.block && writes && job->op != SXT_OP_LOG_SOFTMAX;
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += s.lanes) {
        s.rows = p->rows - r0 < s.lanes ? p->rows - r0 : s.lanes;
        N(lanes_start)(job, p, &s, r0);
        N(sweep_max)(job, p, &s, r0, &t);
        if (sxt_smooths(job->blend))
            V(blend_bounds)(job, &s);
        else if (job->base || t.target)
            N(sweep_bounds)(job, p, &s, r0, &t);
        N(sweep_sum)(job, p, &s, r0, &t, store);
        if (ST_IS_ANY || job->general)
            V(finish_general_lanes)(job, &s);
        else if (job->blend)
            V(finish_blend_lanes)(job, &s);
        else
            V(lanes_finish)(job, &s);
        V(lanes_results)(job, &s, p->position + r0, total);
        if (writes)
            N(sweep_write)(job, p, &s, r0, &t, store);
    }
}
