/* vjp_tmpl.h - blocks of rows between memory and doubles, for vjp_f64.h. Included once per storage type
 * (S, ST, LOAD, ... as in rows_tmpl.h). A block holds classes [c0, c0 + nc) of a strip: one after
 * another, padded with zeros to whole groups of lanes, or for each class the rows side by side. */

SXT_INLINE void N(vjp_widen)(const ST *from, double *to, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        T lane[V(W)];
        V(store)(lane, n - i >= V(W) ? LOAD(from + i) : LOADN(from + i, n - i));
        for (int k = 0; k < V(W); k++)
            to[i + k] = (double)lane[k];
    }
}

SXT_INLINE void N(vjp_narrow)(const double *from, ST *to, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        T lane[V(W)];
        for (int k = 0; k < V(W); k++)
            lane[k] = (T)from[i + k];
        if (n - i >= V(W))
            STORE(to + i, V(load)(lane));
        else
            STOREN(to + i, V(load)(lane), n - i);
    }
}

/* Where class c of the strip's first row is. */
SXT_INLINE char *N(vjp_at)(const sxt_vjp_strip *s, const sxt_view *v, ptrdiff_t c)
{
    ptrdiff_t run = s->plane->run, block = v->block ? v->block[c / run] : 0;
    return v->p + s->first * v->row + block + (v->block ? c % run : c) * v->cls;
}

/* Items are moved whole, whatever their alignment. */
SXT_INLINE void N(vjp_move)(void *to, const void *from) { memcpy(to, from, sizeof(ST)); }

static void N(vjp_get)(const sxt_vjp_strip *s, const sxt_view *v, ptrdiff_t c0, ptrdiff_t nc, double *to)
{
    ST raw[VJP_BLOCK];
    if (s->along) {
        N(vjp_widen)((const ST *)(const void *)N(vjp_at)(s, v, c0), to, nc);
        for (ptrdiff_t i = nc; i % SXT_VJP_LANES; i++)
            to[i] = 0.0;
        return;
    }
    for (ptrdiff_t c = 0; c < nc; c++) {
        const char *from = N(vjp_at)(s, v, c0 + c);
        ST *lane = raw + c * SXT_VJP_LANES;
        for (ptrdiff_t i = 0; i < s->rows; i++)
            N(vjp_move)(lane + i, from + i * v->row);
        for (ptrdiff_t i = s->rows; i < SXT_VJP_LANES; i++)
            lane[i] = (ST)0;
    }
    N(vjp_widen)(raw, to, nc * SXT_VJP_LANES);
}

static void N(vjp_put)(const sxt_vjp_strip *s, const sxt_view *v, ptrdiff_t c0, ptrdiff_t nc, const double *from)
{
    ST raw[VJP_BLOCK];
    if (s->along) {
        N(vjp_narrow)(from, (ST *)(void *)N(vjp_at)(s, v, c0), nc);
        return;
    }
    N(vjp_narrow)(from, raw, nc * SXT_VJP_LANES);
    for (ptrdiff_t c = 0; c < nc; c++) {
        char *to = N(vjp_at)(s, v, c0 + c);
        for (ptrdiff_t i = 0; i < s->rows; i++)
            N(vjp_move)(to + i * v->row, raw + c * SXT_VJP_LANES + i);
    }
}
