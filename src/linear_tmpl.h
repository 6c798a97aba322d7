/* linear_tmpl.h - one row of a tile of logits of a linear layer; included once per compute type, after
 * exp_sum_tmpl.h. The plain loss is computed in lanes of the compute type, everything else in double. */

SXT_INLINE KV V(read)(const T *x, ptrdiff_t n) { return n >= V(W) ? V(load)(x) : V(loadn)(x, n); }

SXT_INLINE void V(write)(T *x, KV v, ptrdiff_t n)
{
    if (n >= V(W))
        V(store)(x, v);
    else
        V(storen)(x, v, n);
}

static void V(linear_logits)(const void *products, void *logits, const sxt_linear_classes *c)
{
    const T *u = products;
    T *z = logits;
    double slope;
    for (ptrdiff_t i = 0; i < c->n; i += V(W)) {
        KV bias = c->bias ? V(read)((const T *)c->bias + i, c->n - i) : V(set1)((T)0);
        V(write)(z + i, V(add)(V(read)(u + i, c->n - i), bias), c->n - i);
    }
    if (c->softcap != 0.0)
        for (ptrdiff_t i = 0; i < c->n; i++)
            z[i] = (T)sxt_linear_cap((double)z[i], c->softcap, &slope);
}

SXT_FN double V(linear_q)(const sxt_linear_classes *c, ptrdiff_t i)
{
    double q = c->base ? c->base[i] : 0.0;
    return c->target ? fma((double)((const T *)c->target)[i], c->slope[i], q) : q;
}

/* Sums side by side, so that they go into lanes; their rounding errors are kept. */
#define SUMS 8

typedef struct {
    double hi[SUMS], lo[SUMS];
} V(sums);

SXT_FN void V(sums_add)(V(sums) *s, int k, double value)
{
    sxt_dd sum = sxt_two_sum(s->hi[k], value);
    s->hi[k] = sum.hi;
    s->lo[k] += sum.lo;
}

static void V(sums_total)(const V(sums) *s, double *hi, double *lo)
{
    for (int k = 0; k < SUMS; k++) {
        sxt_dd sum = sxt_two_sum(*hi, s->hi[k]);
        *hi = sum.hi;
        *lo += sum.lo + s->lo[k];
    }
}

static void V(linear_dense)(const void *logits, const sxt_linear_classes *c, sxt_linear_row *row)
{
    const T *z = logits;
    double max = row->max > -(double)INFINITY ? row->max : 0.0;
    V(sums) dot = {{0}, {0}}, mass = {{0}, {0}};
    for (ptrdiff_t i = 0; i < c->n; i += SUMS) {
        int n = c->n - i < SUMS ? (int)(c->n - i) : SUMS;
        for (int k = 0; k < n; k++) {
            double q = V(linear_q)(c, i + k);
            V(sums_add)(&dot, k, q == 0.0 ? 0.0 : q * (max - (double)z[i + k]));
            V(sums_add)(&mass, k, q);
        }
    }
    V(sums_total)(&dot, &row->dot_hi, &row->dot_lo);
    V(sums_total)(&mass, &row->mass_hi, &row->mass_lo);
}

#undef SUMS

/* p share, where the share is large enough to be cut in two. */
static void V(plain_gradient)(T *z, const sxt_linear_classes *c, const V(ref) *ref, sxt_dd share)
{
    V(vref) lanes = V(broadcast)(ref);
    T high = (T)share.hi;
    KV hi = V(set1)(high), lo = V(set1)((T)((share.hi - (double)high) + share.lo));
    for (ptrdiff_t i = 0; i < c->n; i += V(W)) {
        KV x = V(read)(z + i, c->n - i);
        if (c->bias)
            x = V(add)(x, V(read)((const T *)c->bias + i, c->n - i));
        KV term = V(exp_term)(x, NULL, &lanes);
        V(write)(z + i, V(fma)(term, hi, V(mul)(term, lo)), c->n - i);
    }
}

static void V(general_gradient)(T *z, const sxt_linear_classes *c, const V(ref) *ref, double share,
                                double row_grad)
{
    V(vref) lanes = V(broadcast)(ref);
    for (ptrdiff_t i = 0; i < c->n; i += V(W)) {
        ptrdiff_t n = c->n - i < V(W) ? c->n - i : V(W);
        T value[V(W)] = {0}, term[V(W)];
        double slope[V(W)];
        for (ptrdiff_t k = 0; k < n; k++) {
            T u = c->bias ? z[i + k] + ((const T *)c->bias)[i + k] : z[i + k];
            slope[k] = 1.0;
            value[k] = c->softcap == 0.0 ? u : (T)sxt_linear_cap((double)u, c->softcap, slope + k);
        }
        V(store)(term, V(exp_term)(V(load)(value), NULL, &lanes));
        for (ptrdiff_t k = 0; k < n; k++) {
            double q = V(linear_q)(c, i + k);
            z[i + k] = (T)(fma((double)term[k], share, -(row_grad * q)) * slope[k]);
        }
    }
}

static void V(linear_gradient)(void *logits, const sxt_linear_classes *c, ptrdiff_t skip,
                               const sxt_linear_row *row)
{
    T *z = logits, n_ref, unit;
    if (row->special) {
        for (ptrdiff_t i = 0; i < c->n; i++)
            z[i] = (T)NAN;
        return;
    }
    double patch = row->patch, slope = 1.0;
    if (skip >= 0 && c->softcap != 0.0) {
        T u = c->bias ? z[skip] + ((const T *)c->bias)[skip] : z[skip];
        (void)sxt_linear_cap((double)u, c->softcap, &slope);
    }
    V(ref) ref = V(make_ref)((T)row->max, (T)row->max, &n_ref, &unit);
    double power = sxt_exp2i((double)n_ref - BIAS - (row->total.exponent + SXT_EXP_SUM_LOG2));
    sxt_dd share = {row->share_hi * power, row->share_lo * power};
    if (!c->base && !c->target && c->softcap == 0.0 && fabs(share.hi) > V(smallest_factor))
        V(plain_gradient)(z, c, &ref, share);
    else
        V(general_gradient)(z, c, &ref, share.hi, row->row_grad);
    if (skip >= 0)
        z[skip] = (T)(patch * slope);
}
