/* exact_sum.c - single values, and from limbs to the number they hold. */
#include "numbers/exact_sum.h"

#include <math.h>

/* bits * 2^(32 limb + shift) units of limb 0, 0 <= shift < 32. */
static void put_shifted(sxt_exact *sum, int limb, uint64_t bits, int shift, int64_t sign)
{
    uint64_t low = (bits & 0xffffffff) << shift, high = (bits >> 32) << shift;
    sum->limb[limb] += sign * (int64_t)(low & 0xffffffff);
    sum->limb[limb + 1] += sign * (int64_t)((low >> 32) + (high & 0xffffffff));
    sum->limb[limb + 2] += sign * (int64_t)(high >> 32);
}

void sxt_exact_add(sxt_exact *sum, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff), negative = (int)(bits >> 63);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 0x7ff) {
        sum->special |= mantissa ? SXT_EXACT_NAN : negative ? SXT_EXACT_MINUS : SXT_EXACT_PLUS;
        return;
    }
    mantissa |= (uint64_t)(exponent > 0) << 52;
    int position = (exponent > 0 ? exponent : 1) - 1075 - SXT_EXACT_LOW;
    put_shifted(sum, position / 32, mantissa, position % 32, negative ? -1 : 1);
}

void sxt_exact_merge(sxt_exact *sum, const sxt_exact *other)
{
    for (int i = 0; i < SXT_EXACT_LIMBS; i++)
        sum->limb[i] += other->limb[i];
    sum->special |= other->special;
}

void sxt_exact_carry(sxt_exact *sum)
{
    int64_t carry = 0;
    for (int i = 0; i < SXT_EXACT_LIMBS - 1; i++) {
        carry += sum->limb[i];
        sum->limb[i] = carry & 0xffffffff;
        carry >>= 32;
    }
    sum->limb[SXT_EXACT_LIMBS - 1] += carry;
}

/* Limbs in [0, 2^32) that stand for |sum|; from the highest that may hold something on they are 0. */
typedef struct {
    uint32_t limb[SXT_EXACT_LIMBS];
    int top, negative;
} absolute;

/* Most limbs are empty: of a call with few losses, passing over them is most of the work. */
static void magnitude(const sxt_exact *sum, absolute *to)
{
    int first = 0, last = SXT_EXACT_LIMBS - 1, i;
    int64_t carry = 0;
    while (first < last && sum->limb[first] == 0)
        first++;
    while (last > first && sum->limb[last] == 0)
        last--;
    memset(to->limb, 0, sizeof to->limb);
    for (i = first; i < SXT_EXACT_LIMBS && (i <= last || (carry != 0 && carry != -1)); i++) {
        carry += sum->limb[i];
        to->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    to->top = i - 1;
    to->negative = carry < 0;
    uint64_t one = 1;
    for (i = first; to->negative && i <= to->top; i++) {
        one += (uint32_t)~to->limb[i];
        to->limb[i] = (uint32_t)one;
        one >>= 32;
    }
}

static double special_value(uint64_t special)
{
    if (special == SXT_EXACT_PLUS)
        return (double)INFINITY;
    return special == SXT_EXACT_MINUS ? -(double)INFINITY : (double)NAN;
}

double sxt_exact_mean(const sxt_exact *sum, double count)
{
    absolute size;
    if (sum->special)
        return special_value(sum->special);
    magnitude(sum, &size);
    const uint32_t *limb = size.limb;
    int top = size.top > 2 ? size.top : 2;
    while (top > 2 && limb[top] == 0)
        top--;
    /* 64 bits from the highest one downwards; a last bit that stands for everything below */
    uint64_t head = (uint64_t)limb[top] << 32 | limb[top - 1];
    if (head == 0)
        return 0.0;
    int shift = __builtin_clzll(head);
    uint64_t next = (uint64_t)limb[top - 2] << 32, rest = 0;
    head = shift ? head << shift | next >> (64 - shift) : head;
    rest |= shift ? next << shift : next;
    for (int i = 0; i < top - 2; i++)
        rest |= limb[i];
    /* a quotient by a tiny count would not be finite */
    int up = count < 0x1p-400 ? 600 : 0;
    double value = (double)(head | (rest != 0)) / (count * sxt_exact_power(up));
    /* in two steps, each by a normal power of two */
    int exponent = 32 * (top - 1) + SXT_EXACT_LOW - shift + up, half = exponent / 2;
    value = value * sxt_exact_power(half) * sxt_exact_power(exponent - half);
    return size.negative ? -value : value;
}

double sxt_exact_round(const sxt_exact *sum) { return sxt_exact_mean(sum, 1.0); }
