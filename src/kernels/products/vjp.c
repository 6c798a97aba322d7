/* vjp.c - the vector-Jacobian products of one instruction set: sweeps over blocks of doubles. */
#include "kernels/products/vjp.h"

#include "numbers/math.h"
#include "numbers/storage.h"

#define TEMPLATE "kernels/products/vjp_tmpl.h"
#include "vectors/storage_types.h"

/* One block of both inputs, and where in the strip it is; the first takes the results. */
typedef struct {
    double g[VJP_BLOCK], p[VJP_BLOCK];
    ptrdiff_t at;
} vjp_block;

static const struct {
    void (*get)(const sxt_vjp_strip *s, const sxt_view *v, ptrdiff_t c0, ptrdiff_t nc, double *to);
    void (*put)(const sxt_vjp_strip *s, const sxt_view *v, ptrdiff_t c0, ptrdiff_t nc, const double *from);
} vjp_access[] = {
#define SXT_DTYPE(NAME, name, bytes, compute) [NAME] = {name##s_vjp_get, name##s_vjp_put},
#include "dtypes.def"
#undef SXT_DTYPE
};

/* Classes that fill a block. */
static ptrdiff_t vjp_block_classes(const sxt_vjp_strip *s) { return s->along ? VJP_BLOCK : VJP_BLOCK / SXT_VJP_LANES; }

/* Groups of lanes that nc classes make. */
static ptrdiff_t vjp_groups(const sxt_vjp_strip *s, ptrdiff_t nc)
{
    return s->along ? (nc + SXT_VJP_LANES - 1) / SXT_VJP_LANES : nc;
}

/* Fetches a block unless it is the one that is there. */
static void vjp_fetch(const sxt_vjp_job *job, const sxt_vjp_strip *s, ptrdiff_t c0, ptrdiff_t nc, vjp_block *b)
{
    if (b->at == c0)
        return;
    vjp_access[job->dtype].get(s, &s->plane->x, c0, nc, b->g);
    vjp_access[job->dtype].get(s, &s->plane->t, c0, nc, b->p);
    b->at = c0;
}

/* ---- sweep 1: the largest terms ------------------------------------------------------------------------ */

static void vjp_scan_block(const vjp_block *b, ptrdiff_t groups, int log, sxt_vjp_lanes *s)
{
    for (int j = 0; j < SXT_VJP_LANES; j += f64_W) {
        f64_v most = f64_load(s->most + j), least = f64_load(s->least + j);
        f64_m bad = f64_mnone();
        for (ptrdiff_t i = j; i < groups * SXT_VJP_LANES; i += SXT_VJP_LANES) {
            f64_v term = f64_load(b->g + i);
            if (!log)
                term = f64_mul(term, f64_load(b->p + i));
            bad = f64_mor(bad, f64_unord(term, term));
            most = f64_max(term, most); /* in this order a NaN is passed over; `bad` remembers it */
            least = f64_min(term, least);
        }
        f64_store(s->most + j, most);
        f64_store(s->least + j, least);
        for (int k = 0; k < f64_W; k++)
            s->nan[j + k] |= (int)(f64_mbits(bad) >> k & 1);
    }
}

/* One row: what all lanes have found. */
static void vjp_join_scan(sxt_vjp_lanes *s)
{
    for (int k = 1; k < SXT_VJP_LANES; k++) {
        s->most[0] = s->most[k] > s->most[0] ? s->most[k] : s->most[0];
        s->least[0] = s->least[k] < s->least[0] ? s->least[k] : s->least[0];
        s->nan[0] |= s->nan[k];
    }
    for (int k = 1; k < SXT_VJP_LANES; k++) {
        s->most[k] = s->most[0];
        s->least[k] = s->least[0];
        s->nan[k] = s->nan[0];
    }
}

static void vjp_prepare(const sxt_vjp_strip *strip, sxt_vjp_lanes *s)
{
    if (strip->along)
        vjp_join_scan(s);
    for (int k = 0; k < SXT_VJP_LANES; k++) {
        double size = s->most[k] > -s->least[k] ? s->most[k] : -s->least[k];
        int exponent = (int)(sxt_bits(size) >> 52) - 1022; /* size < 2^exponent */
        /* moves the grids away from where numbers end */
        int move = exponent > 700 ? -400 : exponent < -700 ? 400 : 0;
        s->factor[k] = sxt_exp2i(move);
        exponent += move;
        s->exponent[k] = exponent;
        s->m1[k] = 1.5 * sxt_exp2i(exponent - f64_GRID + f64_BITS);
        s->m2[k] = 1.5 * sxt_exp2i(exponent - 2 * f64_GRID + f64_BITS);
    }
}

