/* caps_tmpl.h - logits scaled and capped before the loss: z = cap tanh(scale x / cap), or z = scale x without
 * a cap; part of across_tmpl.h for elements of any storage type, in double.
 *
 * z is kept as a sum hi + tail, since half a unit in the last place of a large z is many units of exp(z).
 * Without a cap z is taken relative to the row's largest z, the origin: scale (x - x_max), so that elements
 * near enough to matter have a small z. tanh u = (1 - E) / (1 + E), E = exp(-2 |u|) to 2^-80: a capped z is
 * off by about cap 2^-80. Its first derivative is scale 4 E / (1 + E)^2, which does not cancel; the second
 * is -2 tanh u / cap times scale times the first. */

/* Constants of the cap: its inverse, and powers of two that keep that a normal number. */
typedef struct {
    double scale, cap, up, bend;
    sxt_dd inverse; /* 1 / (cap up) */
} N(cap);

static N(cap) N(cap_of)(double scale, double cap)
{
    double up = cap < 0x1p-900 ? 0x1p120 : cap > 0x1p900 ? 0x1p-120 : 1.0;
    sxt_dd scaled = {cap * up, 0.0};
    return (N(cap)){scale, cap, up, -2.0 * scale / cap, sxt_dd_inverse(scaled)};
}

/* Logits that are capped at once, at most. */
#define CAP_MOST 32

/* Here and below in three steps, since loops over many logits wait less between the shorter chains of each, and of a fixed
 * number of logits without branches, so that the compiler puts them side by side. First the exponential's argument in parts,
 * and expm1 of it over 64: sxt_exp_pair. */
SXT_FN sxt_dd N(long_reduce)(const N(cap) *c, double x, double *u, double *k)
{
    double product = x * c->scale, rest = fma(x, c->scale, -product) * c->up;
    double scaled = product * c->up, quotient = scaled * c->inverse.hi;
    double tail = fma(scaled, c->inverse.hi, -quotient) + fma(scaled, c->inverse.lo, rest * c->inverse.hi);
    double size = fabs(quotient), size_tail = quotient < 0.0 ? -tail : tail;
    int far = !(size < 380.0); /* even E is 0 there; keeps infinities out of the arithmetic */
    *u = quotient;
    return sxt_expm1_64th((sxt_dd){far ? -760.0 : -2.0 * size, far ? 0.0 : -2.0 * size_tail}, k);
}

/* From E without its power of two to z and the derivatives. One division in all: the processor does one of them in the time
 * of a dozen multiplications. */
SXT_FN void N(long_tanh)(const N(cap) *c, double u, sxt_dd e, double k, double *x, double *tail, double *slope, double *bend)
{
    /* in two steps: 2^k itself may lie below the normal numbers */
    double step = sxt_exp2i(k > -600.0 ? k : -600.0), last = sxt_exp2i(k > -600.0 ? 0.0 : k + 600.0);
    e = (sxt_dd){e.hi * step * last, e.lo * step * last};
    sxt_dd one = {1.0, 0.0}, minus = {-e.hi, -e.lo};
    sxt_dd share = sxt_dd_inverse(sxt_dd_add(one, e)), tanh = sxt_dd_mul(sxt_dd_add(one, minus), share);
    sxt_dd ratio = sxt_dd_mul(sxt_dd_mul(e, share), share);
    double sign = u < 0.0 ? -1.0 : 1.0, hi = c->cap * tanh.hi;
    double first = fabs(u) < 380.0 ? c->scale * 4.0 * ratio.hi : 0.0;
    *tail = sign * (fma(c->cap, tanh.hi, -hi) + c->cap * tanh.lo);
    *slope = first;
    *bend = c->bend * sign * tanh.hi * first;
    *x = *x != *x ? *x : sign * hi;
}

