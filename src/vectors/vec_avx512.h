/* vec_avx512.h - the vector operations of the templates in AVX-512 F/BW/DQ/VL (Intel Skylake-SP and
 * later, AMD Zen 4 and later). f32: 16 lanes, f64: 8 lanes; masks are mask registers.
 * The meaning of each operation is written down in vec_scalar.h. */
#ifndef SXT_VEC_AVX512_H
#define SXT_VEC_AVX512_H

#include <immintrin.h>

/* ---- float ---------------------------------------------------------------------------------- */
#define f32_W 16
#define f32_HAS_16_BITS 1
#define SXT_STORES_PAST 1
typedef __m512 f32_v;
typedef __m512i f32_i;
typedef __mmask16 f32_m;

SXT_INLINE f32_m f32_first(ptrdiff_t n) { return (f32_m)((1u << n) - 1u); }
SXT_INLINE f32_v f32_load(const float *p) { return _mm512_loadu_ps(p); }
SXT_INLINE f32_v f32_loadn(const float *p, ptrdiff_t n) { return _mm512_maskz_loadu_ps(f32_first(n), p); }
SXT_INLINE void f32_store(float *p, f32_v v) { _mm512_storeu_ps(p, v); }
SXT_INLINE void sxt_stores_done(void) { _mm_sfence(); }
SXT_INLINE void f32_store_past(float *p, f32_v v) { _mm512_stream_ps(p, v); }
SXT_INLINE void f32_storen(float *p, f32_v v, ptrdiff_t n) { _mm512_mask_storeu_ps(p, f32_first(n), v); }
#if defined(__AVX512F__) /* not where it is done in software */
#define SXT_HELD(v) __asm__("" : "+v"(v))
#else
#define SXT_HELD(v) (void)0
#endif
SXT_INLINE f32_v f32_held(f32_v v)
{
    SXT_HELD(v);
    return v;
}
SXT_INLINE f32_v f32_set1(float x) { return _mm512_set1_ps(x); }
SXT_INLINE f32_v f32_add(f32_v a, f32_v b) { return _mm512_add_ps(a, b); }
SXT_INLINE f32_v f32_sub(f32_v a, f32_v b) { return _mm512_sub_ps(a, b); }
SXT_INLINE f32_v f32_mul(f32_v a, f32_v b) { return _mm512_mul_ps(a, b); }
SXT_INLINE f32_v f32_div(f32_v a, f32_v b) { return _mm512_div_ps(a, b); }
SXT_INLINE f32_v f32_fma(f32_v a, f32_v b, f32_v c) { return _mm512_fmadd_ps(a, b, c); }
SXT_INLINE f32_v f32_fnma(f32_v a, f32_v b, f32_v c) { return _mm512_fnmadd_ps(a, b, c); }
SXT_INLINE f32_v f32_max(f32_v a, f32_v b) { return _mm512_max_ps(a, b); }
SXT_INLINE f32_v f32_min(f32_v a, f32_v b) { return _mm512_min_ps(a, b); }
/* The bits of all three, exclusive or: of AMD's four units each takes that, but only two of them comparisons. */
SXT_INLINE __m512i sxt_bits_left(__m512i a, __m512i b, __m512i one) { return _mm512_ternarylogic_epi32(a, b, one, 0x96); }
SXT_INLINE f32_v f32_lesser(f32_v a, f32_v b, f32_v max)
{
    return _mm512_castsi512_ps(sxt_bits_left(_mm512_castps_si512(a), _mm512_castps_si512(b), _mm512_castps_si512(max)));
}
SXT_INLINE f32_v f32_abs(f32_v a) { return _mm512_abs_ps(a); }
SXT_INLINE f32_m f32_lt(f32_v a, f32_v b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
SXT_INLINE f32_m f32_eq(f32_v a, f32_v b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
SXT_INLINE f32_m f32_unord(f32_v a, f32_v b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q); }
SXT_INLINE f32_m f32_ieq(f32_i a, f32_i b) { return _mm512_cmpeq_epi32_mask(a, b); }
SXT_INLINE f32_m f32_mnone(void) { return 0; }
SXT_INLINE f32_m f32_mor(f32_m a, f32_m b) { return (f32_m)(a | b); }
SXT_INLINE unsigned f32_mbits(f32_m m) { return m; }
SXT_INLINE f32_v f32_select(f32_m m, f32_v a, f32_v b) { return _mm512_mask_blend_ps(m, b, a); }
SXT_INLINE f32_i f32_iselect(f32_m m, f32_i a, f32_i b) { return _mm512_mask_blend_epi32(m, b, a); }
SXT_INLINE f32_i f32_bits(f32_v v) { return _mm512_castps_si512(v); }
SXT_INLINE f32_v f32_float(f32_i v) { return _mm512_castsi512_ps(v); }
SXT_INLINE f32_i f32_shl(f32_i v) { return _mm512_slli_epi32(v, 23); }
SXT_INLINE f32_i f32_iadd(f32_i a, f32_i b) { return _mm512_add_epi32(a, b); }
SXT_INLINE f32_i f32_isub(f32_i a, f32_i b) { return _mm512_sub_epi32(a, b); }
SXT_INLINE f32_i f32_iset1(int32_t x) { return _mm512_set1_epi32(x); }
SXT_INLINE f32_i f32_iload(const int32_t *p) { return _mm512_loadu_si512(p); }
SXT_INLINE void f32_istore(int32_t *p, f32_i v) { _mm512_storeu_si512(p, v); }
SXT_INLINE float f32_hmax(f32_v v) { return _mm512_reduce_max_ps(v); }
SXT_INLINE uint64_t f32_hsumu(f32_i v)
{
    __m512i low = _mm512_and_si512(v, _mm512_set1_epi64(0xffffffff));
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(low, _mm512_srli_epi64(v, 32)));
}
SXT_INLINE int64_t f32_hsums(f32_i v)
{
    __m512i low = _mm512_srai_epi64(_mm512_slli_epi64(v, 32), 32);
    return _mm512_reduce_add_epi64(_mm512_add_epi64(low, _mm512_srai_epi64(v, 32)));
}

