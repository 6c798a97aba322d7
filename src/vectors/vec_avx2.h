/* vec_avx2.h - the vector operations of the templates in AVX2 with FMA and F16C (Intel Haswell and later,
 * AMD Zen and later). f32: 8 lanes, f64: 4 lanes; masks are vectors of all-ones and zero lanes.
 * The meaning of each operation is written down in vec_scalar.h. */
#ifndef SXT_VEC_AVX2_H
#define SXT_VEC_AVX2_H

#include <immintrin.h>

/* ---- float ---------------------------------------------------------------------------------- */
#define f32_W 8
#define f32_HAS_16_BITS 1
#define SXT_STORES_PAST 1
typedef __m256 f32_v;
typedef __m256i f32_i;
typedef __m256 f32_m;

SXT_INLINE __m256i f32_lanes_below(ptrdiff_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
SXT_INLINE f32_m f32_first(ptrdiff_t n) { return _mm256_castsi256_ps(f32_lanes_below(n)); }
SXT_INLINE f32_v f32_load(const float *p) { return _mm256_loadu_ps(p); }
SXT_INLINE f32_v f32_loadn(const float *p, ptrdiff_t n) { return _mm256_maskload_ps(p, f32_lanes_below(n)); }
SXT_INLINE void f32_store(float *p, f32_v v) { _mm256_storeu_ps(p, v); }
SXT_INLINE void sxt_stores_done(void) { _mm_sfence(); }
SXT_INLINE void f32_store_past(float *p, f32_v v) { _mm256_stream_ps(p, v); }
/* The first n <= 4, in parts: a masked store takes Zen 3 some twenty cycles, and branches on n are foreseen. */
SXT_INLINE void f32_put4(char *y, __m128 v, ptrdiff_t n)
{
    if (n >= 4) {
        _mm_storeu_ps((void *)y, v);
        return;
    }
    if (n & 2) {
        _mm_storel_pi((void *)y, v);
        v = _mm_movehl_ps(v, v);
        y += 8;
    }
    if (n & 1)
        _mm_store_ss((void *)y, v);
}
SXT_INLINE void f32_storen(float *p, f32_v v, ptrdiff_t n)
{
    f32_put4((char *)p, _mm256_castps256_ps128(v), n);
    if (n > 4)
        f32_put4((char *)(p + 4), _mm256_extractf128_ps(v, 1), n - 4);
}
SXT_INLINE f32_v f32_held(f32_v v) { return v; }
SXT_INLINE f32_v f32_set1(float x) { return _mm256_set1_ps(x); }
SXT_INLINE f32_v f32_add(f32_v a, f32_v b) { return _mm256_add_ps(a, b); }
SXT_INLINE f32_v f32_sub(f32_v a, f32_v b) { return _mm256_sub_ps(a, b); }
SXT_INLINE f32_v f32_mul(f32_v a, f32_v b) { return _mm256_mul_ps(a, b); }
SXT_INLINE f32_v f32_div(f32_v a, f32_v b) { return _mm256_div_ps(a, b); }
SXT_INLINE f32_v f32_fma(f32_v a, f32_v b, f32_v c) { return _mm256_fmadd_ps(a, b, c); }
SXT_INLINE f32_v f32_fnma(f32_v a, f32_v b, f32_v c) { return _mm256_fnmadd_ps(a, b, c); }
SXT_INLINE f32_v f32_max(f32_v a, f32_v b) { return _mm256_max_ps(a, b); }
SXT_INLINE f32_v f32_min(f32_v a, f32_v b) { return _mm256_min_ps(a, b); }
SXT_INLINE f32_v f32_lesser(f32_v a, f32_v b, f32_v max) { (void)max; return f32_min(b, a); }
SXT_INLINE f32_v f32_abs(f32_v a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
SXT_INLINE f32_m f32_lt(f32_v a, f32_v b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
SXT_INLINE f32_m f32_eq(f32_v a, f32_v b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
SXT_INLINE f32_m f32_unord(f32_v a, f32_v b) { return _mm256_cmp_ps(a, b, _CMP_UNORD_Q); }
SXT_INLINE f32_m f32_ieq(f32_i a, f32_i b) { return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b)); }
SXT_INLINE f32_m f32_mnone(void) { return _mm256_setzero_ps(); }
SXT_INLINE f32_m f32_mor(f32_m a, f32_m b) { return _mm256_or_ps(a, b); }
SXT_INLINE unsigned f32_mbits(f32_m m) { return (unsigned)_mm256_movemask_ps(m); }
SXT_INLINE f32_v f32_select(f32_m m, f32_v a, f32_v b) { return _mm256_blendv_ps(b, a, m); }
SXT_INLINE f32_i f32_bits(f32_v v) { return _mm256_castps_si256(v); }
SXT_INLINE f32_v f32_float(f32_i v) { return _mm256_castsi256_ps(v); }
SXT_INLINE f32_i f32_iselect(f32_m m, f32_i a, f32_i b)
{
    return f32_bits(f32_select(m, f32_float(a), f32_float(b)));
}
SXT_INLINE f32_i f32_shl(f32_i v) { return _mm256_slli_epi32(v, 23); }
SXT_INLINE f32_i f32_iadd(f32_i a, f32_i b) { return _mm256_add_epi32(a, b); }
SXT_INLINE f32_i f32_isub(f32_i a, f32_i b) { return _mm256_sub_epi32(a, b); }
SXT_INLINE f32_i f32_iset1(int32_t x) { return _mm256_set1_epi32(x); }
SXT_INLINE f32_i f32_iload(const int32_t *p) { return _mm256_loadu_si256((const void *)p); }
SXT_INLINE void f32_istore(int32_t *p, f32_i v) { _mm256_storeu_si256((void *)p, v); }
SXT_INLINE float f32_hmax(f32_v v)
{
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
SXT_INLINE int64_t f64_hsums(__m256i v)
{
    __m128i s = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return _mm_cvtsi128_si64(_mm_add_epi64(s, _mm_unpackhi_epi64(s, s)));
}
SXT_INLINE uint64_t f64_hsumu(__m256i v) { return (uint64_t)f64_hsums(v); }
SXT_INLINE uint64_t f32_hsumu(f32_i v)
{
    __m256i low = _mm256_and_si256(v, _mm256_set1_epi64x(0xffffffff));
    return f64_hsumu(_mm256_add_epi64(low, _mm256_srli_epi64(v, 32)));
}
SXT_INLINE int64_t f32_hsums(f32_i v)
{
    __m256i a = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(v));
    return f64_hsums(_mm256_add_epi64(a, _mm256_cvtepi32_epi64(_mm256_extracti128_si256(v, 1))));
}

/* n 16-bit elements: there is no masked load of words, so they go through the stack. */
SXT_INLINE __m128i f32_words(const uint16_t *p, ptrdiff_t n)
{
    uint16_t lane[8] = {0};
    __builtin_memcpy(lane, (const void *)p, (size_t)(n < 8 ? n : 8) * 2);
    return _mm_loadu_si128((const void *)lane);
}
SXT_INLINE void f32_put_words(uint16_t *p, __m128i v, ptrdiff_t n)
{
    uint16_t lane[8];
    _mm_storeu_si128((void *)lane, v);
    __builtin_memcpy((void *)p, lane, (size_t)(n < 8 ? n : 8) * 2);
}
SXT_INLINE f32_v f32_load_f16(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p)); }
SXT_INLINE f32_v f32_loadn_f16(const uint16_t *p, ptrdiff_t n) { return _mm256_cvtph_ps(f32_words(p, n)); }
SXT_INLINE void f32_store_f16(uint16_t *p, f32_v v)
{
    _mm_storeu_si128((void *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
SXT_INLINE void f32_storen_f16(uint16_t *p, f32_v v, ptrdiff_t n)
{
    f32_put_words(p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT), n);
}
SXT_INLINE f32_v f32_from_bf16(__m128i h)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
/* Round to nearest even on the bits; NaN becomes the canonical one. */
SXT_INLINE __m128i f32_to_bf16(f32_v v)
{
    __m256i bits = _mm256_castps_si256(v);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    sum = f32_iselect(f32_unord(v, v), _mm256_set1_epi32(0x7fc00000), sum);
    sum = _mm256_srli_epi32(sum, 16);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(sum, sum), 0xd8);
    return _mm256_castsi256_si128(words);
}
SXT_INLINE f32_v f32_load_bf16(const uint16_t *p) { return f32_from_bf16(_mm_loadu_si128((const void *)p)); }
SXT_INLINE f32_v f32_loadn_bf16(const uint16_t *p, ptrdiff_t n) { return f32_from_bf16(f32_words(p, n)); }
SXT_INLINE void f32_store_bf16(uint16_t *p, f32_v v) { _mm_storeu_si128((void *)p, f32_to_bf16(v)); }
SXT_INLINE void f32_storen_bf16(uint16_t *p, f32_v v, ptrdiff_t n) { f32_put_words(p, f32_to_bf16(v), n); }

/* 8 x 8 transpose in registers, in place. */
SXT_INLINE void f32_transpose(f32_v r[f32_W])
{
    f32_v t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
    }
    for (int i = 0; i < 8; i++)
        r[i] = t[i];
}

