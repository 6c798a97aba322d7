/* across_memory_tmpl.h - rows from memory into a tile and back, whatever their strides; part of across_tmpl.h. */

#if ST_IS_ANY
SXT_INLINE T N(get)(const sxt_job *job, const char *p) { return (T)sxt_get(p, job->dtype); }
SXT_INLINE void N(set)(const sxt_job *job, char *p, T value) { sxt_put(p, job->dtype, (double)value); }
#else
/* Elements of the compute type, of any alignment. */
SXT_INLINE T N(get)(const sxt_job *job, const char *p)
{
    T value;
    (void)job;
    memcpy(&value, p, sizeof value);
    return value;
}
SXT_INLINE void N(set)(const sxt_job *job, char *p, T value)
{
    (void)job;
    memcpy(p, &value, sizeof value);
}
#endif

/* Bytes from a view's first class to class c. */
SXT_INLINE ptrdiff_t N(class_at)(const sxt_plane *p, const sxt_view *v, ptrdiff_t c)
{
    return v->block ? v->block[c / p->run] + c % p->run * v->cls : c * v->cls;
}

static void N(pack_any)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, const V(tile) *t, T *tile,
                        ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++) {
        const char *from = v->p + N(class_at)(p, v, c0 + c);
        for (ptrdiff_t i = 0; i < t->lanes; i++)
            tile[c * t->lanes + i] = i < t->rows ? N(get)(job, from + (r0 + i) * v->row) : (T)0;
    }
}

#if ST_IS_ANY
/* Without blocks; the type is a constant where this is expanded. */
SXT_INLINE void N(pack_as)(sxt_dtype dtype, const char *x, const sxt_view *v, const V(tile) *t, T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++, x += v->cls, tile += t->lanes) {
        for (ptrdiff_t i = 0; i < t->rows; i++)
            tile[i] = (T)sxt_get(x + i * v->row, dtype);
        for (ptrdiff_t i = t->rows; i < t->lanes; i++)
            tile[i] = (T)0;
    }
}

SXT_INLINE void N(unpack_as)(sxt_dtype dtype, char *y, const sxt_view *v, const V(tile) *t, const T *tile,
                             ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++, y += v->cls, tile += t->lanes)
        for (ptrdiff_t i = 0; i < t->rows; i++)
            sxt_put(y + i * v->row, dtype, (double)tile[i]);
}

static void N(pack_plain)(const sxt_job *job, const char *x, const sxt_view *v, const V(tile) *t, T *tile,
                          ptrdiff_t nc)
{
    if (job->dtype == SXT_F32)
        N(pack_as)(SXT_F32, x, v, t, tile, nc);
    else if (job->dtype == SXT_F64)
        N(pack_as)(SXT_F64, x, v, t, tile, nc);
    else
        N(pack_as)(job->dtype, x, v, t, tile, nc);
}

static void N(unpack_plain)(const sxt_job *job, char *y, const sxt_view *v, const V(tile) *t, const T *tile,
                            ptrdiff_t nc)
{
    if (job->dtype == SXT_F32)
        N(unpack_as)(SXT_F32, y, v, t, tile, nc);
    else if (job->dtype == SXT_F64)
        N(unpack_as)(SXT_F64, y, v, t, tile, nc);
    else
        N(unpack_as)(job->dtype, y, v, t, tile, nc);
}
#else
#include "kernels/across/across_transpose_tmpl.h"

/* Each class of lanes that lie side by side is in a page of its own, which the processor does not look ahead to. */
#define AHEAD 4
static void N(pack_lanes)(const char *x, ptrdiff_t step, const V(tile) *t, T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++, x += step) {
        for (ptrdiff_t i = 0; i < t->rows; i += V(W)) {
            const ST *from = (const ST *)(const void *)x + i;
            __builtin_prefetch((const void *)((uintptr_t)from + (uintptr_t)(AHEAD * step)));
            KV v = t->rows - i >= V(W) ? LOAD(from) : LOADN(from, t->rows - i);
            V(store)(tile + c * t->lanes + i, v);
        }
    }
}

static void N(pack_classes)(const char *x, ptrdiff_t step, const V(tile) *t, T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < t->rows; i += V(W)) {
        for (ptrdiff_t c = 0; c < nc; c += V(W)) {
            KV r[V(W)];
            ptrdiff_t n = nc - c < V(W) ? nc - c : V(W);
            for (int k = 0; k < V(W); k++) {
                const ST *from = (const ST *)(const void *)(x + (i + k) * step) + c;
                r[k] = i + k >= t->rows ? V(set1)(0) : n == V(W) ? LOAD(from) : LOADN(from, n);
            }
            V(transpose)(r);
            for (int k = 0; k < n; k++)
                V(store)(tile + (c + k) * t->lanes + i, r[k]);
        }
    }
}

