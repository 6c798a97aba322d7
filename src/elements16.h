/* elements16.h - one element of any dtype to and from double, exactly and rounded once, in plain C. */
#ifndef SXT_ELEMENTS16_H
#define SXT_ELEMENTS16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "softxent.h"

static inline double sxt_get(const char *p, sxt_dtype dtype)
{
    if (dtype == SXT_F64) {
        double x;
        memcpy(&x, p, sizeof x);
        return x;
    }
    float x;
    uint16_t h;
    if (dtype == SXT_F32) {
        memcpy(&x, p, sizeof x);
        return (double)x;
    }
    memcpy(&h, p, sizeof h);
    if (dtype == SXT_BF16) {
        uint32_t bits = (uint32_t)h << 16;
        memcpy(&x, &bits, sizeof x);
        return (double)x;
    }
    int exponent = h >> 10 & 31, fraction = h & 1023;
    double sign = h >> 15 ? -1.0 : 1.0;
    if (exponent == 31)
        return fraction ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent ? ldexp(1024.0 + fraction, exponent - 25) : ldexp(fraction, -24));
}

/* |x| rounded to `digits` binary digits, at least 2^lowest apart, in units of the result's spacing. */
static inline void sxt_put(char *p, sxt_dtype dtype, double x)
{
    if (dtype == SXT_F64) {
        memcpy(p, &x, sizeof x);
        return;
    }
    float f = (float)x;
    if (dtype == SXT_F32) {
        memcpy(p, &f, sizeof f);
        return;
    }
    uint16_t h;
    int digits = dtype == SXT_F16 ? 11 : 8, lowest = dtype == SXT_F16 ? -24 : -133;
    uint16_t infinity = dtype == SXT_F16 ? 0x7c00 : 0x7f80, nan = dtype == SXT_F16 ? 0x7e00 : 0x7fc0;
    if (x != x) {
        memcpy(p, &nan, sizeof nan);
        return;
    }
    double size = fabs(x);
    int exponent = lowest; /* of zero: anything low */
    if (size > 0.0 && size < (double)INFINITY)
        (void)frexp(size, &exponent);
    int spacing = exponent - digits > lowest ? exponent - digits : lowest;
    if (size >= (dtype == SXT_F16 ? 65520.0 : 0x1.ffp127)) {
        h = infinity;
    } else { /* consecutive numbers have consecutive bits */
        double units = nearbyint(ldexp(size, -spacing));
        h = (uint16_t)(((unsigned)(spacing - lowest) << (digits - 1)) + (unsigned)units);
    }
    h = (uint16_t)(h | (signbit(x) ? 0x8000 : 0));
    memcpy(p, &h, sizeof h);
}

#endif