/* ---- sweep 2: the sum ---------------------------------------------------------------------------------- */

/* At most 2^51 grids a term and VJP_BLOCK / 16 terms a lane. */
static void vjp_sum_block(const vjp_block *b, ptrdiff_t groups, int log, sxt_vjp_lanes *s)
{
    for (int j = 0; j < SXT_VJP_LANES; j += f64_W) {
        f64_v m1 = f64_load(s->m1 + j), m2 = f64_load(s->m2 + j), factor = f64_load(s->factor + j);
        f64_i a = f64_iset1(0), c = a;
        for (ptrdiff_t i = j; i < groups * SXT_VJP_LANES; i += SXT_VJP_LANES) {
            f64_v g = f64_load(b->g + i), p = log ? factor : f64_mul(f64_load(b->p + i), factor);
            f64_v term = f64_mul(g, p);
            f64_v error = log ? f64_set1(0.0) : f64_fma(g, p, f64_sub(f64_set1(-0.0), term));
            f64_v coarse = f64_add(term, m1);
            f64_v fine = f64_add(f64_add(f64_sub(term, f64_sub(coarse, m1)), error), m2);
            a = f64_iadd(a, f64_bits(coarse));
            c = f64_iadd(c, f64_bits(fine));
        }
        int64_t coarse[f64_W], fine[f64_W];
        f64_istore(coarse, a);
        f64_istore(fine, c);
        for (int k = 0; k < f64_W; k++) {
            uint64_t zero1 = (uint64_t)groups * sxt_bits(s->m1[j + k]);
            uint64_t zero2 = (uint64_t)groups * sxt_bits(s->m2[j + k]);
            int64_t high = (int64_t)((uint64_t)coarse[k] - zero1), low = (int64_t)((uint64_t)fine[k] - zero2);
            s->a_hi[j + k] += high >> 32;
            s->a_lo[j + k] += (uint64_t)high & 0xffffffffu;
            s->b_hi[j + k] += low >> 32;
            s->b_lo[j + k] += (uint64_t)low & 0xffffffffu;
        }
    }
}

static void vjp_join_sum(sxt_vjp_lanes *s)
{
    for (int k = 1; k < SXT_VJP_LANES; k++)
        sxt_vjp_add_sum(s, 0, s, k);
    for (int k = 1; k < SXT_VJP_LANES; k++) {
        s->a_hi[k] = s->a_hi[0];
        s->a_lo[k] = s->a_lo[0];
        s->b_hi[k] = s->b_hi[0];
        s->b_lo[k] = s->b_lo[0];
    }
}

/* The sum of a row that holds NaN or infinities: IEEE's, in any order. */
static double vjp_special(double most, double least, int nan)
{
    int plus = most == (double)INFINITY, minus = least == -(double)INFINITY;
    return nan || (plus && minus) ? (double)NAN : plus ? most : least;
}

static void vjp_finish(const sxt_vjp_strip *strip, sxt_vjp_lanes *s)
{
    if (strip->along)
        vjp_join_sum(s);
    for (int k = 0; k < SXT_VJP_LANES; k++) {
        f64_wide sum = f64_wide_sum((uint64_t)s->a_hi[k], s->a_lo[k], s->b_hi[k], s->b_lo[k], s->exponent[k]);
        s->hi[k] = sum.hi / s->factor[k];
        s->lo[k] = sum.lo / s->factor[k];
        int special = s->nan[k] || s->most[k] == (double)INFINITY || s->least[k] == -(double)INFINITY;
        s->hi[k] = special ? vjp_special(s->most[k], s->least[k], s->nan[k]) : s->hi[k];
        s->lo[k] = special ? 0.0 : s->lo[k];
    }
}

/* ---- sweep 3: the results ------------------------------------------------------------------------------- */

/* g - exp(l) (hi + lo). Below -700 exp is held 2^1000 times as large, so that a large total meets all its
 * digits; it is 0 below -1400, and infinite above 709, where no logarithm of a probability is. */
SXT_INLINE f64_v vjp_log_result(f64_v g, f64_v l, f64_v hi, f64_v lo)
{
    f64_v one = f64_set1(1.0), zero = f64_set1(0.0), low = f64_set1(-1400.0), top = f64_set1(709.0);
    f64_m deep = f64_lt(l, f64_set1(-700.0));
    f64_v magic = f64_select(deep, f64_set1(0x1.8p52 + 1023.0 + 1000.0), f64_set1(0x1.8p52 + 1023.0));
    f64_v x = f64_min(f64_max(l, low), top);
    f64_v z = f64_fma(x, f64_set1(LOG2E_F64), magic), n = f64_sub(z, magic);
    f64_v r = f64_fnma(n, f64_set1(LN2_F64_LO), f64_fnma(n, f64_set1(LN2_F64_HI), x));
    f64_v pow = f64_float(f64_shl(f64_bits(z))), q = f64_exp_q(r);
    f64_v e = f64_fma(f64_fma(q, f64_mul(r, r), r), pow, pow);
    e = f64_select(f64_lt(l, low), zero, f64_select(f64_lt(top, l), f64_set1((double)INFINITY), e));
    f64_v product = f64_fma(e, hi, f64_mul(e, lo));
    f64_v y = f64_fnma(product, f64_select(deep, f64_set1(0x1p-1000), one), g);
    return f64_select(f64_unord(l, l), l, y);
}