SXT_INLINE void f32_merge(int stage, f32_v a, f32_v b, f32_v *low, f32_v *high)
{
    __m256d c = _mm256_castps_pd(a), d = _mm256_castps_pd(b);
    if (stage == 0) {
        *low = _mm256_unpacklo_ps(a, b);
        *high = _mm256_unpackhi_ps(a, b);
    } else if (stage == 1) {
        *low = _mm256_castpd_ps(_mm256_unpacklo_pd(c, d));
        *high = _mm256_castpd_ps(_mm256_unpackhi_pd(c, d));
    } else {
        *low = _mm256_permute2f128_ps(a, b, 0x20);
        *high = _mm256_permute2f128_ps(a, b, 0x31);
    }
}

/* Columns and rows of 4 x 4 blocks, one in each half of the registers. */
SXT_INLINE void f32_transpose4(f32_v r[4])
{
    __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(r[0], r[1])), b = _mm256_castps_pd(_mm256_unpackhi_ps(r[0], r[1]));
    __m256d c = _mm256_castps_pd(_mm256_unpacklo_ps(r[2], r[3])), d = _mm256_castps_pd(_mm256_unpackhi_ps(r[2], r[3]));
    r[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, c));
    r[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, c));
    r[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(b, d));
    r[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(b, d));
}
SXT_INLINE void f32_pack4(const char *x, ptrdiff_t step, float *tile, ptrdiff_t pitch)
{
    f32_v r[4];
    for (int k = 0; k < 4; k++, x += step) {
        f32_v v = _mm256_castps128_ps256(_mm_loadu_ps((const void *)x));
        r[k] = _mm256_insertf128_ps(v, _mm_loadu_ps((const void *)(x + 4 * step)), 1);
    }
    f32_transpose4(r);
    for (int k = 0; k < 4; k++)
        f32_store(tile + k * pitch, r[k]);
}
SXT_INLINE void f32_unpack4(const float *tile, ptrdiff_t pitch, char *y, ptrdiff_t step, ptrdiff_t n)
{
    f32_v r[4];
    for (int k = 0; k < 4; k++)
        r[k] = f32_load(tile + k * pitch);
    f32_transpose4(r);
    for (int k = 0; k < 4; k++, y += step) {
        f32_put4(y, _mm256_castps256_ps128(r[k]), n);
        f32_put4(y + 4 * step, _mm256_extractf128_ps(r[k], 1), n);
    }
}

