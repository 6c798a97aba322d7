/* finish_tmpl.h - from the sum of a row to its outputs' constants; one compute type. Shared by the rows
 * and the tiles, so that both give the same bits. Branch-free where values are finite. */

/* What a row's outputs are made of: y = term * factor * down, or y = x - factor; patch at the skipped class.
 * down: 1 / lift, by which the factor is too large; see there. */
typedef struct {
    double factor_hi, factor_lo, down, patch;
} V(outcome);

/* By how much the factor of outputs up to `size` is lifted: numbers/wide_f32.h. */
SXT_FN double V(lift)(double size)
{
    double up = size < V(LARGE_SIZE) ? V(LARGE_LIFT) : 1.0;
    return size < V(SMALL_SIZE) ? V(SMALL_LIFT) : up;
}

/* Of a factor that is so many times too large. */
SXT_FN V(outcome) V(outcome_of)(sxt_dd factor, double lift, double patch)
{
    double down = lift == V(SMALL_LIFT) ? 1.0 / V(SMALL_LIFT) : lift == 1.0 ? 1.0 : 1.0 / V(LARGE_LIFT);
#if SXT_T_IS_F32
    double exact = factor.hi + factor.lo, hi = (double)(float)exact;
    return (V(outcome)){hi, exact - hi, down, patch};
#else
    return (V(outcome)){factor.hi, factor.lo, down, patch};
#endif
}

/* term * factor * down. */
SXT_INLINE KV V(lifted_value)(KV term, KV hi, KV lo, KV down)
{
    return V(mul)(V(fma)(term, hi, V(mul)(term, lo)), down);
}

/* Not above the limit: a probability rounded up never exceeds 1. */
SXT_INLINE KV V(scaled_value)(KV term, KV hi, KV lo, KV down, KV limit)
{
    return V(min)(V(lifted_value)(term, hi, lo, down), limit);
}

/* Whether no result reaches the limit: no term exceeds 2^(BIAS + 1/2). */
SXT_INLINE int V(stays_below)(T hi, T down, T limit)
{
    T most = (T)1.5 * V(scalar_float)((V(uint))(BIAS + EXPONENT_BIAS) << BITS);
    return (hi < (T)0 ? -hi : hi) * down * most < limit;
}

/* The factor of floats is made a quarter of an ULP smaller. A probability just below a power of two is judged by
 * the finer ULP below, but what is above that power by more than one of these is rounded up to two: the terms'
 * rounding, up to one, and the sum's error, 0.22, may reach that far, the smaller factor keeps them from it. */
#define SHRINK (SXT_T_IS_F32 ? 1.0 - 0x1p-26 : 1.0)

/* Softmax: factor = 1 / sum. */
SXT_FN V(outcome) V(finish_softmax)(V(wide) sum)
{
    return V(outcome_of)(V(wide_factor)(V(SMALL_LIFT) * SHRINK, sum), V(SMALL_LIFT), 0.0);
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
    return (V(outcome)){f.hi, f.lo, 1.0, 0.0 - V(wide_round)(nll)};
}

/* Cross-entropy with the skipped class as label, x its element less the shift and e = wide_exp(x, n_ref):
 * loss = scale * -log p, gradient scale * (p - [label]), whose value at the label is minus the others' share. */
SXT_FN double V(label_loss)(V(wide) others, V(wide) e, double x, double n_ref, double scale)
{
    double nll = V(wide_round)(V(wide_nll)(others, e, x, n_ref));
    nll = x == -(double)INFINITY ? (double)INFINITY : nll; /* also where the difference overflowed */
    return scale == 0.0 ? 0.0 : scale * nll;
}

SXT_FN V(outcome) V(label_gradient)(V(wide) others, V(wide) e, double scale)
{
    V(wide) sum = V(wide_add)(others, e);
    double lift = V(lift)(fabs(scale));
    return V(outcome_of)(V(wide_factor)(scale * lift * SHRINK, sum), lift, 0.0 - scale * V(wide_ratio)(others, sum));
}

/* A loss beyond the largest number, in units of 1 / DENSE_SCALE: its share of a mean may lie below. */
SXT_FN double V(finish_huge_loss)(V(wide) others, double at_label, double max, double shift, double n_ref,
                                  double scale)
{
    double x = at_label - shift, nll = V(label_loss)(others, V(wide_exp)(x, n_ref), x, n_ref, 1.0);
    scale *= (double)DENSE_SCALE;
    return nll < (double)INFINITY ? scale * nll : 2.0 * (scale * (0.5 * max - 0.5 * at_label));
}

/* ---- cross-entropy in its general form (kernels.h) -------------------------------------------- */

/* What the general form needs of a row beyond the sum without its first maximum. The maximum is max + tail
 * (tail: capped logits only), the label's logit at_label + label_tail. row_weight multiplies the loss,
 * row_grad the gradient, z_grad that of z_loss lse^2. mass is the sum of q; q_max and q_label are q at the
 * maximum and at the label; dot is the sum of the dense part of q times (max - x), times DENSE_SCALE,
 * dense_mass that of q. */
