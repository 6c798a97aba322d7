/* focal_tmpl.h - the outcome of a row under focal loss (focal.h). Included once per compute type, after
 * finish_tmpl.h. */
/* The label of the row, as the sums of the plain loss tell it; p and q are in units of 1 / 2^p_lift, 1 / 2^q_lift:
 * for one of them at most, which is small then, that is not 1. */
typedef struct {
    sxt_dd p, q, nll;
    double p_lift, q_lift;
} V(focal_label);

SXT_FN sxt_dd V(wide_dd)(V(wide) x) { return (sxt_dd){V(wide_round)(x), V(wide_rest)(x)}; }

SXT_FN double V(focal_value)(double x, double n) { return sxt_canonical(sxt_focal_scaled(x, n)); }

SXT_FN V(focal_label) V(focal_label_of)(V(wide) others, V(wide) most, V(wide) own, const V(general) *g)
{
    V(focal_label) l = {{0.0, 0.0}, {0.0, 0.0}, {0.0, 0.0}, 0.0, 0.0};
    sxt_dd sum = V(wide_dd)(V(wide_add)(others, most)), rest = V(wide_dd)(others), one = {1.0, 0.0};
    int small = V(wide_round)(others) < 0.375 * V(wide_round)(most); /* as in wide_nll */
    l.nll = V(wide_dd)(V(wide_nll)(others, most, g->max - g->shift, g->n_ref));
    l.nll = sxt_dd_add(l.nll, (sxt_dd){small ? 0.0 : -g->tail, 0.0});
    if (g->label_is_max != 0.0) {
        l.p = sxt_dd_div(V(wide_dd)(most), sum);
        l.q_lift = sxt_focal_lift(rest.hi, sum.hi);
        l.q = sxt_focal_share(rest, sum, l.q_lift);
        return l;
    }
    sxt_dd gap = sxt_two_sum(g->max, -g->at_label);
    l.nll = sxt_dd_add(sxt_dd_add(l.nll, gap), (sxt_dd){g->tail - g->label_tail, 0.0});
    if (!(l.nll.hi < 1e300)) { /* p is 0 */
        l.q = one;
        l.nll = (sxt_dd){0.0, 0.0};
        return l;
    }
    l.p_lift = sxt_focal_lift(V(wide_round)(own), sum.hi);
    l.p = sxt_focal_share(V(wide_dd)(own), sum, l.p_lift);
    l.q = l.p_lift > 0.0 ? one : sxt_dd_add(one, (sxt_dd){-l.p.hi, -l.p.lo});
    return l;
}

/* Turns the outcome of a plain loss in the general form into that with (1 - p)^gamma before it; g has one
 * coefficient, the label's. Where the other classes are so improbable that squares of their probabilities would be no
 * normal numbers, 1 - p is 1 and the Hessian's p is taken in larger units. */
static __attribute__((noinline)) void V(finish_focal)(V(wide) others, const V(general) *g, double gamma,
                                                      V(general_outcome) *o)
{
    int top = g->label_is_max != 0.0;
    V(wide) most = V(wide_exp)(g->max - g->shift, g->n_ref), own = V(wide_exp)(g->at_label - g->shift, g->n_ref);
    most = V(wide_add)(most, V(wide_from)(V(wide_round)(most) * g->tail));
    own = V(wide_add)(own, V(wide_from)(V(wide_round)(own) * g->label_tail));
    sxt_dd sum = V(wide_dd)(V(wide_add)(others, most)), none = {0.0, 0.0};
    V(focal_label) l = V(focal_label_of)(others, most, own, g);
    sxt_focal f = {none, none, 0.0, 0.0};
    if (l.q.hi > 0.0) /* else all is 0 */
        f = sxt_focal_of(l.q, l.q_lift, l.p_lift > 0.0 ? none : l.p, l.nll, gamma);
    double weight = g->row_grad * g->mass, down = f.n - l.q_lift;
    sxt_dd slope = sxt_dd_mul((sxt_dd){weight, fma(g->row_grad, g->mass, -weight)}, f.slope);
    sxt_dd factor = sxt_dd_mul(slope, sxt_dd_inverse(sum));
    double bend = weight * f.bend, p_small = sxt_focal_scaled(l.p.hi, -l.p_lift);
    double bend_over_q = l.q.hi > 0.0 ? bend / l.q.hi : 0.0;
    o->loss = f.power.hi == 0.0 ? 0.0 : V(focal_value)(o->loss * f.power.hi, f.n);
    int far = !SXT_T_IS_F32 && fabs(sxt_focal_scaled(factor.hi, f.n)) < 0x1p-600;
    o->down = far ? 0x1p-600 : 1.0;
    o->factor_hi = sxt_focal_scaled(factor.hi, far ? f.n + 600.0 : f.n);
    o->factor_lo = sxt_focal_scaled(factor.lo, far ? f.n + 600.0 : f.n);
    o->share_hi = sxt_focal_scaled(o->share_hi, l.q_lift);
    o->share_lo = sxt_focal_scaled(o->share_lo, l.q_lift);
    o->curve = sxt_focal_scaled(slope.hi, down);
    o->curve_z = sxt_focal_scaled(bend_over_q * p_small, down);
    o->grad_label = V(focal_value)(0.0 - sxt_dd_mul(slope, l.q).hi, down);
    o->hess_label = V(focal_value)(l.q.hi * ((slope.hi + bend) * l.p.hi), down - l.p_lift);
    if (top) {
        o->grad_max = o->grad_label;
        o->hess_max = o->hess_label;
        return;
    }
    double p_max = sxt_dd_div(V(wide_dd)(most), sum).hi, lift = sxt_focal_lift(V(wide_round)(others), sum.hi);
    double p_rest = sxt_focal_share(V(wide_dd)(others), sum, lift).hi, p = sxt_focal_scaled(l.p.hi, lift - l.p_lift);
    o->grad_max = V(focal_value)(slope.hi * p_max, f.n);
    o->hess_max = V(focal_value)(p_max * (slope.hi * p_rest + bend_over_q * p * p_max), f.n - lift);
}
