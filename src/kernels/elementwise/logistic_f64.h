/* logistic_f64.h - the logistic function, its logarithm and the binary cross-entropy for double lanes.
 *
 * Used in two ways, chosen by the constant argument `precise`: for double data, where every value on the
 * way is carried in twice the precision; and for narrower data with options or values that float lanes
 * leave to double, where plain double and shorter polynomials are more than enough. */
#ifndef SXT_LOGISTIC_F64_H
#define SXT_LOGISTIC_F64_H

#include "numbers/math.h"
#include "numbers/scalar_math.h"

/* For narrower data: exp as in math_tmpl.h to 2^-33.5, log((1+s)/(1-s)) as in scalar_math.h to 2^-37.6.
 * tools/make_coefficients.py. */
#define EXP_WIDE_0 0x1.0000003a23742p-1
#define EXP_WIDE_1 0x1.55555185ed108p-3
#define EXP_WIDE_2 0x1.55548940ef3c6p-5
#define EXP_WIDE_3 0x1.1116c0a982357p-7
#define EXP_WIDE_4 0x1.6d92bc49add5ap-10
#define EXP_WIDE_5 0x1.98c9b8f1ec0cdp-13
#define LOG_WIDE_0 0x1.555554fd411ddp-1
#define LOG_WIDE_1 0x1.999a7b3ba5d54p-2
#define LOG_WIDE_2 0x1.2438a873d8f81p-2
#define LOG_WIDE_3 0x1.e2fdd271c774ap-3

/* lo counts only where `precise` is set. */
typedef struct {
    f64_v hi, lo;
} f64_pair;

SXT_INLINE f64_v f64_negated(f64_v x) { return f64_sub(f64_set1(-0.0), x); }

SXT_INLINE f64_pair f64_pair_of(f64_v x) { return (f64_pair){x, f64_set1(0.0)}; }

SXT_INLINE f64_pair f64_pair_mul(f64_pair a, f64_pair b, int precise)
{
    f64_pair c = {f64_mul(a.hi, b.hi), a.hi};
    if (precise) {
        f64_v error = f64_fma(a.hi, b.hi, f64_negated(c.hi));
        c.lo = f64_fma(a.hi, b.lo, f64_fma(a.lo, b.hi, error));
    }
    return c;
}

/* a * b in one number. */
SXT_INLINE f64_v f64_pair_product(f64_pair a, f64_pair b, int precise)
{
    if (!precise)
        return f64_mul(a.hi, b.hi);
    return f64_fma(a.hi, b.hi, f64_fma(a.hi, b.lo, f64_mul(a.lo, b.hi)));
}

SXT_INLINE f64_pair f64_pair_select(f64_m m, f64_pair a, f64_pair b, int precise)
{
    return (f64_pair){f64_select(m, a.hi, b.hi), precise ? f64_select(m, a.lo, b.lo) : a.lo};
}

/* a + b for |a| >= |b| or a = 0, with b's low part. */
SXT_INLINE f64_pair f64_pair_sum(f64_v a, f64_pair b, int precise)
{
    f64_pair c = {f64_add(a, b.hi), a};
    if (precise)
        c.lo = f64_add(f64_sub(b.hi, f64_sub(c.hi, a)), b.lo);
    return c;
}

/* ---- what all functions are made of ------------------------------------------------------------------ */

SXT_INLINE f64_v f64_exp_polynomial(f64_v r, int precise)
{
    if (precise)
        return f64_exp_q(r);
    f64_v q = f64_set1(EXP_WIDE_5);
    q = f64_fma(q, r, f64_set1(EXP_WIDE_4));
    q = f64_fma(q, r, f64_set1(EXP_WIDE_3));
    q = f64_fma(q, r, f64_set1(EXP_WIDE_2));
    q = f64_fma(q, r, f64_set1(EXP_WIDE_1));
    return f64_fma(q, r, f64_set1(EXP_WIDE_0));
}

