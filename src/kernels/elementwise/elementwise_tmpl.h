/* elementwise_tmpl.h - the elementwise functions for data computed in float lanes: float and the 16-bit
 * types. Included once per storage type (S, ST, LOAD, ... as in rows_tmpl.h, whose N it uses).
 *
 * What float lanes cannot serve goes through arrays of doubles (elementwise_f64.h): single lanes by their
 * values, and the whole binary cross-entropy for weights and probabilities and for 16-bit logits, whose
 * float32 losses have to be better than float lanes make them. */

SXT_INLINE KV N(read)(const ST *p, ptrdiff_t n) { return n >= V(W) ? LOAD(p) : LOADN(p, n); }

SXT_INLINE void N(write_lanes)(ST *p, KV v, ptrdiff_t n)
{
    if (n >= V(W))
        STORE(p, v);
    else
        STOREN(p, v, n);
}

static void N(sigmoid)(const void *x, void *y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        KM hard;
        KV v = N(read)((const ST *)x + i, n - i), s = f32_sigmoid_lanes(v, &hard);
        if (V(mbits)(hard))
            s = f32_redo(v, s, hard, f64_wide_sigmoid);
        N(write_lanes)((ST *)y + i, s, n - i);
    }
}

static void N(log_sigmoid)(const void *x, void *y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        KM hard;
        KV v = N(read)((const ST *)x + i, n - i), s = f32_log_sigmoid_lanes(v, &hard);
        if (V(mbits)(hard))
            s = f32_redo(v, s, hard, f64_wide_log_sigmoid);
        N(write_lanes)((ST *)y + i, s, n - i);
    }
}

/* The elements as doubles; both arrays of doubles have room for whole vectors. */
static void N(widen)(const ST *from, double *to, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        T lane[V(W)];
        V(store)(lane, N(read)(from + i, n - i));
        for (int k = 0; k < V(W); k++)
            to[i + k] = (double)lane[k];
    }
}

static void N(narrow)(const double *from, ST *to, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        T lane[V(W)];
        for (int k = 0; k < V(W); k++)
            lane[k] = (T)from[i + k];
        N(write_lanes)(to + i, V(load)(lane), n - i);
    }
}

static void N(binary_wide)(const sxt_binary_job *job, void *const data[], float *losses, ptrdiff_t n)
{
    double wide[SXT_BINARY_OPERANDS][SXT_ELEMENT_BLOCK], *block[SXT_BINARY_OPERANDS];
    for (int k = 0; k < SXT_BINARY_OPERANDS; k++) {
        block[k] = data[k] ? wide[k] : NULL;
        if (data[k] && k < SXT_BINARY_INPUTS)
            N(widen)(data[k], wide[k], n);
    }
    block[SXT_LOSSES] = losses ? wide[SXT_LOSSES] : NULL;
    f64_wide_binary(job, block, n);
    if (losses)
        f32s_narrow(wide[SXT_LOSSES], losses, n);
    if (data[SXT_GRAD])
        N(narrow)(wide[SXT_GRAD], data[SXT_GRAD], n);
    if (data[SXT_HESS])
        N(narrow)(wide[SXT_HESS], data[SXT_HESS], n);
}

static void N(binary)(const sxt_binary_job *job, void *const data[], ptrdiff_t n, sxt_exact *sum)
{
    float buffer[SXT_ELEMENT_BLOCK], *losses = sum ? buffer : data[SXT_LOSSES];
#if ST_IS_T
    if (f32_serves(job, data))
        f32_binary_sweep(job, data, losses, n);
    else
#endif
        N(binary_wide)(job, data, losses, n);
    if (sum)
        sxt_exact_add_floats(sum, buffer, n);
}
