#include "numbers.h"

#include <math.h>
#include <string.h>

const char *const dtype_names[] = {"float16", "bfloat16", "float32", "float64"};
const number_format number_formats[] = {{2, 5, 10}, {2, 8, 7}, {4, 8, 23}, {8, 11, 52}};
_Static_assert(sizeof dtype_names / sizeof *dtype_names == SXT_DTYPES, "a name for each type");
_Static_assert(sizeof number_formats / sizeof *number_formats == SXT_DTYPES, "a format for each type");

size_t size_of(sxt_dtype dtype) { return (size_t)number_formats[dtype].bytes; }

sxt_dtype loss_dtype(sxt_dtype dtype) { return dtype == SXT_F64 ? SXT_F64 : SXT_F32; }

static int bias(sxt_dtype dtype) { return (1 << (number_formats[dtype].exponent_bits - 1)) - 1; }

/* Exponent of the spacing of the type's numbers around a finite value. */
static int spacing_exponent(sxt_dtype dtype, long double value)
{
    int exponent = 1 - bias(dtype);
    if (value != 0 && ilogbl(value) > exponent)
        exponent = ilogbl(value);
    return exponent - number_formats[dtype].mantissa_bits;
}

double number_get(sxt_dtype dtype, const void *array, ptrdiff_t i)
{
    const char *element = (const char *)array + i * (ptrdiff_t)size_of(dtype);
    if (dtype == SXT_F64) {
        double value;
        memcpy(&value, element, sizeof value);
        return value;
    }
    if (dtype == SXT_F32) {
        float value;
        memcpy(&value, element, sizeof value);
        return value;
    }
    uint16_t bits;
    memcpy(&bits, element, sizeof bits);
    int m = number_formats[dtype].mantissa_bits, top = 2 * bias(dtype) + 1;
    int exponent = bits >> m & top, mantissa = bits & ((1 << m) - 1);
    double sign = bits >> 15 ? -1 : 1;
    if (exponent == top)
        return mantissa ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(mantissa, 1 - bias(dtype) - m);
    return sign * ldexp(mantissa + (1 << m), exponent - bias(dtype) - m);
}

static uint16_t half_bits(sxt_dtype dtype, double value)
{
    int m = number_formats[dtype].mantissa_bits, top = 2 * bias(dtype) + 1;
    uint16_t sign = (uint16_t)(signbit(value) ? 0x8000 : 0);
    if (isnan(value))
        return (uint16_t)(top << m | 1 << (m - 1));
    double magnitude = fabs(value), limit = ldexp(2 - ldexp(1, -m - 1), bias(dtype));
    if (magnitude >= limit)
        return (uint16_t)(sign | top << m);
    int spacing = spacing_exponent(dtype, magnitude);
    double multiple = nearbyint(ldexp(magnitude, -spacing));
    /* Subnormals have exponent field 0; a carry into the next exponent comes out right by itself. */
    int exponent = spacing + m + bias(dtype) - 1;
    return (uint16_t)(sign | ((exponent << m) + (int)multiple));
}

void number_put(sxt_dtype dtype, void *array, ptrdiff_t i, double value)
{
    char *element = (char *)array + i * (ptrdiff_t)size_of(dtype);
    float single = (float)value;
    uint16_t half = size_of(dtype) == sizeof half ? half_bits(dtype, value) : 0;
    if (dtype == SXT_F64)
        memcpy(element, &value, sizeof value);
    else if (dtype == SXT_F32)
        memcpy(element, &single, sizeof single);
    else
        memcpy(element, &half, sizeof half);
}

bool number_is_canonical(sxt_dtype dtype, const void *array, ptrdiff_t i)
{
    if (!isnan(number_get(dtype, array, i)))
        return true;
    uint64_t canonical = 0;
    number_put(dtype, &canonical, 0, (double)NAN);
    return memcmp((const char *)array + i * (ptrdiff_t)size_of(dtype), &canonical, size_of(dtype)) == 0;
}

double number_ulps(sxt_dtype dtype, double computed, long double exact)
{
    if (isnan(computed) || isnan(exact))
        return isnan(computed) && isnan(exact) ? 0 : (double)INFINITY;
    if (isinf(computed) || isinf(exact))
        return computed == exact ? 0 : (double)INFINITY;
    return (double)ldexpl(fabsl(computed - exact), -spacing_exponent(dtype, exact));
}