SXT_INLINE f64_v f64_log_polynomial(f64_v u, int precise)
{
    f64_v p = f64_set1(precise ? LOG_F64_8 : LOG_WIDE_3);
    if (precise) {
        p = f64_fma(p, u, f64_set1(LOG_F64_7));
        p = f64_fma(p, u, f64_set1(LOG_F64_6));
        p = f64_fma(p, u, f64_set1(LOG_F64_5));
        p = f64_fma(p, u, f64_set1(LOG_F64_4));
        p = f64_fma(p, u, f64_set1(LOG_F64_3));
    }
    p = f64_fma(p, u, f64_set1(precise ? LOG_F64_2 : LOG_WIDE_2));
    p = f64_fma(p, u, f64_set1(precise ? LOG_F64_1 : LOG_WIDE_1));
    return f64_fma(p, u, f64_set1(precise ? LOG_F64_0 : LOG_WIDE_0));
}

/* Beyond DEEP exp(-|x|) is held 2^512 times as large, so that its low part stays a normal number and a
 * subnormal result is rounded once, at the end. Beyond FAR it is 0, whatever the weights. */
#define F64_DEEP 400.0
#define F64_FAR_PRECISE 1000.0
#define F64_FAR 700.0

/* u = exp(-|x|) / *small; see math_tmpl.h for the reduction. */
SXT_INLINE f64_pair f64_decay(f64_v x, f64_v *small, int precise)
{
    f64_v magic = f64_set1(0x1.8p52 + 1023.0), one = f64_set1(1.0), zero = f64_set1(0.0);
    f64_v size = f64_abs(x), far = f64_set1(precise ? F64_FAR_PRECISE : F64_FAR);
    f64_v a = f64_min(size, far);
    *small = one;
    if (precise) {
        f64_m deep = f64_lt(f64_set1(F64_DEEP), a);
        magic = f64_select(deep, f64_set1(0x1.8p52 + 1023.0 + 512.0), magic);
        *small = f64_select(deep, f64_set1(0x1p-512), one);
    }
    f64_v z = f64_fnma(a, f64_set1(LOG2E_F64), magic);
    f64_v n = f64_sub(z, magic);
    f64_v r0 = f64_fnma(n, f64_set1(LN2_F64_HI), f64_negated(a));
    f64_v low = f64_mul(n, f64_set1(-LN2_F64_LO));
    f64_v r = f64_add(r0, low);
    f64_v pow = f64_select(f64_lt(far, size), zero, f64_float(f64_shl(f64_bits(z))));
    f64_v q = f64_exp_polynomial(r, precise), rr = f64_mul(r, r);
    if (!precise)
        return f64_pair_of(f64_fma(f64_fma(q, rr, r), pow, pow));
    f64_v p = f64_fma(q, rr, low);
    f64_v h = f64_add(one, f64_add(r0, p));
    f64_v l = f64_add(f64_sub(r0, f64_sub(h, one)), p);
    return (f64_pair){f64_mul(pow, h), f64_mul(pow, l)};
}

/* hi + lo = v * y corrected for y's distance from 1 / d. */
SXT_INLINE f64_pair f64_quotient(f64_pair v, f64_pair d, f64_v y, int precise)
{
    f64_pair s = {f64_mul(v.hi, y), v.hi};
    if (precise)
        s.lo = f64_mul(y, f64_add(f64_fnma(s.hi, d.hi, v.hi), f64_fnma(s.hi, d.lo, v.lo)));
    return s;
}

/* log1p(u) and the shares p = 1 / (1 + u) and q = u / (1 + u). Where u is scaled, log and q are too. */
typedef struct {
    f64_pair log, p, q;
    f64_v small;
} f64_logistic;

/* log1p(u) is log((1+s)/(1-s)) with s = v / (2 + v) for v = u, or above sqrt 2 - 1 for 1 + v = (1 + u) / 2,
 * see scalar_math.h. One division serves both denominators. Unused parts fall away when inlined. */
