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

static inline double sxt_get_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7fffu;
    float size = rest < 0x0400u    ? (float)rest * 0x1p-24f
                 : rest >= 0x7c00u ? sxt_float_of_bits(0x7f800000u | (rest & 0x3ffu) << 13)
                                   : sxt_float_of_bits((rest << 13) + 0x38000000u);
    return (double)(sign ? -size : size);
}

static inline double sxt_get(const char *p, sxt_dtype dtype)
{
    double x;
    float f;
    uint16_t h;
    switch (dtype) {
    case SXT_F64:
        memcpy(&x, p, sizeof x);
        return x;
    case SXT_F32:
        memcpy(&f, p, sizeof f);
        return (double)f;
    case SXT_BF16:
        memcpy(&h, p, sizeof h);
        return (double)sxt_float_of_bits((uint32_t)h << 16);
    default:
        memcpy(&h, p, sizeof h);
        return sxt_get_f16(h);
    }
}

/* x rounded to a 16-bit format of `digits` stored mantissa bits whose normal numbers begin at `least` and whose
 * infinity is reached at `end`. Normal numbers: the upper bits of the double, rounded as an integer; below,
 * the addition of a large number rounds to units of the smallest one. */
static inline uint16_t sxt_round_to_16(double x, int digits, int bias, double least, double end)
{
    double size = fabs(x), shifted = size + 0x1.8p52 * least / (double)(1 << digits);
    uint64_t bits, units;
    memcpy(&bits, &size, sizeof bits);
    memcpy(&units, &shifted, sizeof units);
    int drop = 52 - digits;
    bits += ((UINT64_C(1) << (drop - 1)) - 1) + ((bits >> drop) & 1);
    uint16_t infinity = (uint16_t)((2 * bias + 1) << digits);
    uint16_t h = size >= end     ? infinity
                 : size >= least ? (uint16_t)((bits >> drop) - ((uint64_t)(1023 - bias) << digits))
                                 : (uint16_t)(units & 0xffffu);
    h = x != x ? (uint16_t)(infinity | 1 << (digits - 1)) : h;
    return (uint16_t)(h | (x == x && signbit(x) ? 0x8000 : 0));
}

static inline void sxt_put(char *p, sxt_dtype dtype, double x)
{
    float f = (float)x;
    uint16_t h;
    switch (dtype) {
    case SXT_F64:
        memcpy(p, &x, sizeof x);
        return;
    case SXT_F32:
        memcpy(p, &f, sizeof f);
        return;
    case SXT_BF16:
        h = sxt_round_to_16(x, 7, 127, 0x1p-126, 0x1.ffp127);
        memcpy(p, &h, sizeof h);
        return;
    default:
        h = sxt_round_to_16(x, 10, 15, 0x1p-14, 65520.0);
        memcpy(p, &h, sizeof h);
    }
}

#endif