static void vjp_write_block(vjp_block *b, ptrdiff_t groups, int log, const sxt_vjp_lanes *s)
{
    for (int j = 0; j < SXT_VJP_LANES; j += f64_W) {
        f64_v hi = f64_load(s->hi + j), lo = f64_load(s->lo + j);
        for (ptrdiff_t i = j; i < groups * SXT_VJP_LANES; i += SXT_VJP_LANES) {
            f64_v g = f64_load(b->g + i), p = f64_load(b->p + i);
            f64_v y = log ? vjp_log_result(g, p, hi, lo) : f64_mul(p, f64_sub(f64_sub(g, hi), lo));
            f64_store(b->g + i, f64_select(f64_unord(y, y), f64_set1((double)NAN), y));
        }
    }
}

/* ---- ranges, strips, planes ------------------------------------------------------------------------------ */

/* One sweep over classes [begin, end). */
static void vjp_sweep(int sweep, const sxt_vjp_job *job, const sxt_vjp_strip *strip, ptrdiff_t begin,
                      ptrdiff_t end, sxt_vjp_lanes *s, vjp_block *b)
{
    for (ptrdiff_t c0 = begin; c0 < end; c0 += vjp_block_classes(strip)) {
        ptrdiff_t left = end - c0, most = vjp_block_classes(strip), nc = left < most ? left : most;
        ptrdiff_t groups = vjp_groups(strip, nc);
        vjp_fetch(job, strip, c0, nc, b);
        if (sweep == SXT_VJP_SCAN) {
            vjp_scan_block(b, groups, job->log, s);
        } else if (sweep == SXT_VJP_SUM) {
            vjp_sum_block(b, groups, job->log, s);
        } else {
            vjp_write_block(b, groups, job->log, s);
            vjp_access[job->dtype].put(strip, &strip->plane->y, c0, nc, b->g);
        }
    }
}

/* A sweep over a range of one long row. */
static void vjp_range(int sweep, const sxt_vjp_job *job, const sxt_vjp_strip *strip, ptrdiff_t begin,
                      ptrdiff_t end, sxt_vjp_lanes *s)
{
    vjp_block b;
    b.at = -1;
    vjp_sweep(sweep, job, strip, begin, end, s, &b);
}

static void vjp_strip(const sxt_vjp_job *job, const sxt_vjp_strip *strip)
{
    sxt_vjp_lanes lanes;
    vjp_block b;
    memset(&lanes, 0, sizeof lanes);
    b.at = -1;
    vjp_sweep(SXT_VJP_SCAN, job, strip, 0, job->classes, &lanes, &b);
    vjp_prepare(strip, &lanes);
    vjp_sweep(SXT_VJP_SUM, job, strip, 0, job->classes, &lanes, &b);
    vjp_finish(strip, &lanes);
    vjp_sweep(SXT_VJP_WRITE, job, strip, 0, job->classes, &lanes, &b);
}

/* Below this many classes 16 rows side by side are faster than one after another. Measured for softmax of float, ns for
 * 16 elements, side by side and not: 64 classes 32.5 and 41.6, 96: 32.4 and 30.6, 128: 31.9 and 24.7; likewise for
 * log-softmax and double. */
#define VJP_FEW_CLASSES 96

static void vjp_plane(const sxt_vjp_job *job, const sxt_plane *plane)
{
    int along = sxt_vjp_is_contiguous(plane, sxt_item_size(job->dtype)) &&
                (job->classes >= VJP_FEW_CLASSES || plane->rows == 1);
    ptrdiff_t most = along ? 1 : SXT_VJP_LANES;
    for (ptrdiff_t r = 0; r < plane->rows; r += most) {
        ptrdiff_t left = plane->rows - r;
        sxt_vjp_strip strip = {plane, r, left < most ? left : most, along};
        vjp_strip(job, &strip);
    }
}

extern const sxt_vjp_kernels SXT_OF_ISA(sxt_vjp);
const sxt_vjp_kernels SXT_OF_ISA(sxt_vjp) = {vjp_plane, vjp_range, vjp_prepare, vjp_finish};
