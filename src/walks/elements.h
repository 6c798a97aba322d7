/* elements.h - walk over the elements of several arrays of one shape side by side, block by block.
 *
 * Elementwise functions may take the elements in any order, so dimensions are turned to ascending
 * addresses, sorted by how they lie in memory and joined. Where a stretch of memory is contiguous a
 * block is the memory itself; elsewhere its elements are gathered into a buffer and scattered back. */
#ifndef SXT_ELEMENTS_H
#define SXT_ELEMENTS_H

#include "kernels/elementwise/elementwise.h"
#include "walks/dimensions.h"

typedef struct {
    sxt_dimensions at;
    int inputs; /* the first operands are read, the others written */
    ptrdiff_t count;
    char *base[SXT_OPERANDS_MOST]; /* NULL: absent */
    ptrdiff_t item[SXT_OPERANDS_MOST];
} sxt_elements;

/* Arrays of one shape, the inputs first; NULL stands for an absent one, but not in the first place. */
void sxt_elements_make(sxt_elements *e, const sxt_array *const arrays[], int operands, int inputs);

/* A place in the walk. */
typedef struct {
    ptrdiff_t index[SXT_MAX_NDIM], offset[SXT_OPERANDS_MOST];
} sxt_cursor;

void sxt_elements_seek(const sxt_elements *e, ptrdiff_t element, sxt_cursor *at);

/* A block of elements: for each operand where they are, NULL for an absent one. */
typedef struct {
    ptrdiff_t n;
    void *data[SXT_OPERANDS_MOST];
    _Alignas(64) char buffer[SXT_OPERANDS_MOST][SXT_ELEMENT_BLOCK * 8];
} sxt_block;

/* The next block, at most `most` elements, inputs in place. */
void sxt_elements_take(const sxt_elements *e, const sxt_cursor *at, ptrdiff_t most, sxt_block *block);
/* Puts the outputs where they belong and moves on. */
void sxt_elements_put(const sxt_elements *e, sxt_cursor *at, sxt_block *block);

#endif
