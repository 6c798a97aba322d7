/* convert_tmpl.h - elements stored in 16 bits to floats and back. */

#if !ST_IS_T

static void N(to_floats)(const void *from, float *to, ptrdiff_t n)
{
    const ST *x = from;
    ptrdiff_t i = 0;
    for (; i + V(W) <= n; i += V(W))
        V(store)(to + i, LOAD(x + i));
    if (i < n)
        V(storen)(to + i, LOADN(x + i, n - i), n - i);
}

static void N(from_floats)(const float *from, void *to, ptrdiff_t n)
{
    ST *y = to;
    ptrdiff_t i = 0;
    for (; i + V(W) <= n; i += V(W))
        STORE(y + i, V(load)(from + i));
    if (i < n)
        STOREN(y + i, V(loadn)(from + i, n - i), n - i);
}

#endif
