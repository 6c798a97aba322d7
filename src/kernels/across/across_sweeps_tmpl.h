/* across_sweeps_tmpl.h - rows side by side in a tile, lanes across the rows: what happens between loading and storing
 * (across_tmpl.h). */

#define TILE_MOST 128

/* Memory that will be needed soon, by rows and vectors of classes; step 0: nothing. */
typedef struct {
    uintptr_t p;
    ptrdiff_t row, cls;
} V(ahead);

/* A tile and its companions, tile[class][lane] each: logits, then terms, then gradients; targets; Hessian; and of
 * capped logits the tails, first and second derivatives (caps_tmpl.h). NULL where not needed. */
typedef struct {
    T *x, *target, *hess, *tail, *slope, *bend, *stage;
    ptrdiff_t rows, lanes; /* in use, and from class to class */
    ptrdiff_t block;       /* classes that fit */
    ptrdiff_t first;       /* class in the tile */
    ptrdiff_t begin, end;  /* of the classes to work on */
    int past;              /* results go past the caches where they begin at a line */
    V(ahead) in, out, in_target; /* of lane 0 */
    V(strip) *strip;       /* the rows */
    ptrdiff_t strips;
} V(tile);

/* Vector i of strip s. */
#define EACH_VECTOR(s, i, t)                                                                         \
    for (V(strip) *s = (t)->strip; s < (t)->strip + (t)->strips; s++)                                \
        for (ptrdiff_t i = 0; i < s->rows; i += V(W))

/* The place of class c and lane i. */
SXT_INLINE ptrdiff_t V(place)(const V(tile) *t, ptrdiff_t c, ptrdiff_t i) { return (c - t->first) * t->lanes + i; }

/* ---- scan ---------------------------------------------------------------------------------------------- */

SXT_INLINE void V(note_nan)(V(strip) *s, ptrdiff_t lane, KM bad)
{
    for (unsigned bits = V(mbits)(bad); bits; bits &= bits - 1)
        s->nan[lane + __builtin_ctz(bits)] = 1;
}

/* The extremes of the classes in the tile and before them. place: the first maximum goes to skip. */
SXT_INLINE void V(scan_lanes)(const V(tile) *t, int two, int place, int least)
{
    ptrdiff_t lanes = t->lanes;
    EACH_VECTOR(s, i, t) {
        KV m = V(set1)(-(T)INFINITY), next = m, low = V(set1)((T)INFINITY);
        if (t->begin > 0) {
            m = V(load)(s->max + i);
            next = V(load)(s->second + i);
            low = V(load)(s->least + i);
        }
        KI at = V(iset1)(-1);
        KM bad = V(mnone)();
        const T *x = t->x + V(place)(t, t->begin, s->lane + i);
        for (ptrdiff_t c = t->begin; c < t->end; c++, x += lanes) {
            KV v = V(held)(V(load)(x)), most = V(max)(v, m);
            bad = V(mor)(bad, V(unord)(v, v)); /* a NaN is passed over here; `bad` remembers it */
            if (two)
                next = V(max)(V(lesser)(v, m, most), next);
            if (place)
                at = V(iselect)(V(lt)(m, v), V(iset1)((V(int))(c - t->begin)), at);
            if (least)
                low = V(min)(v, low);
            m = most;
        }
        V(store)(s->max + i, m);
        V(store)(s->second + i, next);
        V(store)(s->least + i, low);
        V(int) where[V(W)];
        V(istore)(where, at);
        for (int k = 0; place && k < V(W); k++)
            s->skip[i + k] = where[k] >= 0 ? t->begin + (ptrdiff_t)where[k] : s->skip[i + k];
        V(note_nan)(s, i, bad);
    }
}

static void V(scan_tile)(const V(plan) *plan, const V(tile) *t)
{
    int leaves = plan->form->leaves;
    if (leaves == LEAVES_NOTHING)
        V(scan_lanes)(t, 0, 0, 0);
    else if (leaves == LEAVES_LABEL && V(has_distances)(plan->beside))
        V(scan_lanes)(t, 1, 0, 1);
    else if (leaves == LEAVES_LABEL || !plan->place)
        V(scan_lanes)(t, 1, 0, 0);
    else
        V(scan_lanes)(t, 1, 1, 0);
}

/* ---- dense sums ---------------------------------------------------------------------------------------- */

