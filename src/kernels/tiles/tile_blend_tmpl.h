/* tile_blend_tmpl.h - labels with smoothing or z_loss (blend_tmpl.h) for a tile's rows; part of lanes_tmpl.h. */

static void V(tile_min)(V(lanes) *s, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV m = V(load)(s->least + i);
        for (ptrdiff_t c = 0; c < nc; c++)
            m = V(min)(V(load)(tile + c * s->lanes + i), m);
        V(store)(s->least + i, m);
    }
}

static void V(blend_bounds)(const sxt_job *job, V(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        s->bound_d[i] = V(blend_bound)(s->max[i], s->least[i], V(blend_most)(job));
        V(grid_for)(s->bound_d[i], &s->d1[i], &s->d2[i], &s->unit_d[i]);
        s->dots[i] = s->masses[i] = (sxt_grid_sum){0, 0, 0, 0};
        s->unit_q[i] = 0.0;
    }
}

static void V(tile_blend)(const sxt_job *job, V(lanes) *s, const V(tiles_t) *t, ptrdiff_t c0, ptrdiff_t nc)
{
    const T *base = job->base_here;
    int weighted = job->blend == SXT_BLEND_WEIGHTED;
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        KV top = V(load)(s->max + i), max = V(mul)(top, V(set1)(DENSE_SCALE));
        KV d1 = V(load)(s->d1 + i), d2 = V(load)(s->d2 + i);
        KI label = V(iload)(s->skip_here + i);
        for (ptrdiff_t c = 0; c < nc;) {
            V(acc) d = {V(iset1)(0), V(iset1)(0)};
            V(uint) count = 0;
            for (; c < nc && count < FLUSH; c++, count++) {
                KV x = V(select)(V(ieq)(label, V(iset1)((V(int))c)), top, V(load)(t->x + c * s->lanes + i));
                V(blend_add)(x, max, V(set1)(weighted ? base[c0 + c] : (T)1), weighted, d1, d2, &d);
            }
            V(lanes_flush)(s, i, &d, count, s->d1, s->d2, s->dots);
        }
    }
}

static void V(gather_blend)(const sxt_job *job, V(lanes) *s)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        V(blend) g = {.n_ref = 0.0};
        if (i < s->rows && !s->special[i]) {
            g = V(blend_of)(job, s->skip[i]);
            g.at_label = (double)s->at_skip[i];
            g.shift = (double)s->shift[i];
            g.n_ref = (double)s->n_ref[i];
            g.max = (double)s->max[i];
            g.dot = sxt_smooths(job->blend) ? V(blend_dot)(job, s->dot[i]) : 0.0;
        }
#define TO_LANE(name) s->blend_in.name[i] = g.name;
        BLEND_INPUTS(TO_LANE)
#undef TO_LANE
    }
}

static void V(finish_blend_lanes)(const sxt_job *job, V(lanes) *s)
{
    V(gather_blend)(job, s);
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
#define FROM_LANE(name) .name = s->blend_in.name[i],
        V(blend) g = {BLEND_INPUTS(FROM_LANE)};
#undef FROM_LANE
        V(blend_outcome) o = V(finish_blend)(V(lane_sum)(s, i), g);
#define TO_LANE(name) s->blend_out.name[i] = o.name;
        BLEND_RESULTS(TO_LANE)
#undef TO_LANE
    }
}

/* Gradient in place of the terms. */
static void V(tile_write_blend)(const sxt_job *job, const V(lanes) *s, T *tile, ptrdiff_t c0, ptrdiff_t nc, int terms)
{
    const T *push_hi = job->push_hi, *push_lo = job->push_lo;
    T hi[WIDE_TILE], lo[WIDE_TILE], up[WIDE_TILE], down[WIDE_TILE], patch[WIDE_TILE], first, rest;
    V(push_parts)(job->base_one, job->push_scale, &first, &rest);
    for (ptrdiff_t i = 0; i < s->lanes; i++) {
        hi[i] = (T)s->blend_out.factor_hi[i];
        lo[i] = (T)s->blend_out.factor_lo[i];
        up[i] = (T)s->blend_out.up[i];
        down[i] = (T)s->blend_out.down[i];
        patch[i] = (T)s->blend_out.patch[i];
    }
    V(vunits) units = V(broadcast_units)(V(units_of)(job));
    for (ptrdiff_t i = 0; i < s->rows; i += V(W)) {
        V(vref) ref = V(lane_ref)(s, i);
        ref.units = job->scaled ? &units : NULL;
        KI label = V(iload)(s->skip_here + i);
        for (ptrdiff_t c = 0; c < nc; c++) {
            T *at = tile + c * s->lanes + i;
            KV e = V(load)(at), lift = V(load)(up + i);
            e = terms ? e : V(exp_term)(e, NULL, &ref);
            KV first_here = V(mul)(V(set1)(push_hi ? push_hi[c0 + c] : first), lift);
            KV rest_here = V(mul)(V(set1)(push_hi ? push_lo[c0 + c] : rest), lift);
            KV y = V(blend_value)(e, V(load)(hi + i), V(load)(lo + i), first_here, rest_here, V(load)(down + i));
            V(store)(at, V(select)(V(ieq)(label, V(iset1)((V(int))c)), V(load)(patch + i), y));
        }
    }
}
