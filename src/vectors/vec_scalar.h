/* vec_scalar.h - the vector operations of the templates with one lane, in plain C11. This file says
 * what each operation means; the others must give the same bits lane by lane.
 *
 * fma is the fused operation, rounded once, with or without hardware: fused.h.
 * max(a, b) is a > b ? a : b and min(a, b) is a < b ? a : b: b when either is NaN.
 * lesser(a, b, max(a, b)) is the one of a and b that is not the greater: a when either is NaN.
 * held(v) is v, in a register where the compiler would rather load it anew each time that it is used.
 * first, loadn and storen count lanes: n in [0, W]. */
#ifndef SXT_VEC_SCALAR_H
#define SXT_VEC_SCALAR_H

#include <string.h>

#include "vectors/fused.h"

#define SXT_SCALAR_OPS(P, T, I, U, SHIFT, FMA)                                                     \
    typedef T P##_v;                                                                               \
    typedef I P##_i;                                                                               \
    typedef int P##_m;                                                                             \
    /* memcpy: the arrays may have any alignment */                                                \
    SXT_INLINE P##_v P##_load(const T *p) { P##_v v; memcpy(&v, (const void *)p, sizeof v); return v; }  \
    SXT_INLINE P##_v P##_loadn(const T *p, ptrdiff_t n) { return n > 0 ? P##_load(p) : (T)0; }     \
    SXT_INLINE void P##_store(T *p, P##_v v) { memcpy((void *)p, &v, sizeof v); }                  \
    SXT_INLINE void P##_storen(T *p, P##_v v, ptrdiff_t n) { if (n > 0) P##_store(p, v); }         \
    SXT_INLINE P##_m P##_first(ptrdiff_t n) { return n > 0; }                                      \
    SXT_INLINE P##_v P##_held(P##_v v) { return v; }                                               \
    SXT_INLINE P##_v P##_set1(T x) { return x; }                                                   \
    SXT_INLINE P##_v P##_add(P##_v a, P##_v b) { return a + b; }                                   \
    SXT_INLINE P##_v P##_sub(P##_v a, P##_v b) { return a - b; }                                   \
    SXT_INLINE P##_v P##_mul(P##_v a, P##_v b) { return a * b; }                                   \
    SXT_INLINE P##_v P##_div(P##_v a, P##_v b) { return a / b; }                                   \
    SXT_INLINE P##_v P##_fma(P##_v a, P##_v b, P##_v c) { return FMA(a, b, c); }                   \
    SXT_INLINE P##_v P##_fnma(P##_v a, P##_v b, P##_v c) { return FMA(-a, b, c); }                 \
    SXT_INLINE P##_v P##_max(P##_v a, P##_v b) { return a > b ? a : b; }                           \
    SXT_INLINE P##_v P##_min(P##_v a, P##_v b) { return a < b ? a : b; }                           \
    SXT_INLINE P##_v P##_lesser(P##_v a, P##_v b, P##_v max) { (void)max; return a > b ? b : a; }   \
    SXT_INLINE P##_m P##_lt(P##_v a, P##_v b) { return a < b; }                                    \
    SXT_INLINE P##_m P##_eq(P##_v a, P##_v b) { return a == b; }                                   \
    SXT_INLINE P##_m P##_unord(P##_v a, P##_v b) { return a != a || b != b; }                      \
    SXT_INLINE P##_m P##_ieq(P##_i a, P##_i b) { return a == b; }                                  \
    SXT_INLINE P##_m P##_mnone(void) { return 0; }                                                 \
    SXT_INLINE P##_m P##_mor(P##_m a, P##_m b) { return a | b; }                                   \
    /* one bit a lane */                                                                           \
    SXT_INLINE unsigned P##_mbits(P##_m m) { return (unsigned)m; }                                 \
    SXT_INLINE P##_v P##_select(P##_m m, P##_v a, P##_v b) { return m ? a : b; }                   \
    SXT_INLINE P##_i P##_iselect(P##_m m, P##_i a, P##_i b) { return m ? a : b; }                  \
    SXT_INLINE P##_i P##_bits(P##_v v) { P##_i i; memcpy(&i, &v, sizeof i); return i; }            \
    SXT_INLINE P##_v P##_float(P##_i i) { P##_v v; memcpy(&v, &i, sizeof v); return v; }           \
    SXT_INLINE P##_v P##_abs(P##_v a)                                                              \
    {                                                                                              \
        return P##_float((P##_i)((U)P##_bits(a) & ((U)-1 >> 1)));                                  \
    }                                                                                              \
    /* by the number of stored mantissa bits */                                                    \
    SXT_INLINE P##_i P##_shl(P##_i v) { return (P##_i)((U)v << SHIFT); }                           \
    SXT_INLINE P##_i P##_iadd(P##_i a, P##_i b) { return (P##_i)((U)a + (U)b); }                   \
    SXT_INLINE P##_i P##_isub(P##_i a, P##_i b) { return (P##_i)((U)a - (U)b); }                   \
    SXT_INLINE P##_i P##_iset1(I x) { return x; }                                                  \
    SXT_INLINE P##_i P##_iload(const I *p) { return *p; }                                          \
    SXT_INLINE void P##_istore(I *p, P##_i v) { *p = v; }                                          \
    SXT_INLINE T P##_hmax(P##_v v) { return v; }                                                   \
    /* sums of the lanes as unsigned and as signed numbers */                                      \
    SXT_INLINE uint64_t P##_hsumu(P##_i v) { return (U)v; }                                        \
    SXT_INLINE int64_t P##_hsums(P##_i v) { return v; }                                            \
    SXT_INLINE void P##_transpose(P##_v *r) { (void)r; }                                           \
    /* One of log2 W stages (stage 0 first) in which W vectors become one by an operation on pairs of lanes:   \
     * of two vectors a and b that follow each other, what the operation gets; see each_tmpl.h */  \
    SXT_INLINE void P##_merge(int stage, P##_v a, P##_v b, P##_v *low, P##_v *high)                \
    {                                                                                              \
        (void)stage;                                                                               \
        *low = a;                                                                                  \
        *high = b;                                                                                 \
    }                                                                                              \
    /* four columns of W rows, `step` bytes apart: column c to tile + c * pitch; and n <= 4 back */\
    SXT_INLINE void P##_pack4(const char *x, ptrdiff_t step, T *tile, ptrdiff_t pitch)             \
    {                                                                                              \
        (void)step;                                                                                \
        for (int c = 0; c < 4; c++)                                                                \
            memcpy(tile + c * pitch, x + c * (ptrdiff_t)sizeof(T), sizeof(T));                     \
    }                                                                                              \
    SXT_INLINE void P##_unpack4(const T *tile, ptrdiff_t pitch, char *y, ptrdiff_t step,           \
                                ptrdiff_t n)                                                       \
    {                                                                                              \
        (void)step;                                                                                \
        for (int c = 0; c < 4 && c < n; c++)                                                       \
            memcpy(y + c * (ptrdiff_t)sizeof(T), tile + c * pitch, sizeof(T));                     \
    }

