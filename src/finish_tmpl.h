/* finish_tmpl.h - from the sum of a row to its outputs' constants; one compute type. Shared by the rows
 * and the tiles, so that both give the same bits. Branch-free where values are finite. */

/* What a row's outputs are made of: y = term * factor, or y = x - factor; patch at the skipped class.
 * tiny: the factor before it was cut in two, when its parts would not be normal numbers; else 0. */
typedef struct {
    double factor_hi, factor_lo, patch, loss, tiny;
} V(outcome);

SXT_FN V(outcome) V(outcome_of)(sxt_dd factor, double patch, double loss)
{
    double exact = factor.hi + factor.lo, size = fabs(exact);
    double tiny = size < V(smallest_factor) && size > 0.0 ? exact : 0.0;
    return (V(outcome)){factor.hi, factor.lo, patch, loss, tiny};
}

/* term * tiny, rounded once for f32, nearly so for f64. */
SXT_FN T V(times_tiny)(T term, double tiny)
{
#if SXT_T_IS_F32
    return (T)((double)term * tiny);
#else
    return (term * 0x1p-300) * (tiny * 0x1p300);
#endif
}

/* Softmax: factor = 1 / sum. */
SXT_FN V(outcome) V(finish_softmax)(V(wide) sum)
{
    return V(outcome_of)(V(wide_factor)(1.0, sum), 0.0, 0.0);
}

/* Log-sum-exp of everything, or, next to 0, of a sum without one maximum. */
SXT_FN double V(finish_logsumexp)(V(wide) sum, double max, double shift, double n_ref, int skipped)
{
    V(wide) all = V(wide_add)(V(wide_from)(shift), V(wide_log)(skipped ? V(wide_unit)() : sum, n_ref));
    V(wide) top = V(wide_nll)(sum, V(wide_exp)(max - shift, n_ref), max - shift, n_ref);
    top = V(wide_add)(V(wide_from)(max), top);
    return skipped ? V(wide_round)(top) : V(wide_round)(all);
}

/* Log-softmax; others: the sum without one maximum. factor = logsumexp, patch = at the maxima. */
SXT_FN V(outcome) V(finish_log_softmax)(V(wide) others, double max, double shift, double n_ref)
{
    double x = max - shift;
    V(wide) nll = V(wide_nll)(others, V(wide_exp)(x, n_ref), x, n_ref);
    sxt_dd f = V(wide_parts)(V(wide_add)(V(wide_from)(max), nll));
    return (V(outcome)){f.hi, f.lo, 0.0 - V(wide_round)(nll), 0.0, 0.0};
}

/* Cross-entropy with the skipped class as label: loss = scale_loss * -log p, gradient
 * scale_grad * (p - [label]), whose value at the label is minus the others' share. */
SXT_FN V(outcome) V(finish_label)(V(wide) others, double at_label, double shift, double n_ref,
                                  double scale_loss, double scale_grad)
{
    double x = at_label - shift;
    V(wide) e = V(wide_exp)(x, n_ref), sum = V(wide_add)(others, e);
    double nll = V(wide_round)(V(wide_nll)(others, e, x, n_ref));
    nll = at_label == -(double)INFINITY ? (double)INFINITY : nll;
    double patch = 0.0 - scale_grad * V(wide_ratio)(others, sum);
    return V(outcome_of)(V(wide_factor)(scale_grad, sum), patch, scale_loss == 0.0 ? 0.0 : scale_loss * nll);
}

/* ---- cross-entropy in its general form (kernels.h) -------------------------------------------- */

/* What the general form needs of a row beyond the sum. row_weight multiplies its loss, row_grad its
 * gradient; z_grad the gradient of z_loss lse^2. q_skip is q at the skipped class, mass the sum of q,
 * dot the sum of base-like q times (max - x), label_share the part of q that counts -log p_skip itself. */
typedef struct {
    double at_skip, tail, max, shift, n_ref; /* the logit at skip is at_skip + tail */
    double row_weight, row_grad, z_loss, z_grad;
    double q_skip, mass, dot, dot_mass, label_share;
} V(general);

/* gradient = term * factor - row_grad * q; hessian = curve p (1 - p) + curve_z p^2, p = term * share. */
typedef struct {
    double loss, z, factor_hi, factor_lo, patch, share_hi, share_lo, curve, curve_z, hess_patch;
} V(general_outcome);

SXT_FN V(general_outcome) V(finish_general)(V(wide) others, V(general) g)
{
    double x = g.at_skip - g.shift;
    V(wide) e = V(wide_exp)(x, g.n_ref);
    e = V(wide_add)(e, V(wide_from)(V(wide_round)(e) * g.tail));
    V(wide) sum = V(wide_add)(others, e);
    int top = V(wide_round)(others) < 0.375 * V(wide_round)(e); /* as in wide_nll */
    double nll = V(wide_round)(V(wide_nll)(others, e, x, g.n_ref)) - (top ? 0.0 : g.tail);
    nll = g.at_skip == -(double)INFINITY ? (double)INFINITY : nll;
    V(wide) lse = V(wide_add)(V(wide_from)(g.shift), V(wide_log)(sum, g.n_ref));
    double above_max = V(wide_round)(V(wide_add)(lse, V(wide_from)(-g.max)));
    above_max = g.at_skip == g.max ? nll + g.tail : above_max;
    double lse_here = V(wide_round)(lse), others_share = V(wide_ratio)(others, sum);
    double own_share = V(wide_ratio)(e, sum);
    double z_slope = 2.0 * g.z_loss * lse_here * g.z_grad;
    double label = g.label_share == 0.0 ? 0.0 : g.label_share * nll;
    double curve = g.row_grad * g.mass + z_slope, curve_z = 2.0 * g.z_loss * g.z_grad;
    sxt_dd f = V(wide_factor)(curve, sum), p = V(wide_factor)(1.0, sum);
    double patch = g.row_grad * ((g.mass - g.q_skip) - g.mass * others_share) + z_slope * own_share;
    double loss = label + (g.dot + g.dot_mass * above_max);
    return (V(general_outcome)){
        .loss = g.row_weight == 0.0 ? 0.0 : g.row_weight * loss,
        .z = g.z_loss == 0.0 ? 0.0 : g.row_weight * g.z_loss * lse_here * lse_here,
        .factor_hi = f.hi, .factor_lo = f.lo, .patch = patch, .share_hi = p.hi, .share_lo = p.lo,
        .curve = curve, .curve_z = curve_z,
        .hess_patch = curve * (own_share * others_share) + curve_z * (own_share * own_share)};
}

/* One element of the gradient. For f32 the factor is a double and all is rounded once. */
SXT_FN T V(gradient_value)(T term, double hi, double lo, double row_grad, double q)
{
#if SXT_T_IS_F32
    return (T)fma((double)term, hi + lo, -(row_grad * q));
#else
    return fma(term, hi, fma(term, lo, -(row_grad * q)));
#endif
}

SXT_FN T V(hessian_value)(T term, double share_hi, double share_lo, double curve, double curve_z)
{
    double p = fma((double)term, share_hi, (double)term * share_lo);
    return (T)fma(curve, p * (1.0 - p), curve_z * (p * p));
}
