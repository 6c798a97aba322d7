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
    sxt_dd f = V(wide_factor)(1.0, sum);
    return V(outcome_of)(f, 0.0, 0.0);
}

/* Log-sum-exp of everything. */
SXT_FN double V(finish_logsumexp)(V(wide) sum, double shift, double n_ref)
{
    return V(wide_round)(V(wide_add)(V(wide_from)(shift), V(wide_log)(sum, n_ref)));
}

/* Log-softmax; others: the sum without one maximum. factor = logsumexp, patch = at the maxima. */
SXT_FN V(outcome) V(finish_log_softmax)(V(wide) others, double max, double shift, double n_ref)
{
    double x = max - shift;
    V(wide) nll = V(wide_nll)(others, V(wide_exp)(x, n_ref), x, n_ref);
    sxt_dd f = V(wide_parts)(V(wide_add)(V(wide_from)(max), nll));
    return (V(outcome)){f.hi, f.lo, -V(wide_round)(nll), 0.0, 0.0};
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
    sxt_dd f = V(wide_factor)(scale_grad, sum);
    double patch = -scale_grad * V(wide_ratio)(others, sum);
    return V(outcome_of)(f, patch, scale_loss == 0.0 ? 0.0 : scale_loss * nll);
}
