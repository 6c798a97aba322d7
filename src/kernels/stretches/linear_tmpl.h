/* linear_tmpl.h - one row of a tile of logits of a linear layer. The plain loss is computed in lanes of the compute
 * type, everything else in double. */

static void V(linear_logits)(const void *products, void *logits, const sxt_linear_classes *c)
{
    const T *u = products;
    T *z = logits;
    double slope;
    for (ptrdiff_t i = 0; i < c->n; i += V(W)) {
        KV bias = c->bias ? V(read)((const T *)c->bias + i, c->n - i) : V(set1)((T)0);
        V(put)(z + i, V(add)(V(read)(u + i, c->n - i), bias), c->n - i);
    }
    if (c->softcap != 0.0)
        for (ptrdiff_t i = 0; i < c->n; i++)
            z[i] = (T)sxt_linear_cap((double)z[i], c->softcap, &slope);
}

/* Classes at once in the loops of doubles, whose arrays stay in registers and the first-level cache. */
#define BLOCK 64

/* The coefficients of n <= BLOCK classes from `begin` on; 0 up to BLOCK. */
static void V(linear_q)(const sxt_linear_classes *c, ptrdiff_t begin, ptrdiff_t n, double *q)
{
    const T *target = c->target ? (const T *)c->target + begin : NULL;
    for (ptrdiff_t i = 0; i < BLOCK; i++)
        q[i] = 0.0;
    if (c->base)
        memcpy(q, c->base + begin, (size_t)n * sizeof *q);
    if (c->target)
        for (ptrdiff_t i = 0; i < n; i++)
            q[i] = fma((double)target[i], c->slope[begin + i], q[i]);
}

/* Sums side by side, so that they go into lanes; their rounding errors are kept. */
#define SUMS 8

typedef struct {
    double hi[SUMS], lo[SUMS];
} V(sums);

static void V(sums_add)(V(sums) *s, const double *values)
{
    for (int i = 0; i < BLOCK; i += SUMS)
        for (int k = 0; k < SUMS; k++) {
            sxt_dd sum = sxt_two_sum(s->hi[k], values[i + k]);
            s->hi[k] = sum.hi;
            s->lo[k] += sum.lo;
        }
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
    for (ptrdiff_t begin = 0; begin < c->n; begin += BLOCK) {
        double q[BLOCK], product[BLOCK] = {0};
        ptrdiff_t n = c->n - begin < BLOCK ? c->n - begin : BLOCK;
        V(linear_q)(c, begin, n, q);
        for (ptrdiff_t i = 0; i < n; i++)
            product[i] = q[i] == 0.0 ? 0.0 : q[i] * (max - (double)z[begin + i]);
        V(sums_add)(&dot, product);
        V(sums_add)(&mass, q);
    }
    V(sums_total)(&dot, &row->dot_hi, &row->dot_lo);
    V(sums_total)(&mass, &row->mass_hi, &row->mass_lo);
}

#undef SUMS

/* p share, lifted meanwhile: numbers/wide_f32.h. */
static void V(plain_gradient)(T *z, const sxt_linear_classes *c, const V(ref) *ref, sxt_dd share)
{
    V(vref) lanes = V(broadcast)(ref);
    T high = (T)(share.hi * V(SMALL_LIFT)), low = (T)((share.hi * V(SMALL_LIFT) - (double)high) + share.lo * V(SMALL_LIFT));
    KV hi = V(set1)(high), lo = V(set1)(low), down = V(set1)((T)(1.0 / V(SMALL_LIFT)));
    for (ptrdiff_t i = 0; i < c->n; i += V(W)) {
        KV x = V(read)(z + i, c->n - i);
        if (c->bias)
            x = V(add)(x, V(read)((const T *)c->bias + i, c->n - i));
        KV term = V(exp_term)(x, NULL, &lanes);
        V(put)(z + i, V(mul)(V(fma)(term, hi, V(mul)(term, lo)), down), c->n - i);
    }
}

static void V(general_gradient)(T *z, const sxt_linear_classes *c, const V(ref) *ref, double share,
                                double row_grad)
{
    V(vref) lanes = V(broadcast)(ref);
    for (ptrdiff_t begin = 0; begin < c->n; begin += BLOCK) {
        T term[BLOCK] = {0};
        double q[BLOCK], slope[BLOCK];
        ptrdiff_t n = c->n - begin < BLOCK ? c->n - begin : BLOCK;
        sxt_linear_classes here = {.n = n, .bias = c->bias ? (const T *)c->bias + begin : NULL};
        V(linear_logits)(z + begin, term, &here);
        for (ptrdiff_t i = 0; i < BLOCK; i++)
            slope[i] = 1.0;
        if (c->softcap != 0.0)
            for (ptrdiff_t i = 0; i < BLOCK; i++)
                term[i] = (T)sxt_linear_cap((double)term[i], c->softcap, slope + i);
        for (ptrdiff_t i = 0; i < BLOCK; i += V(W))
            V(store)(term + i, V(exp_term)(V(load)(term + i), NULL, &lanes));
        V(linear_q)(c, begin, n, q);
        for (ptrdiff_t i = 0; i < n; i++)
            z[begin + i] = (T)(fma((double)term[i], share, -(row_grad * q[i])) * slope[i]);
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
    V(ref) ref = V(make_ref)((T)row->max, (T)row->max, V(natural)(), &n_ref, &unit);
    double power = sxt_exp2i((double)n_ref - BIAS - (row->total.exponent + SXT_EXP_SUM_LOG2));
    sxt_dd share = {row->share_hi * power, row->share_lo * power};
    double most = fabs(share.hi) * sxt_exp2i(BIAS); /* the lanes of the plain loss hold it, lifted */
    if (!c->base && !c->target && c->softcap == 0.0 && most > (SXT_T_IS_F32 ? 0x1p-100 : 0x1p-600) && most < V(SMALL_SIZE))
        V(plain_gradient)(z, c, &ref, share);
    else
        V(general_gradient)(z, c, &ref, share.hi, row->row_grad);
    if (skip >= 0)
        z[skip] = (T)(patch * slope);
}

#undef BLOCK
