/* tiles_tmpl.h - many rows at once, lanes across the rows: few classes, strided axes, masks, anything
 * that is not a contiguous row. Included once per storage type, after rows_tmpl.h.
 *
 * `lanes` rows are packed into a tile of the compute type, tile[class][lane], worked on there with the
 * functions of math_tmpl.h, and unpacked. Rows with more classes than the scratch holds are packed block by
 * block, once for each of the three sweeps. The sums are integers, so the bits are those of rows_tmpl.h. */

#define WIDE_TILE 64
#define NARROW_TILE 16

/* One value a lane, in the order of the row's way through the sweeps. */
typedef struct {
    ptrdiff_t rows, lanes; /* in use, and allocated: a multiple of every W */
    ptrdiff_t number[WIDE_TILE];
    int64_t skip[WIDE_TILE];
    V(int) skip_here[WIDE_TILE]; /* relative to the block in the tile; out of it: -1 */
    T rest[WIDE_TILE], at_skip[WIDE_TILE], max[WIDE_TILE];
    int nan[WIDE_TILE], special[WIDE_TILE], single[WIDE_TILE];
    ptrdiff_t kept[WIDE_TILE];
    T shift[WIDE_TILE], magic[WIDE_TILE], low[WIDE_TILE], m1[WIDE_TILE], m2[WIDE_TILE];
    T n_ref[WIDE_TILE], unit[WIDE_TILE];
    uint64_t a_hi[WIDE_TILE], a_lo[WIDE_TILE], b_lo[WIDE_TILE];
    int64_t b_hi[WIDE_TILE];
    T hi[WIDE_TILE], lo[WIDE_TILE], patch[WIDE_TILE];
    T down[WIDE_TILE];
    double loss[WIDE_TILE];
    int any_special;
    /* dense sums: bounds, grids, sums; then the general form's constants */
    T bound_d[WIDE_TILE], bound_q[WIDE_TILE], target_skip[WIDE_TILE];
    T d1[WIDE_TILE], d2[WIDE_TILE], q1[WIDE_TILE], q2[WIDE_TILE];
    double unit_d[WIDE_TILE], unit_q[WIDE_TILE], dot[WIDE_TILE], mass[WIDE_TILE];
    V(grid_sum) dots[WIDE_TILE], masses[WIDE_TILE];
#define LANES(name) double name[WIDE_TILE];
    struct {
        GENERAL_INPUTS(LANES)
    } in;
    struct {
        GENERAL_RESULTS(LANES)
    } out;
#undef LANES
    T tail_skip[WIDE_TILE];
    T at_label[WIDE_TILE], label_tail[WIDE_TILE], origin[WIDE_TILE], limit[WIDE_TILE];
    int64_t label[WIDE_TILE];
} N(lanes);

/* The tile and its companions, tile[class][lane] each: logits, then terms, then gradients; targets;
 * Hessian; and of capped logits the tails, first and second derivatives (caps_tmpl.h).
 * NULL where not needed. */
typedef struct {
    T *x, *target, *hess, *tail, *slope, *bend;
    ptrdiff_t block; /* classes that fit */
} N(tiles_t);

#include "tile_memory_tmpl.h"
#include "tile_sums_tmpl.h"
#include "tile_dense_tmpl.h"
#include "tile_results_tmpl.h"

static void N(lanes_start)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        s->number[i] = p->first_row + (r0 + i) * p->row_step;
        s->skip[i] = -1;
        s->rest[i] = s->at_skip[i] = -(T)INFINITY;
        s->bound_d[i] = s->bound_q[i] = s->target_skip[i] = s->tail_skip[i] = (T)0;
        s->at_label[i] = s->label_tail[i] = s->origin[i] = (T)0;
        s->label[i] = -1;
        s->dot[i] = s->mass[i] = 0.0;
        s->nan[i] = 0;
        s->special[i] = i < s->rows && N(ignored)(job, s->number[i]);
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

