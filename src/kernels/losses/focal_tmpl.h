/* focal_tmpl.h - the outcomes of a strip's rows under focal loss (focal.h): those of the plain loss in the general form,
 * with (1 - p)^gamma before it. Included once per compute type, by losses.def.
 *
 * Several loops, each of which the compiler's vectors hold, with what is known so far in lanes. A row has one
 * coefficient, the label's. */

SXT_FN sxt_dd V(wide_dd)(V(wide) x) { return (sxt_dd){V(wide_round)(x), V(wide_rest)(x)}; }

SXT_FN V(wide) V(wide_lane)(const sxt_dd_lanes *x, ptrdiff_t i) { return V(wide_of)(x->hi[i], x->lo[i]); }

SXT_FN double V(focal_value)(double x, double n) { return sxt_canonical(sxt_focal_scaled(x, n)); }

SXT_FN sxt_dd V(focal_exp)(double x, double n_ref, double tail)
{
    V(wide) e = V(wide_exp)(x, n_ref);
    return V(wide_dd)(V(wide_add)(e, V(wide_from)(V(wide_round)(e) * tail)));
}

SXT_FN void V(focal_shares)(const V(strip) *s, sxt_focal *f)
{
    EACH_DOUBLE(i, s->rows)
        sxt_to_lane(&f->most, i, V(focal_exp)(s->in.max[i] - s->in.shift[i], s->in.n_ref[i], s->in.tail[i]));
    EACH_DOUBLE(i, s->rows)
        sxt_to_lane(&f->own, i,
                    V(focal_exp)(s->in.at_label[i] - s->in.shift[i], s->in.n_ref[i], s->in.label_tail[i]));
    EACH_DOUBLE(i, s->rows) {
        V(wide) others = V(sum_of)(s, i);
        int top = s->in.label_is_max[i] != 0.0;
        sxt_dd sum = V(wide_dd)(V(wide_add)(others, V(wide_lane)(&f->most, i))), one = {1.0, 0.0};
        sxt_dd own = sxt_dd_select(top, sxt_of_lane(&f->most, i), sxt_of_lane(&f->own, i));
        double p_lift = sxt_focal_lift(own.hi, sum.hi), rest_lift = sxt_focal_lift(V(wide_round)(others), sum.hi);
        sxt_dd p = sxt_focal_share(own, sum, p_lift), rest = sxt_focal_share(V(wide_dd)(others), sum, rest_lift);
        sxt_dd complement = sxt_dd_select(p_lift > 0.0, one, sxt_dd_add(one, (sxt_dd){-p.hi, -p.lo}));
        sxt_to_lane(&f->sum, i, sum);
        sxt_to_lane(&f->p, i, p);
        sxt_to_lane(&f->rest, i, rest);
        sxt_to_lane(&f->q, i, sxt_dd_select(top, rest, complement));
        f->p_lift[i] = p_lift;
        f->rest_lift[i] = rest_lift;
        f->q_lift[i] = top ? rest_lift : 0.0;
    }
}

/* -log p, by way of the maximum. Where that is too far away, p and p log p are 0. */
SXT_FN void V(focal_nlls)(const V(strip) *s, sxt_focal *f)
{
    EACH_DOUBLE(i, s->rows) {
        V(wide) others = V(sum_of)(s, i), most = V(wide_lane)(&f->most, i);
        int small = V(wide_round)(others) < 0.375 * V(wide_round)(most); /* as in wide_nll */
        sxt_dd nll = V(wide_dd)(V(wide_nll)(others, most, s->in.max[i] - s->in.shift[i], s->in.n_ref[i]));
        double tail = s->in.tail[i]; /* here: clang puts no loads under conditions side by side */
        sxt_to_lane(&f->nll, i, sxt_dd_add(nll, (sxt_dd){small ? 0.0 : -tail, 0.0}));
    }
    EACH_DOUBLE(i, s->rows) {
        int top = s->in.label_is_max[i] != 0.0;
        sxt_dd of_max = sxt_of_lane(&f->nll, i), gap = sxt_two_sum(s->in.max[i], -s->in.at_label[i]), none = {0.0, 0.0};
        sxt_dd nll = sxt_dd_add(sxt_dd_add(of_max, gap), (sxt_dd){s->in.tail[i] - s->in.label_tail[i], 0.0});
        nll = sxt_dd_select(top, of_max, nll);
        int absent = !(nll.hi < 1e300); /* that of the maximum is below log C */
        double p_lift = f->p_lift[i];
        sxt_to_lane(&f->nll, i, sxt_dd_select(absent, none, nll));
        sxt_to_lane(&f->p, i, sxt_dd_select(absent, none, sxt_of_lane(&f->p, i)));
        f->p_lift[i] = absent ? 0.0 : p_lift;
    }
}

