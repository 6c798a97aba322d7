/* along_sum_tmpl.h - the sums of a strip's rows; part of along_tmpl.h. */

/* Where the terms of a row go, but those of its last, broken vector. */
SXT_INLINE T *V(terms_of)(const V(along) *here, const V(strip) *s, ptrdiff_t k)
{
    if (here->tile)
        return here->tile + k * here->tile_pitch;
    return V(output_of)(s->plane->y.p ? &s->plane->y : &s->plane->h, s->first + k);
}

/* What the loop over a row's classes is compiled for. plain: nothing but the exponentials is summed, of logits that are
 * neither shifted nor in units; a constant. */
typedef struct {
    int plain, beside, masses, unshifted, store;
    const V(vunits) *units;
    int tails, far; /* far: strip_each_tmpl.h */
} V(sum_kind);

/* What is written soon: a store does not wait then for what is there. 0: nothing. Terms that have a tile go to the row's
 * own place later; long rows' to places not far ahead. */
SXT_INLINE uintptr_t V(soon_written)(const V(plan) *plan, const sxt_plane *p, uintptr_t row)
{
    const sxt_view *view = p->y.p ? &p->y : &p->h;
    if (!view->p)
        return 0;
    uintptr_t own = (uintptr_t)view->p + row * (uintptr_t)view->row;
    return plan->classes > SHORT_ROW ? own + 1024 : plan->classes > TILED_CLASSES ? own + (uintptr_t)view->row : own;
}

/* Where row `row` of the plane is `own`, unless the plane says what is to be asked for. */
SXT_INLINE sxt_ahead V(asked_for)(const sxt_ahead *other, uintptr_t own, ptrdiff_t row)
{
    return other->p ? (sxt_ahead){other->p + (uintptr_t)(row * other->row), other->row, other->cls}
                    : (sxt_ahead){own, 0, sizeof(T)};
}

/* What is asked for while row k is gone through from class c on. */
SXT_INLINE V(soon) V(soon_of)(const V(plan) *plan, const V(along) *here, const V(strip) *s, ptrdiff_t k, ptrdiff_t c)
{
    const sxt_plane *p = s->plane;
    ptrdiff_t row = s->first + k;
    sxt_ahead next = V(asked_for)(&p->next, (uintptr_t)p->x.p + (uintptr_t)((row + here->rows) * p->x.row), row);
    uintptr_t soon = V(goes_past)(here) ? 0 : V(soon_written)(plan, p, (uintptr_t)row);
    sxt_ahead out = V(asked_for)(&p->results, soon, row);
    uintptr_t written = out.p ? out.p + (uintptr_t)(c * out.cls) : (uintptr_t)V(row_of)(&p->x, row);
    /* packed targets are near; where there are none nobody asks */
    int far = p->t.p && !p->next.p;
    uintptr_t targets = (uintptr_t)p->t.p + (uintptr_t)((row + here->rows) * p->t.row + c * (ptrdiff_t)sizeof(T));
    return (V(soon)){next.p + (uintptr_t)(c * next.cls), written, far ? targets : written,
                     V(W) * next.cls, out.p ? V(W) * out.cls : 0, far ? V(W) * (ptrdiff_t)sizeof(T) : 0};
}

#include "kernels/along/along_plain_tmpl.h"

/* Classes from `begin` to `end` of row k. Memory that is read and written later is asked for: the addresses may be
 * past the end. */
