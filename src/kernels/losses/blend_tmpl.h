/* blend_tmpl.h - cross-entropy of labels with smoothing, z_loss or scaled logits, at little more than the price of the
 * plain one: what rows and tiles share. Included once per compute type, after finish_tmpl.h.
 *
 *     loss = share (lse - z_label) + sum_c base_c (lse - z_c) + z_loss lse^2,  z = scale x
 *     gradient = scale (row_grad (Q p - q) + 2 z_loss z_grad lse p)
 *
 * exp(scale x) costs two operations more than exp(x): the range reduction happens in the unit of x (math_tmpl.h).
 * As in the plain form the label is left out of the sum of exponentials, which carries its loss and its
 * gradient's small differences. sum_c base_c (max - x_c) is added up on a grid (dense_tmpl.h) in the same
 * sweep; the grid hangs on max base (max - min), known from the sweep that looks for the maximum. That is at
 * most SXT_FLAT times the largest term, since the job's base is flat, so the sum over the classes but the
 * label is off by less than C SXT_FLAT 2^-(2 GRID) of the largest term. */

/* The label's own part of the dense sum is added by finish_blend: `dot` has none of it. */
#define BLEND_INPUTS(X)                                                                              \
    X(at_label) X(shift) X(n_ref) X(max) X(share) X(base_label) X(base_sum) X(dot) X(row_weight) X(row_grad) \
    X(z_loss) X(z_grad) X(scale)
typedef struct {
    BLEND_INPUTS(ONE_DOUBLE)
} V(blend);

/* gradient = (term * factor + push * up) * down, push = -base push_scale; patch at the label. The loss is in
 * units of 1 / unit, as in the general form. */
#define BLEND_RESULTS(X) X(loss) X(unit) X(z) X(factor_hi) X(factor_lo) X(up) X(down) X(patch)
typedef struct {
    BLEND_RESULTS(ONE_DOUBLE)
} V(blend_outcome);

SXT_INLINE T V(blend_bound)(T max, T least, T most)
{
    return (V(dense_distance_of)(max) - V(dense_distance_of)(least)) * most;
}

/* Adds base (max - x), where q is base, to the dense sum; base is taken as 1 when all are the same. */
SXT_INLINE void V(blend_add)(KV x, KV max, KV q, int weighted, KV m1, KV m2, V(acc) *acc)
{
    KV distance = V(fnma)(x, V(set1)(DENSE_SCALE), max);
    if (weighted)
        V(grid_add_product)(q, distance, m1, m2, acc);
    else
        V(grid_add)(distance, m1, m2, acc);
}

SXT_FN V(blend_outcome) V(finish_blend)(V(wide) others, V(blend) g)
{
    V(wide) distance = V(wide_gap)(g.at_label, g.shift, g.scale);
    double x = V(wide_round)(distance), tail = V(wide_rest)(distance);
    V(wide) e = V(wide_exp)(x, g.n_ref);
    e = V(wide_add)(e, V(wide_from)(V(wide_round)(e) * tail));
    V(wide) sum = V(wide_add)(others, e), nll = V(wide_nll)(others, e, x, g.n_ref);
    int small = V(wide_round)(others) < 0.375 * V(wide_round)(e); /* as in wide_nll */
    nll = V(wide_add)(nll, V(wide_from)(small ? 0.0 : 0.0 - tail));
    int beyond = !(V(wide_round)(nll) < 1024.0), far = !(V(wide_round)(nll) < 0x1p1000) | !(fabs(g.dot) < 0x1p960);
    /* -log p of the maximum, by way of the label unless that one is too far away to tell */
    V(wide) below = V(wide_gap)(g.at_label, g.max, g.scale);
    double gap = V(wide_round)(below), above = V(wide_round)(V(wide_add)(nll, below));
    double above_far = V(wide_round)(V(wide_add)(V(wide_log)(sum, g.n_ref), V(wide_gap)(g.shift, g.max, g.scale)));
    above = beyond ? above_far : above;
    double lse = g.scale * g.max + above;
    double half = g.scale * (0.5 * g.max - 0.5 * g.at_label); /* the whole may overflow */
    double unit = far ? (double)DENSE_SCALE : 1.0, share = g.share * unit;
    double label_part = far ? 2.0 * (share * half) + share * above : share * V(wide_round)(nll);
    label_part = g.share == 0.0 ? 0.0 : label_part;
    double own = g.base_label == 0.0 ? 0.0 : g.base_label * (half * (2.0 * (double)DENSE_SCALE));
    double dense_part = (g.dot * g.scale + own) * (unit / (double)DENSE_SCALE) + g.base_sum * unit * above;
    double p_label = V(wide_ratio)(e, sum), p_others = V(wide_ratio)(others, sum);
    p_label = gap < -4096.0 ? 0.0 : p_label; /* e is not below a tiny number; z_slope may be huge */
    double z_slope = 2.0 * g.z_loss * lse * g.z_grad;
    /* the mass, times its factor, with what rounding leaves of both */
    sxt_dd mass = sxt_two_sum(g.share, g.base_sum);
    double curve = g.row_grad * mass.hi, curve_lo = fma(g.row_grad, mass.hi, -curve) + g.row_grad * mass.lo;
    double lift = V(lift)(fabs(g.scale * curve) + fabs(g.scale * z_slope)), lifted = g.scale * lift;
    sxt_dd factor = V(wide_factor)(lifted * (curve + z_slope), sum);
    factor.lo += V(wide_ratio)(V(wide_from)(lifted * curve_lo), sum);
    V(outcome) o = V(outcome_of)(factor, lift, 0.0);
    double tilt = (g.base_sum * p_label - g.base_label) - g.share * p_others;
    return (V(blend_outcome)){
        .loss = g.row_weight == 0.0 ? 0.0 : label_part + dense_part, .unit = unit,
        .z = g.row_weight == 0.0 ? 0.0 : g.z_loss * lse * lse,
        .factor_hi = o.factor_hi, .factor_lo = o.factor_lo,
        .up = g.row_grad == 0.0 ? 0.0 : lift, .down = o.down,
        .patch = 0.0 + g.scale * (g.row_grad * tilt + z_slope * p_label)};
}

/* Each push in two parts times up; the order keeps the error below that of a probability and half a unit. */
SXT_INLINE KV V(blend_unscaled)(KV term, KV hi, KV lo, KV push_hi, KV push_lo)
{
    return V(fma)(term, hi, V(add)(V(fma)(term, lo, push_lo), push_hi));
}
SXT_INLINE KV V(blend_value)(KV term, KV hi, KV lo, KV push_hi, KV push_lo, KV down)
{
    return V(mul)(V(blend_unscaled)(term, hi, lo, push_hi, push_lo), down);
}

/* -base scale in two parts. */
SXT_INLINE void V(push_parts)(double base, double scale, T *hi, T *lo)
{
    double push = -base * scale;
    *hi = (T)push;
    *lo = (T)((push - (double)*hi) + fma(-base, scale, -push));
}