/* q of class c for the lanes at a place of the tile. */
SXT_INLINE KV V(q_across)(const V(plan) *plan, const V(tile) *t, ptrdiff_t c, ptrdiff_t at, int beside)
{
    if (beside == SUM_BARE)
        return V(load)(t->target + at);
    if (beside == SUM_WEIGHTED || (beside == SUM_TARGETS && !t->target))
        return V(set1)(plan->base[c]);
    if (beside == SUM_TARGETS)
        return V(dense_q)(V(set1)(plan->base[c]), V(set1)(plan->slope[c]), V(load)(t->target + at));
    return V(set1)((T)1);
}

/* Likewise in doubles. */
SXT_INLINE void V(wide_q_across)(const V(plan) *plan, const V(tile) *t, ptrdiff_t c, ptrdiff_t at, int beside,
                                 f64_v q[HALVES])
{
    f64_v base[HALVES], slope[HALVES];
    V(half_load)(&(const double){0.0}, 0, q);
    if (beside == SUM_BARE)
        V(halves_at)(t->target + at, q);
    if (beside != SUM_TARGETS)
        return;
    V(half_load)(plan->job->base + c, 0, q);
    if (!t->target)
        return;
    for (int k = 0; k < HALVES; k++)
        base[k] = q[k];
    V(half_load)(plan->job->slope + c, 0, slope);
    V(wide_q)(base, slope, V(load)(t->target + at), q);
}

static void V(bounds_start)(V(strip) *s)
{
    SIDE_BY_SIDE for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
        s->bound_d[i] = s->bound_q[i] = s->target_skip[i] = (T)0;
}

static void V(bound_tile)(const V(plan) *plan, const V(tile) *t)
{
    EACH_VECTOR(s, i, t) {
        V(bounds) b = V(bounds_from)(V(load)(s->bound_d + i), V(load)(s->bound_q + i));
        KV far = V(mul)(V(load)(s->max + i), V(set1)(DENSE_SCALE)), tail;
        for (ptrdiff_t c = t->begin; c < t->end; c++) {
            ptrdiff_t at = V(place)(t, c, s->lane + i);
            KV q = V(q_across)(plan, t, c, at, plan->beside);
            if (HAS_TAILS(plan))
                tail = V(load)(t->tail + at);
            V(bound_element)(V(load)(t->x + at), HAS_TAILS(plan) ? &tail : NULL, q, far, &b);
        }
        V(store)(s->bound_d + i, b.term);
        V(store)(s->bound_q + i, b.q);
        V(note_nan)(s, i, V(bounds_bad)(&b));
    }
}

/* ---- sums ---------------------------------------------------------------------------------------------- */

typedef struct {
    int beside, masses, unshifted, store, tails;
    const V(vunits) *units;
} V(lanes_kind);

static void V(note_parts)(const V(lane_sums) *lanes, sxt_grid_sum *parts, int is_unsigned)
{
    for (int k = 0; k < V(W); k++) {
        uint64_t coarse = is_unsigned ? (uint64_t)(V(uint))lanes->coarse[k] : (uint64_t)(int64_t)lanes->coarse[k];
        parts[k].coarse_hi += is_unsigned ? (int64_t)(coarse >> 32) : (int64_t)coarse >> 32;
        parts[k].coarse_lo += coarse & 0xffffffffu;
        parts[k].fine_hi += (int64_t)lanes->fine[k] >> 32;
        parts[k].fine_lo += (uint64_t)(int64_t)lanes->fine[k] & 0xffffffffu;
    }
}

/* The sums of rows i and following over `count` classes. */
static void V(note_sums)(const V(plan) *plan, V(strip) *s, ptrdiff_t i, V(uint) count, const V(accs) *a)
{
    V(uint) exps = V(bits_of_exps)(plan, count), dots = V(bits_of_dots)(plan, count);
    V(lane_sums) lanes;
    V(lanes_from)(&lanes, a->exps.coarse, a->exps.fine);
    V(take_bits)(&lanes, s->m1 + i, s->m2 + i, exps);
    V(note_parts)(&lanes, s->exps.parts + i, 1);
    if (plan->beside != SUM_ALONE) {
        V(lanes_from)(&lanes, a->dots.coarse, a->dots.fine);
        V(take_bits)(&lanes, s->d1 + i, s->d2 + i, dots);
        V(note_parts)(&lanes, s->dots.parts + i, 0);
    }
}