SXT_INLINE void V(along_span)(const V(plan) *plan, const V(along) *here, const V(strip) *s, ptrdiff_t k,
                              ptrdiff_t begin, ptrdiff_t end, V(sum_kind) kind, V(accs) *sums)
{
    const sxt_plane *p = s->plane;
    V(constants) constants = V(constants_of_row)(s, k, kind.units, kind.unshifted);
    const T *x = V(row_of)(&p->x, s->first + k), *t = V(targets_of)(s, k);
    T *e = kind.store ? V(terms_of)(here, s, k) : NULL;
    V(soon) soon = V(soon_of)(plan, here, s, k, begin);
    V(accs) a = *sums;
    f64_v wide[HALVES];
    /* unshifted: the whole ones come after the broken one, which would be waited for where it is last */
    ptrdiff_t whole = end - (end - begin) % V(W), c = kind.unshifted ? whole : begin;
    for (; c < whole; c += V(W)) {
        V(ask_for)(&soon, kind.masses, kind.far);
        KV q = V(q_along)(plan, t, c, V(W), kind.beside);
        if (kind.masses)
            V(wide_q_along)(plan, t, c, V(W), kind.beside, wide);
        KV tail = q;
        if (kind.tails)
            tail = V(load)(V(tails_of)(here, k, c));
        KV term = V(add_element)(V(load)(x + c), kind.tails ? &tail : NULL, q, kind.masses ? wide : NULL, &constants,
                                 kind.beside, &a);
        if (kind.store)
            V(store)(e + c, term);
    }
    if (c < end) {
        KV v = V(upto_or)(x + c, end - c, -(T)INFINITY), q = V(q_along)(plan, t, c, end - c, kind.beside);
        if (kind.masses)
            V(wide_q_along)(plan, t, c, end - c, kind.beside, wide);
        KV tail = q;
        if (kind.tails)
            tail = V(read)(V(tails_of)(here, k, c), end - c);
        KV term = V(add_element)(v, kind.tails ? &tail : NULL, q, kind.masses ? wide : NULL, &constants, kind.beside, &a);
        if (kind.store)
            V(store)(here->stage + k * V(W), term);
    }
    if (kind.unshifted) {
        const T *q = kind.beside == SUM_WEIGHTED ? plan->base + begin : t ? t + begin : NULL;
        V(vectors) vectors = {x + begin, kind.store ? e + begin : NULL, q, V(W)};
        V(add_each)(vectors, (whole - begin) / V(W), &constants, kind.beside, kind.masses, kind.store, kind.far,
                    soon, &a);
    }
    *sums = a;
}

/* All kinds but the plain ones are compiled once, for short rows and long ones: a call is little beside what they do, and
 * their loops are some kB each. */
#define SPAN(name, ...)                                                                              \
    static __attribute__((noinline)) void V(name)(const V(plan) *plan, const V(along) *here,         \
                                                  const V(strip) *s, ptrdiff_t k, ptrdiff_t begin,   \
                                                  ptrdiff_t end, V(sum_kind) kind, V(accs) *sums)    \
    {                                                                                                \
        V(along_span)(plan, here, s, k, begin, end, (V(sum_kind)){0, __VA_ARGS__}, sums);            \
    }
SPAN(span_even, SUM_EVEN, 0, 1, kind.store, NULL, 0, 0)
SPAN(span_weighted, SUM_WEIGHTED, 0, 1, kind.store, NULL, 0, 0)
SPAN(span_bare, SUM_BARE, 1, 1, kind.store, NULL, 0, 0)
SPAN(span_tails, kind.beside, kind.masses, 0, kind.store, NULL, 1, 0)
SPAN(span_any, kind.beside, kind.masses, 0, kind.store, kind.units, 0, 0)
#undef SPAN

/* along_span of the kind. */
SXT_INLINE void V(span)(const V(plan) *plan, const V(along) *here, const V(strip) *s, ptrdiff_t k, ptrdiff_t begin,
                        ptrdiff_t end, V(sum_kind) kind, V(accs) *sums)
{
    if (kind.plain)
        V(along_span)(plan, here, s, k, begin, end, kind, sums);
    else if (kind.tails)
        V(span_tails)(plan, here, s, k, begin, end, kind, sums);
    else if (!kind.unshifted)
        V(span_any)(plan, here, s, k, begin, end, kind, sums);
    else if (kind.beside == SUM_EVEN)
        V(span_even)(plan, here, s, k, begin, end, kind, sums);
    else if (kind.beside == SUM_WEIGHTED)
        V(span_weighted)(plan, here, s, k, begin, end, kind, sums);
    else
        V(span_bare)(plan, here, s, k, begin, end, kind, sums);
}

/* The sum of q over n classes of row k. */
SXT_INLINE void V(flush_masses)(const V(strip) *s, ptrdiff_t k, ptrdiff_t n, const V(accs) *a, sxt_grid_sum *sum)
{
    V(mass_grid) grid = V(mass_grid_of)(s->unit_q + k, 0);
    V(mass_flush)(sum, &a->masses, (uint64_t)((n + V(W) - 1) / V(W)), &grid, 0);
}

/* ---- rows whose sums fit a lane ------------------------------------------------------------------------- */