/* A with the weight, and its factor of p_c; the gradients at the label and at the maximum. */
SXT_FN void V(focal_gradients)(V(strip) *s, sxt_focal *f)
{
    EACH_DOUBLE(i, s->rows) {
        double weight = s->in.row_grad[i] * s->in.mass[i];
        sxt_dd rounded = {weight, fma(s->in.row_grad[i], s->in.mass[i], -weight)};
        sxt_to_lane(&f->slope, i, sxt_dd_mul(rounded, sxt_of_lane(&f->slope, i)));
        f->bend[i] = weight * f->bend[i];
    }
    EACH_DOUBLE(i, s->rows) {
        double n = f->n[i];
        sxt_dd factor = sxt_dd_mul(sxt_of_lane(&f->slope, i), sxt_dd_inverse(sxt_of_lane(&f->sum, i)));
        int far = !SXT_T_IS_F32 && fabs(sxt_focal_scaled(factor.hi, n)) < 0x1p-600;
        s->out.down[i] = far ? 0x1p-600 : 1.0;
        s->out.factor_hi[i] = sxt_focal_scaled(factor.hi, far ? n + 600.0 : n);
        s->out.factor_lo[i] = sxt_focal_scaled(factor.lo, far ? n + 600.0 : n);
    }
    EACH_DOUBLE(i, s->rows) {
        int top = s->in.label_is_max[i] != 0.0;
        sxt_dd slope = sxt_of_lane(&f->slope, i);
        double p_max = sxt_dd_div(sxt_of_lane(&f->most, i), sxt_of_lane(&f->sum, i)).hi;
        double label = V(focal_value)(0.0 - sxt_dd_mul(slope, sxt_of_lane(&f->q, i)).hi, f->n[i] - f->q_lift[i]);
        double max = V(focal_value)(slope.hi * p_max, f->n[i]);
        s->out.grad_label[i] = label;
        s->out.grad_max[i] = top ? label : max;
    }
}

/* Where the other classes are so improbable that squares of their probabilities would be no normal numbers, 1 - p is 1
 * and the Hessian's p is taken in larger units. */
SXT_FN void V(focal_hessians)(V(strip) *s, const sxt_focal *f)
{
    EACH_DOUBLE(i, s->rows) {
        double lift = f->q_lift[i], down = f->n[i] - lift;
        double bend_over_q = f->q.hi[i] > 0.0 ? f->bend[i] / f->q.hi[i] : 0.0;
        s->out.share_hi[i] = sxt_focal_scaled(s->out.share_hi[i], lift);
        s->out.share_lo[i] = sxt_focal_scaled(s->out.share_lo[i], lift);
        s->out.curve[i] = sxt_focal_scaled(f->slope.hi[i], down);
        s->out.curve_z[i] = sxt_focal_scaled(bend_over_q * sxt_focal_scaled(f->p.hi[i], -f->p_lift[i]), down);
    }
    EACH_DOUBLE(i, s->rows) {
        int top = s->in.label_is_max[i] != 0.0;
        double slope = f->slope.hi[i], bend = f->bend[i], q = f->q.hi[i], lift = f->rest_lift[i], n = f->n[i];
        double p_max = sxt_dd_div(sxt_of_lane(&f->most, i), sxt_of_lane(&f->sum, i)).hi;
        double p = sxt_focal_scaled(f->p.hi[i], lift - f->p_lift[i]), bend_over_q = q > 0.0 ? bend / q : 0.0;
        double label = V(focal_value)(q * ((slope + bend) * f->p.hi[i]), (n - f->q_lift[i]) - f->p_lift[i]);
        double max = V(focal_value)(p_max * (slope * f->rest.hi[i] + bend_over_q * p * p_max), n - lift);
        s->out.hess_label[i] = label;
        s->out.hess_max[i] = top ? label : max;
    }
}

static __attribute__((noinline)) void V(finish_focal)(const V(plan) *plan, V(strip) *s, int writes)
{
    double gamma = plan->job->loss_parameter;
    sxt_focal f;
    V(focal_shares)(s, &f);
    sxt_focal_powers(&f, s->rows, gamma);
    EACH_DOUBLE(i, s->rows) {
        double loss = V(focal_value)(s->out.loss[i] * f.power.hi[i], f.n[i]);
        s->out.loss[i] = f.power.hi[i] == 0.0 ? 0.0 : loss;
    }
    if (!writes)
        return;
    V(focal_nlls)(s, &f);
    sxt_focal_slopes(&f, s->rows, gamma);
    V(focal_gradients)(s, &f);
    if (s->plane->h.p)
        V(focal_hessians)(s, &f);
}
