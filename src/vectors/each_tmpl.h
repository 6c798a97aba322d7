/* each_tmpl.h - W vectors, one a row, as one vector with a value a row: pairs of vectors are merged in log2 W stages,
 * in fewer steps than each by itself. */

#define MERGE_STAGES(merge, ...)                                                                     \
    do {                                                                                            \
        if (V(W) >= 2)                                                                              \
            merge(0, V(W) / 2, __VA_ARGS__);                                                        \
        if (V(W) >= 4)                                                                              \
            merge(1, V(W) / 4, __VA_ARGS__);                                                        \
        if (V(W) >= 8)                                                                              \
            merge(2, V(W) / 8, __VA_ARGS__);                                                        \
        if (V(W) >= 16)                                                                             \
            merge(3, V(W) / 16, __VA_ARGS__);                                                       \
    } while (0)

SXT_INLINE void V(merge_largest)(int stage, int n, KV *r)
{
    for (int k = 0; k < n; k++) {
        KV a, b;
        V(merge)(stage, r[2 * k], r[2 * k + 1], &a, &b);
        r[k] = V(max)(a, b);
    }
}

/* The largest lane of each vector; the vectors are spent. */
SXT_INLINE KV V(largest_of_each)(KV r[V(W)])
{
    MERGE_STAGES(V(merge_largest), r);
    return r[0];
}

SXT_INLINE void V(merge_smallest)(int stage, int n, KV *r)
{
    for (int k = 0; k < n; k++) {
        KV a, b;
        V(merge)(stage, r[2 * k], r[2 * k + 1], &a, &b);
        r[k] = V(min)(a, b);
    }
}

SXT_INLINE KV V(smallest_of_each)(KV r[V(W)])
{
    MERGE_STAGES(V(merge_smallest), r);
    return r[0];
}

SXT_INLINE void V(merge_two_largest)(int stage, int n, KV *first, KV *second)
{
    for (int k = 0; k < n; k++) {
        KV a, b, c, d;
        V(merge)(stage, first[2 * k], first[2 * k + 1], &a, &b);
        V(merge)(stage, second[2 * k], second[2 * k + 1], &c, &d);
        first[k] = V(max)(a, b);
        second[k] = V(max)(V(max)(c, d), V(lesser)(a, b, first[k]));
    }
}

/* The largest lane of each pair of vectors and, of the lanes of both but that, the next; those of `second` are none
 * above those of `first`. */
SXT_INLINE void V(two_largest_of_each)(KV first[V(W)], KV second[V(W)])
{
    MERGE_STAGES(V(merge_two_largest), first, second);
}

SXT_INLINE void V(merge_sum)(int stage, int n, KV *r)
{
    for (int k = 0; k < n; k++) {
        KV a, b;
        V(merge)(stage, r[2 * k], r[2 * k + 1], &a, &b);
        r[k] = V(float)(V(iadd)(V(bits)(a), V(bits)(b)));
    }
}

/* The sum of the lanes of each vector, as integers modulo their range. */
SXT_INLINE KI V(sum_of_each)(KV r[V(W)])
{
    MERGE_STAGES(V(merge_sum), r);
    return V(bits)(r[0]);
}

#undef MERGE_STAGES
