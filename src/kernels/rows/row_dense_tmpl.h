/* row_dense_tmpl.h - the dense sums (dense_tmpl.h) of one contiguous row; part of rows_tmpl.h. */

typedef struct {
    const T *base, *slope; /* at this element, or NULL */
    const ST *target;
} N(coefficients);

SXT_INLINE KV N(q_of)(const N(coefficients) *q, ptrdiff_t i, ptrdiff_t n)
{
    KV base = !q->base ? V(set1)((T)0) : n >= V(W) ? V(load)(q->base + i) : V(loadn)(q->base + i, n);
    if (!q->target)
        return base;
    if (n >= V(W))
        return V(dense_q)(base, V(load)(q->slope + i), LOAD(q->target + i));
    return V(dense_q)(base, V(loadn)(q->slope + i, n), LOADN(q->target + i, n));
}

/* Likewise in doubles, of the row whose targets are `target`. */
SXT_INLINE void N(wide_q_of)(const sxt_job *job, const ST *target, ptrdiff_t i, ptrdiff_t n, f64_v q[HALVES])
{
    f64_v base[HALVES], slope[HALVES];
    V(half_load)(&(const double){0.0}, 0, q);
    if (job->base)
        V(halves_from)(job->base + i, n, q);
    if (!target)
        return;
    for (int k = 0; k < HALVES; k++)
        base[k] = q[k];
    V(halves_from)(job->slope + i, n, slope);
    V(wide_q)(base, slope, n >= V(W) ? LOAD(target + i) : LOADN(target + i, n), q);
}

/* row->dot, row->mass and row->target_skip. */
static void N(row_dense)(const sxt_job *job, sxt_row *row)
{
    const ST *x = row->x;
    N(coefficients) q = {job->base_here, job->slope_here, row->t};
    ptrdiff_t n = job->classes;
    KV max = V(set1)(V(dense_distance_of)((T)row->max)), top_d = V(set1)((T)0), top_q = top_d;
    KM bad = V(mnone)();
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        KV v = n - i >= V(W) ? LOAD(x + i) : LOADN(x + i, n - i), w = N(q_of)(&q, i, n - i);
        bad = V(mor)(bad, V(dense_bad)(w));
        top_q = V(max)(V(abs)(w), top_q);
        top_d = V(max)(V(abs)(V(dense_term)(w, max, v, NULL)), top_d);
    }
    T bound_d = V(hmax)(top_d), bound_q = V(hmax)(top_q), d1, d2, unused[2];
    double unit_d, unit_q;
    row->special |= V(mbits)(bad) != 0;
    V(grid_for)(bound_d, &d1, &d2, &unit_d);
    V(grid_for)(bound_q, &unused[0], &unused[1], &unit_q);
    V(mass_grid) grid = V(mass_grid_of)(&unit_q, 0);
    sxt_grid_sum dots = {0, 0, 0, 0}, masses = {0, 0, 0, 0};
    for (ptrdiff_t i = 0; i < n;) {
        V(acc) d = {V(iset1)(0), V(iset1)(0)};
        V(mass) m = V(no_mass)();
        V(uint) count = 0;
        for (; i < n && count < FLUSH; i += V(W), count++) {
            KV v = n - i >= V(W) ? LOAD(x + i) : LOADN(x + i, n - i), w = N(q_of)(&q, i, n - i);
            V(grid_add)(V(dense_term)(w, max, v, NULL), V(set1)(d1), V(set1)(d2), &d);
            if (q.target) { /* else the mass is known */
                f64_v wide[HALVES];
                N(wide_q_of)(job, q.target, i, n - i, wide);
                V(mass_add)(wide, &grid, &m);
            }
        }
        V(grid_flush)(&dots, &d, count, d1, d2);
        if (q.target)
            V(mass_flush)(&masses, &m, count, &grid, 0);
    }
    row->dot = V(dot_value)(&dots, unit_d, bound_d);
    row->mass = V(mass_value)(&masses, unit_q);
    if (row->t && row->skip >= 0) {
        T lane[V(W)];
        V(store)(lane, LOADN((const ST *)row->t + row->skip, 1));
        row->target_skip = (double)lane[0];
    }
}
