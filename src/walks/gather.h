/* gather.h - classes of a row, wherever they lie, in double. */
#ifndef SXT_GATHER_H
#define SXT_GATHER_H

#include "numbers/elements16.h"
#include "kernels/kernels.h"

/* Address of class c of a row of the plane. */
static inline const char *sxt_place(const sxt_plane *plane, const sxt_view *view, ptrdiff_t row, ptrdiff_t c)
{
    const char *first = view->p + row * view->row;
    if (!view->block)
        return first + c * view->cls;
    return first + view->block[c / plane->run] + c % plane->run * view->cls;
}

/* n elements a fixed step apart: a loop for each type. */
static inline void sxt_gather_run(const char *p, ptrdiff_t step, sxt_dtype dtype, ptrdiff_t n, double *out)
{
    switch (dtype) {
#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    case NAME:                                                                                     \
        for (ptrdiff_t i = 0; i < n; i++)                                                          \
            out[i] = sxt_get_##name(p + i * step);                                                 \
        break;
#include "dtypes.def"
#undef SXT_DTYPE
    }
}

/* Classes [begin, end) of a row. */
static inline void sxt_gather(const sxt_plane *plane, const sxt_view *view, sxt_dtype dtype, ptrdiff_t row,
                              ptrdiff_t begin, ptrdiff_t end, double *out)
{
    if (!view->block) {
        sxt_gather_run(sxt_place(plane, view, row, begin), view->cls, dtype, end - begin, out);
        return;
    }
    while (begin < end) {
        ptrdiff_t left = plane->run - begin % plane->run, n = end - begin < left ? end - begin : left;
        sxt_gather_run(sxt_place(plane, view, row, begin), view->cls, dtype, n, out);
        out += n;
        begin += n;
    }
}

#endif
