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

/* One division in all: the processor does one of them in the time of a dozen multiplications. */
SXT_FN void N(cap_one)(const N(cap) *c, double *x, double *tail, double *slope, double *bend)
{
    double product = *x * c->scale, rest = fma(*x, c->scale, -product) * c->up;
    double scaled = product * c->up, u = scaled * c->inverse.hi;
    double u_tail = fma(scaled, c->inverse.hi, -u) + fma(scaled, c->inverse.lo, rest * c->inverse.hi);
    double size = fabs(u), size_tail = u < 0.0 ? -u_tail : u_tail;
    int far = !(size < 380.0); /* even E is 0 there; keeps infinities out of the arithmetic */
    double k;
    sxt_dd decay = {far ? -760.0 : -2.0 * size, far ? 0.0 : -2.0 * size_tail}, e = sxt_exp_pair(decay, &k);
    /* in two steps: 2^k itself may lie below the normal numbers */
    double step = sxt_exp2i(k > -600.0 ? k : -600.0), last = sxt_exp2i(k > -600.0 ? 0.0 : k + 600.0);
    e = (sxt_dd){e.hi * step * last, e.lo * step * last};
    sxt_dd one = {1.0, 0.0}, minus = {-e.hi, -e.lo};
    sxt_dd share = sxt_dd_inverse(sxt_dd_add(one, e)), tanh = sxt_dd_mul(sxt_dd_add(one, minus), share);
    sxt_dd ratio = sxt_dd_mul(sxt_dd_mul(e, share), share);
    double sign = u < 0.0 ? -1.0 : 1.0, hi = c->cap * tanh.hi;
    double first = far ? 0.0 : c->scale * 4.0 * ratio.hi;
    *tail = sign * (fma(c->cap, tanh.hi, -hi) + c->cap * tanh.lo);
    *slope = first;
    *bend = c->bend * sign * tanh.hi * first;
    *x = *x != *x ? *x : sign * hi;
}

/* The same for logits of at most 24 bits, whose results have no use for a tail: z within cap 2^-51. */
SXT_FN void N(cap_short)(const N(cap) *c, double *x, double *slope, double *bend)
{
    double u = *x * c->scale * c->up * c->inverse.hi, size = fabs(u), k;
    int far = !(size < 340.0);
    sxt_dd e = sxt_exp_parts(far ? -680.0 : -2.0 * size, &k);
    double power = sxt_exp2i(k), decay = (e.hi + e.lo) * power, share = 1.0 / (1.0 + decay);
    double rise = (1.0 - e.hi * power) - e.lo * power, tanh = (u < 0.0 ? -rise : rise) * share;
    double first = far ? 0.0 : c->scale * 4.0 * decay * share * share;
    *slope = first;
    *bend = c->bend * tanh * first;
    *x = *x != *x ? *x : c->cap * tanh;
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

static void N(transform)(const sxt_job *job, double origin, double *x, double *tail, double *slope, double *bend)
{
    N(cap) cap = N(cap_of)(job->logit_scale, job->softcap);
    *tail = 0.0;
    if (job->softcap > 0.0 && job->dtype != SXT_F64)
        N(cap_short)(&cap, x, slope, bend);
    else if (job->softcap > 0.0)
        N(cap_one)(&cap, x, tail, slope, bend);
    else
        N(scale_one)(job->logit_scale, origin, x, tail, slope, bend);
}

/* Logits that are capped at once: with their number fixed and no branches the compiler puts them side by side. */
#define CAP_LANES 8

/* origin: one for each. */
static void N(cap_some)(const sxt_job *job, const N(cap) *of, const double *restrict origin, T *restrict x,
                        T *restrict tail, T *restrict slope, T *restrict bend)
{
    N(cap) cap = *of;
    if (cap.cap > 0.0 && job->dtype != SXT_F64)
        SIDE_BY_SIDE for (int k = 0; k < CAP_LANES; k++) {
            N(cap_short)(&cap, x + k, slope + k, bend + k);
            tail[k] = 0.0;
        }
    else if (cap.cap > 0.0)
        SIDE_BY_SIDE for (int k = 0; k < CAP_LANES; k++)
            N(cap_one)(&cap, x + k, tail + k, slope + k, bend + k);
    else
        SIDE_BY_SIDE for (int k = 0; k < CAP_LANES; k++)
            N(scale_one)(cap.scale, origin[k], x + k, tail + k, slope + k, bend + k);
}

static void N(cap_logits)(const sxt_job *job, const V(strip) *s, const V(tile) *t)
{
    N(cap) cap = N(cap_of)(job->logit_scale, job->softcap);
    for (ptrdiff_t c = t->begin; c < t->end; c++)
        for (ptrdiff_t i = 0; i < s->rows; i += CAP_LANES) {
            ptrdiff_t at = V(place)(t, c, s->lane + i);
            N(cap_some)(job, &cap, s->origin + i, t->x + at, t->tail + at, t->slope + at, t->bend + at);
        }
}

/* The origin is the logit with the largest z, the product of its sign with the largest signed one; 0 with a cap, or where
 * that is not finite. */
SXT_FN double N(sign_of_scale)(const sxt_job *job) { return job->logit_scale < 0.0 ? -1.0 : 1.0; }
SXT_FN double N(larger)(double best, double signed_x) { return signed_x > best ? signed_x : best; }
SXT_FN double N(origin_from)(double sign, double best) { return fabs(best) < (double)INFINITY ? sign * best : 0.0; }

/* Each row's, and its label's z. */
static void N(set_origins)(const sxt_job *job, V(strip) *s)
{
    const sxt_plane *p = s->plane;
    double sign = N(sign_of_scale)(job);
    for (ptrdiff_t i = 0; i < SXT_STRIP; i++)
        s->origin[i] = s->tail[i] = s->label_tail[i] = 0.0;
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        double best = -(double)INFINITY, slope, bend;
        for (ptrdiff_t c = 0; job->softcap == 0.0 && c < job->classes; c++)
            best = N(larger)(best, sign * N(get)(job, p->x.p + (s->first + i) * p->x.row + N(class_at)(p, &p->x, c)));
        s->origin[i] = N(origin_from)(sign, best);
        N(transform)(job, s->origin[i], &s->at_label[i], &s->label_tail[i], &slope, &bend);
    }
}

/* The tail of what is left out. */
static void N(set_tails)(const sxt_job *job, V(strip) *s)
{
    const sxt_plane *p = s->plane;
    for (ptrdiff_t i = 0; i < s->rows; i++) {
        double slope, bend, x;
        if (s->skip[i] < 0)
            continue;
        x = N(get)(job, p->x.p + (s->first + i) * p->x.row + N(class_at)(p, &p->x, s->skip[i]));
        N(transform)(job, s->origin[i], &x, &s->tail[i], &slope, &bend);
    }
}
