/* avx512_in_software.h - the AVX-512 operations that vectors/vec_avx512.h uses, made of AVX2 ones and of loops: for
 * builds with SOFTXENT_AVX512_IN_SOFTWARE, which show on a processor without AVX-512 what its kernels compute. They
 * say nothing of its speed. Included by the compiler's options before all else. */
#ifndef SXT_AVX512_IN_SOFTWARE_H
#define SXT_AVX512_IN_SOFTWARE_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define SOFT static inline __attribute__((always_inline))

typedef union {
    __m512 v;
    __m256 half[2];
    __m128 quarter[4];
    float lane[16];
} soft_ps;

typedef union {
    __m512d v;
    __m256d half[2];
    __m128d quarter[4];
    double lane[8];
} soft_pd;

typedef union {
    __m512i v;
    __m256i half[2];
    int32_t lane[16];
    uint32_t unsigned_lane[16];
    int64_t wide[8];
    uint64_t unsigned_wide[8];
} soft_si;

/* ---- lane by lane ------------------------------------------------------------------------------------------ */

/* Of two halves by the AVX2 operation of the same name. */
#define SOFT_ONE(name, suffix, type, other)                                                          \
    SOFT type soft512_##name##_##suffix(type a)                                                      \
    {                                                                                                \
        soft_##other x = {.v = a}, y;                                                                \
        for (int k = 0; k < 2; k++)                                                                  \
            y.half[k] = soft256_##name##_##suffix(x.half[k]);                                        \
        return y.v;                                                                                  \
    }
#define SOFT_TWO(name, suffix, type, other)                                                          \
    SOFT type soft512_##name##_##suffix(type a, type b)                                              \
    {                                                                                                \
        soft_##other x = {.v = a}, y = {.v = b}, z;                                                  \
        for (int k = 0; k < 2; k++)                                                                  \
            z.half[k] = _mm256_##name##_##suffix(x.half[k], y.half[k]);                              \
        return z.v;                                                                                  \
    }
#define SOFT_THREE(name, suffix, type, other)                                                        \
    SOFT type soft512_##name##_##suffix(type a, type b, type c)                                      \
    {                                                                                                \
        soft_##other x = {.v = a}, y = {.v = b}, z = {.v = c}, w;                                    \
        for (int k = 0; k < 2; k++)                                                                  \
            w.half[k] = _mm256_##name##_##suffix(x.half[k], y.half[k], z.half[k]);                   \
        return w.v;                                                                                  \
    }
SOFT_TWO(add, ps, __m512, ps)
SOFT_TWO(add, pd, __m512d, pd)
SOFT_TWO(sub, ps, __m512, ps)
SOFT_TWO(sub, pd, __m512d, pd)
SOFT_TWO(mul, ps, __m512, ps)
SOFT_TWO(mul, pd, __m512d, pd)
SOFT_TWO(div, ps, __m512, ps)
SOFT_TWO(div, pd, __m512d, pd)
SOFT_TWO(max, ps, __m512, ps)
SOFT_TWO(max, pd, __m512d, pd)
SOFT_TWO(min, ps, __m512, ps)
SOFT_TWO(min, pd, __m512d, pd)
SOFT_TWO(unpacklo, ps, __m512, ps)
SOFT_TWO(unpacklo, pd, __m512d, pd)
SOFT_TWO(unpackhi, ps, __m512, ps)
SOFT_TWO(unpackhi, pd, __m512d, pd)
SOFT_THREE(fmadd, ps, __m512, ps)
SOFT_THREE(fmadd, pd, __m512d, pd)
SOFT_THREE(fnmadd, ps, __m512, ps)
SOFT_THREE(fnmadd, pd, __m512d, pd)
SOFT_TWO(add, epi32, __m512i, si)
SOFT_TWO(add, epi64, __m512i, si)
SOFT_TWO(sub, epi32, __m512i, si)
SOFT_TWO(sub, epi64, __m512i, si)

SOFT __m256 soft256_abs_ps(__m256 a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
SOFT __m256d soft256_abs_pd(__m256d a) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a); }
SOFT_ONE(abs, ps, __m512, ps)
SOFT_ONE(abs, pd, __m512d, pd)