SXT_INLINE f64_logistic f64_logistic_of(f64_v x, int precise)
{
    f64_logistic f;
    f64_v zero = f64_set1(0.0), one = f64_set1(1.0), two = f64_set1(2.0), half = f64_set1(0.5);
    f64_pair u = f64_decay(x, &f.small, precise), v = u;
    f64_m large = f64_lt(f64_set1(0.41421356237309503), u.hi);
    f64_v less = f64_sub(u.hi, one);
    v.hi = f64_select(large, f64_mul(half, less), u.hi);
    if (precise) {
        f64_v low = f64_add(f64_sub(u.hi, f64_add(less, one)), u.lo);
        v.lo = f64_select(large, f64_mul(half, low), u.lo);
    }
    f64_pair d = f64_pair_sum(one, u, precise), w = f64_pair_sum(two, v, precise);
    f64_v both = f64_div(one, f64_mul(d.hi, w.hi));
    f.p = f64_quotient(f64_pair_of(one), d, f64_mul(both, w.hi), precise);
    f.q = f64_pair_mul(u, f.p, precise);

    f64_pair s = f64_quotient(v, w, f64_mul(both, d.hi), precise);
    f64_v safe = f64_max(f64_abs(s.hi), f64_set1(0x1p-250)); /* the square of less could be subnormal */
    f64_v square = f64_mul(safe, safe), cube = f64_mul(square, f64_log_polynomial(square, precise));
    f64_v base = f64_select(large, f64_set1(SXT_LN2_HI), zero), twice = f64_add(s.hi, s.hi);
    if (!precise) {
        f.log = f64_pair_of(f64_add(base, f64_fma(cube, s.hi, twice)));
        return f;
    }
    f64_v base_low = f64_select(large, f64_set1(SXT_LN2_LO), zero);
    f64_pair tail = {twice, f64_add(f64_fma(cube, s.hi, f64_add(s.lo, s.lo)), base_low)};
    tail = f64_pair_sum(base, tail, precise);
    f.log = f64_pair_sum(tail.hi, f64_pair_of(tail.lo), precise);
    return f;
}

/* The canonical NaN wherever the result or what it hangs on is NaN. */
SXT_INLINE f64_v f64_canonical(f64_v y, f64_v x)
{
    return f64_select(f64_unord(x, y), f64_set1((double)NAN), y);
}

/* ---- sigmoid ------------------------------------------------------------------------------------------- */

SXT_INLINE f64_v f64_sigmoid(f64_v x, int precise)
{
    f64_logistic f = f64_logistic_of(x, precise);
    if (precise) {
        f.p.hi = f64_add(f.p.hi, f.p.lo);
        f.q.hi = f64_mul(f64_add(f.q.hi, f.q.lo), f.small);
    }
    return f64_canonical(f64_select(f64_lt(x, f64_set1(0.0)), f.q.hi, f.p.hi), x);
}

SXT_INLINE f64_v f64_log_sigmoid(f64_v x, int precise)
{
    f64_logistic f = f64_logistic_of(x, precise);
    f64_v y = f64_sub(f64_min(x, f64_set1(0.0)), f64_mul(f.log.hi, f.small));
    return f64_canonical(y, x);
}

/* ---- binary cross-entropy ------------------------------------------------------------------------------ */

typedef struct {
    f64_v x, target, weight, pos_weight, grad_output;
    f64_pair scale;
} f64_binary_in;

typedef struct {
    f64_v loss, grad, hess;
} f64_binary_out;

/* coefficient * |x|: 0 for a coefficient of 0 even where x is infinite. */
SXT_INLINE f64_v f64_line(f64_pair coefficient, f64_v x, int precise)
{
    f64_v zero = f64_set1(0.0), size = f64_abs(x), y = f64_mul(coefficient.hi, size);
    if (precise) /* infinity times a negative low part must not meet the infinity */
        y = f64_fma(coefficient.hi, size, f64_mul(coefficient.lo, f64_min(size, f64_set1(0x1p900))));
    return f64_select(f64_eq(coefficient.hi, zero), zero, y);
}

/* 1 - t, with its rounding error. */
SXT_INLINE f64_pair f64_complement(f64_v t, int precise)
{
    f64_v one = f64_set1(1.0);
    f64_pair c = f64_pair_of(f64_sub(one, t));
    if (precise)
        c.lo = f64_sub(f64_sub(one, c.hi), t);
    return c;
}

/* Without weights, for double data: line + log1p(u), and the derivative
 *     x < 0: u/(1+u) - t,   x >= 0: (1 - t) - u/(1+u). */
