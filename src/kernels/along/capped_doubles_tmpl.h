/* capped_doubles_tmpl.h - capped logits of at most 24 bits: as doubles they need no tails (caps_tmpl.h). Many rows at once
 * are brought into doubles and capped; those go the way of other rows of doubles; their derivatives become those in the
 * logits on the way back to memory.
 * Included once, before capped_tmpl.h. */

/* Logits on their way at once: they stay in the first-level cache with what is made of them. */
#define DOUBLES_AT_ONCE 2048

/* Rows on their way; target, bend and hess are NULL where not needed. */
typedef struct {
    N(cap) cap;
    ptrdiff_t rows; /* at once */
    int across;     /* they lie side by side */
    T *z, *slope, *target, *bend, *hess;
    sxt_scratch rest;
} N(doubles);

/* Rows that lie side by side stay so, if they are not few: `inner` elements a step apart become a stretch of doubles,
 * `outer` times. */
typedef struct {
    ptrdiff_t inner, outer;
    int across;
} N(order);

static N(order) N(order_of)(const sxt_job *job, ptrdiff_t rows, int across)
{
    return across ? (N(order)){rows, job->classes, 1} : (N(order)){job->classes, rows, 0};
}

/* Rows of a view from row r on. */
static void N(rows_in)(const sxt_job *job, N(order) o, const sxt_view *v, ptrdiff_t r, T *to)
{
    const char *x = v->p + r * v->row;
    ptrdiff_t step = o.across ? v->row : v->cls, next = o.across ? v->cls : v->row;
    if (next == o.inner * step)
        sxt_widen(job->dtype, x, step, to, o.inner * o.outer);
    else
        for (ptrdiff_t k = 0; k < o.outer; k++)
            sxt_widen(job->dtype, x + k * next, step, to + k * o.inner, o.inner);
}

static void N(rows_out)(const sxt_job *job, N(order) o, const sxt_view *v, ptrdiff_t r, const T *from)
{
    char *y = v->p + r * v->row;
    ptrdiff_t step = o.across ? v->row : v->cls, next = o.across ? v->cls : v->row;
    if (next == o.inner * step)
        sxt_narrow(job->dtype, from, y, step, o.inner * o.outer);
    else
        for (ptrdiff_t k = 0; k < o.outer; k++)
            sxt_narrow(job->dtype, from + k * o.inner, y + k * next, step, o.inner);
}

/* The same rows in doubles; NULL: none. */
static sxt_view N(view_of)(N(order) o, T *p)
{
    ptrdiff_t one = sizeof(T), next = o.inner * one;
    return (sxt_view){(char *)p, o.across ? one : next, o.across ? next : one, NULL};
}

/* Cuts the scratch. Whether there is room for a row. */
static int N(doubles_room)(N(doubles) *w, const sxt_job *job, const sxt_plane *p, sxt_scratch scratch)
{
    int parts = 2 + (p->t.p != NULL) + 2 * (p->h.p != NULL);
    ptrdiff_t least = SXT_SCRATCH_LEAST / sizeof(T), all = (ptrdiff_t)(scratch.bytes / sizeof(T)) - least;
    ptrdiff_t most = all / parts / CAP_MOST * CAP_MOST, rows = DOUBLES_AT_ONCE / job->classes;
    ptrdiff_t few = w->across ? 4 * SXT_STRIP : 1;
    rows = rows > SXT_STRIP ? rows / SXT_STRIP * SXT_STRIP : rows;
    rows = rows < few ? few : rows;
    rows = rows > p->rows ? p->rows : rows;
    while (rows > 1 && rows * job->classes > most / 2) /* the rest is for what is done to them */
        rows /= 2;
    if (rows * job->classes > most)
        return 0;
    ptrdiff_t room = (rows * job->classes + CAP_MOST - 1) / CAP_MOST * CAP_MOST;
    T *next = scratch.data;
    T **needed[] = {&w->z, &w->slope, p->t.p ? &w->target : NULL, p->h.p ? &w->bend : NULL, p->h.p ? &w->hess : NULL};
    for (size_t k = 0; k < sizeof needed / sizeof *needed; k++)
        if (needed[k]) {
            *needed[k] = next;
            next += room;
        }
    w->rows = rows;
    w->rest = (sxt_scratch){next, scratch.bytes - (size_t)((char *)next - (char *)scratch.data)};
    return 1;
}