#define SOFT_LANES(name, type, other, lane, count, value)                                            \
    SOFT type soft512_##name                                                                         \
    {                                                                                                \
        soft_##other y;                                                                              \
        for (int k = 0; k < count; k++)                                                              \
            y.lane[k] = value;                                                                       \
        return y.v;                                                                                  \
    }
SOFT_LANES(set1_ps(float x), __m512, ps, lane, 16, x)
SOFT_LANES(set1_pd(double x), __m512d, pd, lane, 8, x)
SOFT_LANES(set1_epi32(int32_t x), __m512i, si, lane, 16, x)
SOFT_LANES(set1_epi64(int64_t x), __m512i, si, wide, 8, x)
SOFT_LANES(maskz_loadu_ps(unsigned m, const float *p), __m512, ps, lane, 16, m >> k & 1 ? p[k] : 0.0f)
SOFT_LANES(maskz_loadu_pd(unsigned m, const double *p), __m512d, pd, lane, 8, m >> k & 1 ? p[k] : 0.0)

SOFT __m512i soft512_and_si512(__m512i a, __m512i b)
{
    soft_si x = {.v = a}, y = {.v = b};
    for (int k = 0; k < 2; k++)
        x.half[k] = _mm256_and_si256(x.half[k], y.half[k]);
    return x.v;
}

/* `table`, a constant: what each bit becomes, for the three bits of a, b and c as a number. */
SOFT __m512i soft512_ternarylogic_epi32(__m512i a, __m512i b, __m512i c, int table)
{
    soft_si x = {.v = a}, y = {.v = b}, z = {.v = c}, w;
    for (int k = 0; k < 16; k++) {
        w.unsigned_lane[k] = 0;
        for (unsigned n = 0; n < 8; n++)
            w.unsigned_lane[k] |= (table >> n & 1 ? ~0u : 0u) & (n & 4 ? x.unsigned_lane[k] : ~x.unsigned_lane[k]) &
                                  (n & 2 ? y.unsigned_lane[k] : ~y.unsigned_lane[k]) &
                                  (n & 1 ? z.unsigned_lane[k] : ~z.unsigned_lane[k]);
    }
    return w.v;
}

#define SOFT_SHIFT(name, lane_type, lane, count, operator)                                           \
    SOFT __m512i soft512_##name(__m512i a, unsigned n)                                               \
    {                                                                                                \
        soft_si x = {.v = a};                                                                        \
        for (int k = 0; k < count; k++)                                                              \
            x.lane[k] = (lane_type)(x.lane[k] operator n);                                           \
        return x.v;                                                                                  \
    }
SOFT_SHIFT(slli_epi32, uint32_t, unsigned_lane, 16, <<)
SOFT_SHIFT(srli_epi32, uint32_t, unsigned_lane, 16, >>)
SOFT_SHIFT(slli_epi64, uint64_t, unsigned_wide, 8, <<)
SOFT_SHIFT(srli_epi64, uint64_t, unsigned_wide, 8, >>)
SOFT_SHIFT(srai_epi64, int64_t, wide, 8, >>)

/* ---- masks ------------------------------------------------------------------------------------------------- */

/* The three comparisons that are asked for. */
#define SOFT_COMPARE(suffix, type, other, count)                                                     \
    SOFT unsigned soft512_cmp_##suffix##_mask(type a, type b, int how)                               \
    {                                                                                                \
        soft_##other x = {.v = a}, y = {.v = b};                                                     \
        unsigned m = 0;                                                                              \
        for (int k = 0; k < count; k++) {                                                            \
            int unordered = x.lane[k] != x.lane[k] || y.lane[k] != y.lane[k];                        \
            int hit = how == _CMP_LT_OQ   ? x.lane[k] < y.lane[k]                                    \
                      : how == _CMP_EQ_OQ ? x.lane[k] == y.lane[k]                                   \
                                          : unordered;                                               \
            m |= (unsigned)hit << k;                                                                 \
        }                                                                                            \
        return m;                                                                                    \
    }
SOFT_COMPARE(ps, __m512, ps, 16)
SOFT_COMPARE(pd, __m512d, pd, 8)

#define SOFT_EQUAL(suffix, lane, count)                                                              \
    SOFT unsigned soft512_cmpeq_##suffix##_mask(__m512i a, __m512i b)                                \
    {                                                                                                \
        soft_si x = {.v = a}, y = {.v = b};                                                          \
        unsigned m = 0;                                                                              \
        for (int k = 0; k < count; k++)                                                              \
            m |= (unsigned)(x.lane[k] == y.lane[k]) << k;                                            \
        return m;                                                                                    \
    }