#define GENERAL_INPUTS(X)                                                                           \
    X(max) X(tail) X(shift) X(n_ref) X(origin) X(at_label) X(label_tail) X(label_share) X(label_is_max) \
    X(row_weight) X(row_grad) X(z_loss) X(z_grad) X(q_max) X(q_label) X(mass) X(dot) X(dense_mass)
#define ONE_DOUBLE(name) double name;
typedef struct {
    GENERAL_INPUTS(ONE_DOUBLE) /* label_is_max: 1 or 0 */
} V(general);

/* gradient = (term * factor - row_grad * q) * down; hessian = curve p (1 - p) + curve_z p^2, p = term * share; at the
 * maximum and at the label the values given. The loss is in units of 1 / unit: DENSE_SCALE when it may exceed
 * the largest number, else 1. */
#define GENERAL_RESULTS(X)                                                                          \
    X(loss) X(unit) X(z) X(factor_hi) X(factor_lo) X(down) X(share_hi) X(share_lo) X(curve) X(curve_z)         \
    X(grad_max) X(hess_max) X(grad_label) X(hess_label)
typedef struct {
    GENERAL_RESULTS(ONE_DOUBLE)
} V(general_outcome);

SXT_FN V(general_outcome) V(finish_general)(V(wide) others, V(general) g)
{
    double x = g.max - g.shift, x_label = g.at_label - g.shift;
    V(wide) e = V(wide_exp)(x, g.n_ref), e_label = V(wide_exp)(x_label, g.n_ref);
    e = V(wide_add)(e, V(wide_from)(V(wide_round)(e) * g.tail));
    V(wide) sum = V(wide_add)(others, e);
    /* -log p of the maximum: below log C, so no form but log1p is needed when it is small */
    double others_share = V(wide_ratio)(others, sum), own_share = V(wide_ratio)(e, sum);
    int small = V(wide_round)(others) < 0.375 * V(wide_round)(e); /* as in wide_nll */
    double nll = V(wide_round)(V(wide_nll)(others, e, x, g.n_ref)) - (small ? 0.0 : g.tail);
    double above_max = nll + g.tail, lse = g.origin + (g.max + above_max);
    /* halves: the difference of two logits may exceed the largest number while its share does not */
    double half = 0.5 * g.max - 0.5 * g.at_label, rest = above_max - g.label_tail;
    half = g.label_is_max != 0.0 ? 0.0 : half;
    rest = g.label_is_max != 0.0 ? nll : rest;
    double p_label = V(wide_ratio)(e_label, sum) * (1.0 + g.label_tail);
    p_label = x_label == -(double)INFINITY ? 0.0 : p_label;
    double z_slope = 2.0 * g.z_loss * lse * g.z_grad, curve_z = 2.0 * g.z_loss * g.z_grad;
    double curve = g.row_grad * g.mass + z_slope;
    sxt_dd f = V(wide_factor)(curve * SHRINK, sum), p = V(wide_factor)(1.0, sum);
    double most = fabs(g.dot) > fabs(half) ? fabs(g.dot) : fabs(half);
    double unit = most > 0x1p1000 ? (double)DENSE_SCALE : 1.0, share = g.label_share * unit;
    double label_part = g.label_share == 0.0 ? 0.0 : 2.0 * (share * half) + share * rest;
    double dense_part = g.dot * (unit / (double)DENSE_SCALE);
    dense_part += g.dense_mass == 0.0 ? 0.0 : g.dense_mass * unit * above_max;
    double loss = label_part + dense_part;
    /* Q p - q at the maximum, from p or from 1 - p, whichever is small */
    double tilt = others_share > 0.5 ? g.mass * own_share - g.q_max : (g.mass - g.q_max) - g.mass * others_share;
    return (V(general_outcome)){
        .loss = g.row_weight == 0.0 ? 0.0 : g.row_weight * loss, .unit = unit,
        .z = g.z_loss == 0.0 ? 0.0 : g.row_weight * g.z_loss * lse * lse,
        .factor_hi = f.hi, .factor_lo = f.lo, .down = 1.0, .share_hi = p.hi, .share_lo = p.lo,
        .curve = curve, .curve_z = curve_z,
        .grad_max = sxt_canonical(g.row_grad * tilt + z_slope * own_share),
        .hess_max = sxt_canonical(curve * (own_share * others_share) + curve_z * (own_share * own_share)),
        .grad_label = sxt_canonical(g.row_grad * (g.mass * p_label - g.q_label) + z_slope * p_label),
        .hess_label = sxt_canonical(curve * (p_label * (1.0 - p_label)) + curve_z * (p_label * p_label))};
}

/* ---- elements of the general form's gradient and Hessian ---------------------------------------- */

/* What they are made of for the lanes of a vector: doubles, for f32 in two halves. hi: for f32 all of the
 * factor; there everything is rounded once. */
typedef struct {
    f64_v hi[HALVES], lo[HALVES], minus_grad[HALVES], down[HALVES];
} V(gradient);

typedef struct {
    f64_v hi[HALVES], lo[HALVES], all[HALVES], curve[HALVES], curve_z[HALVES]; /* all: hi + lo */
} V(hessian);

