/* vjp_tmpl.h - blocks of rows between memory and doubles, for vjp.c. A block holds classes [c0, c0 + nc) of a strip: one
 * after another, padded with zeros to whole groups of lanes, or for each class the rows side by side. */

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
        N(widen)((const ST *)(const void *)N(vjp_at)(s, v, c0), to, nc);
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
    N(widen)(raw, to, nc * SXT_VJP_LANES);
}

static void N(vjp_put)(const sxt_vjp_strip *s, const sxt_view *v, ptrdiff_t c0, ptrdiff_t nc, const double *from)
{
    ST raw[VJP_BLOCK];
    if (s->along) {
        N(narrow)(from, (ST *)(void *)N(vjp_at)(s, v, c0), nc);
        return;
    }
    N(narrow)(from, raw, nc * SXT_VJP_LANES);
    for (ptrdiff_t c = 0; c < nc; c++) {
        char *to = N(vjp_at)(s, v, c0 + c);
        for (ptrdiff_t i = 0; i < s->rows; i++)
            N(vjp_move)(to + i * v->row, raw + c * SXT_VJP_LANES + i);
    }
}