SXT_INLINE f32_v f32_load_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
}
SXT_INLINE f32_v f32_loadn_f16(const uint16_t *p, ptrdiff_t n)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(f32_first(n), p));
}
SXT_INLINE void f32_storen_f16(uint16_t *p, f32_v v, ptrdiff_t n)
{
    _mm256_mask_storeu_epi16(p, f32_first(n), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
SXT_INLINE void f32_store_f16(uint16_t *p, f32_v v)
{
    _mm256_storeu_si256((void *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
SXT_INLINE f32_v f32_from_bf16(__m256i h)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
/* Round to nearest even on the bits; the callers store no NaN but the canonical one. */
SXT_INLINE __m256i f32_to_bf16(f32_v v)
{
    __m512i bits = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    __m512i canonical = _mm512_set1_epi32(0x7fc00000);
    sum = _mm512_mask_blend_epi32(f32_unord(v, v), sum, canonical);
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(sum, 16));
}
SXT_INLINE f32_v f32_load_bf16(const uint16_t *p)
{
    return f32_from_bf16(_mm256_loadu_si256((const void *)p));
}
SXT_INLINE f32_v f32_loadn_bf16(const uint16_t *p, ptrdiff_t n)
{
    return f32_from_bf16(_mm256_maskz_loadu_epi16(f32_first(n), p));
}
SXT_INLINE void f32_storen_bf16(uint16_t *p, f32_v v, ptrdiff_t n)
{
    _mm256_mask_storeu_epi16(p, f32_first(n), f32_to_bf16(v));
}
SXT_INLINE void f32_store_bf16(uint16_t *p, f32_v v)
{
    _mm256_storeu_si256((void *)p, f32_to_bf16(v));
}

/* 16 x 16 transpose in registers, in place. */
SXT_INLINE void f32_transpose(f32_v r[f32_W])
{
    f32_v t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]);
        __m512d c = _mm512_castps_pd(t[i + 2]), d = _mm512_castps_pd(t[i + 3]);
        r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 8; i++) {
        r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    }
}

SXT_INLINE void f32_merge(int stage, f32_v a, f32_v b, f32_v *low, f32_v *high)
{
    __m512d c = _mm512_castps_pd(a), d = _mm512_castps_pd(b);
    if (stage == 0) {
        *low = _mm512_unpacklo_ps(a, b);
        *high = _mm512_unpackhi_ps(a, b);
    } else if (stage == 1) {
        *low = _mm512_castpd_ps(_mm512_unpacklo_pd(c, d));
        *high = _mm512_castpd_ps(_mm512_unpackhi_pd(c, d));
    } else {
        *low = _mm512_shuffle_f32x4(a, b, 0x88);
        *high = _mm512_shuffle_f32x4(a, b, 0xdd);
    }
}

/* Columns and rows of 4 x 4 blocks, one in each quarter of the registers. */
SXT_INLINE void f32_transpose4(f32_v r[4])
{
    __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(r[0], r[1])), b = _mm512_castps_pd(_mm512_unpackhi_ps(r[0], r[1]));
    __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(r[2], r[3])), d = _mm512_castps_pd(_mm512_unpackhi_ps(r[2], r[3]));
    r[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
}
SXT_INLINE void f32_pack4(const char *x, ptrdiff_t step, float *tile, ptrdiff_t pitch)
{
    f32_v r[4];
    for (int k = 0; k < 4; k++, x += step) {
        f32_v v = _mm512_castps128_ps512(_mm_loadu_ps((const void *)x));
        v = _mm512_insertf32x4(v, _mm_loadu_ps((const void *)(x + 4 * step)), 1);
        v = _mm512_insertf32x4(v, _mm_loadu_ps((const void *)(x + 8 * step)), 2);
        r[k] = _mm512_insertf32x4(v, _mm_loadu_ps((const void *)(x + 12 * step)), 3);
    }
    f32_transpose4(r);
    for (int k = 0; k < 4; k++)
        f32_store(tile + k * pitch, r[k]);
}
/* The first n <= 4. The value passes through a register of its own: the compiler would turn the extraction
 * and the masked store into one instruction that faults on what the mask leaves out (exception class E6NF). */