SOFT_EQUAL(epi32, lane, 16)
SOFT_EQUAL(epi64, wide, 8)

/* b where the bit is set. */
#define SOFT_BLEND(suffix, type, other, lane, count)                                                 \
    SOFT type soft512_mask_blend_##suffix(unsigned m, type a, type b)                                \
    {                                                                                                \
        soft_##other x = {.v = a}, y = {.v = b};                                                     \
        for (int k = 0; k < count; k++)                                                              \
            x.lane[k] = m >> k & 1 ? y.lane[k] : x.lane[k];                                          \
        return x.v;                                                                                  \
    }
SOFT_BLEND(ps, __m512, ps, lane, 16)
SOFT_BLEND(pd, __m512d, pd, lane, 8)
SOFT_BLEND(epi32, __m512i, si, lane, 16)
SOFT_BLEND(epi64, __m512i, si, wide, 8)

/* ---- memory ------------------------------------------------------------------------------------------------ */

#define SOFT_MEMORY(suffix, type, element)                                                           \
    SOFT type soft512_loadu_##suffix(const element *p)                                               \
    {                                                                                                \
        type v;                                                                                      \
        memcpy(&v, (const void *)p, sizeof v);                                                       \
        return v;                                                                                    \
    }                                                                                                \
    SOFT void soft512_storeu_##suffix(element *p, type v) { memcpy((void *)p, &v, sizeof v); }
SOFT_MEMORY(ps, __m512, float)
SOFT_MEMORY(pd, __m512d, double)
SOFT_MEMORY(si512, __m512i, void)

#define SOFT_STORE_SOME(name, type, element, count)                                                  \
    SOFT void name(element *p, unsigned m, type v)                                                   \
    {                                                                                                \
        element lane[count];                                                                         \
        memcpy(lane, &v, sizeof lane);                                                               \
        for (int k = 0; k < count; k++)                                                              \
            if (m >> k & 1)                                                                          \
                memcpy((void *)(p + k), &lane[k], sizeof lane[k]);                                   \
    }
SOFT_STORE_SOME(soft512_mask_storeu_ps, __m512, float, 16)
SOFT_STORE_SOME(soft512_mask_storeu_pd, __m512d, double, 8)
SOFT_STORE_SOME(soft256_mask_storeu_epi16, __m256i, uint16_t, 16)
SOFT_STORE_SOME(soft128_mask_storeu_ps, __m128, float, 4)

SOFT __m256i soft256_maskz_loadu_epi16(unsigned m, const void *p)
{
    uint16_t lane[16];
    __m256i v;
    for (int k = 0; k < 16; k++) {
        lane[k] = 0;
        if (m >> k & 1)
            memcpy(&lane[k], (const char *)p + 2 * k, 2);
    }
    memcpy(&v, lane, sizeof v);
    return v;
}

/* ---- other forms of the same bits, and parts --------------------------------------------------------------- */

#define SOFT_CAST(name, from, to)                                                                    \
    SOFT to soft512_##name(from a)                                                                   \
    {                                                                                                \
        to b;                                                                                        \
        memset(&b, 0, sizeof b);                                                                     \
        memcpy(&b, &a, sizeof a < sizeof b ? sizeof a : sizeof b);                                   \
        return b;                                                                                    \
    }
SOFT_CAST(castpd128_pd512, __m128d, __m512d)
SOFT_CAST(castpd512_pd128, __m512d, __m128d)
SOFT_CAST(castpd_ps, __m512d, __m512)
SOFT_CAST(castpd_si512, __m512d, __m512i)
SOFT_CAST(castps128_ps512, __m128, __m512)
SOFT_CAST(castps256_ps512, __m256, __m512)
SOFT_CAST(castps512_ps128, __m512, __m128)
SOFT_CAST(castps512_ps256, __m512, __m256)
SOFT_CAST(castps_pd, __m512, __m512d)
SOFT_CAST(castps_si512, __m512, __m512i)
SOFT_CAST(castsi512_pd, __m512i, __m512d)
SOFT_CAST(castsi512_ps, __m512i, __m512)

