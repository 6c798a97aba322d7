/* exp_each_tmpl.h - the exponentials of many vectors, added up; after math_tmpl.h.
 *
 * From its load to the sums an element is some 60 cycles under way in 25 operations. One vector after the other, most
 * of the operations that a processor has room for wait for another one of the same vector. So four vectors are on their
 * way in each turn, each of them one step further than the next: what an operation needs has been there since the last
 * turn. Measured beside the plain loop: 0.78 of the time with AVX2 on Zen 3. */

/* Memory that is asked for while a vector is worked on, a step further each time; the addresses may be past the end. */
typedef struct {
    uintptr_t read, written;
    ptrdiff_t read_step, written_step;
} V(soon);

SXT_INLINE void V(ask_for)(V(soon) *soon, int written)
{
    __builtin_prefetch((const void *)soon->read);
    soon->read += (uintptr_t)soon->read_step;
    if (written)
        __builtin_prefetch((const void *)soon->written, 1);
    soon->written += (uintptr_t)soon->written_step;
}

/* exp_add of n vectors that lie `step` elements apart. With `store` the terms go to e, likewise, which may be x. */
SXT_INLINE void V(exp_add_each)(const T *x, T *e, int store, ptrdiff_t step, ptrdiff_t n, const V(vref) *ref, V(soon) soon,
                                V(acc) *to)
{
    V(acc) acc = *to;
    V(reduced) a;
    V(raised) b;
    V(two) c;
#define REDUCE a = V(exp_reduce)(V(load)(x), NULL, ref); x += step; V(ask_for)(&soon, store);
#define RAISE b = V(exp_raise)(a, NULL);
#define SPLIT c = V(exp_split)(b);
#define ADD                                                                                          \
    {                                                                                                \
        KV term = V(add_two)(c, ref, &acc);                                                          \
        if (store) {                                                                                 \
            V(store)(e, term);                                                                       \
            e += step;                                                                               \
        }                                                                                            \
    }
    if (n < 3) {
        for (; n > 0; n--) {
            REDUCE RAISE SPLIT ADD
        }
        *to = acc;
        return;
    }
    REDUCE RAISE SPLIT
    REDUCE RAISE
    REDUCE
    for (ptrdiff_t i = 3; i < n; i++) {
        ADD SPLIT RAISE REDUCE
    }
    ADD SPLIT RAISE
    ADD SPLIT
    ADD
#undef REDUCE
#undef RAISE
#undef SPLIT
#undef ADD
    *to = acc;
}