SXT_INLINE void V(sum_rows)(const V(plan) *plan, const V(along) *here, V(strip) *s, V(sum_kind) kind)
{
    ptrdiff_t n = plan->classes;
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV sums[4][V(W)];
        int plain = kind.plain && n >= PLAIN_ROW;
        if (plain)
            V(plain_rows)(plan, here, s, i, kind.store, sums[0], sums[1]);
        for (int k = 0; k < V(W) && !plain; k++) {
            V(accs) a = V(no_sums)();
            if (i + k < s->rows)
                V(span)(plan, here, s, i + k, 0, n, kind, &a);
            if (kind.masses && i + k < s->rows)
                V(flush_masses)(s, i + k, n, &a, &s->masses[i + k]);
            sums[0][k] = V(float)(a.exps.coarse);
            sums[1][k] = V(float)(a.exps.fine);
            sums[2][k] = V(float)(a.dots.coarse);
            sums[3][k] = V(float)(a.dots.fine);
        }
        V(accs) a = V(no_sums)();
        a.exps = (V(acc)){V(sum_of_each)(sums[0]), V(sum_of_each)(sums[1])};
        if (kind.beside != SUM_ALONE)
            a.dots = (V(acc)){V(sum_of_each)(sums[2]), V(sum_of_each)(sums[3])};
        V(constants) c = V(constants_of_lanes)(s, i, NULL, 1);
        if (plan->form->leaves != LEAVES_NOTHING && kind.plain)
            V(leave_out)(plan, s, i, 0, n, &c, SUM_ALONE, 0, &a);
        else if (plan->form->leaves != LEAVES_NOTHING)
            V(leave_out_of_any)(plan, s, i, 0, n, &a);
        V(store_sums)(s, i, kind.beside, &a);
    }
}

/* ---- long rows ------------------------------------------------------------------------------------------ */

typedef struct {
    sxt_grid_sum exps, dots, masses;
} V(parts);

SXT_INLINE void V(add_parts)(sxt_grid_sum *sum, const sxt_grid_sum *other)
{
    sum->coarse_hi += other->coarse_hi;
    sum->coarse_lo += other->coarse_lo;
    sum->fine_hi += other->fine_hi;
    sum->fine_lo += other->fine_lo;
}

static void V(clear_parts)(V(strip) *s)
{
    static const sxt_grid_sum none = {0, 0, 0, 0};
    for (ptrdiff_t i = 0; i < s->rows; i++)
        s->exps.parts[i] = s->dots.parts[i] = none;
}

/* The element of class `skip` leaves the lane of the accumulators that it was added to. */
static void V(leave_lane_out)(const V(plan) *plan, const V(strip) *s, ptrdiff_t k, int lane, V(sum_kind) kind, V(accs) *a)
{
    V(constants) c = V(constants_of_row)(s, k, kind.units, 0);
    V(accs) out = V(no_sums)();
    int beside = V(has_distances)(kind.beside) ? kind.beside : SUM_ALONE;
    KV q = V(set1)(beside == SUM_WEIGHTED ? plan->base[s->skip[k]] : (T)1);
    KV tail = q;
    if (kind.tails)
        tail = V(set1)(s->tail[k]);
    (void)V(add_element)(V(set1)(s->at[k]), kind.tails ? &tail : NULL, q, NULL, &c, beside, &out);
    KI *from[] = {&out.exps.coarse, &out.exps.fine, &out.dots.coarse, &out.dots.fine};
    KI *to[] = {&a->exps.coarse, &a->exps.fine, &a->dots.coarse, &a->dots.fine};
    T bits[] = {s->m1[k], s->m2[k], s->d1[k], s->d2[k]};
    for (int m = 0; m < (beside != SUM_ALONE ? 4 : 2); m++) {
        V(int) lanes[V(W)], change[V(W)] = {0};
        V(istore)(lanes, *from[m]);
        change[lane] = (V(int))(V(scalar_bits)(bits[m]) - (V(uint))lanes[0]);
        *to[m] = V(iadd)(*to[m], V(iload)(change));
    }
}

/* The lanes of the exponentials' accumulator, whose coarse sums are unsigned. */
SXT_INLINE void V(exps_flush)(sxt_grid_sum *s, const V(acc) *acc, V(uint) count, T m1, T m2)
{
    V(int) c1 = (V(int))(0 - count * V(scalar_bits)(m1)), c2 = (V(int))(0 - count * V(scalar_bits)(m2));
    uint64_t coarse = V(hsumu)(V(iadd)(acc->coarse, V(iset1)(c1)));
    int64_t fine = V(hsums)(V(iadd)(acc->fine, V(iset1)(c2)));
    s->coarse_hi += (int64_t)(coarse >> 32);
    s->coarse_lo += coarse & 0xffffffffu;
    s->fine_hi += fine >> 32;
    s->fine_lo += (uint64_t)fine & 0xffffffffu;
}

