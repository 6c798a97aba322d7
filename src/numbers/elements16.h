/* elements16.h - one element of any dtype to and from double, exactly and rounded once, in plain C. */
#ifndef SXT_ELEMENTS16_H
#define SXT_ELEMENTS16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "softxent.h"

static inline float sxt_float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* ---- one of each type, of any alignment ------------------------------------------------------------------- */

static inline double sxt_get_f64(const char *p)
{
    double x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline double sxt_get_f32(const char *p)
{
    float x;
    memcpy(&x, p, sizeof x);
    return (double)x;
}

static inline double sxt_get_bf16(const char *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return (double)sxt_float_of_bits((uint32_t)h << 16);
}

/* Zero and subnormal halves are multiples of 2^-24. */
static inline double sxt_get_f16(const char *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7fffu;
    float size = rest < 0x0400u    ? (float)rest * 0x1p-24f
                 : rest >= 0x7c00u ? sxt_float_of_bits(0x7f800000u | (rest & 0x3ffu) << 13)
                                   : sxt_float_of_bits((rest << 13) + 0x38000000u);
    return (double)(sign ? -size : size);
}

/* x rounded to a 16-bit format of `digits` stored mantissa bits whose normal numbers begin at `least` and whose
 * infinity is reached at `end`. Normal numbers: the upper bits of the double, rounded as an integer; below,
 * the addition of a large number rounds to units of the smallest one. In integers as wide as doubles, so that loops
 * over many of them go into lanes. */
static inline uint16_t sxt_round_to_16(double x, int digits, int bias, double least, double end)
{
    double size = fabs(x), shifted = size + 0x1.8p52 * least / (double)(1 << digits);
    uint64_t bits, units, sign;
    memcpy(&bits, &size, sizeof bits);
    memcpy(&units, &shifted, sizeof units);
    memcpy(&sign, &x, sizeof sign);
    int drop = 52 - digits;
    bits += ((UINT64_C(1) << (drop - 1)) - 1) + ((bits >> drop) & 1);
    uint64_t infinity = (uint64_t)(2 * bias + 1) << digits, nan = infinity | UINT64_C(1) << (digits - 1);
    uint64_t normal = (bits >> drop) - ((uint64_t)(1023 - bias) << digits), h = size >= least ? normal : units & 0xffffu;
    h = (size >= end ? infinity : h) | sign >> 63 << 15;
    return (uint16_t)(x != x ? nan : h);
}

static inline void sxt_put_f64(char *p, double x) { memcpy(p, &x, sizeof x); }

static inline void sxt_put_f32(char *p, double x)
{
    float f = (float)x;
    memcpy(p, &f, sizeof f);
}

static inline void sxt_put_bf16(char *p, double x)
{
    uint16_t h = sxt_round_to_16(x, 7, 127, 0x1p-126, 0x1.ffp127);
    memcpy(p, &h, sizeof h);
}

static inline void sxt_put_f16(char *p, double x)
{
    uint16_t h = sxt_round_to_16(x, 10, 15, 0x1p-14, 65520.0);
    memcpy(p, &h, sizeof h);
}

/* ---- one of any type ---------------------------------------------------------------------------------------- */

static inline double sxt_get(const char *p, sxt_dtype dtype)
{
    switch (dtype) {
#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    case NAME:                                                                                     \
        return sxt_get_##name(p);
#include "dtypes.def"
#undef SXT_DTYPE
    }
    return (double)NAN;
}

static inline void sxt_put(char *p, sxt_dtype dtype, double x)
{
    switch (dtype) {
#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    case NAME:                                                                                     \
        sxt_put_##name(p, x);                                                                      \
        return;
#include "dtypes.def"
#undef SXT_DTYPE
    }
}

#endif