/* The classes from `begin` to `end`, as many as fit a lane. */
SXT_INLINE void V(sum_classes)(const V(plan) *plan, V(strip) *s, const V(tile) *t, ptrdiff_t i, ptrdiff_t begin,
                               ptrdiff_t end, V(lanes_kind) kind)
{
    V(constants) constants = V(constants_of_lanes)(s, i, kind.units, kind.unshifted);
    V(accs) a = V(no_sums)();
    f64_v wide[HALVES];
    ptrdiff_t lanes = t->lanes, at = V(place)(t, begin, s->lane + i), in_step = t->in.cls, out_step = t->out.cls;
    uintptr_t in = t->in.p + (uintptr_t)((s->lane + i) * t->in.row + begin * in_step);
    uintptr_t out = t->out.p + (uintptr_t)((s->lane + i) * t->out.row + begin * out_step);
    ptrdiff_t target_step = t->in_target.cls;
    uintptr_t target = t->in_target.p + (uintptr_t)((s->lane + i) * t->in_target.row + begin * target_step);
    V(soon) soon = {in, out, target, in_step, out_step, target_step};
    T *x = t->x;
    ptrdiff_t c = begin;
    if (kind.unshifted) {
        V(vectors) vectors = {x + at, x + at, t->target ? t->target + at : NULL, lanes};
        V(add_each)(vectors, end - begin, &constants, kind.beside, kind.masses, kind.store, 0, soon, &a);
        c = end;
    }
    for (; c < end; c++, at += lanes) {
        V(ask_for)(&soon, kind.masses, 0);
        KV q = V(q_across)(plan, t, c, at, kind.beside), tail = q;
        if (kind.tails)
            tail = V(load)(t->tail + at);
        if (kind.masses)
            V(wide_q_across)(plan, t, c, at, kind.beside, wide);
        KV term = V(add_element)(V(load)(x + at), kind.tails ? &tail : NULL, q, kind.masses ? wide : NULL, &constants,
                                 kind.beside, &a);
        if (kind.store)
            V(store)(x + at, term);
    }
    if (plan->form->leaves != LEAVES_NOTHING && kind.beside == SUM_ALONE && !kind.tails)
        V(leave_out)(plan, s, i, begin, end, &constants, kind.beside, 0, &a);
    else if (plan->form->leaves != LEAVES_NOTHING)
        V(leave_out_of_any)(plan, s, i, begin, end, &a);
    if (kind.masses)
        V(mass_flush)(s->masses + i, &a.masses, (uint64_t)(end - begin), &constants.grid, 1);
    if (s->in_parts)
        V(note_sums)(plan, s, i, (V(uint))(end - begin), &a);
    else
        V(store_sums)(s, i, kind.beside, &a);
}

SXT_INLINE void V(sum_lanes)(const V(plan) *plan, const V(tile) *t, V(lanes_kind) kind)
{
    EACH_VECTOR(s, i, t)
        for (ptrdiff_t begin = t->begin, end; begin < t->end; begin = end) {
            end = t->end - begin < FLUSH ? t->end : begin + FLUSH;
            V(sum_classes)(plan, s, t, i, begin, end, kind);
        }
}

/* Constants where the loops are to know: the usual kinds, and one for all others. */
static void V(sum_tile)(const V(plan) *plan, const V(tile) *t, int store)
{
    V(vunits) units = V(broadcast_units)(plan->units);
    int masses = HAS_MASSES(plan), natural = !plan->scaled && !plan->tails;
    for (ptrdiff_t k = 0; k < t->strips; k++)
        natural &= !t->strip[k].any_shift;
    if (natural && plan->beside == SUM_ALONE && store)
        V(sum_lanes)(plan, t, (V(lanes_kind)){SUM_ALONE, 0, 1, 1, 0, NULL});
    else if (natural && plan->beside == SUM_ALONE)
        V(sum_lanes)(plan, t, (V(lanes_kind)){SUM_ALONE, 0, 1, 0, 0, NULL});
    else if (natural && plan->beside == SUM_EVEN)
        V(sum_lanes)(plan, t, (V(lanes_kind)){SUM_EVEN, 0, 1, store, 0, NULL});
    else if (natural && plan->beside == SUM_BARE)
        V(sum_lanes)(plan, t, (V(lanes_kind)){SUM_BARE, 1, 1, store, 0, NULL});
    else if (HAS_TAILS(plan))
        V(sum_lanes)(plan, t, (V(lanes_kind)){plan->beside, masses, 0, store, 1, NULL});
    else
        V(sum_lanes)(plan, t, (V(lanes_kind)){plan->beside, masses, 0, store, 0,
                                                 plan->scaled ? &units : NULL});
}

/* ---- write --------------------------------------------------------------------------------------------- */

