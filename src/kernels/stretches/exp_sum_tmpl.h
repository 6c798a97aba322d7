/* exp_sum_tmpl.h - maximum and sum of exponentials of one stretch of memory, as a number that can be
 * added to others (exp_sum.h). */

/* Lanes past the end hold -infinity. */
SXT_INLINE KV V(some)(const T *x, ptrdiff_t n)
{
    return n >= V(W) ? V(load)(x) : V(select)(V(first)(n), V(loadn)(x, n), V(set1)(-(T)INFINITY));
}

static T V(max_of)(const T *x, ptrdiff_t n, int *nan)
{
    KV m = V(set1)(-(T)INFINITY);
    KM bad = V(mnone)();
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        KV v = V(some)(x + i, n - i);
        bad = V(mor)(bad, V(unord)(v, v));
        m = V(max)(v, m); /* in this order a NaN is passed over; `bad` remembers it */
    }
    *nan |= V(mbits)(bad) != 0;
    return V(hmax)(m);
}

static ptrdiff_t V(first_place)(const T *x, ptrdiff_t n, T value)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        ptrdiff_t k = n - i < V(W) ? n - i : V(W);
        unsigned hit = V(mbits)(V(eq)(V(some)(x + i, k), V(set1)(value))) & ((1u << k) - 1u);
        if (hit)
            return i + __builtin_ctz(hit);
    }
    return -1;
}

typedef struct {
    uint64_t a_hi, a_lo, b_lo;
    int64_t b_hi;
} V(exp_bits);

static void V(add_exps)(const T *x, ptrdiff_t n, const V(ref) *ref, V(exp_bits) *total)
{
    V(vref) lanes = V(broadcast)(ref);
    for (ptrdiff_t i = 0; i < n;) {
        V(acc) acc = {V(iset1)(0), V(iset1)(0)};
        V(uint) count = 0;
        for (; i < n && count < FLUSH; i += V(W), count++)
            (void)V(exp_add)(V(some)(x + i, n - i), NULL, &lanes, &acc);
        V(uint) zero1 = count * V(scalar_bits)(ref->m1), zero2 = count * V(scalar_bits)(ref->m2);
        uint64_t a = V(hsumu)(V(iadd)(acc.coarse, V(iset1)((V(int))(0 - zero1))));
        int64_t b = V(hsums)(V(iadd)(acc.fine, V(iset1)((V(int))(0 - zero2))));
        total->a_hi += a >> 32;
        total->a_lo += a & 0xffffffffu;
        total->b_hi += b >> 32;
        total->b_lo += (uint64_t)b & 0xffffffffu;
    }
}

static void V(exp_sum)(const void *data, ptrdiff_t n, ptrdiff_t skip, sxt_stretch *out)
{
    const T *x = data;
    *out = (sxt_stretch){.skip = skip, .at_skip = -(double)INFINITY};
    if (skip == SXT_SKIP_MAX) {
        T max = V(max_of)(x, n, &out->nan);
        out->skip = V(first_place)(x, n, max);
    }
    ptrdiff_t before = out->skip < 0 ? n : out->skip, after = out->skip < 0 ? 0 : n - out->skip - 1;
    T left = V(max_of)(x, before, &out->nan), right = V(max_of)(x + n - after, after, &out->nan);
    T rest = left > right ? left : right;
    out->rest = (double)rest;
    if (out->skip >= 0) {
        T at_skip = x[out->skip];
        out->at_skip = (double)at_skip;
        out->nan |= at_skip != at_skip;
    }
    if (out->nan || !(fabs(out->rest) < (double)INFINITY))
        return;
    T n_ref, unit;
    V(ref) ref = V(make_ref)(rest, rest, V(natural)(), &n_ref, &unit);
    V(exp_bits) t = {0, 0, 0, 0};
    V(add_exps)(x, before, &ref, &t);
    V(add_exps)(x + n - after, after, &ref, &t);
    V(wide) sum = V(wide_sum)(t.a_hi, t.a_lo, t.b_hi, t.b_lo, (double)unit);
#if SXT_T_IS_F32
    sxt_dd pair = {sum, 0.0};
#else
    sxt_dd pair = sum;
#endif
    out->others = sxt_exp_sum_of(pair, (double)n_ref - BIAS, (double)ref.shift);
}

static void V(exp_total)(const void *x, ptrdiff_t n, sxt_exp_sum *sum)
{
    sxt_stretch s;
    V(exp_sum)(x, n, SXT_SKIP_MAX, &s);
    sxt_exp_sum all = {s.nan ? (double)NAN : (double)INFINITY, 0.0, 0.0, 0.0};
    if (!s.nan && s.at_skip < (double)INFINITY)
        all = sxt_exp_sum_add(s.others, sxt_exp_sum_single(s.at_skip));
    *sum = sxt_exp_sum_add(*sum, all);
}
