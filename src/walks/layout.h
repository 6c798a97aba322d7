/* layout.h - from N-dimensional arrays with any strides to planes: stretches of rows with a fixed step. */
#ifndef SXT_LAYOUT_H
#define SXT_LAYOUT_H

#include "kernels/kernels.h"

/* The operands whose strides a layout knows. */
enum { SXT_X, SXT_Y, SXT_H, SXT_T, SXT_MASK, SXT_NUMBER, SXT_OPERANDS };

/* rows: the dimensions that are kept, outermost first, ordered by how they lie in memory and joined
 * where they can be. classes: `blocks` runs of `run` elements. */
typedef struct {
    ptrdiff_t rows, classes;
    int ndim;
    ptrdiff_t shape[SXT_MAX_NDIM], strides[SXT_OPERANDS][SXT_MAX_NDIM];
    ptrdiff_t run, blocks;
    ptrdiff_t run_stride[SXT_OPERANDS];
    ptrdiff_t *block_offset[SXT_OPERANDS]; /* NULL when blocks == 1 */
    char *base[SXT_OPERANDS];
} sxt_layout;

/* y, h, t and mask may be NULL. SXT_ERR_MEMORY is the only failure; arguments have been checked. */
sxt_status sxt_layout_make(sxt_layout *layout, const sxt_array *x, uint64_t axes, const sxt_array *y,
                           const sxt_array *h, const sxt_array *t, const sxt_mask *mask);
void sxt_layout_free(sxt_layout *layout);

/* The longest plane that starts at row `row` (in the layout's own order) and ends before `end`. */
sxt_plane sxt_layout_plane(const sxt_layout *layout, ptrdiff_t row, ptrdiff_t end);

#endif