SXT_INLINE f64_v V(canonical_lanes)(f64_v v) { return f64_select(f64_unord(v, v), f64_set1((double)NAN), v); }

/* step 0: the same numbers for all lanes; 1: those of consecutive rows. */
SXT_INLINE V(gradient) V(gradient_of)(const double *hi, const double *lo, const double *row_grad, const double *down,
                                      int step)
{
    V(gradient) g;
    V(half_load)(hi, step, g.hi);
    V(half_load)(lo, step, g.lo);
    V(half_load)(row_grad, step, g.minus_grad);
    V(half_load)(down, step, g.down);
    for (int k = 0; k < HALVES; k++)
        g.minus_grad[k] = f64_sub(f64_set1(0.0), g.minus_grad[k]);
#if SXT_T_IS_F32
    for (int k = 0; k < HALVES; k++)
        g.hi[k] = f64_add(g.hi[k], g.lo[k]);
#endif
    return g;
}

/* (term * factor - row_grad * q) * down; of f32, whose numbers are doubles here, no factor needs that. ordinary, a
 * constant where this is expanded: see ordinary_gradient. */
SXT_INLINE void V(gradient_halves)(const V(gradient) *g, const f64_v t[HALVES], const f64_v q[HALVES], int ordinary,
                                   f64_v s[HALVES])
{
    for (int k = 0; k < HALVES; k++) {
        f64_v minus = f64_mul(g->minus_grad[k], q[k]);
        if (!ordinary) /* no -0 */
            minus = f64_add(minus, f64_set1(0.0));
#if !SXT_T_IS_F32
        minus = f64_fma(t[k], g->lo[k], minus);
#endif
        s[k] = f64_fma(t[k], g->hi[k], minus);
#if !SXT_T_IS_F32
        s[k] = f64_mul(s[k], g->down[k]);
#endif
        if (!ordinary)
            s[k] = V(canonical_lanes)(s[k]);
    }
}

SXT_INLINE KV V(gradient_value)(const V(gradient) *g, KV term, const f64_v q[HALVES])
{
    f64_v t[HALVES], s[HALVES];
    V(halves)(term, t);
    V(gradient_halves)(g, t, q, 0, s);
    return V(whole)(s);
}

SXT_INLINE V(hessian) V(hessian_of)(const double *hi, const double *lo, const double *curve, const double *curve_z,
                                    int step)
{
    V(hessian) h;
    V(half_load)(hi, step, h.hi);
    V(half_load)(lo, step, h.lo);
    V(half_load)(curve, step, h.curve);
    V(half_load)(curve_z, step, h.curve_z);
    for (int k = 0; k < HALVES; k++)
        h.all[k] = f64_add(h.hi[k], h.lo[k]);
    return h;
}

/* curve p (1 - p) + curve_z p^2. ordinary, a constant where this is expanded: see ordinary_hessian. */
SXT_INLINE void V(hessian_halves)(const V(hessian) *h, const f64_v t[HALVES], int ordinary, f64_v s[HALVES])
{
    for (int k = 0; k < HALVES; k++) {
        f64_v p = SXT_T_IS_F32 && ordinary ? f64_mul(t[k], h->all[k]) : f64_fma(t[k], h->hi[k], f64_mul(t[k], h->lo[k]));
        f64_v square = ordinary ? h->curve_z[k] : f64_mul(h->curve_z[k], f64_mul(p, p));
        s[k] = f64_fma(h->curve[k], f64_mul(p, f64_sub(f64_set1(1.0), p)), square);
        if (!ordinary)
            s[k] = V(canonical_lanes)(s[k]);
    }
}

SXT_INLINE KV V(hessian_value)(const V(hessian) *h, KV term)
{
    f64_v t[HALVES], s[HALVES];
    V(halves)(term, t);
    V(hessian_halves)(h, t, 0, s);
    return V(whole)(s);
}

/* Whether nothing that gradient_halves does for the sake of rare numbers makes a difference in a row: its elements are no
 * NaN, since all but a q, which is finite, lies far from the largest number, and with a factor above 0 the sign of a zero
 * that is added to a term times it is none of the result's. */
SXT_FN int V(ordinary_gradient)(double hi, double lo, double row_grad)
{
    return (hi > 0x1p-700) & (hi < 0x1p700) & (fabs(lo) <= hi * 0x1p-20) & (fabs(row_grad) < 0x1p700);
}

/* Likewise of the Hessian, where curve_z is 0, and so is what it adds, with its sign; and of f32 the two parts of the share
 * are a double cut at a float, so that the products of a term with each are exact, and their sum is rounded like the
 * product with the whole. */
SXT_FN int V(ordinary_hessian)(double hi, double lo, double curve, double curve_z)
{
    double all = hi + lo;
    int cut = ((hi == (double)(float)all) & (lo == all - hi)) | (SXT_T_IS_F32 == 0);
    return (hi > 0x1p-600) & (hi < (SXT_T_IS_F32 ? 0x1p-50 : 0x1p-250)) & (fabs(lo) <= hi * 0x1p-20) & cut &
           (fabs(curve) < 0x1p300) & (curve_z == 0.0);
}
