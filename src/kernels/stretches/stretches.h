/* stretches.h - what calls ask of one instruction set for stretches of memory: sums of exponentials that stream or have
 * factors, tiles of a linear layer, labels, elements stored in 16 bits. Private to the library. */
#ifndef SXT_STRETCHES_H
#define SXT_STRETCHES_H

#include <stddef.h>
#include <stdint.h>

#include "numbers/exact_sum.h"
#include "softxent.h"

/* Which element exp_sum leaves out: a place, -1 for none, or the first maximum. */
#define SXT_SKIP_MAX (-2)

typedef struct {
    ptrdiff_t skip;       /* the place left out; -1: none */
    double at_skip, rest; /* the element there, and the maximum of the others */
    sxt_exp_sum others;   /* empty where rest is not finite */
    int nan;
} sxt_stretch;

/* The classes of one row of a tile: arrays of n elements or NULL, see sxt_linear_tile. */
typedef struct {
    ptrdiff_t n;
    const void *bias, *target;
    const double *base, *slope;
    double softcap;
} sxt_linear_classes;

typedef struct {
    void (*exp_sum)(const void *x, ptrdiff_t n, ptrdiff_t skip, sxt_stretch *out);
    /* Adds all of exp(x). */
    void (*exp_total)(const void *x, ptrdiff_t n, sxt_exp_sum *sum);
    /* z = u + bias, capped. */
    void (*linear_logits)(const void *u, void *z, const sxt_linear_classes *classes);
    /* Adds q (max - z) and q to the row's dot and mass. */
    void (*linear_dense)(const void *z, const sxt_linear_classes *classes, sxt_linear_row *row);
    /* Logits before bias and cap become gradients. skip: the row's skip as a place here, or -1. */
    void (*linear_gradient)(void *z, const sxt_linear_classes *classes, ptrdiff_t skip,
                            const sxt_linear_row *row);
} sxt_stretch_kernels;

/* Elements at once in a sum of b exp(x); the place of its largest term, with room for 2^40 terms, and of the
 * smallest that counts. */
#define SXT_FACTOR_BLOCK 256
#define SXT_FACTOR_ROOM 980.0
#define SXT_FACTOR_LOWEST (-160.0)

/* n elements side by side, of any alignment. */
typedef struct {
    void (*to_floats)(const void *from, float *to, ptrdiff_t n);
    void (*from_floats)(const float *from, void *to, ptrdiff_t n);
} sxt_conversion;

typedef struct {
    sxt_stretch_kernels of[2];     /* of float and of double */
    const sxt_conversion *conversions; /* by sxt_dtype; of types not computed as stored */
    /* Adds b exp(x - max) 2^(SXT_FACTOR_ROOM - top): n <= SXT_FACTOR_BLOCK finite elements, none above max,
     * with finite factors, none of them 0. */
    void (*factor_sum)(const double *x, const double *b, ptrdiff_t n, double max, double top, sxt_exact *sum);
    /* Whether all labels lie in [0, classes) or are *ignore (may be NULL); how many are the latter. */
    int (*check_labels)(const int64_t *labels, ptrdiff_t n, ptrdiff_t classes, const int64_t *ignore,
                        ptrdiff_t *ignored);
} sxt_stretches;

#endif
