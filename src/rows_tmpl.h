/* rows_tmpl.h - one contiguous row: lanes along the classes. Included once per storage type: S its name,
 * ST its C type, K the compute type (math_tmpl.h).
 *
 * A row goes through scan (maximum), prepare, sum (exp, stored when an output needs it, and the integer
 * sum), finish, write. Long rows go through in ranges, from several threads if need be. */

/* Lanes past the end hold -infinity: they never win a maximum and their exp is 0. */
SXT_INLINE KV N(tail)(const ST *x, ptrdiff_t n)
{
    return V(select)(V(first)(n), LOADN(x, n), V(set1)(-(T)INFINITY));
}

/* One vector, at most n elements, without the place `out` (-1: all stay). */
SXT_INLINE KV N(tail_but)(const ST *x, ptrdiff_t n, ptrdiff_t out)
{
    T lane[V(W)];
    KV v = n < V(W) ? N(tail)(x, n) : LOAD(x);
    if (out < 0)
        return v;
    V(store)(lane, v);
    lane[out] = -(T)INFINITY;
    return V(load)(lane);
}

/* Where the vector with the place `skip` begins; n when there is none. */
SXT_INLINE ptrdiff_t N(vector_of)(ptrdiff_t skip, ptrdiff_t n) { return skip < 0 || skip >= n ? n : skip / V(W) * V(W); }

typedef struct {
    KV even, odd;
    KM bad;
} N(maxima);

SXT_INLINE ptrdiff_t N(max_run)(const ST *x, ptrdiff_t i, ptrdiff_t end, N(maxima) *m)
{
    for (; i + 2 * V(W) <= end; i += 2 * V(W)) {
        KV a = LOAD(x + i), b = LOAD(x + i + V(W));
        m->bad = V(mor)(m->bad, V(unord)(a, b));
        m->even = V(max)(a, m->even); /* in this order a NaN is passed over; `bad` remembers it */
        m->odd = V(max)(b, m->odd);
    }
    return i;
}

/* The maximum without the place `skip`, which may be none; NaN is noted, there as well. */
static T N(range_max_but)(const ST *x, ptrdiff_t n, ptrdiff_t skip, int *nan)
{
    KV lowest = V(set1)(-(T)INFINITY);
    N(maxima) m = {lowest, lowest, V(mnone)()};
    ptrdiff_t stop = N(vector_of)(skip, n), i = N(max_run)(x, 0, stop, &m);
    while (i < n) {
        ptrdiff_t left = n - i < V(W) ? n - i : V(W);
        KV a = N(tail_but)(x + i, left, i == stop ? skip - i : -1);
        m.bad = V(mor)(m.bad, V(unord)(a, a));
        m.even = V(max)(a, m.even);
        i += V(W);
        if (i > stop)
            i = N(max_run)(x, i, n, &m);
    }
    *nan |= V(mbits)(m.bad) != 0;
    return V(hmax)(V(max)(m.even, m.odd));
}

static T N(range_max)(const ST *x, ptrdiff_t n, int *nan) { return N(range_max_but)(x, n, -1, nan); }

static ptrdiff_t N(range_find)(const ST *x, ptrdiff_t n, T value)
{
    KV v = V(set1)(value);
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        ptrdiff_t k = n - i < V(W) ? n - i : V(W);
        unsigned hit = V(mbits)(V(eq)(V(select)(V(first)(k), LOADN(x + i, k), V(set1)((T)NAN)), v));
        if (hit)
            return i + __builtin_ctz(hit);
    }
    return -1;
}

/* Blocks that stay in the first-level cache while they are looked at up to three times. */
#define SCAN_BLOCK 4096

static void N(scan)(const sxt_job *job, sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    const ST *x = row->x;
    for (ptrdiff_t i = begin; i < end; i += SCAN_BLOCK) {
        ptrdiff_t n = end - i < SCAN_BLOCK ? end - i : SCAN_BLOCK;
        if (!sxt_skips_max(job)) {
            double m = (double)N(range_max_but)(x + i, n, row->skip < 0 ? -1 : row->skip - i, &row->nan);
            row->rest = m > row->rest ? m : row->rest;
            continue;
        }
        /* the first maximum is skipped: at_skip, skip; rest is the largest of the others */
        T m = N(range_max)(x + i, n, &row->nan);
        if ((double)m > row->at_skip) {
            ptrdiff_t k = N(range_find)(x + i, n, m);
            T second = N(range_max_but)(x + i, n, k, &row->nan);
            row->rest = (double)second > row->at_skip ? (double)second : row->at_skip;
            row->at_skip = (double)m;
            row->skip = i + k;
        } else if ((double)m > row->rest) {
            row->rest = (double)m;
        }
    }
}

