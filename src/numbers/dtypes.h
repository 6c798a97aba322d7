/* dtypes.h - what dtypes.def says of an element type. */
#ifndef SXT_DTYPES_H
#define SXT_DTYPES_H

#include <stddef.h>

#include "softxent.h"

enum {
#define SXT_DTYPE(NAME, name, bytes, compute) sxt_index_of_##name,
#include "dtypes.def"
#undef SXT_DTYPE
    sxt_count_of_dtypes
};

/* How many there are, to compare and to measure arrays with. */
#define SXT_DTYPES ((sxt_dtype)sxt_count_of_dtypes)

#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    _Static_assert((int)NAME == (int)sxt_index_of_##name, "dtypes.def has the order of sxt_dtype");
#include "dtypes.def"
#undef SXT_DTYPE

static inline int sxt_is_dtype(sxt_dtype dtype) { return (unsigned)dtype < (unsigned)SXT_DTYPES; }

/* Bytes of an element. */
static inline ptrdiff_t sxt_item_size(sxt_dtype dtype)
{
    switch (dtype) {
#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    case NAME:                                                                                     \
        return bytes;
#include "dtypes.def"
#undef SXT_DTYPE
    }
    return 0;
}

/* Whether the type is computed in double; losses and logarithms of its rows are doubles then, and floats else. */
static inline int sxt_is_double(sxt_dtype dtype)
{
    enum { f32, f64 };
    switch (dtype) {
#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    case NAME:                                                                                     \
        return compute;
#include "dtypes.def"
#undef SXT_DTYPE
    }
    return 0;
}

/* Whether memory holds the type that it is computed in; the others are converted on the way. */
static inline int sxt_is_computed_as_stored(sxt_dtype dtype)
{
    return sxt_item_size(dtype) == (sxt_is_double(dtype) ? (ptrdiff_t)sizeof(double) : (ptrdiff_t)sizeof(float));
}

#endif
