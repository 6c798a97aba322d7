/* masking.h - elements that a mask leaves out: minus infinity in packed rows, so that nobody else knows of masks. */
#ifndef SXT_MASKING_H
#define SXT_MASKING_H

#include "walks/copying.h"

/* Puts -infinity to the places of a part of packed rows that the plane's mask leaves out. */
void sxt_mask_packed(const sxt_plane *plane, const sxt_packing *how, sxt_part all, char *packed);

/* The same places in the results of `packed`, the plane's rows from `first` on: minus infinity has given them the
 * value `nothing` already, unless the whole row is NaN, for what it holds or because nothing is left of it. wide:
 * bytes of a result. */
void sxt_mask_results(const sxt_plane *plane, const sxt_plane *packed, ptrdiff_t first, ptrdiff_t classes,
                      ptrdiff_t wide, double nothing);

#endif