/* `n` logits side by side, a constant where this is expanded. */
SXT_FN void N(cap_long)(const N(cap) *c, T *restrict x, T *restrict tail, T *restrict slope, T *restrict bend, int n)
{
    double hi[CAP_MOST], lo[CAP_MOST], power[CAP_MOST];
    SIDE_BY_SIDE for (int k = 0; k < n; k++) {
        sxt_dd t = N(long_reduce)(c, x[k], slope + k, power + k);
        hi[k] = t.hi;
        lo[k] = t.lo;
    }
    SIDE_BY_SIDE for (int k = 0; k < n; k++) {
        sxt_dd e = sxt_exp_of_64th((sxt_dd){hi[k], lo[k]});
        hi[k] = e.hi;
        lo[k] = e.lo;
    }
    SIDE_BY_SIDE for (int k = 0; k < n; k++)
        N(long_tanh)(c, slope[k], (sxt_dd){hi[k], lo[k]}, power[k], x + k, tail + k, slope + k, bend + k);
}

/* The same for logits of at most 24 bits, whose results have no use for a tail: z within cap 2^-51. The steps:
 * the exponential's argument, in parts; E and 1 - E; z with its derivatives. */
SXT_FN void N(short_reduce)(const N(cap) *c, double x, double *u, double *r, double *low, double *power)
{
    double product = x * c->scale * c->up * c->inverse.hi, size = fabs(product), k;
    *r = sxt_exp_reduced(size < 340.0 ? -2.0 * size : -680.0, &k, low);
    *power = sxt_exp2i(k);
    *u = product;
}

/* r and low become E and 1 - E. hi is hi + lo, rounded, and times a power of two exact. */
SXT_FN void N(short_raise)(double *r, double *low, double power)
{
    sxt_dd e = sxt_exp_raised(*r, *low);
    double decay = e.hi * power;
    *low = fma(-e.lo, power, 1.0 - decay);
    *r = decay;
}

SXT_FN double N(short_tanh)(const N(cap) *c, double u, double decay, double rise, double *slope)
{
    double share = 1.0 / (1.0 + decay);
    *slope = fabs(u) < 340.0 ? c->scale * 4.0 * decay * share * share : 0.0;
    return (u < 0.0 ? -rise : rise) * share;
}