/* A log-sum-exp next to 0 is the maximum plus log1p of the others: the maximum leaves the sum. */
static void N(skip_max)(const sxt_job *job, sxt_row *row)
{
    row->at_skip = row->rest;
    row->skip = N(range_find)(row->x, job->classes, (T)row->rest);
    row->rest = (double)N(range_max_but)(row->x, job->classes, row->skip, &row->nan);
}

static void N(prepare)(const sxt_job *job, sxt_row *row)
{
    if (job->op == SXT_OP_LOGSUMEXP && fabs(row->rest) < SMALL_MAX)
        N(skip_max)(job, row);
    row->max = row->skip >= 0 && row->at_skip > row->rest ? row->at_skip : row->rest;
    row->nan |= row->at_skip != row->at_skip;
    row->special = row->nan || !(fabs(row->max) < (double)INFINITY);
    row->fill = (double)NAN;
    if (job->op == SXT_OP_SOFTMAX && job->classes == 1 && !row->special) {
        row->special = 1;
        row->fill = 1.0;
    }
    T n_ref, exponent;
    V(ref) ref = V(make_ref)(row->special ? (T)0 : (T)row->max, row->special ? (T)0 : (T)row->rest,
                             &n_ref, &exponent);
    row->shift = (double)ref.shift;
    row->magic = (double)ref.magic;
    row->low = (double)ref.low;
    row->m1 = (double)ref.m1;
    row->m2 = (double)ref.m2;
    row->n_ref = (double)n_ref;
    row->unit = (double)exponent;
}

SXT_INLINE V(vref) N(row_ref)(const sxt_row *row)
{
    V(ref) ref = {(T)row->shift, (T)row->magic, (T)row->low, (T)row->m1, (T)row->m2};
    return V(broadcast)(&ref);
}

/* Adds the elements from `begin` to `end` but the one at row->skip, terms to row->terms if store. */
SXT_INLINE void N(range_sum)(sxt_row *row, ptrdiff_t begin, ptrdiff_t end, int precise, int store)
{
    const ST *x = (const ST *)row->x + begin, *next = row->prefetch ? (const ST *)row->prefetch + begin : NULL;
    T *e = store ? (T *)row->terms + begin : NULL;
    ptrdiff_t n = end - begin, skip = row->skip - begin, stop = N(vector_of)(skip, n);
    V(vref) ref = N(row_ref)(row);
    V(uint) bits1 = V(scalar_bits)((T)row->m1), bits2 = V(scalar_bits)((T)row->m2);
    for (ptrdiff_t i = 0; i < n;) {
        V(acc) acc = {V(iset1)(0), V(iset1)(0)};
        V(uint) count = 0;
        while (i < n && count < FLUSH) {
            ptrdiff_t run_end = i <= stop ? stop : n;
            for (; i + V(W) <= run_end && count < FLUSH; i += V(W), count++) {
                if (next) /* the next rows arrive while this one is computed */
                    __builtin_prefetch(next + i);
                KV term = V(exp_add)(LOAD(x + i), NULL, &ref, &acc, precise);
                if (store)
                    V(store)(e + i, term);
            }
            if (i >= n || count == FLUSH)
                continue;
            if (i == stop || n - i < V(W)) {
                ptrdiff_t left = n - i < V(W) ? n - i : V(W);
                KV v = N(tail_but)(x + i, left, i == stop ? skip - i : -1);
                KV term = V(exp_add)(v, NULL, &ref, &acc, precise);
                if (store)
                    V(storen)(e + i, term, left);
                i += V(W);
                count++;
            }
        }
        uint64_t a = V(hsumu)(V(iadd)(acc.coarse, V(iset1)((V(int))(0 - count * bits1))));
        int64_t b = V(hsums)(V(iadd)(acc.fine, V(iset1)((V(int))(0 - count * bits2))));
        row->a_hi += a >> 32;
        row->a_lo += a & 0xffffffffu;
        row->b_hi += b >> 32;
        row->b_lo += (uint64_t)b & 0xffffffffu;
    }
}

static void N(sum)(const sxt_job *job, sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    if (row->special)
        return;
    if (job->op == SXT_OP_SOFTMAX && row->terms)
        N(range_sum)(row, begin, end, 0, 1);
    else if (job->op == SXT_OP_SOFTMAX)
        N(range_sum)(row, begin, end, 0, 0);
    else if (row->terms)
        N(range_sum)(row, begin, end, SXT_T_IS_F32, 1);
    else
        N(range_sum)(row, begin, end, SXT_T_IS_F32, 0);
}

