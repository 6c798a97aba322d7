/* memory_tmpl.h - elements to lanes and back, the last vector complete or not. */

static void N(read_all)(const void *from, void *to, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        T lane[V(W)];
        V(store)(lane, N(read)((const ST *)from + i, n - i));
        for (ptrdiff_t k = 0; k < V(W); k++) {
            if (i + k < n)
                ((T *)to)[i + k] = lane[k];
            else
                CHECK(lane[k] == 0, "lane %td of %d past the end holds %g", k, V(W), (double)lane[k]);
        }
    }
}

static void N(put_all)(const void *from, void *to, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += V(W)) {
        T lane[V(W)];
        for (ptrdiff_t k = 0; k < V(W); k++)
            lane[k] = i + k < n ? ((const T *)from)[i + k] : (T)7;
        N(put)((ST *)to + i, V(load)(lane), n - i);
    }
}
