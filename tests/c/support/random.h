/* random.h - seeded random numbers of the four element types, made from their bits. */
#ifndef SXT_TEST_RANDOM_H
#define SXT_TEST_RANDOM_H

#include "numbers.h"

typedef struct {
    uint64_t state;
} random_source;

uint64_t random_bits(random_source *source);

/* In [0, n), n >= 1. */
uint64_t random_below(random_source *source, uint64_t n);

/* In [0, 1). */
double random_unit(random_source *source);

typedef enum {
    VALUES_MODERATE, /* magnitudes from 2^-6 to 2^4 */
    VALUES_WIDE,     /* any finite magnitude the exponent allows */
    VALUES_TIES,     /* few different values, both zeros among them */
    VALUES_ANY_BITS, /* all bit patterns: NaN, infinities and subnormals among them */
    VALUES_HOLES,    /* moderate, one in four -inf */
    VALUES_FRACTION, /* in [0, 1): probabilities, weights */
    NUM_VALUE_KINDS
} value_kind;

/* n elements of the type into the (possibly misaligned) array. */
void random_values(random_source *source, value_kind kind, sxt_dtype dtype, size_t n, void *array);

#endif
