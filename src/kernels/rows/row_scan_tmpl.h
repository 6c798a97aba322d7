/* row_scan_tmpl.h - the maximum of one contiguous row, or of a range of it; part of rows_tmpl.h. */

/* One vector, at most n elements; `fill` past them and at the place `out` (-1: nowhere else). */
SXT_INLINE KV N(tail_but)(const ST *x, ptrdiff_t n, ptrdiff_t out, T fill)
{
    KV v = n < V(W) ? V(select)(V(first)(n), LOADN(x, n), V(set1)(fill)) : LOAD(x);
    if (out < 0)
        return v;
    KV until = V(select)(V(first)(out), v, V(set1)(fill));
    return V(select)(V(first)(out + 1), until, v);
}

/* Where the vector with the place `skip` begins; n when there is none. */
SXT_INLINE ptrdiff_t N(vector_of)(ptrdiff_t skip, ptrdiff_t n)
{
    return skip < 0 || skip >= n ? n : skip / V(W) * V(W);
}

/* Chains of maxima, one alone would wait for itself. */
#define CHAINS 4

typedef struct {
    KV most[CHAINS], least;
    KM bad;
} N(maxima);

SXT_INLINE void N(max_two)(KV a, KV b, N(maxima) *m, int chain, int least)
{
    m->bad = V(mor)(m->bad, V(unord)(a, b));
    m->most[chain] = V(max)(a, m->most[chain]); /* in this order a NaN is passed over; `bad` remembers it */
    m->most[chain + 1] = V(max)(b, m->most[chain + 1]);
    if (least)
        m->least = V(min)(V(min)(a, b), m->least);
}

SXT_INLINE ptrdiff_t N(max_run)(const ST *x, ptrdiff_t i, ptrdiff_t end, N(maxima) *m, int least)
{
    for (; i + CHAINS * V(W) <= end; i += CHAINS * V(W))
        for (int chain = 0; chain < CHAINS; chain += 2)
            N(max_two)(LOAD(x + i + chain * V(W)), LOAD(x + i + (chain + 1) * V(W)), m, chain, least);
    for (; i + 2 * V(W) <= end; i += 2 * V(W))
        N(max_two)(LOAD(x + i), LOAD(x + i + V(W)), m, 0, least);
    return i;
}

/* The maximum without the place `skip`, which may be none; NaN is noted, there as well. The minimum of all
 * goes to *least if it is lower. */
SXT_INLINE T N(range_extremes)(const ST *x, ptrdiff_t n, ptrdiff_t skip, int *nan, T *least)
{
    KV lowest = V(set1)(-(T)INFINITY);
    N(maxima) m = {{lowest, lowest, lowest, lowest}, V(set1)((T)INFINITY), V(mnone)()};
    ptrdiff_t stop = N(vector_of)(skip, n), i = N(max_run)(x, 0, stop, &m, least != NULL);
    while (i < n) {
        ptrdiff_t left = n - i < V(W) ? n - i : V(W), out = i == stop ? skip - i : -1;
        KV a = N(tail_but)(x + i, left, out, -(T)INFINITY);
        m.bad = V(mor)(m.bad, V(unord)(a, a));
        m.most[0] = V(max)(a, m.most[0]);
        if (least)
            m.least = V(min)(N(tail_but)(x + i, left, -1, (T)INFINITY), m.least);
        i += V(W);
        if (i > stop)
            i = N(max_run)(x, i, n, &m, least != NULL);
    }
    *nan |= V(mbits)(m.bad) != 0;
    if (least) {
        T lane[V(W)];
        V(store)(lane, m.least);
        for (int k = 0; k < V(W); k++)
            *least = lane[k] < *least ? lane[k] : *least;
    }
    return V(hmax)(V(max)(V(max)(m.most[0], m.most[1]), V(max)(m.most[2], m.most[3])));
}

static T N(range_max_but)(const ST *x, ptrdiff_t n, ptrdiff_t skip, int *nan)
{
    return N(range_extremes)(x, n, skip, nan, NULL);
}

static T N(range_max_and_min)(const ST *x, ptrdiff_t n, ptrdiff_t skip, int *nan, T *least)
{
    return N(range_extremes)(x, n, skip, nan, least);
}

static T N(range_max)(const ST *x, ptrdiff_t n, int *nan) { return N(range_max_but)(x, n, -1, nan); }

static ptrdiff_t N(range_find)(const ST *x, ptrdiff_t n, T value)
{
    KV v = V(set1)(value);
    ptrdiff_t i = 0;
    unsigned hit = 0;
    for (; i + V(W) <= n && !hit; i += V(W))
        hit = V(mbits)(V(eq)(LOAD(x + i), v));
    if (hit)
        return i - V(W) + __builtin_ctz(hit);
    if (i < n)
        hit = V(mbits)(V(eq)(V(select)(V(first)(n - i), LOADN(x + i, n - i), V(set1)((T)NAN)), v));
    return hit ? i + __builtin_ctz(hit) : -1;
}

/* Blocks that stay in the first-level cache while they are looked at up to three times. */
#define SCAN_BLOCK 4096

static void N(scan)(const sxt_job *job, sxt_row *row, ptrdiff_t begin, ptrdiff_t end)
{
    const ST *x = row->x;
    for (ptrdiff_t i = begin; i < end; i += SCAN_BLOCK) {
        ptrdiff_t n = end - i < SCAN_BLOCK ? end - i : SCAN_BLOCK;
        if (!sxt_skips_max(job)) {
            ptrdiff_t skip = row->skip < 0 ? -1 : row->skip - i;
            T least = (T)row->least;
            double m = (double)(sxt_smooths(job->blend) ? N(range_max_and_min)(x + i, n, skip, &row->nan, &least)
                                                        : N(range_max_but)(x + i, n, skip, &row->nan));
            row->least = (double)least;
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
