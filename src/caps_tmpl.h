/* caps_tmpl.h - logits scaled and capped before the loss: z = cap tanh(scale x / cap), or z = scale x without
 * a cap; part of tiles_tmpl.h for elements of any storage type, in double.
 *
 * z is kept as a sum hi + tail, since half a unit in the last place of a large z is many units of exp(z).
 * Without a cap z is taken relative to the row's largest z, the origin: scale (x - x_max), so that elements
 * near enough to matter have a small z. tanh u = (1 - E) / (1 + E), E = exp(-2 |u|) to 2^-57: a capped z is
 * off by about cap 2^-57. Its first derivative is scale 4 E / (1 + E)^2, which does not cancel; the second
 * is -2 tanh u / cap times scale times the first. */

SXT_FN void N(cap_one)(double scale, double cap, double *x, double *tail, double *slope, double *bend)
{
    double product = *x * scale, rest = fma(*x, scale, -product);
    double u = product / cap;
    double u_tail = fma(-u, cap, product) / cap + rest / cap;
    double size = fabs(u), size_tail = u < 0.0 ? -u_tail : u_tail;
    int far = !(size < 380.0); /* even E is 0 there; keeps infinities out of the arithmetic */
    double k;
    sxt_dd e = sxt_exp_parts(far ? -760.0 : -2.0 * size, &k);
    /* in two steps: 2^k itself may lie below the normal numbers */
    double step = sxt_exp2i(k > -600.0 ? k : -600.0), last = sxt_exp2i(k > -600.0 ? 0.0 : k + 600.0);
    double shrink = far ? 0.0 : -2.0 * size_tail * e.hi;
    e = sxt_fast_sum(e.hi * step * last, (e.lo + shrink) * step * last);
    sxt_dd one = {1.0, 0.0}, minus = {-e.hi, -e.lo};
    sxt_dd below = sxt_dd_add(one, e), tanh = sxt_dd_div(sxt_dd_add(one, minus), below);
    sxt_dd ratio = sxt_dd_div(sxt_dd_div(e, below), below);
    double sign = u < 0.0 ? -1.0 : 1.0, hi = cap * tanh.hi;
    double first = far ? 0.0 : scale * 4.0 * ratio.hi;
    *tail = sign * (fma(cap, tanh.hi, -hi) + cap * tanh.lo);
    *slope = first;
    *bend = -2.0 * scale / cap * sign * tanh.hi * first;
    *x = *x != *x ? *x : sign * hi;
}

SXT_FN void N(scale_one)(double scale, double origin, double *x, double *tail, double *slope, double *bend)
{
    sxt_dd half = sxt_two_sum(0.5 * *x, -0.5 * origin); /* the whole difference may overflow */
    double twice = 2.0 * scale, product = half.hi * twice;
    double rest = fma(half.hi, twice, -product) + half.lo * twice;
    *tail = fabs(product) < 0x1p40 ? rest : 0.0; /* beyond, exp is 0 and the tail could overflow it */
    *slope = scale;
    *bend = 0.0;
    *x = product;
}

static void N(transform)(const sxt_job *job, double origin, double *x, double *tail, double *slope, double *bend)
{
    if (job->softcap > 0.0)
        N(cap_one)(job->logit_scale, job->softcap, x, tail, slope, bend);
    else
        N(scale_one)(job->logit_scale, origin, x, tail, slope, bend);
}

/* Lanes in a group of the loops below: with their number fixed and no branches, the compiler puts them side by
 * side, however few rows there are. */
#define CAP_LANES 8

static void N(cap_logits)(const sxt_job *job, const V(lanes) *s, const V(tiles_t) *t, ptrdiff_t nc)
{
    double scale = job->logit_scale, cap = job->softcap;
    for (ptrdiff_t c = 0; c < nc; c++)
        for (ptrdiff_t i = 0; i < s->rows; i += CAP_LANES) {
            ptrdiff_t at = c * s->lanes + i;
            double *restrict x = t->x + at, *restrict tail = t->tail + at;
            double *restrict slope = t->slope + at, *restrict bend = t->bend + at;
            const double *origin = s->origin + i;
            if (cap > 0.0)
                for (int k = 0; k < CAP_LANES; k++)
                    N(cap_one)(scale, cap, x + k, tail + k, slope + k, bend + k);
            else
                for (int k = 0; k < CAP_LANES; k++)
                    N(scale_one)(scale, origin[k], x + k, tail + k, slope + k, bend + k);
        }
}

/* The logit with the largest z of each row (0 with a cap, or when it is not finite), and the label's z. */
static void N(set_origins)(const sxt_job *job, const sxt_plane *p, V(lanes) *s, ptrdiff_t r0)
{
    for (ptrdiff_t i = 0; i < s->lanes; i++)
        s->origin[i] = 0.0;
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        double best = -(double)INFINITY, slope, bend;
        for (ptrdiff_t c = 0; job->softcap == 0.0 && c < job->classes; c++) {
            double x = N(get)(job, p->x.p + (r0 + i) * p->x.row + N(class_at)(p, &p->x, c));
            double signed_x = job->logit_scale < 0.0 ? -x : x;
            best = signed_x > best ? signed_x : best;
        }
        best = job->logit_scale < 0.0 ? -best : best;
        s->origin[i] = fabs(best) < (double)INFINITY ? best : 0.0;
        N(transform)(job, s->origin[i], &s->at_label[i], &s->label_tail[i], &slope, &bend);
    }
}