SXT_INLINE void f32_put4(char *y, __m128 v, ptrdiff_t n)
{
    if (n >= 4) {
        _mm_storeu_ps((void *)y, v);
        return;
    }
    __asm__("" : "+v"(v));
    _mm_mask_storeu_ps((void *)y, (__mmask8)((1u << n) - 1u), v);
}
SXT_INLINE void f32_unpack4(const float *tile, ptrdiff_t pitch, char *y, ptrdiff_t step, ptrdiff_t n)
{
    f32_v r[4];
    for (int k = 0; k < 4; k++)
        r[k] = f32_load(tile + k * pitch);
    f32_transpose4(r);
    for (int k = 0; k < 4; k++, y += step) {
        f32_put4(y, _mm512_castps512_ps128(r[k]), n);
        f32_put4(y + 4 * step, _mm512_extractf32x4_ps(r[k], 1), n);
        f32_put4(y + 8 * step, _mm512_extractf32x4_ps(r[k], 2), n);
        f32_put4(y + 12 * step, _mm512_extractf32x4_ps(r[k], 3), n);
    }
}

/* ---- double --------------------------------------------------------------------------------- */
#define f64_W 8
typedef __m512d f64_v;
typedef __m512i f64_i;
typedef __mmask8 f64_m;

SXT_INLINE f64_m f64_first(ptrdiff_t n) { return (f64_m)((1u << n) - 1u); }
SXT_INLINE f64_v f64_load(const double *p) { return _mm512_loadu_pd(p); }
SXT_INLINE f64_v f64_loadn(const double *p, ptrdiff_t n) { return _mm512_maskz_loadu_pd(f64_first(n), p); }
SXT_INLINE void f64_store(double *p, f64_v v) { _mm512_storeu_pd(p, v); }
SXT_INLINE void f64_store_past(double *p, f64_v v) { _mm512_stream_pd(p, v); }
SXT_INLINE void f64_storen(double *p, f64_v v, ptrdiff_t n) { _mm512_mask_storeu_pd(p, f64_first(n), v); }
SXT_INLINE f64_v f64_held(f64_v v)
{
    SXT_HELD(v);
    return v;
}
SXT_INLINE f64_v f64_set1(double x) { return _mm512_set1_pd(x); }
SXT_INLINE f64_v f64_add(f64_v a, f64_v b) { return _mm512_add_pd(a, b); }
SXT_INLINE f64_v f64_sub(f64_v a, f64_v b) { return _mm512_sub_pd(a, b); }
SXT_INLINE f64_v f64_mul(f64_v a, f64_v b) { return _mm512_mul_pd(a, b); }
SXT_INLINE f64_v f64_div(f64_v a, f64_v b) { return _mm512_div_pd(a, b); }
SXT_INLINE f64_v f64_fma(f64_v a, f64_v b, f64_v c) { return _mm512_fmadd_pd(a, b, c); }
SXT_INLINE f64_v f64_fnma(f64_v a, f64_v b, f64_v c) { return _mm512_fnmadd_pd(a, b, c); }
SXT_INLINE f64_v f64_max(f64_v a, f64_v b) { return _mm512_max_pd(a, b); }
SXT_INLINE f64_v f64_min(f64_v a, f64_v b) { return _mm512_min_pd(a, b); }
SXT_INLINE f64_v f64_lesser(f64_v a, f64_v b, f64_v max)
{
    return _mm512_castsi512_pd(sxt_bits_left(_mm512_castpd_si512(a), _mm512_castpd_si512(b), _mm512_castpd_si512(max)));
}
SXT_INLINE f64_v f64_abs(f64_v a) { return _mm512_abs_pd(a); }
SXT_INLINE f64_m f64_lt(f64_v a, f64_v b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
SXT_INLINE f64_m f64_eq(f64_v a, f64_v b) { return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ); }
SXT_INLINE f64_m f64_unord(f64_v a, f64_v b) { return _mm512_cmp_pd_mask(a, b, _CMP_UNORD_Q); }
SXT_INLINE f64_m f64_ieq(f64_i a, f64_i b) { return _mm512_cmpeq_epi64_mask(a, b); }
SXT_INLINE f64_m f64_mnone(void) { return 0; }
SXT_INLINE f64_m f64_mor(f64_m a, f64_m b) { return (f64_m)(a | b); }
SXT_INLINE unsigned f64_mbits(f64_m m) { return m; }
SXT_INLINE f64_v f64_select(f64_m m, f64_v a, f64_v b) { return _mm512_mask_blend_pd(m, b, a); }
SXT_INLINE f64_i f64_iselect(f64_m m, f64_i a, f64_i b) { return _mm512_mask_blend_epi64(m, b, a); }
SXT_INLINE f64_i f64_bits(f64_v v) { return _mm512_castpd_si512(v); }
SXT_INLINE f64_v f64_float(f64_i v) { return _mm512_castsi512_pd(v); }
SXT_INLINE f64_i f64_shl(f64_i v) { return _mm512_slli_epi64(v, 52); }
SXT_INLINE f64_i f64_iadd(f64_i a, f64_i b) { return _mm512_add_epi64(a, b); }
SXT_INLINE f64_i f64_isub(f64_i a, f64_i b) { return _mm512_sub_epi64(a, b); }
SXT_INLINE f64_i f64_iset1(int64_t x) { return _mm512_set1_epi64(x); }
SXT_INLINE f64_i f64_iload(const int64_t *p) { return _mm512_loadu_si512(p); }
SXT_INLINE void f64_istore(int64_t *p, f64_i v) { _mm512_storeu_si512(p, v); }
SXT_INLINE double f64_hmax(f64_v v) { return _mm512_reduce_max_pd(v); }
SXT_INLINE uint64_t f64_hsumu(f64_i v) { return (uint64_t)_mm512_reduce_add_epi64(v); }
SXT_INLINE int64_t f64_hsums(f64_i v) { return _mm512_reduce_add_epi64(v); }