/* The loss or log-sum-exp of a special row. */
static double N(special_loss)(const sxt_job *job, const sxt_row *row)
{
    return job->op == SXT_OP_LOGSUMEXP && !row->nan ? row->max : (double)NAN;
}

static void N(finish_general)(const sxt_job *job, sxt_row *row, V(wide) sum, sxt_total *total)
{
    if (row->special) {
        N(add_result)(job, row->index, row->position, (double)NAN, 1.0, 0.0, total);
        return;
    }
    V(general) g = N(general_of)(job, row->index, row->skip);
    g.max = row->max;
    g.shift = row->shift;
    g.n_ref = row->n_ref;
    g.at_label = row->at_label;
    g.dot = row->dot;
    if (job->op == SXT_OP_DENSE) {
        g.mass = g.dense_mass = row->mass;
        g.q_max += job->slope[row->skip] * row->target_skip;
    }
    V(general_outcome) o = V(finish_general)(sum, g);
    row->factor_hi = o.factor_hi;
    row->factor_lo = o.factor_lo;
    row->row_grad = g.row_grad;
    row->share_hi = o.share_hi;
    row->share_lo = o.share_lo;
    row->curve = o.curve;
    row->curve_z = o.curve_z;
    row->patch = o.grad_max;
    row->hess_patch = o.hess_max;
    row->label_patch = o.grad_label;
    row->label_hess = o.hess_label;
    N(add_result)(job, row->index, row->position, o.loss, o.unit, o.z, total);
}

static void N(finish)(const sxt_job *job, sxt_row *row, sxt_total *total)
{
    V(wide) sum = V(wide_sum)(row->a_hi, row->a_lo, row->b_hi, row->b_lo, row->unit);
    V(outcome) o = {0, 0, 1, 0, 0};
    if (job->general) {
        N(finish_general)(job, row, sum, total);
        return;
    }
    row->limit = 1.0;
    if (job->op == SXT_OP_SOFTMAX) {
        o = V(finish_softmax)(sum);
    } else if (job->op == SXT_OP_LOG_SOFTMAX) {
        o = V(finish_log_softmax)(sum, row->max, row->shift, row->n_ref);
    } else if (job->op == SXT_OP_LOGSUMEXP) {
        double lse = V(finish_logsumexp)(sum, row->max, row->shift, row->n_ref, row->skip >= 0);
        N(put_row_value)(job, row->index, row->special ? N(special_loss)(job, row) : lse);
    } else {
        double scale_loss, scale_grad;
        N(row_scales)(job, row->index, &scale_loss, &scale_grad);
        o = V(finish_label)(sum, row->at_skip, row->shift, row->n_ref, scale_loss, scale_grad);
        row->limit = scale_grad >= 0.0 ? scale_grad : (double)INFINITY;
        int huge = o.loss == (double)INFINITY && row->at_skip > -(double)INFINITY;
        if (huge)
            o.loss = V(finish_huge_loss)(sum, row->at_skip, row->max, row->shift, row->n_ref, scale_loss);
        N(add_result)(job, row->index, row->position, row->special ? (double)NAN : o.loss,
                      huge ? (double)DENSE_SCALE : 1.0, 0.0, total);
    }
    row->factor_hi = o.factor_hi;
    row->factor_lo = o.factor_lo;
    row->down = o.down;
    row->patch = o.patch;
}

#include "row_dense_tmpl.h"

SXT_INLINE void N(put)(ST *y, KV v, ptrdiff_t n)
{
    if (n >= V(W))
        STORE(y, v);
    else
        STOREN(y, v, n);
}

/* The term of element i and those after it, n to go: as stored, or computed again. */
SXT_INLINE KV N(row_term)(const sxt_row *row, const V(vref) *ref, ptrdiff_t i, ptrdiff_t n)
{
    const ST *x = (const ST *)row->x + i;
    if (row->terms) {
        const T *e = (const T *)row->terms + i;
        return n >= V(W) ? V(load)(e) : V(loadn)(e, n);
    }
    return V(exp_term)(n >= V(W) ? LOAD(x) : N(tail)(x, n), NULL, ref);
}

