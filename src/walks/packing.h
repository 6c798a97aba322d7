/* packing.h - rows brought together and put back: where their elements lie apart, since contiguous rows take the
 * fastest way there is and no layout shall be slower than a caller's copy to contiguous memory; where they are
 * stored in 16 bits, since the kernels compute with float and double; and where a mask leaves some of them out. */
#ifndef SXT_PACKING_H
#define SXT_PACKING_H

#include <math.h>

#include "kernels/kernels.h"

/* The conversion of a dtype, or NULL where the kernels take it as it is. */
static inline const sxt_conversion *sxt_conversion_of(const sxt_kernels *table, sxt_dtype dtype)
{
    return !sxt_is_computed_as_stored(dtype) ? &table->stretches->conversions[dtype] : NULL;
}

/* Whether rows are packed even without a conversion: for a mask, or as some operand has neither its classes nor enough
 * of its rows side by side. */
int sxt_needs_packing(const sxt_plane *plane, sxt_dtype dtype, ptrdiff_t classes);

/* Rows to pack. */
typedef struct {
    sxt_dtype dtype;
    ptrdiff_t classes;
    const sxt_conversion *conversion; /* NULL: none */
    double nothing;                   /* the result where a mask leaves the logit out */
    ptrdiff_t least;                  /* rows at once, unless there are fewer; 0: those that stay in a near cache */
    int from_terms, to_terms;         /* whether x or y are exponentials, in the compute type and without a mask */
} sxt_packed_rows;

static inline sxt_packed_rows sxt_rows_to_pack(const sxt_job *job, const sxt_conversion *conversion)
{
    double nothing = job->op == SXT_OP_LOG_SOFTMAX ? -(double)INFINITY : 0.0;
    return (sxt_packed_rows){.dtype = job->dtype, .classes = job->classes, .conversion = conversion,
                             .nothing = nothing};
}

/* What is done to a plane. */
typedef void (*sxt_plane_work)(const void *context, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total);

/* `work` on a plane, a batch of packed rows without a mask at a time, with what is left of the scratch. SXT_ERR_MEMORY
 * is the only failure. */
sxt_status sxt_packed_plane(sxt_plane_work work, const void *context, const sxt_plane *plane,
                            const sxt_packed_rows *rows, sxt_scratch scratch, sxt_total *total);

typedef sxt_status (*sxt_row_work)(void *context, const sxt_plane *plane);

/* `work` on a plane of one long row, packed by several threads if it needs it. The status is that of the work, or
 * SXT_ERR_MEMORY. */
sxt_status sxt_packed_row(sxt_row_work work, void *context, const sxt_plane *plane, const sxt_packed_rows *rows,
                          int threads);

#endif
