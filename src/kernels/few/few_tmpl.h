/* few_tmpl.h - the common case of few classes: softmax, log-softmax, log-sum-exp and plain cross-entropy of
 * ordinary rows, up to 64 of them side by side from load to store. Included once per storage type, after
 * tiles_tmpl.h, which takes over where a tile holds a row that is not ordinary: NaN, an infinite maximum
 * or one beyond 2^17, a loss beyond the largest number. The bits are the same. */

#include "kernels/few/few_memory_tmpl.h"
#include "kernels/few/along_tmpl.h"

/* Whether all its rows were ordinary; if not, nothing has been written. */
static int N(few_tile)(const sxt_job *job, const sxt_plane *p, V(few) *s, ptrdiff_t r0, sxt_total *total)
{
    ptrdiff_t classes = job->classes;
    int writes = p->y.p != NULL, ordinary;
    const char *x = p->x.p + r0 * p->x.row;
    s->rows = p->rows - r0 < s->lanes ? p->rows - r0 : s->lanes;
    s->n = (s->rows + 15) / 16 * 16;
    if (p->x.cls == sizeof(ST))
        N(few_pack_classes)(s, x, p->x.row, p->rows - r0, classes);
    else
        N(few_pack_lanes)(s, x, p->x.cls, classes);

    for (ptrdiff_t i = 0; i < s->n; i++)
        s->at[i] = -(T)INFINITY;
    if (sxt_smooths(job->blend))
        V(few_min)(s, classes);
    if (job->op == SXT_OP_LABEL) {
        V(few_labels)(job, p, s, r0);
        V(few_take_labels)(s);
    }
    ordinary = job->op == SXT_OP_LOG_SOFTMAX ? V(few_take_max)(s, classes) : V(few_max)(s, classes);
    if (job->op == SXT_OP_LOGSUMEXP && ordinary)
        V(few_take_small_max)(s, classes);
    if (!V(few_prepare)(job, s) || !ordinary)
        return 0;
    if (sxt_smooths(job->blend))
        V(few_grids)(job, s);
    s->x_ahead = N(look_ahead)(&p->x, r0 + s->lanes, p->rows);
    s->y_ahead = N(look_ahead)(&p->y, r0, p->rows);
    V(few_sum)(job, s, classes, writes && job->op != SXT_OP_LOG_SOFTMAX);
    if (!V(few_finish)(job, s, writes))
        return 0;
    if (job->op == SXT_OP_LABEL || job->op == SXT_OP_LOGSUMEXP)
        V(few_results)(job, p, s, r0, total);
    if (!writes)
        return 1;
    V(few_write)(job, s, classes);
    char *y = p->y.p + r0 * p->y.row;
    if (p->y.cls == sizeof(ST))
        N(few_unpack_classes)(s, y, p->y.row, classes);
    else
        N(few_unpack_lanes)(s, y, p->y.cls, classes);
    return 1;
}

/* A tile of classes side by side stays in the first-level cache, with the memory that it comes from and goes
 * to. Rows side by side are rather taken from long stretches of memory. */
#define FEW_NEAR 12288

/* Elements of scratch for a tile of so many lanes and its stage. */
static ptrdiff_t N(few_room)(ptrdiff_t classes, ptrdiff_t lanes)
{
    return N(rounded_up)(classes) * (lanes + V(W));
}

/* Whether the plane is one for the functions above. */
static int N(is_few)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch)
{
    int view_ok = 1;
    const sxt_view *views[] = {&p->x, &p->y};
    for (int k = 0; k < 2; k++)
        view_ok &= !views[k]->p || views[k]->cls == sizeof(ST) || views[k]->row == sizeof(ST);
    ptrdiff_t most = p->x.cls == sizeof(ST) ? FEW_MOST : FEW_ACROSS;
    return view_ok && !job->general && !p->mask.p && !p->h.p && p->blocks == 1 && job->classes > 1 &&
           (job->classes <= most || N(goes_along)(job, p)) &&
           N(few_room)(job->classes, NARROW_TILE) * (ptrdiff_t)sizeof(T) <= (ptrdiff_t)scratch.bytes;
}

static void N(few_rows)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    V(few) s;
    ptrdiff_t most = (ptrdiff_t)(scratch.bytes / sizeof(T));
    s.lanes = p->rows > NARROW_TILE ? FEW_LANES : NARROW_TILE;
    ptrdiff_t near = p->x.cls == sizeof(ST) ? FEW_NEAR / (ptrdiff_t)sizeof(T) : most;
    while (s.lanes > NARROW_TILE && (N(few_room)(job->classes, s.lanes) > most || job->classes * s.lanes > near))
        s.lanes /= 2;
    s.tile = scratch.data;
    s.stage = s.tile + N(rounded_up)(job->classes) * s.lanes;
    int along = N(goes_along)(job, p);
    if (along)
        N(along_room)(job, scratch, &s);
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += s.lanes) {
        if (along ? N(along_strip)(job, p, &s, r0, total) : N(few_tile)(job, p, &s, r0, total))
            continue;
        sxt_plane rest = *p;
        sxt_view *views[] = {&rest.x, &rest.y};
        for (int k = 0; k < 2; k++)
            if (views[k]->p)
                views[k]->p += r0 * views[k]->row;
        rest.rows = s.rows;
        rest.first_row += r0 * p->row_step;
        rest.position += r0;
        N(tiles)(job, &rest, scratch, total);
    }
}

/* ---- all planes ------------------------------------------------------------------------------------------ */

static void N(plane)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    const sxt_view *views[] = {&p->x, &p->y, &p->h, &p->t};
    int contiguous = !p->mask.p && p->blocks == 1;
    for (int k = 0; k < 4; k++)
        contiguous &= !views[k]->p || views[k]->cls == sizeof(ST) || job->classes == 1;
    if (N(is_single)(job, p))
        N(single)(job, p, total);
    else if (contiguous && p->rows == 1)
        N(rows)(job, p, total);
    else if (N(is_few)(job, p, scratch))
        N(few_rows)(job, p, scratch, total);
    else if (contiguous && job->classes > FEW_MOST)
        N(rows)(job, p, total);
    else
        N(tiles)(job, p, scratch, total);
}