SOFT __m128 soft512_extractf32x4_ps(__m512 a, int k) { return ((soft_ps){.v = a}).quarter[k]; }
SOFT __m256 soft512_extractf32x8_ps(__m512 a, int k) { return ((soft_ps){.v = a}).half[k]; }
SOFT __m128d soft512_extractf64x2_pd(__m512d a, int k) { return ((soft_pd){.v = a}).quarter[k]; }
SOFT __m512 soft512_insertf32x4(__m512 a, __m128 b, int k)
{
    soft_ps x = {.v = a};
    x.quarter[k] = b;
    return x.v;
}
SOFT __m512 soft512_insertf32x8(__m512 a, __m256 b, int k)
{
    soft_ps x = {.v = a};
    x.half[k] = b;
    return x.v;
}
SOFT __m512d soft512_insertf64x2(__m512d a, __m128d b, int k)
{
    soft_pd x = {.v = a};
    x.quarter[k] = b;
    return x.v;
}

/* Two quarters of a, two of b. */
#define SOFT_SHUFFLE(name, type, other)                                                              \
    SOFT type soft512_##name(type a, type b, int which)                                              \
    {                                                                                                \
        soft_##other x = {.v = a}, y = {.v = b}, z;                                                  \
        for (int k = 0; k < 4; k++)                                                                  \
            z.quarter[k] = (k < 2 ? x : y).quarter[which >> 2 * k & 3];                              \
        return z.v;                                                                                  \
    }
SOFT_SHUFFLE(shuffle_f32x4, __m512, ps)
SOFT_SHUFFLE(shuffle_f64x2, __m512d, pd)

/* ---- conversions ------------------------------------------------------------------------------------------- */

SOFT __m512 soft512_cvtph_ps(__m256i a)
{
    soft_ps y;
    y.half[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(a));
    y.half[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(a, 1));
    return y.v;
}
/* To nearest, as all are. */
SOFT __m256i soft512_cvtps_ph(__m512 a, int how)
{
    soft_ps x = {.v = a};
    (void)how;
    return _mm256_set_m128i(_mm256_cvtps_ph(x.half[1], _MM_FROUND_TO_NEAREST_INT),
                            _mm256_cvtps_ph(x.half[0], _MM_FROUND_TO_NEAREST_INT));
}
SOFT __m512d soft512_cvtps_pd(__m256 a)
{
    soft_pd y;
    y.half[0] = _mm256_cvtps_pd(_mm256_castps256_ps128(a));
    y.half[1] = _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
    return y.v;
}
SOFT __m256 soft512_cvtpd_ps(__m512d a)
{
    soft_pd x = {.v = a};
    return _mm256_set_m128(_mm256_cvtpd_ps(x.half[1]), _mm256_cvtpd_ps(x.half[0]));
}
SOFT __m512i soft512_cvtepu16_epi32(__m256i a)
{
    soft_si y;
    y.half[0] = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(a));
    y.half[1] = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(a, 1));
    return y.v;
}
SOFT __m256i soft512_cvtepi32_epi16(__m512i a)
{
    soft_si x = {.v = a};
    uint16_t lane[16];
    __m256i y;
    for (int k = 0; k < 16; k++)
        lane[k] = (uint16_t)x.unsigned_lane[k];
    memcpy(&y, lane, sizeof y);
    return y;
}

/* ---- across the lanes -------------------------------------------------------------------------------------- */

SOFT int64_t soft512_reduce_add_epi64(__m512i a)
{
    soft_si x = {.v = a};
    uint64_t sum = 0;
    for (int k = 0; k < 8; k++)
        sum += x.unsigned_wide[k];
    return (int64_t)sum;
}
#define SOFT_LARGEST(suffix, type, other, element, count)                                            \
    SOFT element soft512_reduce_max_##suffix(type a)                                                 \
    {                                                                                                \
        soft_##other x = {.v = a};                                                                   \
        element most = x.lane[0];                                                                    \
        for (int k = 1; k < count; k++)                                                              \
            most = x.lane[k] > most ? x.lane[k] : most;                                              \
        return most;                                                                                 \
    }
SOFT_LARGEST(ps, __m512, ps, float, 16)
SOFT_LARGEST(pd, __m512d, pd, double, 8)

#include "names.h"

#endif