SXT_INLINE f64_binary_out f64_binary_plain(const f64_binary_in *in, int slope, int curvature)
{
    f64_binary_out out;
    f64_v zero = f64_set1(0.0), t = in->target, nan = f64_add(in->x, t);
    f64_m negative = f64_lt(in->x, zero);
    f64_logistic f = f64_logistic_of(in->x, 1);
    f64_pair no = f64_complement(t, 1);
    f64_v line = f64_line(f64_pair_select(negative, f64_pair_of(t), no, 1), in->x, 1);
    f64_v log = f64_add(f.log.hi, f.log.lo);
    out.loss = f64_canonical(f64_add(line, f64_mul(log, f.small)), nan);
    out.grad = out.hess = out.loss;
    if (slope) {
        f64_pair rest = f64_pair_select(negative, f64_pair_of(f64_sub(zero, t)), no, 1);
        f64_v share = f64_mul(f64_pair_product(in->scale, f.q, 1), f.small);
        f64_v base = f64_pair_product(in->scale, rest, 1);
        out.grad = f64_select(negative, f64_add(base, share), f64_sub(base, share));
        out.grad = f64_canonical(out.grad, nan);
    }
    if (curvature) {
        f64_v q = f64_mul(in->scale.hi, f64_add(f.q.hi, f.q.lo)), p = f64_add(f.p.hi, f.p.lo);
        out.hess = f64_canonical(f64_mul(f64_mul(q, p), f.small), nan);
    }
    return out;
}

/* The loss is weight * (no * log(1 + exp(x)) + yes * log(1 + exp(-x))) with no = 1 - target and
 * yes = pos_weight * target. */
typedef struct {
    f64_pair no, yes, both, weight, scale;
} f64_coefficients;

SXT_INLINE f64_coefficients f64_binary_coefficients(const f64_binary_in *in, int precise)
{
    f64_coefficients c;
    c.no = f64_complement(in->target, precise);
    c.yes = f64_pair_mul(f64_pair_of(in->target), f64_pair_of(in->pos_weight), precise);
    f64_v s = f64_add(c.no.hi, c.yes.hi), d = f64_sub(s, c.no.hi);
    c.both = f64_pair_of(s);
    if (precise) {
        f64_v error = f64_add(f64_sub(c.no.hi, f64_sub(s, d)), f64_sub(c.yes.hi, d));
        c.both.lo = f64_add(error, f64_add(c.no.lo, c.yes.lo));
    }
    c.weight = f64_pair_of(in->weight);
    f64_pair product = f64_pair_mul(c.weight, f64_pair_of(in->grad_output), precise);
    c.scale = f64_pair_mul(product, in->scale, precise);
    return c;
}

/* The two terms of a result are put together last: each is accurate by itself, and those of the loss are
 * not negative. */
SXT_INLINE f64_binary_out f64_binary_weighted(const f64_binary_in *in, int slope, int precise)
{
    f64_binary_out out;
    f64_v nan = f64_add(in->x, in->target), one = f64_set1(1.0);
    f64_m negative = f64_lt(in->x, f64_set1(0.0));
    f64_coefficients c = f64_binary_coefficients(in, precise);
    f64_logistic f = f64_logistic_of(in->x, precise);
    f64_pair steep = f64_pair_mul(c.weight, f64_pair_select(negative, c.yes, c.no, precise), precise);
    f64_v bend = f64_pair_product(f64_pair_mul(c.weight, c.both, precise), f.log, precise);
    out.loss = f64_add(f64_line(steep, in->x, precise), precise ? f64_mul(bend, f.small) : bend);
    out.loss = f64_canonical(out.loss, nan);
    out.grad = out.hess = out.loss;
    if (!slope)
        return out;
    f64_pair up = f64_pair_mul(c.scale, c.no, precise), down = f64_pair_mul(c.scale, c.yes, precise);
    f64_v a = f64_pair_product(up, f64_pair_select(negative, f.q, f.p, precise), precise);
    f64_v b = f64_pair_product(down, f64_pair_select(negative, f.p, f.q, precise), precise);
    f64_pair curvature = f64_pair_mul(f64_pair_mul(c.scale, c.both, precise), f.q, precise);
    f64_v h = f64_pair_product(curvature, f.p, precise);
    if (precise) {
        a = f64_mul(a, f64_select(negative, f.small, one));
        b = f64_mul(b, f64_select(negative, one, f.small));
        h = f64_mul(h, f.small);
    }
    out.grad = f64_canonical(f64_sub(a, b), nan);
    out.hess = f64_canonical(h, nan);
    return out;
}

#endif
