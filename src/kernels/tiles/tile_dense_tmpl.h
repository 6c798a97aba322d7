/* tile_dense_tmpl.h - the dense sums (dense_tmpl.h) of a tile's rows; part of lanes_tmpl.h. */

/* q of one class for W lanes; target: the tile of target probabilities or NULL. */
SXT_INLINE KV V(lane_q)(const sxt_job *job, const T *target, ptrdiff_t c, ptrdiff_t at)
{
    const T *base = job->base_here, *slope = job->slope_here;
    KV b = base ? V(set1)(base[c]) : V(set1)((T)0);
    return target ? V(dense_q)(b, V(set1)(slope[c]), V(load)(target + at)) : b;
}

/* Likewise in doubles. */
SXT_INLINE void V(wide_lane_q)(const sxt_job *job, const T *target, ptrdiff_t c, ptrdiff_t at, f64_v q[HALVES])
{
    f64_v base[HALVES], slope[HALVES];
    V(half_load)(job->base ? job->base + c : &(const double){0.0}, 0, q);
    if (!target)
        return;
    for (int k = 0; k < HALVES; k++)
        base[k] = q[k];
    V(half_load)(job->slope + c, 0, slope);
    V(wide_q)(base, slope, V(load)(target + at), q);
}

/* q (max - x) of one class for W lanes. */
SXT_INLINE KV V(lane_term)(const V(tiles_t) *t, KV q, KV max, ptrdiff_t at)
{
    KV tail = V(load)((HAS_TAILS(t) ? t->tail : t->x) + at);
    return V(dense_term)(q, max, V(load)(t->x + at), HAS_TAILS(t) ? &tail : NULL);
}

static void V(tile_bounds)(const sxt_job *job, V(lanes) *s, const V(tiles_t) *t, ptrdiff_t c0, ptrdiff_t nc)
{
    const T *target = t->target;
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV top_d = V(load)(s->bound_d + i), top_q = V(load)(s->bound_q + i);
        KV max = V(mul)(V(load)(s->max + i), V(set1)(DENSE_SCALE));
        KV at_skip = V(load)(s->target_skip + i);
        KI skip = V(iload)(s->skip_here + i);
        KM bad = V(mnone)();
        for (ptrdiff_t c = 0; c < nc; c++) {
            ptrdiff_t at = c * s->lanes + i;
            KV q = V(lane_q)(job, target, c0 + c, at);
            bad = V(mor)(bad, V(dense_bad)(q));
            top_q = V(max)(V(abs)(q), top_q);
            top_d = V(max)(V(abs)(V(lane_term)(t, q, max, at)), top_d);
            if (target)
                at_skip = V(select)(V(ieq)(skip, V(iset1)((V(int))c)), V(load)(target + at), at_skip);
        }
        V(store)(s->bound_d + i, top_d);
        V(store)(s->bound_q + i, top_q);
        V(store)(s->target_skip + i, at_skip);
        V(note_nan)(s, i, bad);
    }
}

static void V(lanes_grids)(V(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        V(grid_for)(s->bound_d[i], &s->d1[i], &s->d2[i], &s->unit_d[i]);
    T unused[2];
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        V(grid_for)(s->bound_q[i], &unused[0], &unused[1], &s->unit_q[i]);
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        s->dots[i] = s->masses[i] = (sxt_grid_sum){0, 0, 0, 0};
        if (s->nan[i] && !s->special[i])
            s->special[i] = s->any_special = 1;
    }
}

static void V(lanes_flush)(V(lanes) *s, ptrdiff_t i, const V(acc) *acc, V(uint) count, const T *m1, const T *m2,
                           sxt_grid_sum *sums)
{
    V(int) coarse[V(W)], fine[V(W)];
    (void)s;
    V(istore)(coarse, acc->coarse);
    V(istore)(fine, acc->fine);
    for (int k = 0; k < V(W); k++) {
        V(int) a = (V(int))((V(uint))coarse[k] - count * V(scalar_bits)(m1[i + k]));
        V(int) b = (V(int))((V(uint))fine[k] - count * V(scalar_bits)(m2[i + k]));
        V(grid_note)(sums + i + k, a, b);
    }
}

static void V(tile_dense)(const sxt_job *job, V(lanes) *s, const V(tiles_t) *t, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV max = V(mul)(V(load)(s->max + i), V(set1)(DENSE_SCALE)), d1 = V(load)(s->d1 + i), d2 = V(load)(s->d2 + i);
        V(mass_grid) grid = V(mass_grid_of)(s->unit_q + i, 1);
        for (ptrdiff_t c = 0; c < nc;) {
            V(acc) d = {V(iset1)(0), V(iset1)(0)};
            V(mass) m = V(no_mass)();
            V(uint) count = 0;
            for (; c < nc && count < FLUSH; c++, count++) {
                ptrdiff_t at = c * s->lanes + i;
                KV q = V(lane_q)(job, t->target, c0 + c, at);
                V(grid_add)(V(lane_term)(t, q, max, at), d1, d2, &d);
                if (t->target) { /* else the mass is known */
                    f64_v wide[HALVES];
                    V(wide_lane_q)(job, t->target, c0 + c, at, wide);
                    V(mass_add)(wide, &grid, &m);
                }
            }
            V(lanes_flush)(s, i, &d, count, s->d1, s->d2, s->dots);
            if (t->target)
                V(mass_flush)(s->masses + i, &m, count, &grid, 1);
        }
    }
}

static void V(lanes_dense_values)(V(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        s->dot[i] = V(dot_value)(&s->dots[i], s->unit_d[i], s->bound_d[i]);
        s->mass[i] = V(mass_value)(&s->masses[i], s->unit_q[i]);
    }
}
