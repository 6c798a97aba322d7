/* check.c - pointers, dtypes, shapes whose byte counts fit, axes. */
#include "calls/check.h"

#include <stdint.h>

#include "numbers/dtypes.h"

/* As many as have byte counts that fit, whatever the dtype; empty dimensions count as one, as in NumPy. */
#define MOST_ELEMENTS (PTRDIFF_MAX / 8)

sxt_status sxt_check_array(const sxt_array *a)
{
    if (!a || a->ndim < 0 || a->ndim > SXT_MAX_NDIM || (a->ndim > 0 && (!a->shape || !a->strides)))
        return SXT_ERR_ARGUMENT;
    if (!sxt_is_dtype(a->dtype))
        return SXT_ERR_DTYPE;
    ptrdiff_t count = 1;
    int empty = 0;
    for (int i = 0; i < a->ndim; i++) {
        /* no division: it would take longer than all else that is done about a few numbers */
        if (a->shape[i] < 0 || __builtin_mul_overflow(count, a->shape[i] > 0 ? a->shape[i] : 1, &count) ||
            count > MOST_ELEMENTS)
            return SXT_ERR_SHAPE;
        empty |= a->shape[i] == 0;
    }
    return a->data || empty ? SXT_OK : SXT_ERR_ARGUMENT;
}

sxt_status sxt_check_mask(const sxt_mask *mask, const sxt_array *like)
{
    int empty = 0;
    for (int i = 0; i < like->ndim; i++)
        empty |= like->shape[i] == 0;
    return !mask || ((mask->data || empty) && (mask->strides || like->ndim == 0)) ? SXT_OK : SXT_ERR_ARGUMENT;
}

sxt_status sxt_check_like(const sxt_array *a, const sxt_array *like)
{
    sxt_status status = sxt_check_array(a);
    if (status != SXT_OK)
        return status;
    if (a->dtype != like->dtype)
        return SXT_ERR_DTYPE;
    if (a->ndim != like->ndim)
        return SXT_ERR_SHAPE;
    for (int i = 0; i < a->ndim; i++)
        if (a->shape[i] != like->shape[i])
            return SXT_ERR_SHAPE;
    return SXT_OK;
}

sxt_status sxt_check_axes(const sxt_array *a, uint64_t axes)
{
    return a->ndim < 64 && axes >> a->ndim ? SXT_ERR_AXIS : SXT_OK;
}
