/* vec_scalar.h - the vector operations of the templates with one lane, in plain C11. This file says
 * what each operation means; the others must give the same bits lane by lane.
 *
 * fma is the fused operation, rounded once: C's fma() is, with or without hardware.
 * max(a, b) is a > b ? a : b and min(a, b) is a < b ? a : b: b when either is NaN. */
#ifndef SXT_VEC_SCALAR_H
#define SXT_VEC_SCALAR_H

#include <math.h>
#include <string.h>

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
    SXT_INLINE P##_v P##_set1(T x) { return x; }                                                   \
    SXT_INLINE P##_v P##_add(P##_v a, P##_v b) { return a + b; }                                   \
    SXT_INLINE P##_v P##_sub(P##_v a, P##_v b) { return a - b; }                                   \
    SXT_INLINE P##_v P##_mul(P##_v a, P##_v b) { return a * b; }                                   \
    SXT_INLINE P##_v P##_div(P##_v a, P##_v b) { return a / b; }                                   \
    SXT_INLINE P##_v P##_fma(P##_v a, P##_v b, P##_v c) { return FMA(a, b, c); }                   \
    SXT_INLINE P##_v P##_fnma(P##_v a, P##_v b, P##_v c) { return FMA(-a, b, c); }                 \
    SXT_INLINE P##_v P##_max(P##_v a, P##_v b) { return a > b ? a : b; }                           \
    SXT_INLINE P##_v P##_min(P##_v a, P##_v b) { return a < b ? a : b; }                           \
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
    SXT_INLINE P##_i P##_iset1(I x) { return x; }                                                  \
    SXT_INLINE P##_i P##_iload(const I *p) { return *p; }                                          \
    SXT_INLINE void P##_istore(I *p, P##_i v) { *p = v; }                                          \
    SXT_INLINE T P##_hmax(P##_v v) { return v; }                                                   \
    SXT_INLINE T P##_hmin(P##_v v) { return v; }                                                   \
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

SXT_INLINE uint32_t sxt_get16(const uint16_t *p) { uint16_t h; memcpy(&h, (const void *)p, sizeof h); return h; }
SXT_INLINE void sxt_put16(uint16_t *p, uint32_t x) { uint16_t h = (uint16_t)x; memcpy((void *)p, &h, sizeof h); }

/* Exact, by the bits: zero and subnormal halves are multiples of 2^-24. */
SXT_INLINE f32_v f32_load_f16(const uint16_t *p)
{
    uint32_t h = sxt_get16(p), sign = (h & 0x8000u) << 16, rest = h & 0x7fffu;
    if (rest < 0x0400u) {
        float magnitude = (float)rest * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    if (rest >= 0x7c00u)
        return f32_float((int32_t)(sign | 0x7f800000u | ((rest & 0x3ffu) << 13)));
    return f32_float((int32_t)(sign | ((rest << 13) + 0x38000000u)));
}
/* Round to nearest even. Below 2^-14 the addition of 0.5 rounds onto the half's grid of 2^-24. */
SXT_INLINE void f32_store_f16(uint16_t *p, f32_v v)
{
    uint32_t bits = (uint32_t)f32_bits(v), sign = (bits >> 16) & 0x8000u, rest = bits & 0x7fffffffu;
    uint32_t half;
    if (rest > 0x7f800000u)
        half = 0x7e00u;
    else if (rest >= 0x477ff000u) /* 65520 and more round to infinity */
        half = 0x7c00u;
    else if (rest < 0x38800000u)
        half = (uint32_t)f32_bits(f32_float((int32_t)rest) + 0.5f) - 0x3f000000u;
    else
        half = (rest - 0x38000000u + 0xfffu + ((rest >> 13) & 1u)) >> 13;
    sxt_put16(p, sign | half);
}
SXT_INLINE f32_v f32_load_bf16(const uint16_t *p) { return f32_float((int32_t)((uint32_t)sxt_get16(p) << 16)); }
SXT_INLINE void f32_store_bf16(uint16_t *p, f32_v v)
{
    uint32_t bits = (uint32_t)f32_bits(v);
    sxt_put16(p, v != v ? 0x7fc0u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
SXT_INLINE f32_v f32_loadn_f16(const uint16_t *p, ptrdiff_t n) { return n > 0 ? f32_load_f16(p) : 0.0f; }
SXT_INLINE f32_v f32_loadn_bf16(const uint16_t *p, ptrdiff_t n) { return n > 0 ? f32_load_bf16(p) : 0.0f; }
SXT_INLINE void f32_storen_f16(uint16_t *p, f32_v v, ptrdiff_t n) { if (n > 0) f32_store_f16(p, v); }
SXT_INLINE void f32_storen_bf16(uint16_t *p, f32_v v, ptrdiff_t n) { if (n > 0) f32_store_bf16(p, v); }

/* Float lanes as doubles, in two halves: here the second one is empty. */
SXT_INLINE void f32_split(f32_v v, f64_v half[2])
{
    half[0] = (double)v;
    half[1] = 0.0;
}
SXT_INLINE f32_v f32_join(const f64_v half[2]) { return (float)half[0]; }

#endif