/* ---- double --------------------------------------------------------------------------------- */
#define f64_W 4
typedef __m256d f64_v;
typedef __m256i f64_i;
typedef __m256d f64_m;

SXT_INLINE __m256i f64_lanes_below(ptrdiff_t n)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
SXT_INLINE f64_m f64_first(ptrdiff_t n) { return _mm256_castsi256_pd(f64_lanes_below(n)); }
SXT_INLINE f64_v f64_load(const double *p) { return _mm256_loadu_pd(p); }
SXT_INLINE f64_v f64_loadn(const double *p, ptrdiff_t n) { return _mm256_maskload_pd(p, f64_lanes_below(n)); }
SXT_INLINE void f64_store(double *p, f64_v v) { _mm256_storeu_pd(p, v); }
SXT_INLINE void f64_store_past(double *p, f64_v v) { _mm256_stream_pd(p, v); }
SXT_INLINE void f64_storen(double *p, f64_v v, ptrdiff_t n)
{
    f32_put4((char *)p, _mm_castpd_ps(_mm256_castpd256_pd128(v)), 2 * n);
    if (n > 2)
        f32_put4((char *)(p + 2), _mm_castpd_ps(_mm256_extractf128_pd(v, 1)), 2 * (n - 2));
}
SXT_INLINE f64_v f64_held(f64_v v) { return v; }
SXT_INLINE f64_v f64_set1(double x) { return _mm256_set1_pd(x); }
SXT_INLINE f64_v f64_add(f64_v a, f64_v b) { return _mm256_add_pd(a, b); }
SXT_INLINE f64_v f64_sub(f64_v a, f64_v b) { return _mm256_sub_pd(a, b); }
SXT_INLINE f64_v f64_mul(f64_v a, f64_v b) { return _mm256_mul_pd(a, b); }
SXT_INLINE f64_v f64_div(f64_v a, f64_v b) { return _mm256_div_pd(a, b); }
SXT_INLINE f64_v f64_fma(f64_v a, f64_v b, f64_v c) { return _mm256_fmadd_pd(a, b, c); }
SXT_INLINE f64_v f64_fnma(f64_v a, f64_v b, f64_v c) { return _mm256_fnmadd_pd(a, b, c); }
SXT_INLINE f64_v f64_max(f64_v a, f64_v b) { return _mm256_max_pd(a, b); }
SXT_INLINE f64_v f64_min(f64_v a, f64_v b) { return _mm256_min_pd(a, b); }
SXT_INLINE f64_v f64_lesser(f64_v a, f64_v b, f64_v max) { (void)max; return f64_min(b, a); }
SXT_INLINE f64_v f64_abs(f64_v a) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a); }
SXT_INLINE f64_m f64_lt(f64_v a, f64_v b) { return _mm256_cmp_pd(a, b, _CMP_LT_OQ); }
SXT_INLINE f64_m f64_eq(f64_v a, f64_v b) { return _mm256_cmp_pd(a, b, _CMP_EQ_OQ); }
SXT_INLINE f64_m f64_unord(f64_v a, f64_v b) { return _mm256_cmp_pd(a, b, _CMP_UNORD_Q); }
SXT_INLINE f64_m f64_ieq(f64_i a, f64_i b) { return _mm256_castsi256_pd(_mm256_cmpeq_epi64(a, b)); }
SXT_INLINE f64_m f64_mnone(void) { return _mm256_setzero_pd(); }
SXT_INLINE f64_m f64_mor(f64_m a, f64_m b) { return _mm256_or_pd(a, b); }
SXT_INLINE unsigned f64_mbits(f64_m m) { return (unsigned)_mm256_movemask_pd(m); }
SXT_INLINE f64_v f64_select(f64_m m, f64_v a, f64_v b) { return _mm256_blendv_pd(b, a, m); }
SXT_INLINE f64_i f64_bits(f64_v v) { return _mm256_castpd_si256(v); }
SXT_INLINE f64_v f64_float(f64_i v) { return _mm256_castsi256_pd(v); }
SXT_INLINE f64_i f64_iselect(f64_m m, f64_i a, f64_i b)
{
    return f64_bits(f64_select(m, f64_float(a), f64_float(b)));
}
SXT_INLINE f64_i f64_shl(f64_i v) { return _mm256_slli_epi64(v, 52); }
SXT_INLINE f64_i f64_iadd(f64_i a, f64_i b) { return _mm256_add_epi64(a, b); }
SXT_INLINE f64_i f64_isub(f64_i a, f64_i b) { return _mm256_sub_epi64(a, b); }
SXT_INLINE f64_i f64_iset1(int64_t x) { return _mm256_set1_epi64x(x); }
SXT_INLINE f64_i f64_iload(const int64_t *p) { return _mm256_loadu_si256((const void *)p); }
SXT_INLINE void f64_istore(int64_t *p, f64_i v) { _mm256_storeu_si256((void *)p, v); }
SXT_INLINE double f64_hmax(f64_v v)
{
    __m128d m = _mm_max_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_max_sd(m, _mm_unpackhi_pd(m, m)));
}

