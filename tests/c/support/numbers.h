/* numbers.h - the four element types as test code sees them: exact values, and distances in ULP. */
#ifndef SXT_TEST_NUMBERS_H
#define SXT_TEST_NUMBERS_H

#include "numbers/dtypes.h"

#include <stdbool.h>

extern const char *const dtype_names[SXT_DTYPES];

/* Widths of the fields of a type. */
typedef struct {
    int bytes, exponent_bits, mantissa_bits;
} number_format;

extern const number_format number_formats[SXT_DTYPES];

size_t size_of(sxt_dtype dtype);

/* The type of losses and log-sum-exps of such logits. */
sxt_dtype loss_dtype(sxt_dtype dtype);

/* The i-th element of a contiguous array. */
double number_get(sxt_dtype dtype, const void *array, ptrdiff_t i);

/* Round to nearest even and put. NaN becomes the canonical quiet NaN. */
void number_put(sxt_dtype dtype, void *array, ptrdiff_t i, double value);

/* Is the i-th element, if it is NaN, the canonical one: positive, quiet, no payload? */
bool number_is_canonical(sxt_dtype dtype, const void *array, ptrdiff_t i);

/* |computed - exact| in spacings of the type at `exact`; 0 when both are NaN or the same infinity,
 * infinity when only one is. */
double number_ulps(sxt_dtype dtype, double computed, long double exact);

#endif
