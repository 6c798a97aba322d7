/* strip_sums_tmpl.h - what one element adds to a row's sums, and the sums as numbers.
 *
 * A class that is left out of a sum is added like the others and taken away again: sums are integers, so nothing
 * of it remains, even where it went beyond the grid. */

/* What an element needs to know of its row, for a vector of one row's classes or of one class of rows. */
typedef struct {
    V(vref) ref;
    KV max, far, d1, d2; /* far: dense_distance_of the maximum */
    V(mass_grid) grid;
} V(constants);

typedef struct {
    V(acc) exps, dots;
    V(mass) masses;
} V(accs);

SXT_INLINE V(accs) V(no_sums)(void)
{
    KI zero = V(iset1)(0);
    return (V(accs)){{zero, zero}, {zero, zero}, V(no_mass)()};
}

SXT_INLINE V(constants) V(constants_of_lanes)(const V(strip) *s, ptrdiff_t i, const V(vunits) *units, int unshifted)
{
    KV max = V(load)(s->max + i);
    return (V(constants)){{V(load)(s->shift + i), V(load)(s->magic + i), V(load)(s->low + i), V(load)(s->m1 + i),
                           V(load)(s->m2 + i), units, unshifted},
                          max, V(mul)(max, V(set1)(DENSE_SCALE)), V(load)(s->d1 + i), V(load)(s->d2 + i),
                          V(mass_grid_of)(s->unit_q + i, 1)};
}

SXT_INLINE V(constants) V(constants_of_row)(const V(strip) *s, ptrdiff_t k, const V(vunits) *units, int unshifted)
{
    KV max = V(set1)(s->max[k]);
    return (V(constants)){{V(set1)(s->shift[k]), V(set1)(s->magic[k]), V(set1)(s->low[k]), V(set1)(s->m1[k]),
                           V(set1)(s->m2[k]), units, unshifted},
                          max, V(mul)(max, V(set1)(DENSE_SCALE)), V(set1)(s->d1[k]), V(set1)(s->d2[k]),
                          V(mass_grid_of)(s->unit_q + k, 0)};
}

SXT_INLINE int V(has_targets)(int beside) { return beside == SUM_TARGETS || beside == SUM_BARE; }
SXT_INLINE int V(has_distances)(int beside) { return beside == SUM_EVEN || beside == SUM_WEIGHTED; }

/* Adds what q says of an element. wide: q in doubles where its sum is not known, else NULL. A distance to -infinity makes
 * the row's bound infinite (blend_bound), and its sum is not looked at (dot_of). */
SXT_INLINE void V(add_beside)(KV x, const KV *tail, KV q, const f64_v *wide, const V(constants) *c, int beside, V(accs) *a)
{
    if (V(has_distances)(beside))
        V(blend_add)(x, c->far, q, beside == SUM_WEIGHTED, c->d1, c->d2, &a->dots);
    if (!V(has_targets)(beside))
        return;
    if (wide)
        V(mass_add)(wide, &c->grid, &a->masses);
    if (wide && beside == SUM_TARGETS) /* rounded once: more than one rounding is too much for 16-bit types */
        q = V(whole)(wide);
    V(grid_add_product)(q, V(dense_near)(c->far, x, tail), c->d1, c->d2, &a->dots);
}

/* Adds exp(x) and what q says of it; returns the term. -infinity stands for no element, as past the end of a row. */
SXT_INLINE KV V(add_element)(KV x, const KV *tail, KV q, const f64_v *wide, const V(constants) *c, int beside,
                             V(accs) *a)
{
    KV term = V(exp_add)(x, tail, &c->ref, &a->exps);
    if (V(has_distances)(beside))
        x = V(select)(V(eq)(x, V(set1)(-(T)INFINITY)), c->max, x);
    V(add_beside)(x, tail, q, wide, c, beside, a);
    return term;
}

/* Looks at the terms of dense sums for the largest ones. */
typedef struct {
    KV term, q, bad; /* bad: NaN after a q that is not a finite number, else 0 */
} V(bounds);

SXT_INLINE V(bounds) V(bounds_from)(KV term, KV q) { return (V(bounds)){term, q, V(set1)((T)0)}; }

/* No distance is below 0 but for a tail. That of -infinity times a q of 0 is NaN, which max passes over. */
SXT_INLINE void V(bound_element)(KV x, const KV *tail, KV q, KV far, V(bounds) *b)
{
    KV size = V(abs)(q), term = V(mul)(size, V(dense_distance)(far, x, tail));
    b->bad = V(add)(V(mul)(q, V(set1)((T)0)), b->bad);
    b->q = V(max)(size, b->q);
    b->term = V(max)(tail ? V(abs)(term) : term, b->term);
}

