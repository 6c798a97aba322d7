/* copying.h - elements of a plane to packed memory and back, converted on the way if they are stored in 16 bits. */
#ifndef SXT_COPYING_H
#define SXT_COPYING_H

#include "kernels/kernels.h"

/* Classes [begin, end) of rows [first, first + rows). */
typedef struct {
    ptrdiff_t first, rows, begin, end;
} sxt_part;

/* How packed elements lie: `wide` bytes each, a row's classes side by side, or with `across` a class's rows. */
typedef struct {
    ptrdiff_t item, wide;             /* bytes of an element in the plane, and packed */
    const sxt_conversion *conversion; /* NULL: none */
    int across;
    ptrdiff_t pitch; /* packed bytes from row to row, or from class to class */
} sxt_packing;

/* From where the view says to `packed`, the place of the part's first element; and back. */
void sxt_copy_in(const sxt_plane *plane, const sxt_view *view, const sxt_packing *how, sxt_part all, char *packed);
void sxt_copy_out(const sxt_plane *plane, const sxt_view *view, const sxt_packing *how, sxt_part all, char *packed);

/* Bytes from a view's first class to class c. */
static inline ptrdiff_t sxt_offset_of_class(const sxt_plane *plane, const sxt_view *view, ptrdiff_t c)
{
    return view->block ? view->block[c / plane->run] + c % plane->run * view->cls : c * view->cls;
}

/* Whether rows lie closer to each other than classes. */
int sxt_rows_are_closer(const sxt_view *view);

#endif
