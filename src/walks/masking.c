/* masking.c - line by line, in the order in which the elements are packed. */
#include "walks/masking.h"

#include <math.h>

static const unsigned char *mask_at(const sxt_plane *plane, ptrdiff_t row, ptrdiff_t c)
{
    return (const unsigned char *)plane->mask.p + row * plane->mask.row + sxt_offset_of_class(plane, &plane->mask, c);
}

/* Of any alignment: rows may be packed into the caller's output. */
typedef float any_float __attribute__((aligned(1), may_alias));
typedef double any_double __attribute__((aligned(1), may_alias));

/* The step is a constant where it is 1 and this is expanded. */
static inline __attribute__((always_inline)) void mask_floats(any_float *line, const unsigned char *mask, ptrdiff_t step,
                                                              ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        line[i] = mask[i * step] ? line[i] : -INFINITY;
}

static inline __attribute__((always_inline)) void mask_doubles(any_double *line, const unsigned char *mask, ptrdiff_t step,
                                                               ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        line[i] = mask[i * step] ? line[i] : -(double)INFINITY;
}

static void mask_line(char *memory, ptrdiff_t wide, const unsigned char *mask, ptrdiff_t step, ptrdiff_t n)
{
    if (wide == sizeof(float) && step == 1)
        mask_floats((any_float *)memory, mask, 1, n);
    else if (wide == sizeof(float))
        mask_floats((any_float *)memory, mask, step, n);
    else if (step == 1)
        mask_doubles((any_double *)memory, mask, 1, n);
    else
        mask_doubles((any_double *)memory, mask, step, n);
}

void sxt_mask_packed(const sxt_plane *plane, const sxt_packing *how, sxt_part all, char *packed)
{
    const sxt_view *mask = &plane->mask;
    for (ptrdiff_t c = all.begin; how->across && c < all.end; c++, packed += how->pitch)
        mask_line(packed, how->wide, mask_at(plane, all.first, c), mask->row, all.rows);
    for (ptrdiff_t r = 0; !how->across && r < all.rows; r++, packed += how->pitch)
        for (ptrdiff_t c = all.begin, n; c < all.end; c += n) {
            n = all.end - c;
            if (mask->block && n > plane->run - c % plane->run)
                n = plane->run - c % plane->run;
            mask_line(packed + (c - all.begin) * how->wide, how->wide, mask_at(plane, all.first + r, c), mask->cls, n);
        }
}

static double get(const char *p, ptrdiff_t wide)
{
    return wide == sizeof(float) ? (double)*(const any_float *)p : *(const any_double *)p;
}

static void put(char *p, ptrdiff_t wide, double value)
{
    if (wide == sizeof(float))
        *(any_float *)p = (float)value;
    else
        *(any_double *)p = value;
}

void sxt_mask_results(const sxt_plane *plane, const sxt_plane *packed, ptrdiff_t first, ptrdiff_t classes,
                      ptrdiff_t wide, double nothing)
{
    const sxt_view *y = &packed->y;
    for (ptrdiff_t r = 0; y->p && r < packed->rows; r++) {
        char *row = y->p + r * y->row;
        double value = get(row, wide);
        for (ptrdiff_t c = 0; value != value && c < classes; c++)
            if (!*mask_at(plane, first + r, c))
                put(row + c * y->cls, wide, nothing);
    }
}
