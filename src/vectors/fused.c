/* fused.c - fma and fmaf in integers, for systems whose own are not to be relied on. */
#include "vectors/fused.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if SXT_SOFTWARE_FMA

#define FRACTION (((uint64_t)1 << 52) - 1)
#define INFINITE ((uint64_t)0x7ff << 52)
#define LEAST_EXPONENT (-1074)

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* ---- whole numbers of 128 bits ----------------------------------------------------------------- */

typedef struct {
    uint64_t high, low;
} wide;

static wide product(uint64_t a, uint64_t b)
{
    uint64_t a1 = a >> 32, a0 = (uint32_t)a, b1 = b >> 32, b0 = (uint32_t)b;
    uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
    return (wide){a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | (uint32_t)low};
}

static wide shifted_left(wide a, int n)
{
    if (n >= 64)
        return (wide){a.low << (n - 64), 0};
    return n ? (wide){a.high << n | a.low >> (64 - n), a.low << n} : a;
}

/* What is lost makes the lowest bit 1, so that it still counts when the sum is rounded. */
static wide shifted_right(wide a, int n)
{
    if (n == 0)
        return a;
    if (n >= 128)
        return (wide){0, (a.high | a.low) != 0};
    if (n >= 64) {
        uint64_t lost = a.low | (n > 64 ? a.high << (128 - n) : 0);
        return (wide){0, a.high >> (n - 64) | (lost != 0)};
    }
    return (wide){a.high >> n, a.high << (64 - n) | a.low >> n | (a.low << (64 - n) != 0)};
}

static bool less(wide a, wide b) { return a.high != b.high ? a.high < b.high : a.low < b.low; }

static wide sum(wide a, wide b)
{
    uint64_t low = a.low + b.low;
    return (wide){a.high + b.high + (low < a.low), low};
}

static wide difference(wide a, wide b) { return (wide){a.high - b.high - (a.low < b.low), a.low - b.low}; }

static int top_bit(wide a)
{
    int bit = a.high ? 64 : 0;
    for (uint64_t rest = a.high ? a.high : a.low; rest >>= 1;)
        bit++;
    return bit;
}

/* ---- doubles ----------------------------------------------------------------------------------- */

/* |x| = fraction * 2^exponent for finite x other than 0, the fraction in [2^52, 2^53). */
static uint64_t fraction_of(double x, int *exponent)
{
    uint64_t bits = bits_of(x) & ~((uint64_t)1 << 63), fraction = bits & FRACTION;
    int field = (int)(bits >> 52);
    if (field)
        fraction |= FRACTION + 1;
    *exponent = LEAST_EXPONENT + (field ? field - 1 : 0);
    for (; fraction <= FRACTION; --*exponent)
        fraction <<= 1;
    return fraction;
}

/* a * 2^exponent to the nearest double, ties to even; a < 2^127, and its lowest bit may stand for more below. */
static double rounded(wide a, int exponent)
{
    int unit = exponent + top_bit(a) - 52; /* the exponent of the result's last bit */
    unit = unit < LEAST_EXPONENT ? LEAST_EXPONENT : unit;
    int drop = unit - exponent;
    if (drop <= 0)
        return double_of(((uint64_t)(unit - LEAST_EXPONENT) << 52) + shifted_left(a, -drop).low);
    /* Two bits more than the result has: the second one is 1 when anything is left below. */
    wide kept = drop >= 2 ? shifted_right(a, drop - 2) : shifted_left(a, 2 - drop);
    uint64_t fraction = kept.low >> 2, rest = kept.low & 3;
    fraction += rest > 2 || (rest == 2 && (fraction & 1));
    uint64_t bits = ((uint64_t)(unit - LEAST_EXPONENT) << 52) + fraction;
    return double_of(unit - LEAST_EXPONENT > 2045 || bits > INFINITE ? INFINITE : bits);
}

static bool is_finite(double x) { return (bits_of(x) & INFINITE) != INFINITE; }

double sxt_fma(double x, double y, double z)
{
    if (!is_finite(x) || !is_finite(y) || x == 0.0 || y == 0.0)
        return x * y + z; /* the product is exact */
    if (!is_finite(z))
        return z + z; /* quiet */
    if (z == 0.0)
        return x * y; /* not 0 exactly, so its sign is the sum's even where it rounds to 0 */
    int x_exponent, y_exponent, z_exponent;
    uint64_t x_fraction = fraction_of(x, &x_exponent), y_fraction = fraction_of(y, &y_exponent);
    uint64_t z_fraction = fraction_of(z, &z_exponent);
    bool p_negative = (bits_of(x) ^ bits_of(y)) >> 63, z_negative = bits_of(z) >> 63;
    /* Both below 2^126, with 20 and 72 zeros at the end: whoever is moved by more than those is much smaller. */
    wide p = shifted_left(product(x_fraction, y_fraction), 20), c = shifted_left((wide){0, z_fraction}, 72);
    int p_exponent = x_exponent + y_exponent - 20, c_exponent = z_exponent - 72, exponent;
    if (p_exponent >= c_exponent)
        c = shifted_right(c, p_exponent - c_exponent);
    else
        p = shifted_right(p, c_exponent - p_exponent);
    exponent = p_exponent > c_exponent ? p_exponent : c_exponent;
    if (p_negative == z_negative) {
        double r = rounded(sum(p, c), exponent);
        return p_negative ? -r : r;
    }
    if (p.high == c.high && p.low == c.low)
        return 0.0;
    bool negative = less(p, c) ? z_negative : p_negative;
    double r = rounded(less(p, c) ? difference(c, p) : difference(p, c), exponent);
    return negative ? -r : r;
}

/* The product is exact in double. Its sum, rounded to odd, has more than two bits to spare over a float, so that
 * the second rounding comes out as one from the exact sum would (Boldo and Melquiond 2008). */
float sxt_fmaf(float x, float y, float z)
{
    double p = (double)x * (double)y, s = p + (double)z, t = s - p;
    double lost = (p - (s - t)) + ((double)z - t);
    uint64_t bits = bits_of(s);
    if (is_finite(s) && lost != 0.0 && !(bits & 1))
        bits += (lost > 0.0) == (s > 0.0) ? 1 : (uint64_t)-1;
    return (float)double_of(bits);
}

#endif