SXT_INLINE void V(sum_range)(const V(plan) *plan, const V(along) *here, const V(strip) *s, ptrdiff_t k, ptrdiff_t begin,
                             ptrdiff_t end, V(sum_kind) kind, V(parts) *parts)
{
    ptrdiff_t skip = s->at[k] > -(T)INFINITY ? s->skip[k] : -1;
    kind.far = 1;
    for (ptrdiff_t c = begin, next; c < end; c = next) {
        next = end - c < FLUSH * V(W) ? end : c + FLUSH * V(W);
        V(accs) a = V(no_sums)();
        V(span)(plan, here, s, k, c, next, kind, &a);
        if (plan->form->leaves != LEAVES_NOTHING && skip >= c && skip < next)
            V(leave_lane_out)(plan, s, k, (int)((skip - c) % V(W)), kind, &a);
        V(uint) count = (V(uint))((next - c + V(W) - 1) / V(W));
        V(exps_flush)(&parts->exps, &a.exps, count, s->m1[k], s->m2[k]);
        if (kind.beside != SUM_ALONE)
            V(grid_flush)(&parts->dots, &a.dots, count, s->d1[k], s->d2[k]);
        if (kind.masses)
            V(flush_masses)(s, k, next - c, &a, &parts->masses);
    }
}

/* Of the kind that is compiled for, classes of one long row or, with parts NULL, whole rows of the strip. */
SXT_INLINE void V(sum_as)(const V(plan) *plan, const V(along) *here, V(strip) *s, const V(strip) *same, ptrdiff_t k,
                          ptrdiff_t begin, ptrdiff_t end, V(sum_kind) kind, V(parts) *parts)
{
    if (parts)
        V(sum_range)(plan, here, same, k, begin, end, kind, parts);
    else
        V(sum_rows)(plan, here, s, kind);
}

/* Compiled once for all kinds but the plain ones. */
static __attribute__((noinline)) void V(sum_any)(const V(plan) *plan, const V(along) *here, V(strip) *s,
                                                 const V(strip) *same, ptrdiff_t k, ptrdiff_t begin, ptrdiff_t end,
                                                 int store, V(parts) *parts)
{
    V(vunits) units = V(broadcast_units)(plan->units);
    int beside = plan->beside, natural = !plan->scaled && !HAS_TAILS(plan) && !same->any_shift;
    int unshifted = natural && (beside == SUM_EVEN || beside == SUM_WEIGHTED || beside == SUM_BARE);
    V(sum_kind) kind = {0, beside, HAS_MASSES(plan), unshifted, store, plan->scaled ? &units : NULL, HAS_TAILS(plan), 0};
    V(sum_as)(plan, here, s, same, k, begin, end, kind, parts);
}

/* Constants where the loops are to know: the plain kinds. */
static void V(sum_kinds)(const V(plan) *plan, const V(along) *here, V(strip) *s, const V(strip) *same, ptrdiff_t k,
                         ptrdiff_t begin, ptrdiff_t end, int store, V(parts) *parts)
{
    int plain = plan->beside == SUM_ALONE && !plan->scaled && !HAS_TAILS(plan) && !same->any_shift;
    if (!plain)
        V(sum_any)(plan, here, s, same, k, begin, end, store, parts);
    else if (store)
        V(sum_as)(plan, here, s, same, k, begin, end, (V(sum_kind)){1, SUM_ALONE, 0, 1, 1, NULL, 0, 0}, parts);
    else
        V(sum_as)(plan, here, s, same, k, begin, end, (V(sum_kind)){1, SUM_ALONE, 0, 1, 0, NULL, 0, 0}, parts);
}

static void V(along_long)(const V(plan) *plan, const V(along) *here, const V(strip) *s, ptrdiff_t k, ptrdiff_t begin,
                          ptrdiff_t end, int store, V(parts) *parts)
{
    if (!s->special[k])
        V(sum_kinds)(plan, here, NULL, s, k, begin, end, store, parts);
}

static void V(along_sums)(const V(plan) *plan, const V(along) *here, V(strip) *s, int store)
{
    ptrdiff_t n = plan->classes;
    s->in_parts = n > SHORT_ROW;
    if (s->in_parts) {
        V(clear_parts)(s);
        for (ptrdiff_t k = 0; k < s->rows; k++) {
            V(parts) parts = {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};
            V(along_long)(plan, here, s, k, 0, n, store, &parts);
            s->exps.parts[k] = parts.exps;
            s->dots.parts[k] = parts.dots;
            s->masses[k] = parts.masses;
        }
        return;
    }
    V(sum_kinds)(plan, here, s, s, 0, 0, n, store, NULL);
    s->count = (V(uint))((n + V(W) - 1) / V(W) * V(W));
}