static void N(sweep_max)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0, const N(tiles_t) *t)
{
#if ST_IS_ANY
    N(set_origins)(job, p, s, r0);
#endif
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        N(load_logits)(job, p, s, t, r0, c0, nc);
        if (sxt_skips_max(job) || job->op == SXT_OP_LOGSUMEXP) {
            N(tile_max_two)(s, t->x, c0, nc);
        } else if (job->op == SXT_OP_LABEL) {
            N(place_skips)(s, c0, nc);
            N(tile_max_but_label)(s, t->x, nc);
        } else {
            N(tile_max)(s, t->x, nc);
        }
    }
    N(lanes_prepare)(job, s);
}

static void N(sweep_bounds)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0, const N(tiles_t) *t)
{
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        if (job->classes > t->block)
            N(load_logits)(job, p, s, t, r0, c0, nc);
        if (t->target)
            N(pack)(job, p, &p->t, s, t->target, r0, c0, nc);
        N(place_skips)(s, c0, nc);
        N(tile_bounds)(job, s, t, c0, nc);
    }
    N(lanes_grids)(s);
}

static void N(sweep_sum)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0, const N(tiles_t) *t,
                         int store)
{
    int dense = job->base || t->target;
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        if (job->classes > t->block) {
            N(load_logits)(job, p, s, t, r0, c0, nc);
            if (t->target)
                N(pack)(job, p, &p->t, s, t->target, r0, c0, nc);
        }
        if (dense)
            N(tile_dense)(job, s, t, c0, nc);
        N(place_skips)(s, c0, nc);
        N(tile_sum_all)(job, s, t, nc, store);
    }
    if (dense)
        N(lanes_dense_values)(s);
}

static void N(sweep_write)(const sxt_job *job, const sxt_plane *p, N(lanes) *s, ptrdiff_t r0, const N(tiles_t) *t,
                           int store)
{
    T masked = job->op == SXT_OP_LOG_SOFTMAX ? -(T)INFINITY : (T)0;
    for (ptrdiff_t c0 = 0; c0 < job->classes; c0 += t->block) {
        ptrdiff_t nc = job->classes - c0 < t->block ? job->classes - c0 : t->block;
        if (job->classes > t->block) {
            N(load_logits)(job, p, s, t, r0, c0, nc);
            if (t->target)
                N(pack)(job, p, &p->t, s, t->target, r0, c0, nc);
        }
        N(place_skips)(s, c0, nc);
        if (job->general)
            N(tile_write_general)(job, s, t, c0, nc, store);
        else
            N(tile_output)(job, s, t->x, nc, store);
        N(fill_special)(job, s, t->x, nc);
        if (p->y.p)
            N(unpack)(job, p, &p->y, s, t->x, r0, c0, nc, masked);
        if (t->hess) {
            N(fill_special)(job, s, t->hess, nc);
            N(unpack)(job, p, &p->h, s, t->hess, r0, c0, nc, masked);
        }
    }
}

/* Cuts the scratch into the tiles that the job needs. */
static N(tiles_t) N(make_tiles)(const sxt_plane *p, sxt_scratch scratch, ptrdiff_t *room)
{
    N(tiles_t) t = {0};
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
    N(lanes) s;
    ptrdiff_t room;
    N(tiles_t) t = N(make_tiles)(p, scratch, &room);
    int across = p->x.row == sizeof(ST) && p->x.cls != sizeof(ST) && !p->mask.p && p->blocks == 1;
    int writes = p->y.p || p->h.p;
    s.lanes = across && job->classes * WIDE_TILE <= room ? WIDE_TILE : NARROW_TILE;
    t.block = room / s.lanes;
    int store = job->classes <= t.block && writes && job->op != SXT_OP_LOG_SOFTMAX;
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += s.lanes) {
        s.rows = p->rows - r0 < s.lanes ? p->rows - r0 : s.lanes;
        N(lanes_start)(job, p, &s, r0);
        N(sweep_max)(job, p, &s, r0, &t);
        if (job->base || t.target)
            N(sweep_bounds)(job, p, &s, r0, &t);
        N(sweep_sum)(job, p, &s, r0, &t, store);
        if (ST_IS_ANY || job->general)
            N(finish_general_lanes)(job, &s);
        else
            N(lanes_finish)(job, &s);
        N(lanes_results)(job, &s, p->position + r0, total);
        if (writes)
            N(sweep_write)(job, p, &s, r0, &t, store);
    }
}