/* bend: NULL where not needed. */
SXT_FN void N(cap_short)(const N(cap) *c, T *restrict x, T *restrict slope, T *restrict bend, int n)
{
    double r[CAP_MOST], low[CAP_MOST], power[CAP_MOST];
    SIDE_BY_SIDE for (int k = 0; k < n; k++)
        N(short_reduce)(c, x[k], slope + k, r + k, low + k, power + k);
    SIDE_BY_SIDE for (int k = 0; k < n; k++)
        N(short_raise)(r + k, low + k, power[k]);
    if (bend)
        SIDE_BY_SIDE for (int k = 0; k < n; k++) {
            double tanh = N(short_tanh)(c, slope[k], r[k], low[k], slope + k);
            bend[k] = c->bend * tanh * slope[k];
            x[k] = x[k] != x[k] ? x[k] : c->cap * tanh;
        }
    else
        SIDE_BY_SIDE for (int k = 0; k < n; k++) {
            double tanh = N(short_tanh)(c, slope[k], r[k], low[k], slope + k);
            x[k] = x[k] != x[k] ? x[k] : c->cap * tanh;
        }
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

static void N(transform)(const sxt_job *job, double origin, double *x, double *tail)
{
    N(cap) cap = N(cap_of)(job->logit_scale, job->softcap);
    double slope, bend;
    *tail = 0.0;
    if (job->softcap > 0.0 && job->dtype != SXT_F64)
        N(cap_short)(&cap, x, &slope, NULL, 1);
    else if (job->softcap > 0.0)
        N(cap_long)(&cap, x, tail, &slope, &bend, 1);
    else
        N(scale_one)(job->logit_scale, origin, x, tail, &slope, &bend);
}

/* Logits that are changed at once: a strip's of a class. */
#define CAP_LANES SXT_STRIP

/* Groups of CAP_LANES logits, `step` elements apart. origin: one for each logit of a group; bend: NULL where not needed. */
static void N(cap_groups)(const sxt_job *job, const N(cap) *of, const double *restrict origin, ptrdiff_t groups,
                          ptrdiff_t step, T *restrict x, T *restrict tail, T *restrict slope, T *restrict bend)
{
    N(cap) cap = *of;
    T none[CAP_LANES];
    int is_short = cap.cap > 0.0 && job->dtype != SXT_F64;
    for (ptrdiff_t at = 0; at < groups * step; at += step) {
        T *bend_here = bend ? bend + at : none;
        if (is_short) {
            N(cap_short)(&cap, x + at, slope + at, bend_here, CAP_LANES);
            SIDE_BY_SIDE for (int k = 0; k < CAP_LANES; k++)
                tail[at + k] = 0.0;
        } else if (cap.cap > 0.0)
            N(cap_long)(&cap, x + at, tail + at, slope + at, bend_here, CAP_LANES);
        else
            SIDE_BY_SIDE for (int k = 0; k < CAP_LANES; k++)
                N(scale_one)(cap.scale, origin[k], x + at + k, tail + at + k, slope + at + k, bend_here + k);
    }
}

static void N(cap_logits)(const sxt_job *job, const V(strip) *s, const V(tile) *t)
{
    N(cap) cap = N(cap_of)(job->logit_scale, job->softcap);
    ptrdiff_t at = V(place)(t, t->begin, s->lane);
    N(cap_groups)(job, &cap, s->origin, t->end - t->begin, t->lanes, t->x + at, t->tail + at, t->slope + at, t->bend + at);
}

/* The origin is the logit with the largest z, the product of its sign with the largest signed one; 0 with a cap, or where
 * that is not finite. */
SXT_FN double N(sign_of_scale)(const sxt_job *job) { return job->logit_scale < 0.0 ? -1.0 : 1.0; }
SXT_FN double N(larger)(double best, double signed_x) { return signed_x > best ? signed_x : best; }
SXT_FN double N(origin_from)(double sign, double best) { return fabs(best) < (double)INFINITY ? sign * best : 0.0; }

static void N(set_origins)(const sxt_job *job, V(strip) *s)
{
    const sxt_plane *p = s->plane;
    double sign = N(sign_of_scale)(job);
    for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
        s->origin[i] = s->tail[i] = s->label_tail[i] = 0.0;
    for (ptrdiff_t i = 0; job->softcap == 0.0 && i < s->rows; i++) {
        double best = -(double)INFINITY;
        for (ptrdiff_t c = 0; c < job->classes; c++)
            best = N(larger)(best, sign * N(get)(job, p->x.p + (s->first + i) * p->x.row + N(class_at)(p, &p->x, c)));
        s->origin[i] = N(origin_from)(sign, best);
    }
}

/* z of class c and row i of the strip: from the tile that all classes are in, or made again. */
static double N(z_of)(const sxt_job *job, const V(strip) *s, const V(tile) *t, ptrdiff_t c, ptrdiff_t i, double *tail)
{
    const sxt_plane *p = s->plane;
    if (job->classes <= t->block) {
        *tail = t->tail[V(place)(t, c, s->lane + i)];
        return t->x[V(place)(t, c, s->lane + i)];
    }
    double x = N(get)(job, p->x.p + (s->first + i) * p->x.row + N(class_at)(p, &p->x, c));
    N(transform)(job, s->origin[i], &x, tail);
    return x;
}

/* The labels' z, and the tail of what is left out. */
static void N(set_tails)(const sxt_job *job, V(strip) *s, const V(tile) *t)
{
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        if (job->op == SXT_OP_LABEL)
            s->at_label[i] = N(z_of)(job, s, t, (ptrdiff_t)s->label[i], i, &s->label_tail[i]);
        if (s->skip[i] >= 0)
            (void)N(z_of)(job, s, t, s->skip[i], i, &s->tail[i]);
    }
}
