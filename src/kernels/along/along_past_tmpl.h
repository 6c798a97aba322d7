/* along_past_tmpl.h - results of long rows that no cache would keep go past the caches; part of along_tmpl.h.
 *
 * A usual store first reads the line that it is to fill. Where there are more results than the caches hold (tuning.h)
 * that is a third of what the memory moves, and nobody finds them there later. Their terms stay in the walker's memory
 * meanwhile, as a line is written past the caches once and whole. */

SXT_INLINE int V(goes_past)(const V(along) *here) { return SXT_STORES_PAST && here->past; }

/* Takes the memory, if the results are such: not those that are packed or take the logits' place, which are near. */
static void V(past_open)(const V(plan) *plan, const sxt_plane *p, sxt_scratch scratch, V(along) *here)
{
    int writes = plan->form->writes;
    ptrdiff_t stage = here->rows * V(W), pitch = (plan->classes + V(W) - 1) / V(W) * V(W);
    if (!SXT_STORES_PAST || !plan->job->past || (writes != WRITE_SCALED && writes != WRITE_LOG) || p->copied_on ||
        !p->y.p || p->y.p == p->x.p || (stage + here->rows * pitch) * (ptrdiff_t)sizeof(T) > (ptrdiff_t)scratch.bytes)
        return;
    here->past = 1;
    here->tile = here->stage + stage;
    here->tile_pitch = pitch;
}

/* Elements before the first line's beginning; n or more where none begins at one. */
SXT_INLINE ptrdiff_t V(before_line)(const T *y, ptrdiff_t n)
{
    uintptr_t bytes = -(uintptr_t)y % SXT_LINE;
    return bytes % sizeof(T) ? n : (ptrdiff_t)(bytes / sizeof(T));
}

/* Rows of n classes; whether they could be written so. */
static __attribute__((noinline)) int V(past_log)(const V(strip) *s, ptrdiff_t k, const T *x, T *y, ptrdiff_t n)
{
    KV hi = V(set1)(s->hi[k]), lo = V(set1)(s->lo[k]), max = V(set1)(s->max[k]), top = V(set1)(s->patch[k]);
    ptrdiff_t c = V(before_line)(y, n);
    if (c >= n)
        return 0;
    for (ptrdiff_t i = 0; i < c; i += V(W))
        V(put)(y + i, V(log_value)(V(load)(x + i), max, hi, lo, top), c - i);
    for (; c + V(W) <= n; c += V(W))
        V(store_past)(y + c, V(log_value)(V(load)(x + c), max, hi, lo, top));
    if (c < n)
        V(storen)(y + c, V(log_value)(V(loadn)(x + c, n - c), max, hi, lo, top), n - c);
    return 1;
}

/* `last`: the terms of the last, broken vector. */
static __attribute__((noinline)) int V(past_scaled)(const V(strip) *s, ptrdiff_t k, T *e, const T *last, T *y,
                                                    ptrdiff_t n)
{
    KV hi = V(set1)(s->hi[k]), lo = V(set1)(s->lo[k]), down = V(set1)(s->down[k]);
    ptrdiff_t c = V(before_line)(y, n);
    if (c >= n || !V(stays_below)(s->hi[k], s->down[k], s->limit[k]))
        return 0;
    if (n % V(W))
        V(store)(e + n / V(W) * V(W), V(load)(last));
    for (ptrdiff_t i = 0; i < c; i += V(W))
        V(put)(y + i, V(lifted_value)(V(load)(e + i), hi, lo, down), c - i);
    for (; c + V(W) <= n; c += V(W))
        V(store_past)(y + c, V(lifted_value)(V(load)(e + c), hi, lo, down));
    if (c < n)
        V(put)(y + c, V(lifted_value)(V(upto_or)(e + c, n - c, (T)0), hi, lo, down), n - c);
    return 1;
}
