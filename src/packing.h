/* packing.h - rows whose elements lie apart, brought together and put back: contiguous rows take the fastest
 * way there is, so no layout is slower than a caller's copy to contiguous memory. */
#ifndef SXT_PACKING_H
#define SXT_PACKING_H

#include "kernels.h"

/* Whether packing pays: some operand has neither its classes nor enough of its rows side by side, and there is
 * no mask. */
int sxt_needs_packing(const sxt_plane *plane, sxt_dtype dtype, ptrdiff_t classes);

/* What is done to a plane. */
typedef void (*sxt_plane_work)(const void *context, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total);

/* `work` on a plane that needs packing, a batch of packed rows at a time, with what is left of the scratch. */
void sxt_packed_plane(sxt_plane_work work, const void *context, const sxt_plane *plane, sxt_dtype dtype,
                      ptrdiff_t classes, sxt_scratch scratch, sxt_total *total);

typedef sxt_status (*sxt_row_work)(void *context, const sxt_plane *plane);

/* `work` on a plane of one long row without a mask, packed by several threads if it needs it. The status is that
 * of the work, or SXT_ERR_MEMORY. */
sxt_status sxt_packed_row(sxt_row_work work, void *context, const sxt_plane *plane, sxt_dtype dtype,
                          ptrdiff_t classes, int threads);

#endif
