/* vec_neon.h - the vector operations of the templates in NEON (64-bit Arm). f32: 4 lanes, f64: 2 lanes;
 * masks are vectors of all-ones and zero lanes. The meaning of each operation is written down in
 * vec_scalar.h. */
#ifndef SXT_VEC_NEON_H
#define SXT_VEC_NEON_H

#include <arm_neon.h>
#include <string.h>

/* ---- float ---------------------------------------------------------------------------------- */
#define f32_W 4
#define f32_HAS_16_BITS 1
#define SXT_STORES_PAST 0
typedef float32x4_t f32_v;
typedef int32x4_t f32_i;
typedef uint32x4_t f32_m;

SXT_INLINE f32_m f32_first(ptrdiff_t n)
{
    static const int32_t lane[4] = {0, 1, 2, 3};
    return vcltq_s32(vld1q_s32(lane), vdupq_n_s32((int32_t)n));
}
SXT_INLINE f32_v f32_load(const float *p)
{
    f32_v v;
    memcpy(&v, (const void *)p, sizeof v);
    return v;
}
SXT_INLINE f32_v f32_loadn(const float *p, ptrdiff_t n)
{
    float lane[4] = {0};
    memcpy(lane, (const void *)p, (size_t)(n < 4 ? n : 4) * sizeof *lane);
    return vld1q_f32(lane);
}
SXT_INLINE void f32_store(float *p, f32_v v) { memcpy((void *)p, &v, sizeof v); }
#define f32_store_past f32_store
#define f64_store_past f64_store
SXT_INLINE void sxt_stores_done(void) {}
SXT_INLINE void f32_storen(float *p, f32_v v, ptrdiff_t n)
{
    float lane[4];
    vst1q_f32(lane, v);
    memcpy((void *)p, lane, (size_t)(n < 4 ? n : 4) * sizeof *lane);
}
SXT_INLINE f32_v f32_held(f32_v v) { return v; }
SXT_INLINE f32_v f32_set1(float x) { return vdupq_n_f32(x); }
SXT_INLINE f32_v f32_add(f32_v a, f32_v b) { return vaddq_f32(a, b); }
SXT_INLINE f32_v f32_sub(f32_v a, f32_v b) { return vsubq_f32(a, b); }
SXT_INLINE f32_v f32_mul(f32_v a, f32_v b) { return vmulq_f32(a, b); }
SXT_INLINE f32_v f32_div(f32_v a, f32_v b) { return vdivq_f32(a, b); }
SXT_INLINE f32_v f32_fma(f32_v a, f32_v b, f32_v c) { return vfmaq_f32(c, a, b); }
SXT_INLINE f32_v f32_fnma(f32_v a, f32_v b, f32_v c) { return vfmsq_f32(c, a, b); }
SXT_INLINE f32_v f32_max(f32_v a, f32_v b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
SXT_INLINE f32_v f32_min(f32_v a, f32_v b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
SXT_INLINE f32_v f32_lesser(f32_v a, f32_v b, f32_v max) { (void)max; return f32_min(b, a); }
SXT_INLINE f32_v f32_abs(f32_v a) { return vabsq_f32(a); }
SXT_INLINE f32_m f32_lt(f32_v a, f32_v b) { return vcltq_f32(a, b); }
SXT_INLINE f32_m f32_eq(f32_v a, f32_v b) { return vceqq_f32(a, b); }
SXT_INLINE f32_m f32_unord(f32_v a, f32_v b)
{
    return vmvnq_u32(vandq_u32(vceqq_f32(a, a), vceqq_f32(b, b)));
}
SXT_INLINE f32_m f32_ieq(f32_i a, f32_i b) { return vceqq_s32(a, b); }
SXT_INLINE f32_m f32_mnone(void) { return vdupq_n_u32(0); }
SXT_INLINE f32_m f32_mor(f32_m a, f32_m b) { return vorrq_u32(a, b); }
SXT_INLINE unsigned f32_mbits(f32_m m)
{
    static const uint32_t bit[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(m, vld1q_u32(bit)));
}
SXT_INLINE f32_v f32_select(f32_m m, f32_v a, f32_v b) { return vbslq_f32(m, a, b); }
SXT_INLINE f32_i f32_iselect(f32_m m, f32_i a, f32_i b) { return vbslq_s32(m, a, b); }
SXT_INLINE f32_i f32_bits(f32_v v) { return vreinterpretq_s32_f32(v); }
SXT_INLINE f32_v f32_float(f32_i v) { return vreinterpretq_f32_s32(v); }
SXT_INLINE f32_i f32_shl(f32_i v) { return vshlq_n_s32(v, 23); }
SXT_INLINE f32_i f32_iadd(f32_i a, f32_i b) { return vaddq_s32(a, b); }
SXT_INLINE f32_i f32_isub(f32_i a, f32_i b) { return vsubq_s32(a, b); }
SXT_INLINE f32_i f32_iset1(int32_t x) { return vdupq_n_s32(x); }
SXT_INLINE f32_i f32_iload(const int32_t *p) { return vld1q_s32(p); }
SXT_INLINE void f32_istore(int32_t *p, f32_i v) { vst1q_s32(p, v); }
SXT_INLINE float f32_hmax(f32_v v) { return vmaxvq_f32(v); }
SXT_INLINE uint64_t f32_hsumu(f32_i v) { return vaddlvq_u32(vreinterpretq_u32_s32(v)); }
SXT_INLINE int64_t f32_hsums(f32_i v) { return vaddlvq_s32(v); }

SXT_INLINE uint16x4_t f32_words(const uint16_t *p, ptrdiff_t n)
{
    uint16_t lane[4] = {0};
    memcpy(lane, (const void *)p, (size_t)(n < 4 ? n : 4) * sizeof *lane);
    return vld1_u16(lane);
}
SXT_INLINE void f32_put_words(uint16_t *p, uint16x4_t v, ptrdiff_t n)
{
    uint16_t lane[4];
    vst1_u16(lane, v);
    memcpy((void *)p, lane, (size_t)(n < 4 ? n : 4) * sizeof *lane);
}
SXT_INLINE f32_v f32_from_f16(uint16x4_t h) { return vcvt_f32_f16(vreinterpret_f16_u16(h)); }
SXT_INLINE uint16x4_t f32_to_f16(f32_v v) { return vreinterpret_u16_f16(vcvt_f16_f32(v)); }
SXT_INLINE f32_v f32_load_f16(const uint16_t *p) { return f32_from_f16(f32_words(p, 4)); }
SXT_INLINE f32_v f32_loadn_f16(const uint16_t *p, ptrdiff_t n) { return f32_from_f16(f32_words(p, n)); }
SXT_INLINE void f32_store_f16(uint16_t *p, f32_v v) { f32_put_words(p, f32_to_f16(v), 4); }
SXT_INLINE void f32_storen_f16(uint16_t *p, f32_v v, ptrdiff_t n) { f32_put_words(p, f32_to_f16(v), n); }
SXT_INLINE f32_v f32_from_bf16(uint16x4_t h) { return vreinterpretq_f32_u32(vshll_n_u16(h, 16)); }
/* Round to nearest even on the bits; NaN becomes the canonical one. */
SXT_INLINE uint16x4_t f32_to_bf16(f32_v v)
{
    uint32x4_t bits = vreinterpretq_u32_f32(v);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t sum = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    sum = vbslq_u32(f32_unord(v, v), vdupq_n_u32(0x7fc00000), sum);
    return vshrn_n_u32(sum, 16);
}
SXT_INLINE f32_v f32_load_bf16(const uint16_t *p) { return f32_from_bf16(f32_words(p, 4)); }
SXT_INLINE f32_v f32_loadn_bf16(const uint16_t *p, ptrdiff_t n) { return f32_from_bf16(f32_words(p, n)); }
SXT_INLINE void f32_store_bf16(uint16_t *p, f32_v v) { f32_put_words(p, f32_to_bf16(v), 4); }
SXT_INLINE void f32_storen_bf16(uint16_t *p, f32_v v, ptrdiff_t n) { f32_put_words(p, f32_to_bf16(v), n); }

/* 4 x 4 transpose in registers, in place. */
SXT_INLINE void f32_transpose(f32_v r[f32_W])
{
    float32x4x2_t a = vzipq_f32(r[0], r[2]), b = vzipq_f32(r[1], r[3]);
    float32x4x2_t low = vzipq_f32(a.val[0], b.val[0]), high = vzipq_f32(a.val[1], b.val[1]);
    r[0] = low.val[0];
    r[1] = low.val[1];
    r[2] = high.val[0];
    r[3] = high.val[1];
}

SXT_INLINE void f32_merge(int stage, f32_v a, f32_v b, f32_v *low, f32_v *high)
{
    float64x2_t c = vreinterpretq_f64_f32(a), d = vreinterpretq_f64_f32(b);
    *low = stage == 0 ? vzip1q_f32(a, b) : vreinterpretq_f32_f64(vzip1q_f64(c, d));
    *high = stage == 0 ? vzip2q_f32(a, b) : vreinterpretq_f32_f64(vzip2q_f64(c, d));
}

/* ---- double --------------------------------------------------------------------------------- */
#define f64_W 2
typedef float64x2_t f64_v;
typedef int64x2_t f64_i;
typedef uint64x2_t f64_m;

SXT_INLINE f64_m f64_first(ptrdiff_t n)
{
    static const int64_t lane[2] = {0, 1};
    return vcltq_s64(vld1q_s64(lane), vdupq_n_s64((int64_t)n));
}
SXT_INLINE f64_v f64_load(const double *p)
{
    f64_v v;
    memcpy(&v, (const void *)p, sizeof v);
    return v;
}
SXT_INLINE f64_v f64_loadn(const double *p, ptrdiff_t n)
{
    double lane[2] = {0};
    memcpy(lane, (const void *)p, (size_t)(n < 2 ? n : 2) * sizeof *lane);
    return vld1q_f64(lane);
}
SXT_INLINE void f64_store(double *p, f64_v v) { memcpy((void *)p, &v, sizeof v); }
SXT_INLINE void f64_storen(double *p, f64_v v, ptrdiff_t n)
{
    double lane[2];
    vst1q_f64(lane, v);
    memcpy((void *)p, lane, (size_t)(n < 2 ? n : 2) * sizeof *lane);
}
SXT_INLINE f64_v f64_held(f64_v v) { return v; }
SXT_INLINE f64_v f64_set1(double x) { return vdupq_n_f64(x); }
SXT_INLINE f64_v f64_add(f64_v a, f64_v b) { return vaddq_f64(a, b); }
SXT_INLINE f64_v f64_sub(f64_v a, f64_v b) { return vsubq_f64(a, b); }
SXT_INLINE f64_v f64_mul(f64_v a, f64_v b) { return vmulq_f64(a, b); }
SXT_INLINE f64_v f64_div(f64_v a, f64_v b) { return vdivq_f64(a, b); }
SXT_INLINE f64_v f64_fma(f64_v a, f64_v b, f64_v c) { return vfmaq_f64(c, a, b); }
SXT_INLINE f64_v f64_fnma(f64_v a, f64_v b, f64_v c) { return vfmsq_f64(c, a, b); }
SXT_INLINE f64_v f64_max(f64_v a, f64_v b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }
SXT_INLINE f64_v f64_min(f64_v a, f64_v b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
SXT_INLINE f64_v f64_lesser(f64_v a, f64_v b, f64_v max) { (void)max; return f64_min(b, a); }
SXT_INLINE f64_v f64_abs(f64_v a) { return vabsq_f64(a); }
SXT_INLINE f64_m f64_lt(f64_v a, f64_v b) { return vcltq_f64(a, b); }
SXT_INLINE f64_m f64_eq(f64_v a, f64_v b) { return vceqq_f64(a, b); }
SXT_INLINE f64_m f64_unord(f64_v a, f64_v b)
{
    uint64x2_t ordered = vandq_u64(vceqq_f64(a, a), vceqq_f64(b, b));
    return vreinterpretq_u64_u32(vmvnq_u32(vreinterpretq_u32_u64(ordered)));
}
SXT_INLINE f64_m f64_ieq(f64_i a, f64_i b) { return vceqq_s64(a, b); }
SXT_INLINE f64_m f64_mnone(void) { return vdupq_n_u64(0); }
SXT_INLINE f64_m f64_mor(f64_m a, f64_m b) { return vorrq_u64(a, b); }
SXT_INLINE unsigned f64_mbits(f64_m m)
{
    return (unsigned)((vgetq_lane_u64(m, 0) & 1) | (vgetq_lane_u64(m, 1) & 2));
}
SXT_INLINE f64_v f64_select(f64_m m, f64_v a, f64_v b) { return vbslq_f64(m, a, b); }
SXT_INLINE f64_i f64_iselect(f64_m m, f64_i a, f64_i b) { return vbslq_s64(m, a, b); }
SXT_INLINE f64_i f64_bits(f64_v v) { return vreinterpretq_s64_f64(v); }
SXT_INLINE f64_v f64_float(f64_i v) { return vreinterpretq_f64_s64(v); }
SXT_INLINE f64_i f64_shl(f64_i v) { return vshlq_n_s64(v, 52); }
SXT_INLINE f64_i f64_iadd(f64_i a, f64_i b) { return vaddq_s64(a, b); }
SXT_INLINE f64_i f64_isub(f64_i a, f64_i b) { return vsubq_s64(a, b); }
SXT_INLINE f64_i f64_iset1(int64_t x) { return vdupq_n_s64(x); }
SXT_INLINE f64_i f64_iload(const int64_t *p) { return vld1q_s64(p); }
SXT_INLINE void f64_istore(int64_t *p, f64_i v) { vst1q_s64(p, v); }
SXT_INLINE double f64_hmax(f64_v v) { return vmaxvq_f64(v); }
SXT_INLINE uint64_t f64_hsumu(f64_i v) { return (uint64_t)vaddvq_s64(v); }
SXT_INLINE int64_t f64_hsums(f64_i v) { return vaddvq_s64(v); }

/* 2 x 2 transpose in registers, in place. */
SXT_INLINE void f64_transpose(f64_v r[f64_W])
{
    f64_v a = r[0];
    r[0] = vzip1q_f64(a, r[1]);
    r[1] = vzip2q_f64(a, r[1]);
}

SXT_INLINE void f64_merge(int stage, f64_v a, f64_v b, f64_v *low, f64_v *high)
{
    (void)stage;
    *low = vzip1q_f64(a, b);
    *high = vzip2q_f64(a, b);
}

/* ---- four columns of W rows and a tile ----------------------------------------------------------- */
SXT_INLINE void f32_pack4(const char *x, ptrdiff_t step, float *tile, ptrdiff_t pitch)
{
    f32_v r[4];
    for (int k = 0; k < 4; k++)
        memcpy(&r[k], x + k * step, sizeof r[k]);
    f32_transpose(r);
    for (int k = 0; k < 4; k++)
        f32_store(tile + k * pitch, r[k]);
}
SXT_INLINE void f32_unpack4(const float *tile, ptrdiff_t pitch, char *y, ptrdiff_t step, ptrdiff_t n)
{
    f32_v r[4];
    for (int k = 0; k < 4; k++)
        r[k] = f32_load(tile + k * pitch);
    f32_transpose(r);
    for (int k = 0; k < 4; k++)
        memcpy(y + k * step, &r[k], (size_t)(n < 4 ? n : 4) * sizeof(float));
}
SXT_INLINE void f64_pack4(const char *x, ptrdiff_t step, double *tile, ptrdiff_t pitch)
{
    for (int c = 0; c < 4; c += 2, x += 16) {
        f64_v r[2];
        for (int k = 0; k < 2; k++)
            memcpy(&r[k], x + k * step, sizeof r[k]);
        f64_transpose(r);
        for (int k = 0; k < 2; k++)
            f64_store(tile + (c + k) * pitch, r[k]);
    }
}
SXT_INLINE void f64_unpack4(const double *tile, ptrdiff_t pitch, char *y, ptrdiff_t step, ptrdiff_t n)
{
    for (int c = 0; c < 4 && c < n; c += 2, y += 16) {
        f64_v r[2] = {f64_load(tile + c * pitch), f64_load(tile + (c + 1) * pitch)};
        f64_transpose(r);
        for (int k = 0; k < 2; k++)
            memcpy(y + k * step, &r[k], (size_t)(n - c < 2 ? n - c : 2) * sizeof(double));
    }
}

/* ---- float lanes as doubles, in two halves ---------------------------------------------------------- */
SXT_INLINE void f32_split(f32_v v, f64_v half[2])
{
    half[0] = vcvt_f64_f32(vget_low_f32(v));
    half[1] = vcvt_high_f64_f32(v);
}
SXT_INLINE f32_v f32_join(const f64_v half[2]) { return vcvt_high_f32_f64(vcvt_f32_f64(half[0]), half[1]); }
SXT_INLINE void f32_load_halves(const float *p, f64_v half[2]) { f32_split(f32_load(p), half); }
SXT_INLINE void f32_store_halves(float *p, const f64_v half[2]) { f32_store(p, f32_join(half)); }

#endif