/* Terms in place of the logits, where they were not kept. */
static void V(terms_again)(const V(plan) *plan, const V(tile) *t)
{
    V(vunits) units = V(broadcast_units)(plan->units);
    EACH_VECTOR(s, i, t) {
        V(vref) ref = V(constants_of_lanes)(s, i, plan->scaled ? &units : NULL, 0).ref;
        for (ptrdiff_t c = t->begin; c < t->end; c++) {
            T *x = t->x + V(place)(t, c, s->lane + i);
            KV tail;
            if (HAS_TAILS(plan))
                tail = V(load)(t->tail + V(place)(t, c, s->lane + i));
            V(store)(x, V(exp_term)(V(load)(x), HAS_TAILS(plan) ? &tail : NULL, &ref));
        }
    }
}

static void V(scale_tile)(const V(tile) *t)
{
    EACH_VECTOR(s, i, t) {
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), down = V(load)(s->down + i), limit = V(load)(s->limit + i);
        T *y = t->x + V(place)(t, t->begin, s->lane + i);
        for (ptrdiff_t c = t->begin, end = t->end, lanes = t->lanes; c < end; c++, y += lanes)
            V(store)(y, V(scaled_value)(V(load)(y), hi, lo, down, limit));
    }
}

static void V(log_tile)(const V(tile) *t)
{
    EACH_VECTOR(s, i, t) {
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), top = V(load)(s->patch + i), max = V(load)(s->max + i);
        T *y = t->x + V(place)(t, t->begin, s->lane + i);
        for (ptrdiff_t c = t->begin, end = t->end, lanes = t->lanes; c < end; c++, y += lanes)
            V(store)(y, V(log_value)(V(load)(y), max, hi, lo, top));
    }
}

static void V(push_tile)(const sxt_job *job, const V(tile) *t)
{
    const T *push_hi = job->push_hi, *push_lo = job->push_lo;
    T first, rest;
    V(push_parts)(job->base_one, job->push_scale, &first, &rest);
    EACH_VECTOR(s, i, t) {
        KV hi = V(load)(s->hi + i), lo = V(load)(s->lo + i), down = V(load)(s->down + i), up = V(load)(s->up + i);
        KV here_hi = V(mul)(V(set1)(first), up), here_lo = V(mul)(V(set1)(rest), up);
        T *y = t->x + V(place)(t, t->begin, s->lane + i);
        for (ptrdiff_t c = t->begin, end = t->end, lanes = t->lanes; c < end; c++, y += lanes) {
            if (push_hi) {
                here_hi = V(mul)(V(set1)(push_hi[c]), up);
                here_lo = V(mul)(V(set1)(push_lo[c]), up);
            }
            V(store)(y, V(blend_value)(V(load)(y), hi, lo, here_hi, here_lo, down));
        }
    }
}

/* A value in the tile, where its class is worked on. */
SXT_INLINE void V(set_lane)(const V(tile) *t, T *tile, ptrdiff_t i, ptrdiff_t c, double value)
{
    if (tile && c >= t->begin && c < t->end)
        tile[V(place)(t, c, i)] = (T)value;
}

/* The values at the label and at the maximum, which come from sums of the others. */
static void V(set_general)(const V(plan) *plan, const V(strip) *s, const V(tile) *t)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        if (s->special[i])
            continue;
        if (plan->job->op == SXT_OP_LABEL) {
            V(set_lane)(t, t->x, s->lane + i, (ptrdiff_t)s->label[i], s->out.grad_label[i]);
            V(set_lane)(t, t->hess, s->lane + i, (ptrdiff_t)s->label[i], s->out.hess_label[i]);
        }
        V(set_lane)(t, t->x, s->lane + i, s->skip[i], s->out.grad_max[i]);
        V(set_lane)(t, t->hess, s->lane + i, s->skip[i], s->out.hess_max[i]);
    }
}

/* From derivatives in the capped logits, `grad` and `hess`, to those in the logits. */
SXT_FN T V(uncapped_slope)(T grad, T slope) { return sxt_canonical(grad * slope); }
SXT_FN T V(uncapped_curve)(T hess, T grad, T slope, T bend) { return sxt_canonical(hess * slope * slope + grad * bend); }

static void V(chain_rule)(const V(strip) *s, const V(tile) *t)
{
    for (ptrdiff_t c = t->begin; c < t->end; c++)
        for (ptrdiff_t i = 0; i < s->rows; i++) {
            ptrdiff_t at = V(place)(t, c, s->lane + i);
            if (t->hess)
                t->hess[at] = V(uncapped_curve)(t->hess[at], t->x[at], t->slope[at], t->bend[at]);
            t->x[at] = V(uncapped_slope)(t->x[at], t->slope[at]);
        }
}