/* The first n logits; those behind them, to a whole number of stretches, are 0. */
static void N(cap_doubles)(const N(doubles) *w, ptrdiff_t n)
{
    N(cap) cap = w->cap;
    for (ptrdiff_t i = n; i % CAP_MOST; i++)
        w->z[i] = (T)0;
    for (ptrdiff_t i = 0; i < n && !w->bend; i += CAP_MOST)
        N(cap_short)(&cap, w->z + i, w->slope + i, NULL, CAP_MOST);
    for (ptrdiff_t i = 0; i < n && w->bend; i += CAP_MOST)
        N(cap_short)(&cap, w->z + i, w->slope + i, w->bend + i, CAP_MOST);
}

/* Derivatives in the logits; bend and hess may be NULL. */
static void N(uncap)(T *restrict grad, const T *restrict slope, const T *restrict bend, T *restrict hess, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; hess && i < n; i++)
        hess[i] = V(uncapped_curve)(hess[i], grad[i], slope[i], bend[i]);
    for (ptrdiff_t i = 0; i < n; i++)
        grad[i] = V(uncapped_slope)(grad[i], slope[i]);
}

/* Rows that are ignored have zeros, whatever the slopes. */
static void N(clear_ignored)(const sxt_job *job, const sxt_plane *p)
{
    const sxt_view *views[] = {&p->y, &p->h};
    for (ptrdiff_t k = 0; job->op == SXT_OP_LABEL && job->has_ignore_index && k < p->rows; k++) {
        if (job->labels[p->first_row + k * p->row_step] != job->ignore_index)
            continue;
        for (int m = 0; m < 2; m++)
            for (ptrdiff_t c = 0; views[m]->p && c < job->classes; c++)
                *(T *)(void *)(views[m]->p + k * views[m]->row + c * views[m]->cls) = (T)0;
    }
}

/* Whether it has been done. */
static int N(doubles_rows)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    N(doubles) w = {.cap = N(cap_of)(job->logit_scale, job->softcap),
                    .across = p->rows >= SXT_STRIP && p->x.row == sxt_item_size(job->dtype)};
    if (job->softcap == 0.0 || job->dtype == SXT_F64 || p->blocks > 1 || !N(doubles_room)(&w, job, p, scratch))
        return 0;
    int writes = p->y.p || p->h.p;
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += w.rows) {
        ptrdiff_t rows = p->rows - r0 < w.rows ? p->rows - r0 : w.rows, n = rows * job->classes;
        N(order) o = N(order_of)(job, rows, w.across);
        sxt_plane here = {.run = job->classes, .blocks = 1, .rows = rows, .row_step = p->row_step,
                          .first_row = p->first_row + r0 * p->row_step,
                          .x = N(view_of)(o, w.z), .t = N(view_of)(o, w.target),
                          .y = N(view_of)(o, writes ? w.z : NULL), .h = N(view_of)(o, w.hess)};
        N(rows_in)(job, o, &p->x, r0, w.z);
        if (w.target)
            N(rows_in)(job, o, &p->t, r0, w.target);
        N(cap_doubles)(&w, n);
        f64s_plane(job, &here, w.rest, total);
        if (!writes)
            continue;
        N(uncap)(w.z, w.slope, w.bend, w.hess, n);
        N(clear_ignored)(job, &here);
        if (p->y.p)
            N(rows_out)(job, o, &p->y, r0, w.z);
        if (p->h.p)
            N(rows_out)(job, o, &p->h, r0, w.hess);
    }
    return 1;
}

#undef DOUBLES_AT_ONCE
