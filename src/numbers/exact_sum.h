/* exact_sum.h - sums of losses without any rounding, so that neither the order of the terms nor how they
 * are shared among threads, lanes and blocks can change a bit of the result.
 *
 * A sum is a fixed-point number wide enough for every double: limbs of 32 bits, kept in 64, so that
 * carries may wait. A block of values is cut on the grids of neighbouring limbs: adding 1.5 2^52 units
 * rounds a value to a multiple of the unit, which then stands in the low bits and is added as an
 * integer; what the rounding left is exact and goes on to the next finer grid. */
#ifndef SXT_EXACT_SUM_H
#define SXT_EXACT_SUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "softxent.h"

/* The unit of limb i is 2^(32 i + SXT_EXACT_LOW). The offset puts 2^-44 on a limb: the float losses
 * between 2^-21 and 2^6 take a single cut there. */
#define SXT_EXACT_LOW (-1100)
#define SXT_EXACT_LIMBS SXT_SUM_LIMBS
/* Values per block at most: 2^51 units each, and 64 bits to hold their sum. */
#define SXT_EXACT_BLOCK 512

enum { SXT_EXACT_NAN = 1, SXT_EXACT_PLUS = 2, SXT_EXACT_MINUS = 4 };

/* All zero is the sum of nothing. */
typedef sxt_sum sxt_exact;

void sxt_exact_add(sxt_exact *sum, double value);
void sxt_exact_merge(sxt_exact *sum, const sxt_exact *other);
/* Brings all limbs but the last into [0, 2^32), so that none can overflow however often sums are merged. */
void sxt_exact_carry(sxt_exact *sum);
/* The sum rounded to nearest; NaN is the canonical one. */
double sxt_exact_round(const sxt_exact *sum);
/* The sum over count > 0, which may be finite where the sum is too large for a double. */
double sxt_exact_mean(const sxt_exact *sum, double count);

/* ---- blocks: compiled for each instruction set ----------------------------------------------------- */

/* 2^e, normal. */
static inline double sxt_exact_power(int e)
{
    uint64_t bits = (uint64_t)(e + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

static inline void sxt_exact_put(sxt_exact *sum, int limb, int64_t units)
{
    sum->limb[limb] += units & 0xffffffff;
    sum->limb[limb + 1] += units >> 32;
}

/* The coarsest limb that a value below 2^top must be cut on, with room for the 2^51. */
static inline int sxt_exact_limb(int top) { return (top - 51 - SXT_EXACT_LOW + 31) >> 5; }

/* Whether limb i is one that cuts with normal numbers. */
static inline int sxt_exact_cuts(int i) { return i >= 4 && 32 * i + SXT_EXACT_LOW + 53 < 1023; }

/* What turns a double into a multiple of limb i's unit, and the bits it leaves in a sum of n of them. */
static inline double sxt_exact_magic(int i) { return 1.5 * sxt_exact_power(32 * i + SXT_EXACT_LOW + 52); }

static inline int64_t sxt_exact_units(uint64_t sum, ptrdiff_t n, double magic)
{
    uint64_t bits;
    memcpy(&bits, &magic, sizeof bits);
    return (int64_t)(sum - (uint64_t)n * bits);
}

/* Cut n values on limb i; the rests take the values' place. */
static inline int64_t sxt_exact_cut(double *v, ptrdiff_t n, int i)
{
    double magic = sxt_exact_magic(i);
    uint64_t sum = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        double c = v[k] + magic;
        uint64_t bits;
        memcpy(&bits, &c, sizeof bits);
        sum += bits;
        v[k] -= c - magic;
    }
    return sxt_exact_units(sum, n, magic);
}

/* The same for floats of which nothing is left. */
static inline int64_t sxt_exact_convert(const float *v, ptrdiff_t n, int i)
{
    double magic = sxt_exact_magic(i);
    uint64_t sum = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        double c = (double)v[k] + magic;
        uint64_t bits;
        memcpy(&bits, &c, sizeof bits);
        sum += bits;
    }
    return sxt_exact_units(sum, n, magic);
}

/* Adds n <= SXT_EXACT_BLOCK values, which are destroyed: multiples of 2^low, below 2^top. */
static inline void sxt_exact_add_between(sxt_exact *sum, double *v, ptrdiff_t n, int low, int top)
{
    for (int i = sxt_exact_limb(top);; i--) {
        if (!sxt_exact_cuts(i)) {
            for (ptrdiff_t k = 0; k < n; k++)
                sxt_exact_add(sum, v[k]);
            return;
        }
        sxt_exact_put(sum, i, sxt_exact_cut(v, n, i));
        if (32 * i + SXT_EXACT_LOW <= low)
            return;
    }
}

/* Of what 2^low values are multiples, and below what 2^top they lie; top is above 1024 where one is special or negative,
 * and below `low` where all are 0. */
typedef struct {
    int low, top;
} sxt_exact_range;

static inline sxt_exact_range sxt_exact_range_of(const double *v, ptrdiff_t n)
{
    uint64_t most = 0, least = UINT64_MAX;
    for (ptrdiff_t k = 0; k < n; k++) {
        uint64_t bits;
        memcpy(&bits, v + k, sizeof bits);
        most = bits > most ? bits : most;
        least = bits - 1 < least ? bits - 1 : least; /* zeros go to the top */
    }
    int low = (int)((least + 1) >> 52);
    return (sxt_exact_range){(low > 1 ? low : 1) - 1075, most > 0 ? (int)(most >> 52) - 1022 : -1075};
}

static inline void sxt_exact_add_doubles(sxt_exact *sum, double *v, ptrdiff_t n)
{
    sxt_exact_range range = sxt_exact_range_of(v, n);
    if (range.top > 1024) /* special or negative */
        for (ptrdiff_t k = 0; k < n; k++)
            sxt_exact_add(sum, v[k]);
    else if (range.top > range.low)
        sxt_exact_add_between(sum, v, n, range.low, range.top);
}

static inline void sxt_exact_add_floats(sxt_exact *sum, const float *v, ptrdiff_t n)
{
    uint32_t most = 0, least = UINT32_MAX;
    for (ptrdiff_t k = 0; k < n; k++) {
        uint32_t bits;
        memcpy(&bits, v + k, sizeof bits);
        most = bits > most ? bits : most;
        least = bits - 1 < least ? bits - 1 : least;
    }
    int exponent = (int)((least + 1) >> 23), top = (int)(most >> 23) - 126;
    int low = (exponent > 1 ? exponent : 1) - 150, i = sxt_exact_limb(top);
    if (top >= 0xff - 126) {
        for (ptrdiff_t k = 0; k < n; k++)
            sxt_exact_add(sum, (double)v[k]);
    } else if (32 * i + SXT_EXACT_LOW <= low) {
        sxt_exact_put(sum, i, sxt_exact_convert(v, n, i));
    } else if (most > 0) {
        double wide[SXT_EXACT_BLOCK];
        for (ptrdiff_t k = 0; k < n; k++)
            wide[k] = (double)v[k];
        sxt_exact_add_between(sum, wide, n, low, top);
    }
}

#endif