#define f32_W 1
#define f64_W 1
SXT_SCALAR_OPS(f32, float, int32_t, uint32_t, 23, fmaf)
SXT_SCALAR_OPS(f64, double, int64_t, uint64_t, 52, fma)

/* Types in 16 bits: f32_load_f16, f32_loadn_f16, f32_store_f16, f32_storen_f16, and for bf16. Here elements are read
 * and rounded as numbers/elements16.h says. */
#define f32_HAS_16_BITS 0

/* Whether store_past, to a multiple of the vector's size in bytes, leaves the caches out. Other threads may read what
 * was stored so after stores_done. */
#define SXT_STORES_PAST 0
#define f32_store_past f32_store
#define f64_store_past f64_store
SXT_INLINE void sxt_stores_done(void) {}

/* Float lanes as doubles, in two halves: here the second one is empty. From and to memory the halves need not be one
 * vector in between. */
SXT_INLINE void f32_split(f32_v v, f64_v half[2])
{
    half[0] = (double)v;
    half[1] = 0.0;
}
SXT_INLINE f32_v f32_join(const f64_v half[2]) { return (float)half[0]; }
SXT_INLINE void f32_load_halves(const float *p, f64_v half[2]) { f32_split(f32_load(p), half); }
SXT_INLINE void f32_store_halves(float *p, const f64_v half[2]) { f32_store(p, f32_join(half)); }

#endif