/* 8 x 8 transpose in registers, in place. */
SXT_INLINE void f64_transpose(f64_v r[f64_W])
{
    f64_v t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        r[i] = _mm512_shuffle_f64x2(t[i], t[i + 2], 0x88);
        r[i + 2] = _mm512_shuffle_f64x2(t[i], t[i + 2], 0xdd);
        r[i + 4] = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0x88);
        r[i + 6] = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_f64x2(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_f64x2(r[i], r[i + 4], 0xdd);
    }
    for (int i = 0; i < 8; i++)
        r[i] = t[i];
}

SXT_INLINE void f64_merge(int stage, f64_v a, f64_v b, f64_v *low, f64_v *high)
{
    *low = stage == 0 ? _mm512_unpacklo_pd(a, b) : _mm512_shuffle_f64x2(a, b, 0x88);
    *high = stage == 0 ? _mm512_unpackhi_pd(a, b) : _mm512_shuffle_f64x2(a, b, 0xdd);
}

SXT_INLINE f64_v f64_pairs(const char *x, ptrdiff_t step)
{
    f64_v v = _mm512_castpd128_pd512(_mm_loadu_pd((const void *)x));
    v = _mm512_insertf64x2(v, _mm_loadu_pd((const void *)(x + 2 * step)), 1);
    v = _mm512_insertf64x2(v, _mm_loadu_pd((const void *)(x + 4 * step)), 2);
    return _mm512_insertf64x2(v, _mm_loadu_pd((const void *)(x + 6 * step)), 3);
}
/* One or two of each pair. */
SXT_INLINE void f64_put_pairs(char *y, ptrdiff_t step, f64_v v, ptrdiff_t n)
{
    __m128d pairs[] = {_mm512_castpd512_pd128(v), _mm512_extractf64x2_pd(v, 1), _mm512_extractf64x2_pd(v, 2),
                       _mm512_extractf64x2_pd(v, 3)};
    for (int k = 0; k < 4; k++, y += 2 * step)
        if (n >= 2)
            _mm_storeu_pd((void *)y, pairs[k]);
        else
            _mm_store_sd((void *)y, pairs[k]);
}
SXT_INLINE void f64_pack4(const char *x, ptrdiff_t step, double *tile, ptrdiff_t pitch)
{
    for (int c = 0; c < 4; c += 2, x += 16) {
        f64_v even = f64_pairs(x, step), odd = f64_pairs(x + step, step);
        f64_store(tile + c * pitch, _mm512_unpacklo_pd(even, odd));
        f64_store(tile + (c + 1) * pitch, _mm512_unpackhi_pd(even, odd));
    }
}
SXT_INLINE void f64_unpack4(const double *tile, ptrdiff_t pitch, char *y, ptrdiff_t step, ptrdiff_t n)
{
    for (int c = 0; c < 4 && c < n; c += 2, y += 16) {
        f64_v a = f64_load(tile + c * pitch), b = f64_load(tile + (c + 1) * pitch);
        f64_put_pairs(y, step, _mm512_unpacklo_pd(a, b), n - c);
        f64_put_pairs(y + step, step, _mm512_unpackhi_pd(a, b), n - c);
    }
}

/* ---- float lanes as doubles, in two halves ---------------------------------------------------------- */
SXT_INLINE void f32_split(f32_v v, f64_v half[2])
{
    half[0] = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
    half[1] = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
}
SXT_INLINE f32_v f32_join(const f64_v half[2])
{
    f32_v low = _mm512_castps256_ps512(_mm512_cvtpd_ps(half[0]));
    return _mm512_insertf32x8(low, _mm512_cvtpd_ps(half[1]), 1);
}
SXT_INLINE void f32_load_halves(const float *p, f64_v half[2])
{
    half[0] = _mm512_cvtps_pd(_mm256_loadu_ps(p));
    half[1] = _mm512_cvtps_pd(_mm256_loadu_ps(p + 8));
}
SXT_INLINE void f32_store_halves(float *p, const f64_v half[2])
{
    _mm256_storeu_ps(p, _mm512_cvtpd_ps(half[0]));
    _mm256_storeu_ps(p + 8, _mm512_cvtpd_ps(half[1]));
}

#endif
