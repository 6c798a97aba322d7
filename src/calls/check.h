/* check.h - what every entry point asks of its arrays. */
#ifndef SXT_CHECK_H
#define SXT_CHECK_H

#include "softxent.h"

/* Known dtype, dimensions within bounds, a data pointer unless there are no elements. */
sxt_status sxt_check_array(const sxt_array *a);
/* The dtype and shape of `like` as well. */
sxt_status sxt_check_like(const sxt_array *a, const sxt_array *like);
/* NULL, or a mask with what an array of like's shape needs. */
sxt_status sxt_check_mask(const sxt_mask *mask, const sxt_array *like);
/* Only existing dimensions. */
sxt_status sxt_check_axes(const sxt_array *a, uint64_t axes);

#endif
