/* capped_tmpl.h - scaled and capped logits. Those that need no tails go the way of doubles (capped_doubles_tmpl.h). Of the
 * others, rows that are long or few: elements of any storage type are brought into doubles, capped and kept with their
 * tails and derivatives (caps_tmpl.h), classes side by side, and go the way of other rows. Lanes across the rows would be
 * empty, or read and cap what does not fit a tile three times.
 * Included once, after across_tmpl.h. */

/* Rows on their way, one after another, each `pitch` elements; target, bend and hess are NULL where not needed. */
typedef struct {
    V(plan) plan;
    V(along) here;
    N(cap) cap;
    T *z, *tail, *slope, *target, *bend, *hess;
} N(capped);

/* Elements of a row, whatever their steps. */
static void N(row_in)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, ptrdiff_t r, T *row)
{
    const char *x = v->p + r * v->row;
    if (p->blocks == 1)
        sxt_widen(job->dtype, x, v->cls, row, job->classes);
    else
        for (ptrdiff_t c = 0; c < job->classes; c++)
            row[c] = N(get)(job, x + N(class_at)(p, v, c));
}

static void N(row_out)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, ptrdiff_t r, const T *row)
{
    char *y = v->p + r * v->row;
    if (p->blocks == 1)
        sxt_narrow(job->dtype, row, y, v->cls, job->classes);
    else
        for (ptrdiff_t c = 0; c < job->classes; c++)
            N(set)(job, y + N(class_at)(p, v, c), row[c]);
}

/* Row k of the walk; elements past its end are 0. Returns its origin. */
static double N(cap_row)(const N(capped) *w, const sxt_plane *p, ptrdiff_t r, ptrdiff_t k)
{
    const sxt_job *job = w->plan.job;
    ptrdiff_t pitch = w->here.pitch, at = k * pitch;
    N(row_in)(job, p, &p->x, r, w->z + at);
    double best = -(double)INFINITY, sign = N(sign_of_scale)(job), origin[CAP_LANES];
    for (ptrdiff_t c = 0; w->cap.cap == 0.0 && c < job->classes; c++)
        best = N(larger)(best, sign * w->z[at + c]);
    for (int i = 0; i < CAP_LANES; i++)
        origin[i] = N(origin_from)(sign, best);
    for (ptrdiff_t c = job->classes; c < pitch; c++)
        w->z[at + c] = (T)0;
    N(cap_groups)(job, &w->cap, origin, pitch / CAP_LANES, CAP_LANES, w->z + at, w->tail + at, w->slope + at,
                  w->bend ? w->bend + at : NULL);
    if (w->target)
        N(row_in)(job, p, &p->t, r, w->target + at);
    return origin[0];
}

/* Cuts the scratch. Whether there is room for a row. */
static int N(capped_room)(N(capped) *w, const sxt_plane *p, sxt_scratch scratch)
{
    int parts = 3 + (p->t.p != NULL) + 2 * (p->h.p != NULL);
    ptrdiff_t pitch = (w->plan.classes + CAP_LANES - 1) / CAP_LANES * CAP_LANES;
    ptrdiff_t all = (ptrdiff_t)(scratch.bytes / sizeof(T)) - SXT_STRIP * V(W), rows = all / (parts * pitch);
    T *next = scratch.data;
    if (rows < 1)
        return 0;
    rows = rows > V(W) ? V(W) : rows;
    w->here = (V(along)){.stage = next, .rows = rows, .pitch = pitch};
    next += SXT_STRIP * V(W);
    T **needed[] = {&w->z, &w->tail, &w->slope, p->t.p ? &w->target : NULL, p->h.p ? &w->bend : NULL,
                    p->h.p ? &w->hess : NULL};
    for (size_t k = 0; k < sizeof needed / sizeof *needed; k++)
        if (needed[k]) {
            *needed[k] = next;
            next += rows * pitch;
        }
    w->here.tails = w->tail;
    return 1;
}

/* Rows that are finished one by one take as long as so many classes across them. */
#define CAPPED_CLASSES 64

static void N(capped_rows)(const sxt_job *job, const sxt_plane *p, sxt_scratch scratch, sxt_total *total)
{
    if (N(doubles_rows)(job, p, scratch, total))
        return;
    N(capped) w = {.plan = V(plan_of)(job, 1), .cap = N(cap_of)(job->logit_scale, job->softcap)};
    int writes = p->y.p || p->h.p;
    if ((job->classes < CAPPED_CLASSES && p->rows > CAP_LANES / 2) || !N(capped_room)(&w, p, scratch)) {
        N(across_rows)(job, p, scratch, total);
        return;
    }
    ptrdiff_t step = w.here.pitch * (ptrdiff_t)sizeof(T);
    sxt_plane packed = *p;
    packed.x = (sxt_view){(char *)w.z, step, sizeof(T), NULL};
    packed.t = (sxt_view){(char *)w.target, step, sizeof(T), NULL};
    packed.y = (sxt_view){writes ? (char *)w.z : NULL, step, sizeof(T), NULL};
    packed.h = (sxt_view){(char *)w.hess, step, sizeof(T), NULL};
    packed.run = job->classes;
    packed.blocks = 1;
    packed.next = packed.results = (sxt_ahead){0, 0, 0};
    V(strip) s;
    for (ptrdiff_t r0 = 0; r0 < p->rows; r0 += w.here.rows) {
        packed.first_row = p->first_row + r0 * p->row_step;
        packed.rows = p->rows - r0 < w.here.rows ? p->rows - r0 : w.here.rows;
        V(strip_open)(&w.plan, &packed, 0, w.here.rows, &s);
        for (ptrdiff_t k = 0; k < SXT_STRIP; k++)
            s.origin[k] = k < s.rows ? N(cap_row)(&w, p, r0 + k, k) : 0.0;
        V(along_strip)(&w.plan, &w.here, &s, total);
        for (ptrdiff_t k = 0; writes && k < s.rows; k++) {
            ptrdiff_t at = k * w.here.pitch;
            T *bend = w.hess ? w.bend + at : NULL, *hess = w.hess ? w.hess + at : NULL;
            if (!s.special[k])
                N(uncap)(w.z + at, w.slope + at, bend, hess, job->classes);
            if (p->y.p)
                N(row_out)(job, p, &p->y, r0 + k, w.z + at);
            if (p->h.p)
                N(row_out)(job, p, &p->h, r0 + k, w.hess + at);
        }
    }
}

#undef CAPPED_CLASSES
