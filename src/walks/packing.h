/* packing.h - rows brought together and put back: where their elements lie apart, since contiguous rows take the
 * fastest way there is and no layout shall be slower than a caller's copy to contiguous memory; and where they are
 * stored in 16 bits, since the kernels compute with float and double. */
#ifndef SXT_PACKING_H
#define SXT_PACKING_H

#include "kernels/kernels.h"

/* The conversion of a dtype, or NULL where the kernels take it as it is. */
static inline const sxt_conversion *sxt_conversion_of(const sxt_kernels *table, sxt_dtype dtype)
{
    return !sxt_is_computed_as_stored(dtype) ? &table->stretches->conversions[dtype] : NULL;
}

/* Whether packing pays without a conversion: some operand has neither its classes nor enough of its rows side by
 * side, and there is no mask. */
int sxt_needs_packing(const sxt_plane *plane, sxt_dtype dtype, ptrdiff_t classes);

/* What is done to a plane. */
typedef void (*sxt_plane_work)(const void *context, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total);

/* `work` on a plane, a batch of packed rows at a time, with what is left of the scratch. SXT_ERR_MEMORY is the only
 * failure. */
sxt_status sxt_packed_plane(sxt_plane_work work, const void *context, const sxt_plane *plane, sxt_dtype dtype,
                            ptrdiff_t classes, const sxt_conversion *conversion, sxt_scratch scratch,
                            sxt_total *total);

typedef sxt_status (*sxt_row_work)(void *context, const sxt_plane *plane);

/* `work` on a plane of one long row without a mask, packed by several threads if it needs it. The status is that
 * of the work, or SXT_ERR_MEMORY. */
sxt_status sxt_packed_row(sxt_row_work work, void *context, const sxt_plane *plane, sxt_dtype dtype,
                          ptrdiff_t classes, const sxt_conversion *conversion, int threads);

#endif
