/* layout.h - from N-dimensional arrays with any strides to planes: stretches of rows with a fixed step. */
#ifndef SXT_LAYOUT_H
#define SXT_LAYOUT_H

#include "kernels/kernels.h"
#include "walks/dimensions.h"

/* The operands whose strides a layout knows. */
enum { SXT_X, SXT_Y, SXT_H, SXT_T, SXT_MASK, SXT_NUMBER, SXT_OPERANDS };

/* kept: the dimensions of the rows, ordered by how they lie in memory and joined where they can be. The classes are
 * `blocks` runs of `run` elements. */
typedef struct {
    ptrdiff_t rows, classes;
    sxt_dimensions kept;
    ptrdiff_t run, blocks;
    ptrdiff_t run_stride[SXT_OPERANDS];
    ptrdiff_t *block_offset[SXT_OPERANDS]; /* NULL when blocks == 1 */
    char *base[SXT_OPERANDS];
} sxt_layout;

/* y, h, t and mask may be NULL. SXT_ERR_MEMORY is the only failure; arguments have been checked. The classes are taken
 * as they lie in memory, too; or in C order. */
sxt_status sxt_layout_make(sxt_layout *layout, const sxt_array *x, uint64_t axes, const sxt_array *y,
                           const sxt_array *h, const sxt_array *t, const sxt_mask *mask);
sxt_status sxt_layout_make_in_order(sxt_layout *layout, const sxt_array *x, uint64_t axes);
void sxt_layout_free(sxt_layout *layout);

/* The longest plane that starts at row `row` (in the layout's own order) and ends before `end`. */
sxt_plane sxt_layout_plane(const sxt_layout *layout, ptrdiff_t row, ptrdiff_t end);

#endif
