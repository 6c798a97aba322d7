/* storage_tmpl.h - stretches of memory as vectors, the last of which may be incomplete, and as doubles. */

#if !ST_IN_LANES
SXT_INLINE KV N(loadn)(const ST *p, ptrdiff_t n)
{
    T lane[V(W)] = {0};
    for (int k = 0; k < V(W) && k < n; k++)
        lane[k] = (T)N(to_double)((const char *)(p + k));
    return V(load)(lane);
}

SXT_INLINE void N(storen)(ST *p, KV v, ptrdiff_t n)
{
    T lane[V(W)];
    V(store)(lane, v);
    for (int k = 0; k < V(W) && k < n; k++)
        N(from_double)((char *)(p + k), (double)lane[k]);
}

SXT_INLINE KV N(load)(const ST *p) { return N(loadn)(p, V(W)); }
SXT_INLINE void N(store)(ST *p, KV v) { N(storen)(p, v, V(W)); }
#endif

/* The first n elements, all lanes if there are so many; 0 in lanes past the end. */
SXT_INLINE KV N(read)(const ST *p, ptrdiff_t n) { return n >= V(W) ? LOAD(p) : LOADN(p, n); }

SXT_INLINE void N(put)(ST *p, KV v, ptrdiff_t n)
{
    if (n >= V(W))
        STORE(p, v);
    else
        STOREN(p, v, n);
}

/* n elements as doubles, and back; the doubles have room for whole vectors. */
SXT_INLINE void N(widen)(const ST *from, double *to, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        T lane[V(W)];
        V(store)(lane, N(read)(from + i, n - i));
        for (int k = 0; k < V(W); k++)
            to[i + k] = (double)lane[k];
    }
}

SXT_INLINE void N(narrow)(const double *from, ST *to, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        T lane[V(W)];
        for (int k = 0; k < V(W); k++)
            lane[k] = (T)from[i + k];
        N(put)(to + i, V(load)(lane), n - i);
    }
}
