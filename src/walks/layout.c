/* layout.c - dimensions sorted, joined and cut into planes. */
#include "walks/layout.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Offsets of the runs: all positions of the class dimensions but the last. */
static sxt_status make_blocks(sxt_layout *layout, const sxt_dimensions *classes)
{
    int outer = classes->ndim - 1;
    layout->run = 1;
    layout->blocks = 1;
    if (classes->ndim > 0) {
        layout->run = classes->shape[outer];
        for (int k = 0; k < SXT_OPERANDS; k++)
            layout->run_stride[k] = classes->strides[k][outer];
    }
    for (int i = 0; i < outer; i++)
        layout->blocks *= classes->shape[i];
    if (layout->blocks == 1)
        return SXT_OK;
    for (int k = 0; k < SXT_NUMBER; k++) {
        layout->block_offset[k] = malloc((size_t)layout->blocks * sizeof *layout->block_offset[k]);
        if (!layout->block_offset[k])
            return SXT_ERR_MEMORY;
    }
    for (ptrdiff_t b = 0; b < layout->blocks; b++) {
        ptrdiff_t offset[SXT_OPERANDS];
        sxt_dimensions_seek(classes, outer, b, NULL, offset);
        for (int k = 0; k < SXT_NUMBER; k++)
            layout->block_offset[k][b] = offset[k];
    }
    return SXT_OK;
}

/* ---- the common case: rows of contiguous arrays --------------------------------------------------- */

static bool lies_in_order(const sxt_array *a)
{
    ptrdiff_t expected = sxt_item_size(a->dtype);
    for (int i = a->ndim - 1; i >= 0; i--) {
        if (a->shape[i] > 1 && a->strides[i] != expected)
            return false;
        expected *= a->shape[i];
    }
    return true;
}

/* What sxt_layout_make would find, in a fraction of the time; whether the arrays are such. */
static bool make_simple(sxt_layout *layout, uint64_t axes, const sxt_array *const arrays[SXT_MASK])
{
    const sxt_array *x = arrays[SXT_X];
    int last = x->ndim - 1;
    if (last < 0 || axes != UINT64_C(1) << last || x->shape[last] < 2)
        return false;
    for (int k = 0; k < SXT_MASK; k++)
        if (arrays[k] && !lies_in_order(arrays[k]))
            return false;
    ptrdiff_t rows = 1;
    for (int i = 0; i < last; i++)
        rows *= x->shape[i];
    if (rows == 0)
        return false;
    layout->rows = rows;
    layout->classes = layout->run = x->shape[last];
    layout->blocks = 1;
    layout->kept.operands = SXT_OPERANDS;
    layout->kept.ndim = rows > 1;
    layout->kept.shape[0] = rows;
    for (int k = 0; k < SXT_MASK; k++) {
        ptrdiff_t item = arrays[k] ? arrays[k]->strides[last] : 0;
        layout->base[k] = arrays[k] ? arrays[k]->data : NULL;
        layout->kept.strides[k][0] = item * layout->classes;
        layout->run_stride[k] = item;
    }
    layout->base[SXT_MASK] = layout->base[SXT_NUMBER] = NULL;
    layout->kept.strides[SXT_MASK][0] = layout->run_stride[SXT_MASK] = layout->run_stride[SXT_NUMBER] = 0;
    layout->kept.strides[SXT_NUMBER][0] = 1;
    return true;
}

/* ---- all cases ------------------------------------------------------------------------------------ */