#endif

static void N(pack)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, const V(tile) *t, T *tile,
                    ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc)
{
    const char *x = v->p + r0 * v->row + c0 * v->cls;
    int plain = p->blocks == 1;
#if ST_IS_ANY
    if (plain) {
        N(pack_plain)(job, x, v, t, tile, nc);
        return;
    }
#else
    if (plain && v->cls == sizeof(ST) && nc == job->classes && t->stage) {
        N(pack_fours)(t, x, v->row, tile, p->rows - r0, nc);
        return;
    }
    if (plain && v->cls == sizeof(ST)) {
        N(pack_classes)(x, v->row, t, tile, nc);
        return;
    }
    if (plain && v->row == sizeof(ST)) {
        N(pack_lanes)(x, v->cls, t, tile, nc);
        return;
    }
#endif
    N(pack_any)(job, p, v, t, tile, r0, c0, nc);
}

static void N(unpack_any)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, const V(tile) *t, const T *tile,
                          ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++) {
        char *to = v->p + N(class_at)(p, v, c0 + c);
        for (ptrdiff_t i = 0; i < t->rows; i++)
            N(set)(job, to + (r0 + i) * v->row, tile[c * t->lanes + i]);
    }
}

#if !ST_IS_ANY
/* Whether lanes that lie side by side fill lines of the cache. */
SXT_INLINE int N(on_lines)(const char *y, ptrdiff_t step) { return (((uintptr_t)y | (uintptr_t)step) % SXT_LINE) == 0; }

/* A line is written at once, and need not be read before. */
static void N(unpack_past)(char *y, ptrdiff_t step, const V(tile) *t, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t c = 0; c < nc; c++, y += step)
        for (ptrdiff_t i = 0; i < t->rows; i += V(W))
            V(store_past)((T *)(void *)y + i, V(load)(tile + c * t->lanes + i));
}

static void N(unpack_lanes)(char *y, ptrdiff_t step, const V(tile) *t, const T *tile, ptrdiff_t nc)
{
    if (t->past && t->rows % SXT_STRIP == 0 && N(on_lines)(y, step)) {
        N(unpack_past)(y, step, t, tile, nc);
        return;
    }
    for (ptrdiff_t c = 0; c < nc; c++, y += step)
        for (ptrdiff_t i = 0; i < t->rows; i += V(W)) {
            __builtin_prefetch((const void *)((uintptr_t)((ST *)(void *)y + i) + (uintptr_t)(AHEAD * step)), 1);
            V(put)((ST *)(void *)y + i, V(load)(tile + c * t->lanes + i), t->rows - i);
        }
}

static void N(unpack_classes)(char *y, ptrdiff_t step, const V(tile) *t, const T *tile, ptrdiff_t nc)
{
    for (ptrdiff_t i = 0; i < t->rows; i += V(W)) {
        for (ptrdiff_t c = 0; c < nc; c += V(W)) {
            KV r[V(W)];
            ptrdiff_t n = nc - c < V(W) ? nc - c : V(W);
            for (int k = 0; k < V(W); k++)
                r[k] = k < n ? V(load)(tile + (c + k) * t->lanes + i) : V(set1)(0);
            V(transpose)(r);
            for (int k = 0; k < V(W) && i + k < t->rows; k++)
                V(put)((ST *)(void *)(y + (i + k) * step) + c, r[k], n);
        }
    }
}

#endif

static void N(unpack)(const sxt_job *job, const sxt_plane *p, const sxt_view *v, const V(tile) *t,
                      const T *tile, ptrdiff_t r0, ptrdiff_t c0, ptrdiff_t nc)
{
    char *y = v->p + r0 * v->row + c0 * v->cls;
    int plain = p->blocks == 1;
#if ST_IS_ANY
    if (plain) {
        N(unpack_plain)(job, y, v, t, tile, nc);
        return;
    }
#else
    if (plain && v->cls == sizeof(ST) && nc == job->classes && t->stage) {
        N(unpack_fours)(t, tile, y, v->row, nc);
        return;
    }
    if (plain && v->cls == sizeof(ST)) {
        N(unpack_classes)(y, v->row, t, tile, nc);
        return;
    }
    if (plain && v->row == sizeof(ST)) {
        N(unpack_lanes)(y, v->cls, t, tile, nc);
        return;
    }
#endif
    N(unpack_any)(job, p, v, t, tile, r0, c0, nc);
}
