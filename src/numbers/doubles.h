/* doubles.h - many elements of any dtype, a step apart in memory, to doubles side by side and back: exactly, and rounded
 * once. In plain C, in loops that the compiler puts into lanes. */
#ifndef SXT_DOUBLES_H
#define SXT_DOUBLES_H

#include <stddef.h>

#include "numbers/dtypes.h"
#include "numbers/elements16.h"

#define SXT_EXPANDED static inline __attribute__((always_inline))
/* Their loops for all types are 6 kB, which callers would hold several times. */
#define SXT_ONCE static __attribute__((noinline, unused))

/* The type, and the usual step, are constants where these are expanded. */
SXT_EXPANDED void sxt_widen_as(sxt_dtype dtype, const char *restrict from, ptrdiff_t step, double *restrict to, ptrdiff_t n)
{
    const ptrdiff_t size = sxt_item_size(dtype);
    if (step == size)
        for (ptrdiff_t i = 0; i < n; i++)
            to[i] = sxt_get(from + i * size, dtype);
    else
        for (ptrdiff_t i = 0; i < n; i++)
            to[i] = sxt_get(from + i * step, dtype);
}

SXT_EXPANDED void sxt_narrow_as(sxt_dtype dtype, const double *restrict from, char *restrict to, ptrdiff_t step, ptrdiff_t n)
{
    const ptrdiff_t size = sxt_item_size(dtype);
    if (step == size)
        for (ptrdiff_t i = 0; i < n; i++)
            sxt_put(to + i * size, dtype, from[i]);
    else
        for (ptrdiff_t i = 0; i < n; i++)
            sxt_put(to + i * step, dtype, from[i]);
}

SXT_ONCE void sxt_widen(sxt_dtype dtype, const char *from, ptrdiff_t step, double *to, ptrdiff_t n)
{
    switch (dtype) {
#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    case NAME:                                                                                     \
        sxt_widen_as(NAME, from, step, to, n);                                                     \
        return;
#include "dtypes.def"
#undef SXT_DTYPE
    }
}

SXT_ONCE void sxt_narrow(sxt_dtype dtype, const double *from, char *to, ptrdiff_t step, ptrdiff_t n)
{
    switch (dtype) {
#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    case NAME:                                                                                     \
        sxt_narrow_as(NAME, from, to, step, n);                                                    \
        return;
#include "dtypes.def"
#undef SXT_DTYPE
    }
}

#undef SXT_EXPANDED
#undef SXT_ONCE

#endif