/* 4 x 4 transpose in registers, in place. */
SXT_INLINE void f64_transpose(f64_v r[f64_W])
{
    f64_v a = _mm256_unpacklo_pd(r[0], r[1]), b = _mm256_unpackhi_pd(r[0], r[1]);
    f64_v c = _mm256_unpacklo_pd(r[2], r[3]), d = _mm256_unpackhi_pd(r[2], r[3]);
    r[0] = _mm256_permute2f128_pd(a, c, 0x20);
    r[1] = _mm256_permute2f128_pd(b, d, 0x20);
    r[2] = _mm256_permute2f128_pd(a, c, 0x31);
    r[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

SXT_INLINE void f64_merge(int stage, f64_v a, f64_v b, f64_v *low, f64_v *high)
{
    *low = stage == 0 ? _mm256_unpacklo_pd(a, b) : _mm256_permute2f128_pd(a, b, 0x20);
    *high = stage == 0 ? _mm256_unpackhi_pd(a, b) : _mm256_permute2f128_pd(a, b, 0x31);
}

SXT_INLINE f64_v f64_pairs(const char *x, ptrdiff_t step)
{
    f64_v v = _mm256_castpd128_pd256(_mm_loadu_pd((const void *)x));
    return _mm256_insertf128_pd(v, _mm_loadu_pd((const void *)(x + 2 * step)), 1);
}
SXT_INLINE void f64_put2(char *y, __m128d v, ptrdiff_t n)
{
    if (n >= 2)
        _mm_storeu_pd((void *)y, v);
    else
        _mm_store_sd((void *)y, v);
}
SXT_INLINE void f64_pack4(const char *x, ptrdiff_t step, double *tile, ptrdiff_t pitch)
{
    for (int c = 0; c < 4; c += 2, x += 16) {
        f64_v even = f64_pairs(x, step), odd = f64_pairs(x + step, step);
        f64_store(tile + c * pitch, _mm256_unpacklo_pd(even, odd));
        f64_store(tile + (c + 1) * pitch, _mm256_unpackhi_pd(even, odd));
    }
}
SXT_INLINE void f64_unpack4(const double *tile, ptrdiff_t pitch, char *y, ptrdiff_t step, ptrdiff_t n)
{
    for (int c = 0; c < 4 && c < n; c += 2, y += 16) {
        f64_v a = f64_load(tile + c * pitch), b = f64_load(tile + (c + 1) * pitch);
        f64_v even = _mm256_unpacklo_pd(a, b), odd = _mm256_unpackhi_pd(a, b);
        f64_put2(y, _mm256_castpd256_pd128(even), n - c);
        f64_put2(y + step, _mm256_castpd256_pd128(odd), n - c);
        f64_put2(y + 2 * step, _mm256_extractf128_pd(even, 1), n - c);
        f64_put2(y + 3 * step, _mm256_extractf128_pd(odd, 1), n - c);
    }
}

/* ---- float lanes as doubles, in two halves ---------------------------------------------------------- */
SXT_INLINE void f32_split(f32_v v, f64_v half[2])
{
    half[0] = _mm256_cvtps_pd(_mm256_castps256_ps128(v));
    half[1] = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
}
SXT_INLINE f32_v f32_join(const f64_v half[2])
{
    f32_v low = _mm256_castps128_ps256(_mm256_cvtpd_ps(half[0]));
    return _mm256_insertf128_ps(low, _mm256_cvtpd_ps(half[1]), 1);
}
SXT_INLINE void f32_load_halves(const float *p, f64_v half[2])
{
    half[0] = _mm256_cvtps_pd(_mm_loadu_ps(p));
    half[1] = _mm256_cvtps_pd(_mm_loadu_ps(p + 4));
}
SXT_INLINE void f32_store_halves(float *p, const f64_v half[2])
{
    _mm_storeu_ps(p, _mm256_cvtpd_ps(half[0]));
    _mm_storeu_ps(p + 4, _mm256_cvtpd_ps(half[1]));
}

#endif
