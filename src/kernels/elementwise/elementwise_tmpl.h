/* elementwise_tmpl.h - the elementwise functions for data computed in float lanes: float and the 16-bit
 * types.
 *
 * What float lanes cannot serve goes through arrays of doubles (elementwise_f64.h): single lanes by their
 * values, and the whole binary cross-entropy for weights and probabilities and for 16-bit logits, whose
 * float32 losses have to be better than float lanes make them. */

#if SXT_T_IS_F32

static void N(sigmoid)(const void *x, void *y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        KM hard;
        KV v = N(read)((const ST *)x + i, n - i), s = f32_sigmoid_lanes(v, &hard);
        if (V(mbits)(hard))
            s = f32_redo(v, s, hard, f64_wide_sigmoid);
        N(put)((ST *)y + i, s, n - i);
    }
}

static void N(log_sigmoid)(const void *x, void *y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        KM hard;
        KV v = N(read)((const ST *)x + i, n - i), s = f32_log_sigmoid_lanes(v, &hard);
        if (V(mbits)(hard))
            s = f32_redo(v, s, hard, f64_wide_log_sigmoid);
        N(put)((ST *)y + i, s, n - i);
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

#endif
