/* logistic_f32.h - the logistic function, its logarithm and the binary cross-entropy for float lanes.
 *
 * Everything is made of u = exp(-|x|), held as an unevaluated sum so that its rounding costs nothing:
 *     sigmoid(-|x|) = u / (1 + u),  sigmoid(|x|) = 1 - u / (1 + u),  log(1 + exp(x)) = max(x, 0) + log1p(u).
 *
 * Lanes that float cannot serve (|x| > 64, where the low part of u nears the subnormal
 * numbers; NaN; absurd targets) are found by their own values and done again in double (logistic_f64.h).
 * For the others intermediate results are normal numbers: others would cost a hundred cycles each.
 *
 * Maximum errors over all floats (tools/check_logistic.c), in ULP: sigmoid 0.79, log_sigmoid and loss 1.77,
 * gradient 1.04, second derivative 1.48. */
#ifndef SXT_LOGISTIC_F32_H
#define SXT_LOGISTIC_F32_H

#include "numbers/math.h"

/* log1p(u) = u + u^2 P(u) on [0, 1]. Maximum error of the polynomial with these rounded coefficients,
 * relative to log1p(u): 2^-27.5. tools/make_coefficients.py. */
#define LOG1P_F32_0 -0x1.ffffd2p-2f
#define LOG1P_F32_1 0x1.554dd0p-2f
#define LOG1P_F32_2 -0x1.ff23e6p-3f
#define LOG1P_F32_3 0x1.934b54p-3f
#define LOG1P_F32_4 -0x1.3a435ep-3f
#define LOG1P_F32_5 0x1.b4ae04p-4f
#define LOG1P_F32_6 -0x1.d6b06ep-5f
#define LOG1P_F32_7 0x1.491784p-6f
#define LOG1P_F32_8 -0x1.af48dep-9f

/* What float lanes can serve: -|x| >= LEAST; below, lanes are computed for LOWEST and thrown away. */
#define F32_LEAST -64.0f
#define F32_LOWEST -66.0f

typedef struct {
    f32_v hi, lo;
} f32_pair;

/* exp(x) for LOWEST <= x <= 0, to 2^-27: hi = 2^n (1 + r) rounded, lo the rest. See math_tmpl.h; here the
 * small part of the reduced argument never meets the large one. */
SXT_INLINE f32_pair f32_decay(f32_v x)
{
    f32_v magic = f32_set1(0x1.8p23f + 127.0f), one = f32_set1(1.0f);
    f32_v z = f32_fma(x, f32_set1(LOG2E_F32), magic);
    f32_v n = f32_sub(z, magic);
    f32_v r0 = f32_fnma(n, f32_set1(LN2_F32_HI), x);
    f32_v low = f32_mul(n, f32_set1(-LN2_F32_LO));
    f32_v r = f32_add(r0, low);
    f32_v pow = f32_float(f32_shl(f32_bits(z)));
    f32_v p = f32_fma(f32_exp_q(r), f32_mul(r, r), low);
    f32_v h = f32_add(one, f32_add(r0, p));
    f32_v l = f32_add(f32_sub(r0, f32_sub(h, one)), p);
    return (f32_pair){f32_mul(pow, h), f32_mul(pow, l)};
}

/* line + log1p(u), 0 <= u <= 1: the largest part last, since each addition rounds. The low part of u counts
 * 1 / (1 + u) times, about 1 - u / 2. */
SXT_INLINE f32_v f32_line_and_log1p(f32_v line, f32_pair u)
{
    f32_v s = u.hi, p = f32_set1(LOG1P_F32_8);
    p = f32_fma(p, s, f32_set1(LOG1P_F32_7));
    p = f32_fma(p, s, f32_set1(LOG1P_F32_6));
    p = f32_fma(p, s, f32_set1(LOG1P_F32_5));
    p = f32_fma(p, s, f32_set1(LOG1P_F32_4));
    p = f32_fma(p, s, f32_set1(LOG1P_F32_3));
    p = f32_fma(p, s, f32_set1(LOG1P_F32_2));
    p = f32_fma(p, s, f32_set1(LOG1P_F32_1));
    p = f32_fma(p, s, f32_set1(LOG1P_F32_0));
    f32_v low = f32_fma(f32_mul(u.lo, f32_set1(-0.5f)), s, u.lo);
    return f32_add(u.hi, f32_add(f32_fma(s, f32_mul(s, p), low), line));
}