/* All that the loop needs is in registers: to the compiler, y might be the row itself. */
static void N(write_scaled)(const sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    V(vref) ref = N(row_ref)(row);
    KV hi = V(set1)((T)row->factor_hi), lo = V(set1)((T)row->factor_lo), down = V(set1)((T)row->down);
    KV top = V(set1)((T)row->limit);
    const sxt_row here = {.x = row->x, .terms = row->terms};
    ST *y = row->y;
    ptrdiff_t i = begin;
    for (; here.terms && i + V(W) <= end; i += V(W))
        STORE(y + i, V(scaled_value)(V(load)((const T *)here.terms + i), hi, lo, down, top));
    for (; i < end; i += V(W))
        N(put)(y + i, V(scaled_value)(N(row_term)(&here, &ref, i, end - i), hi, lo, down, top), end - i);
}

static void N(write_log)(const sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    const ST *x = row->x;
    ST *y = row->y;
    KV hi = V(set1)((T)row->factor_hi), lo = V(set1)((T)row->factor_lo);
    KV max = V(set1)((T)row->max), top = V(set1)((T)row->patch);
    for (ptrdiff_t i = begin; i < end; i += V(W)) {
        ptrdiff_t n = end - i;
        KV v = n >= V(W) ? LOAD(x + i) : LOADN(x + i, n);
        N(put)(y + i, V(log_value)(v, max, hi, lo, top), n);
    }
}

static void N(write_fill)(ST *y, ptrdiff_t n, double value)
{
    KV v = V(set1)((T)value);
    for (ptrdiff_t i = 0; i < n; i += V(W))
        N(put)(y + i, v, n - i);
}

/* The general form's gradient and diagonal of the Hessian. */
static void N(write_general)(const sxt_job *job, const sxt_row *row)
{
    ST *y = row->y, *h = row->h;
    const sxt_row here = {.x = row->x, .terms = row->terms};
    N(coefficients) q = {job->base_here, job->slope_here, row->t};
    V(vref) ref = N(row_ref)(row);
    V(gradient) gradient = V(gradient_of)(&row->factor_hi, &row->factor_lo, &row->row_grad, 0);
    V(hessian) hessian = V(hessian_of)(&row->share_hi, &row->share_lo, &row->curve, &row->curve_z, 0);
    ptrdiff_t classes = job->classes;
    for (ptrdiff_t i = 0; i < classes; i += V(W)) {
        ptrdiff_t n = classes - i;
        KV term = N(row_term)(&here, &ref, i, n), coefficient = N(q_of)(&q, i, n);
        if (y)
            N(put)(y + i, V(gradient_value)(&gradient, term, coefficient), n);
        if (h)
            N(put)(h + i, V(hessian_value)(&hessian, term), n);
    }
    if (y && row->label >= 0)
        STOREN(y + row->label, V(set1)((T)row->label_patch), 1);
    if (h && row->label >= 0)
        STOREN(h + row->label, V(set1)((T)row->label_hess), 1);
    if (y)
        STOREN(y + row->skip, V(set1)((T)row->patch), 1);
    if (h)
        STOREN(h + row->skip, V(set1)((T)row->hess_patch), 1);
}

static void N(write)(const sxt_job *job, const sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    if (row->special) {
        if (row->y)
            N(write_fill)((ST *)row->y + begin, end - begin, row->fill);
        if (row->h)
            N(write_fill)((ST *)row->h + begin, end - begin, row->fill);
    } else if (job->general) {
        if (row->y || row->h)
            N(write_general)(job, row);
    } else if (row->y && job->op == SXT_OP_LOG_SOFTMAX) {
        N(write_log)(row, begin, end);
    } else if (row->y) {
        N(write_scaled)(row, begin, end);
        if (job->op == SXT_OP_LABEL && row->skip >= begin && row->skip < end)
            STOREN((ST *)row->y + row->skip, V(set1)((T)row->patch), 1);
    }
}

/* Makes the row ready for scan. Field by field: a row is large, and short ones are many. */
static void N(start)(const sxt_job *job, sxt_row *row, const void *x, ptrdiff_t index)
{
    row->x = x;
    row->index = index;
    row->skip = row->label = -1;
    row->rest = row->at_skip = -(double)INFINITY;
    row->nan = 0;
    row->a_hi = row->a_lo = row->b_lo = 0;
    row->b_hi = 0;
    row->dot = row->mass = row->target_skip = row->at_label = 0.0;
    if (job->op == SXT_OP_LABEL) {
        T lane[V(W)];
        row->label = job->labels[index];
        V(store)(lane, LOADN((const ST *)x + row->label, 1));
        row->at_label = (double)lane[0];
        if (!job->general) {
            row->skip = row->label;
            row->at_skip = row->at_label;
        }
    }
}