/* A row with such a q is NaN. */
SXT_INLINE KM V(bounds_bad)(const V(bounds) *b) { return V(unord)(b->bad, b->bad); }

/* Sums of V(W) rows. */
typedef struct {
    V(int) coarse[V(W)], fine[V(W)];
} V(lane_sums);

SXT_INLINE void V(lanes_from)(V(lane_sums) *to, KI coarse, KI fine)
{
    V(istore)(to->coarse, coarse);
    V(istore)(to->fine, fine);
}

SXT_INLINE void V(take_bits)(V(lane_sums) *sums, const T *m1, const T *m2, V(uint) count)
{
    SIDE_BY_SIDE for (int k = 0; k < V(W); k++) {
        sums->coarse[k] = (V(int))((V(uint))sums->coarse[k] - count * V(scalar_bits)(m1[k]));
        sums->fine[k] = (V(int))((V(uint))sums->fine[k] - count * V(scalar_bits)(m2[k]));
    }
}

/* What is left out of rows i and following leaves their sums over the classes from `begin` to `end`. */
SXT_INLINE void V(leave_out)(const V(plan) *plan, const V(strip) *s, ptrdiff_t i, ptrdiff_t begin, ptrdiff_t end,
                             const V(constants) *c, int beside, int tails, V(accs) *a)
{
    int whole = begin == 0 && end == plan->classes, distances = V(has_distances)(beside);
    KV at = V(load)(s->at + i), q = V(set1)((T)1), tail = V(set1)((T)0);
    if (!whole || beside == SUM_WEIGHTED) {
        T at_here[V(W)], q_here[V(W)];
        for (int k = 0; k < V(W); k++) {
            ptrdiff_t skip = s->skip[i + k];
            int here = whole || (skip >= begin && skip < end);
            at_here[k] = here ? s->at[i + k] : -(T)INFINITY;
            q_here[k] = beside == SUM_WEIGHTED && here ? plan->base[skip] : (T)1;
        }
        at = V(load)(at_here);
        q = V(load)(q_here);
    }
    if (tails)
        tail = V(load)(s->tail + i);
    V(accs) out = V(no_sums)();
    (void)V(add_element)(at, tails ? &tail : NULL, q, NULL, c, distances ? beside : SUM_ALONE, &out);
    a->exps.coarse = V(isub)(a->exps.coarse, out.exps.coarse);
    a->exps.fine = V(isub)(a->exps.fine, out.exps.fine);
    if (distances) {
        a->dots.coarse = V(isub)(a->dots.coarse, out.dots.coarse);
        a->dots.fine = V(isub)(a->dots.fine, out.dots.fine);
    }
}

/* One for the rare kinds of sums. */
static __attribute__((noinline)) void V(leave_out_of_any)(const V(plan) *plan, const V(strip) *s, ptrdiff_t i,
                                                          ptrdiff_t begin, ptrdiff_t end, V(accs) *a)
{
    V(vunits) units = V(broadcast_units)(plan->units);
    V(constants) c = V(constants_of_lanes)(s, i, plan->scaled ? &units : NULL, 0);
    V(leave_out)(plan, s, i, begin, end, &c, plan->beside, HAS_TAILS(plan), a);
}

/* How often the grids' own bits are in sums of `count` elements. */
SXT_INLINE V(uint) V(bits_of_exps)(const V(plan) *plan, V(uint) count)
{
    return plan->form->leaves == LEAVES_NOTHING ? count : count - 1;
}

SXT_INLINE V(uint) V(bits_of_dots)(const V(plan) *plan, V(uint) count)
{
    return V(has_distances)(plan->beside) ? V(bits_of_exps)(plan, count) : count;
}

/* Sums that fit their lanes, with the grids' own bits. */
SXT_INLINE void V(store_sums)(V(strip) *s, ptrdiff_t i, int beside, const V(accs) *a)
{
    V(istore)(s->exps.coarse + i, a->exps.coarse);
    V(istore)(s->exps.fine + i, a->exps.fine);
    if (beside != SUM_ALONE) {
        V(istore)(s->dots.coarse + i, a->dots.coarse);
        V(istore)(s->dots.fine + i, a->dots.fine);
    }
}
