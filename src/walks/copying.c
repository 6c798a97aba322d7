/* copying.c - whole rows in one go where they allow it, else class by class or row by row. */
#include "walks/copying.h"

#include <string.h>

/* Classes at once of rows that lie closer than classes: a line of the cache then serves all of them. */
#define CLASSES_AT_ONCE 128
/* Elements at once that lie apart and are converted. */
#define CONVERTED_AT_ONCE 256

int sxt_rows_are_closer(const sxt_view *view)
{
    ptrdiff_t row = view->row < 0 ? -view->row : view->row, cls = view->cls < 0 ? -view->cls : view->cls;
    return row < cls;
}

/* The item is a constant where this is expanded. */
static inline __attribute__((always_inline)) void copy_items(char *to, ptrdiff_t to_step, const char *from,
                                                             ptrdiff_t from_step, ptrdiff_t n, size_t item)
{
    for (ptrdiff_t i = 0; i < n; i++)
        memcpy(to + i * to_step, from + i * from_step, item);
}

static void copy_run(char *to, ptrdiff_t to_step, const char *from, ptrdiff_t from_step, ptrdiff_t n,
                     ptrdiff_t item)
{
    if (to == from && to_step == from_step)
        return; /* logits that are packed into an output in their own place */
    if (to_step == item && from_step == item)
        memcpy(to, from, (size_t)(n * item));
    else if (item == 4)
        copy_items(to, to_step, from, from_step, n, 4);
    else if (item == 8)
        copy_items(to, to_step, from, from_step, n, 8);
    else if (item == 2)
        copy_items(to, to_step, from, from_step, n, 2);
    else
        copy_items(to, to_step, from, from_step, n, 1);
}

static void convert_in(const sxt_conversion *by, float *to, const char *from, ptrdiff_t step, ptrdiff_t n)
{
    uint16_t together[CONVERTED_AT_ONCE];
    if (step == sizeof *together) {
        by->to_floats(from, to, n);
        return;
    }
    for (ptrdiff_t i = 0, k; i < n; i += k) {
        k = n - i < CONVERTED_AT_ONCE ? n - i : CONVERTED_AT_ONCE;
        copy_items((char *)together, sizeof *together, from + i * step, step, k, sizeof *together);
        by->to_floats(together, to + i, k);
    }
}

static void convert_out(const sxt_conversion *by, char *to, ptrdiff_t step, const float *from, ptrdiff_t n)
{
    uint16_t together[CONVERTED_AT_ONCE];
    if (step == sizeof *together) {
        by->from_floats(from, to, n);
        return;
    }
    for (ptrdiff_t i = 0, k; i < n; i += k) {
        k = n - i < CONVERTED_AT_ONCE ? n - i : CONVERTED_AT_ONCE;
        by->from_floats(from + i, together, k);
        copy_items(to + i * step, step, (char *)together, sizeof *together, k, sizeof *together);
    }
}

/* n elements a step apart, to packed ones side by side or back. */
static void copy_line(const sxt_packing *how, char *place, ptrdiff_t step, char *packed, ptrdiff_t n, int back)
{
    if (how->conversion && back)
        convert_out(how->conversion, place, step, (float *)(void *)packed, n);
    else if (how->conversion)
        convert_in(how->conversion, (float *)(void *)packed, place, step, n);
    else if (back)
        copy_run(place, step, packed, how->item, n, how->item);
    else
        copy_run(packed, how->item, place, step, n, how->item);
}

static void copy_across(const sxt_plane *plane, const sxt_view *view, const sxt_packing *how, sxt_part all,
                        char *packed, int back)
{
    char *first = view->p + all.first * view->row;
    for (ptrdiff_t c = all.begin; c < all.end; c++, packed += how->pitch)
        copy_line(how, first + sxt_offset_of_class(plane, view, c), view->row, packed, all.rows, back);
}

static void copy_along(const sxt_plane *plane, const sxt_view *view, const sxt_packing *how, sxt_part all,
                       char *packed, int back)
{
    ptrdiff_t n, most = sxt_rows_are_closer(view) && all.rows > 1 ? CLASSES_AT_ONCE : all.end - all.begin;
    for (ptrdiff_t c = all.begin; c < all.end; c += n) {
        n = all.end - c < most ? all.end - c : most;
        if (view->block && n > plane->run - c % plane->run)
            n = plane->run - c % plane->run;
        char *place = view->p + all.first * view->row + sxt_offset_of_class(plane, view, c);
        char *row = packed + (c - all.begin) * how->wide;
        for (ptrdiff_t r = 0; r < all.rows; r++, place += view->row, row += how->pitch)
            copy_line(how, place, view->cls, row, n, back);
    }
}

static void copy(const sxt_plane *plane, const sxt_view *view, const sxt_packing *how, sxt_part all, char *packed,
                 int back)
{
    ptrdiff_t classes = all.end - all.begin;
    if (how->across) {
        copy_across(plane, view, how, all, packed, back);
    } else if (!view->block && (view->cls == how->item || classes == 1) && view->row == classes * how->item &&
               how->pitch == classes * how->wide) { /* all rows are one */
        copy_line(how, view->p + all.first * view->row + all.begin * view->cls, how->item, packed, all.rows * classes,
                  back);
    } else {
        copy_along(plane, view, how, all, packed, back);
    }
}

void sxt_copy_in(const sxt_plane *plane, const sxt_view *view, const sxt_packing *how, sxt_part all, char *packed)
{
    copy(plane, view, how, all, packed, 0);
}

void sxt_copy_out(const sxt_plane *plane, const sxt_view *view, const sxt_packing *how, sxt_part all, char *packed)
{
    copy(plane, view, how, all, packed, 1);
}
