/* caps_tmpl.h - logits scaled and capped before the loss: z = cap tanh(scale x / cap), or z = scale x without
 * a cap; part of tiles_tmpl.h for elements of any storage type, in double.
 *
 * z is kept as a sum hi + tail, since half a unit in the last place of a large z is many units of exp(z).
 * tanh u = (1 - E) / (1 + E), E = exp(-2 |u|) to 2^-57: z is off by about cap 2^-57. The first derivative is
 * scale 4 E / (1 + E)^2, which does not cancel; the second -2 tanh u / cap times scale times the first. */

SXT_FN void N(cap_one)(double scale, double cap, double *x, double *tail, double *slope, double *bend)
{
    double product = *x * scale, rest = fma(*x, scale, -product);
    double u = product / cap;
    double u_tail = fma(-u, cap, product) / cap + rest / cap;
    double size = fabs(u), size_tail = u < 0.0 ? -u_tail : u_tail;
    int far = !(size < 300.0); /* tanh is 1 there; keeps infinities out of the arithmetic */
    double k;
    sxt_dd e = sxt_exp_parts(far ? -600.0 : -2.0 * size, &k);
    double power = sxt_exp2i(k), shrink = far ? 0.0 : -2.0 * size_tail * e.hi;
    e = sxt_fast_sum(e.hi * power, (e.lo + shrink) * power);
    sxt_dd one = {1.0, 0.0}, minus = {-e.hi, -e.lo};
    sxt_dd tanh = sxt_dd_div(sxt_dd_add(one, minus), sxt_dd_add(one, e));
    double sign = u < 0.0 ? -1.0 : 1.0, hi = cap * tanh.hi;
    double first = scale * 4.0 * e.hi / ((1.0 + e.hi) * (1.0 + e.hi));
    *tail = sign * (fma(cap, tanh.hi, -hi) + cap * tanh.lo);
    *slope = first;
    *bend = -2.0 * scale / cap * sign * tanh.hi * first;
    *x = *x != *x ? *x : sign * hi;
}

SXT_FN void N(scale_one)(double scale, double *x, double *tail, double *slope, double *bend)
{
    double product = *x * scale, rest = fma(*x, scale, -product);
    *tail = fabs(product) < (double)INFINITY ? rest : 0.0;
    *slope = scale;
    *bend = 0.0;
    *x = product;
}

static void N(cap_logits)(const sxt_job *job, const N(tiles_t) *t, ptrdiff_t n)
{
    double scale = job->logit_scale, cap = job->softcap;
    if (cap > 0.0)
        for (ptrdiff_t i = 0; i < n; i++)
            N(cap_one)(scale, cap, t->x + i, t->tail + i, t->slope + i, t->bend + i);
    else
        for (ptrdiff_t i = 0; i < n; i++)
            N(scale_one)(scale, t->x + i, t->tail + i, t->slope + i, t->bend + i);
}