/* u / (1 + u): a quotient and the correction that its exact remainder asks for. */
SXT_INLINE f32_pair f32_share(f32_pair u)
{
    f32_v one = f32_set1(1.0f);
    f32_v d = f32_add(one, u.hi);
    f32_v d_low = f32_add(f32_sub(u.hi, f32_sub(d, one)), u.lo);
    f32_v y = f32_div(one, d);
    f32_v q = f32_mul(u.hi, y);
    f32_v rest = f32_add(f32_fnma(q, d, u.hi), f32_fnma(q, d_low, u.lo));
    return (f32_pair){q, f32_mul(rest, y)};
}

/* -|x|, and the lanes to be done in double. NaN is among them: max passes it over. */
SXT_INLINE f32_v f32_clamp(f32_v size, f32_m *hard)
{
    f32_v clamped = f32_max(size, f32_set1(F32_LOWEST));
    *hard = f32_lt(clamped, f32_set1(F32_LEAST));
    return clamped;
}

SXT_INLINE f32_v f32_sigmoid_lanes(f32_v x, f32_m *hard)
{
    f32_v zero = f32_set1(0.0f);
    f32_pair share = f32_share(f32_decay(f32_clamp(f32_min(x, f32_sub(zero, x)), hard)));
    f32_v q = f32_add(share.hi, share.lo);
    return f32_select(f32_lt(x, zero), q, f32_sub(f32_set1(1.0f), q));
}

SXT_INLINE f32_v f32_log_sigmoid_lanes(f32_v x, f32_m *hard)
{
    f32_v zero = f32_set1(0.0f);
    f32_pair u = f32_decay(f32_clamp(f32_min(x, f32_sub(zero, x)), hard));
    f32_v minus = f32_line_and_log1p(f32_sub(zero, f32_min(x, zero)), u);
    return f32_sub(f32_set1(-0.0f), minus);
}

typedef struct {
    f32_v loss, grad, hess;
    f32_m hard;
} f32_binary;

/* No weights. A target of 0 or 1 takes no digit from the gradient:
 *     x < 0: u/(1+u) - t,   x >= 0: (1 - t) - u/(1+u).
 * Constant arguments choose what is computed. */
SXT_INLINE f32_binary f32_binary_lanes(f32_v x, f32_v t, f32_pair scale, int slope, int curvature)
{
    f32_binary out;
    f32_v zero = f32_set1(0.0f), one = f32_set1(1.0f);
    /* targets up to 2^63 leave -|x| as it is, infinite and NaN ones send the lane away */
    f32_v far = f32_mul(t, f32_set1(0x1p-60f));
    f32_v size = f32_fnma(far, far, f32_min(x, f32_sub(zero, x)));
    f32_pair u = f32_decay(f32_clamp(size, &out.hard));
    out.loss = f32_line_and_log1p(f32_fnma(t, x, f32_max(x, zero)), u);
    out.grad = out.hess = out.loss;
    if (slope) {
        f32_m negative = f32_lt(x, zero);
        f32_v base = f32_select(negative, zero, one), sign = f32_select(negative, one, f32_set1(-1.0f));
        f32_pair share = f32_share(u);
        f32_v w = f32_sub(base, t);
        f32_v g = f32_fma(share.hi, sign, w);
        f32_v low = f32_fma(share.lo, sign, f32_sub(f32_sub(base, w), t));
        out.grad = f32_fma(g, scale.hi, f32_fma(g, scale.lo, f32_mul(low, scale.hi)));
        if (curvature) {
            f32_v q = f32_add(share.hi, share.lo);
            f32_v h = f32_fnma(q, q, q);
            out.hess = f32_fma(h, scale.hi, f32_mul(h, scale.lo));
        }
    }
    return out;
}

#endif
