/* dimensions.h - the dimensions of several arrays side by side: sorted, joined, and a place in them found. */
#ifndef SXT_DIMENSIONS_H
#define SXT_DIMENSIONS_H

#include "softxent.h"

#define SXT_OPERANDS_MOST 8

/* Outermost first. Kilobytes, of which the used part is written. */
typedef struct {
    int operands, ndim;
    ptrdiff_t shape[SXT_MAX_NDIM], strides[SXT_OPERANDS_MOST][SXT_MAX_NDIM];
} sxt_dimensions;

/* The distance by which a dimension steps through memory: that of the first operand that it moves at all. */
ptrdiff_t sxt_dimension_step(const sxt_dimensions *d, int i);

/* One more, further inwards. */
void sxt_dimensions_append(sxt_dimensions *d, ptrdiff_t length, const ptrdiff_t strides[]);

/* Longest step first; those of one step keep their order. */
void sxt_dimensions_sort(sxt_dimensions *d);

/* Neighbours through which every operand steps evenly become one. */
void sxt_dimensions_join(sxt_dimensions *d);

/* Element k, in C order, of the outer `ndim` dimensions: its index in each, if that is asked for, and its offset in
 * each operand. */
void sxt_dimensions_seek(const sxt_dimensions *d, int ndim, ptrdiff_t k, ptrdiff_t *index, ptrdiff_t *offset);

#endif
