#include "random.h"

#include <string.h>

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t random_bits(random_source *source)
{
    uint64_t z = source->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t random_below(random_source *source, uint64_t n) { return random_bits(source) % n; }

double random_unit(random_source *source) { return (double)(random_bits(source) >> 11) * 0x1p-53; }

static uint64_t assemble(sxt_dtype dtype, uint64_t sign, int64_t exponent, uint64_t mantissa)
{
    int e = number_formats[dtype].exponent_bits, m = number_formats[dtype].mantissa_bits;
    uint64_t mask = ((uint64_t)1 << m) - 1;
    return sign << (e + m) | (uint64_t)exponent << m | (mantissa & mask);
}

static uint64_t one_value(random_source *source, value_kind kind, sxt_dtype dtype)
{
    uint64_t bits = random_bits(source), sign = bits >> 63;
    int64_t specials = ((int64_t)1 << number_formats[dtype].exponent_bits) - 1, bias = specials / 2;
    switch (kind) {
    case VALUES_WIDE:
        return assemble(dtype, sign, (int64_t)random_below(source, (uint64_t)specials), bits);
    case VALUES_TIES:
        return assemble(dtype, sign, bits >> 8 & 1 ? bias + (int64_t)(bits & 3) : 0, 0);
    case VALUES_ANY_BITS:
        return bits;
    case VALUES_FRACTION:
        return assemble(dtype, 0, bias - 1 - (int64_t)(bits >> 60 & 3), bits);
    case VALUES_HOLES:
        if ((bits >> 60 & 3) == 0)
            return assemble(dtype, 1, specials, 0);
        break;
    default:
        break;
    }
    return assemble(dtype, sign, bias - 6 + (int64_t)random_below(source, 10), bits);
}

void random_values(random_source *source, value_kind kind, sxt_dtype dtype, size_t n, void *array)
{
    size_t size = size_of(dtype);
    for (size_t i = 0; i < n; i++) {
        uint64_t value = one_value(source, kind, dtype);
        uint16_t value16 = (uint16_t)value;
        uint32_t value32 = (uint32_t)value;
        const void *bytes = size == 2 ? (const void *)&value16 : size == 4 ? (const void *)&value32
                                                                            : (const void *)&value;
        memcpy((char *)array + i * size, bytes, size);
    }
}