SXT_INLINE void V(gradient_lanes)(const V(plan) *plan, const V(tile) *t, const V(strip) *s, ptrdiff_t i, int beside,
                                  int ordinary)
{
    V(gradient) gradient = V(gradient_of)(s->out.factor_hi + i, s->out.factor_lo + i, s->in.row_grad + i,
                                         s->out.down + i, 1);
    f64_v q[HALVES], term[HALVES];
    ptrdiff_t at = V(place)(t, t->begin, s->lane + i);
    for (ptrdiff_t c = t->begin, lanes = t->lanes; c < t->end; c++, at += lanes) {
        V(wide_q_across)(plan, t, c, at, beside, q);
        V(halves_at)(t->x + at, term);
        V(gradient_halves)(&gradient, term, q, ordinary, term);
        V(put_halves)(t->x + at, term);
    }
}

SXT_INLINE void V(hessian_lanes)(const V(tile) *t, const V(strip) *s, ptrdiff_t i, int ordinary)
{
    V(hessian) hessian = V(hessian_of)(s->out.share_hi + i, s->out.share_lo + i, s->out.curve + i, s->out.curve_z + i, 1);
    f64_v term[HALVES];
    ptrdiff_t at = V(place)(t, t->begin, s->lane + i);
    for (ptrdiff_t c = t->begin, lanes = t->lanes; c < t->end; c++, at += lanes) {
        V(halves_at)(t->x + at, term);
        V(hessian_halves)(&hessian, term, ordinary, term);
        V(put_halves)(t->hess + at, term);
    }
}

/* Gradient in place of the terms, if there is one, Hessian to its tile likewise. */
static void V(general_tile)(const V(plan) *plan, const V(tile) *t, int gradient)
{
    EACH_VECTOR(s, i, t) {
        int64_t rare = 0, rare_hess = 0;
        SIDE_BY_SIDE for (ptrdiff_t k = i; k < i + V(W); k++) {
            rare |= !V(ordinary_gradient)(s->out.factor_hi[k], s->out.factor_lo[k], s->in.row_grad[k]);
            rare_hess |= !V(ordinary_hessian)(s->out.share_hi[k], s->out.share_lo[k], s->out.curve[k], s->out.curve_z[k]);
        }
        if (t->hess && !rare_hess)
            V(hessian_lanes)(t, s, i, 1);
        else if (t->hess)
            V(hessian_lanes)(t, s, i, 0);
        if (gradient && !rare && plan->beside == SUM_BARE)
            V(gradient_lanes)(plan, t, s, i, SUM_BARE, 1);
        else if (gradient)
            V(gradient_lanes)(plan, t, s, i, plan->beside, 0);
    }
    for (ptrdiff_t k = 0; k < t->strips; k++) {
        V(set_general)(plan, &t->strip[k], t);
        if (HAS_TAILS(plan))
            V(chain_rule)(&t->strip[k], t);
    }
}

static void V(fill_special)(const V(plan) *plan, const V(strip) *s, const V(tile) *t, T *tile)
{
    for (ptrdiff_t i = 0; tile && i < s->rows; i++) {
        if (!s->special[i])
            continue;
        T fill = V(special_fill)(plan, s, i);
        for (ptrdiff_t c = t->begin; c < t->end; c++)
            tile[V(place)(t, c, s->lane + i)] = fill;
    }
}

/* gradient: whether that of the general form is wanted. */
static void V(write_tile)(const V(plan) *plan, const V(tile) *t, int terms, int gradient)
{
    if (plan->form->terms && !terms)
        V(terms_again)(plan, t);
    if (plan->form->writes == WRITE_LOG)
        V(log_tile)(t);
    else if (plan->form->writes == WRITE_GENERAL)
        V(general_tile)(plan, t, gradient);
    else if (plan->form->writes == WRITE_PUSHED)
        V(push_tile)(plan->job, t);
    else
        V(scale_tile)(t);
    for (ptrdiff_t k = 0; k < t->strips; k++) {
        const V(strip) *s = &t->strip[k];
        for (ptrdiff_t i = 0; plan->form->leaves == LEAVES_LABEL && i < s->rows; i++)
            V(set_lane)(t, t->x, s->lane + i, s->skip[i], (double)s->patch[i]);
        if (s->any_special) {
            V(fill_special)(plan, s, t, t->x);
            V(fill_special)(plan, s, t, t->hess);
        }
    }
}