static sxt_status make(sxt_layout *layout, uint64_t axes, const sxt_array *const arrays[SXT_MASK],
                       const sxt_mask *mask, bool in_order)
{
    const sxt_array *x = arrays[SXT_X];
    sxt_dimensions classes, *rows = &layout->kept; /* not initialised: kilobytes */
    layout->rows = layout->classes = 1;
    memset(layout->run_stride, 0, sizeof layout->run_stride);
    for (int k = 0; k < SXT_MASK; k++)
        layout->base[k] = arrays[k] ? arrays[k]->data : NULL;
    layout->base[SXT_MASK] = mask ? (char *)(uintptr_t)mask->data : NULL;
    layout->base[SXT_NUMBER] = NULL;
    for (int i = 0; i < x->ndim; i++)
        *(axes >> i & 1 ? &layout->classes : &layout->rows) *= x->shape[i];
    ptrdiff_t number = layout->rows;
    rows->operands = classes.operands = SXT_OPERANDS;
    rows->ndim = classes.ndim = 0;
    for (int i = 0; i < x->ndim && layout->rows > 0 && layout->classes > 0; i++) {
        bool reduced = axes >> i & 1;
        ptrdiff_t n = x->shape[i], strides[SXT_OPERANDS];
        if (n == 1)
            continue;
        for (int k = 0; k < SXT_MASK; k++)
            strides[k] = arrays[k] ? arrays[k]->strides[i] : 0;
        strides[SXT_MASK] = mask ? mask->strides[i] : 0;
        number = reduced ? number : number / n;
        strides[SXT_NUMBER] = reduced ? 0 : number;
        sxt_dimensions_append(reduced ? &classes : rows, n, strides);
    }
    sxt_dimensions_sort(rows);
    sxt_dimensions_join(rows);
    if (!in_order)
        sxt_dimensions_sort(&classes);
    sxt_dimensions_join(&classes);
    sxt_status status = make_blocks(layout, &classes);
    if (status != SXT_OK)
        sxt_layout_free(layout);
    return status;
}

sxt_status sxt_layout_make(sxt_layout *layout, const sxt_array *x, uint64_t axes, const sxt_array *y,
                           const sxt_array *h, const sxt_array *t, const sxt_mask *mask)
{
    const sxt_array *const arrays[SXT_MASK] = {x, y, h, t};
    memset(layout->block_offset, 0, sizeof layout->block_offset);
    return !mask && make_simple(layout, axes, arrays) ? SXT_OK : make(layout, axes, arrays, mask, false);
}

sxt_status sxt_layout_make_in_order(sxt_layout *layout, const sxt_array *x, uint64_t axes)
{
    const sxt_array *const arrays[SXT_MASK] = {x};
    memset(layout->block_offset, 0, sizeof layout->block_offset);
    return make(layout, axes, arrays, NULL, true);
}

void sxt_layout_free(sxt_layout *layout)
{
    for (int k = 0; k < SXT_OPERANDS; k++) {
        free(layout->block_offset[k]);
        layout->block_offset[k] = NULL;
    }
}

sxt_plane sxt_layout_plane(const sxt_layout *layout, ptrdiff_t row, ptrdiff_t end)
{
    const sxt_dimensions *d = &layout->kept;
    ptrdiff_t at[SXT_OPERANDS] = {0}, last[SXT_OPERANDS] = {0}, rows = end - row, ahead = 0;
    if (d->ndim > 0) {
        int inner = d->ndim - 1;
        ptrdiff_t position = row, outer = 0;
        if (position >= d->shape[inner]) { /* not for every small call: divisions are slow */
            outer = position / d->shape[inner];
            position %= d->shape[inner];
        }
        ahead = d->shape[inner] - position - rows;
        if (ahead < 0) {
            rows += ahead;
            ahead = 0;
        }
        sxt_dimensions_seek(d, inner, outer, NULL, at);
        for (int k = 0; k < SXT_OPERANDS; k++) {
            last[k] = d->strides[k][inner];
            at[k] += position * last[k];
        }
    }
    sxt_view view[SXT_OPERANDS];
    for (int k = 0; k < SXT_OPERANDS; k++)
        view[k] = (sxt_view){layout->base[k] ? layout->base[k] + at[k] : NULL, last[k],
                             layout->run_stride[k], layout->block_offset[k]};
    return (sxt_plane){
        .x = view[SXT_X], .t = view[SXT_T], .mask = view[SXT_MASK], .y = view[SXT_Y], .h = view[SXT_H],
        .run = layout->run, .blocks = layout->blocks,
        .rows = rows, .first_row = at[SXT_NUMBER], .row_step = last[SXT_NUMBER], .ahead = ahead,
    };
}
