/* layout.c - dimensions sorted, joined and cut into planes. */
#include "walks/layout.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int ndim;
    ptrdiff_t shape[SXT_MAX_NDIM], strides[SXT_OPERANDS][SXT_MAX_NDIM];
} dims;

static void append(dims *d, ptrdiff_t length, const ptrdiff_t strides[SXT_OPERANDS])
{
    d->shape[d->ndim] = length;
    for (int k = 0; k < SXT_OPERANDS; k++)
        d->strides[k][d->ndim] = strides[k];
    d->ndim++;
}

static ptrdiff_t step(const dims *d, int i)
{
    ptrdiff_t s = d->strides[SXT_X][i];
    return s < 0 ? -s : s;
}

static void swap(dims *d, int i, int j)
{
    ptrdiff_t t = d->shape[i];
    d->shape[i] = d->shape[j];
    d->shape[j] = t;
    for (int k = 0; k < SXT_OPERANDS; k++) {
        t = d->strides[k][i];
        d->strides[k][i] = d->strides[k][j];
        d->strides[k][j] = t;
    }
}

/* The dimension with the shortest step in memory last: its elements become the lanes. */
static void sort_by_step(dims *d)
{
    for (int i = 1; i < d->ndim; i++)
        for (int j = i; j > 0 && step(d, j - 1) < step(d, j); j--)
            swap(d, j - 1, j);
}

/* Neighbours i and i + 1 are one dimension when every operand steps through both evenly. */
static bool joins(const dims *d, int i)
{
    for (int k = 0; k < SXT_OPERANDS; k++)
        if (d->strides[k][i] != d->strides[k][i + 1] * d->shape[i + 1])
            return false;
    return true;
}

static void join(dims *d)
{
    int last = 0;
    for (int i = 1; i < d->ndim; i++) {
        swap(d, last + 1, i);
        if (joins(d, last)) {
            d->shape[last] *= d->shape[last + 1];
            for (int k = 0; k < SXT_OPERANDS; k++)
                d->strides[k][last] = d->strides[k][last + 1];
        } else {
            last++;
        }
    }
    d->ndim = d->ndim ? last + 1 : 0;
}

/* Offsets of the runs: all positions of the class dimensions but the last. */
static sxt_status make_blocks(sxt_layout *layout, const dims *classes)
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
    size_t n = (size_t)layout->blocks;
    for (int k = 0; k < SXT_NUMBER; k++) {
        ptrdiff_t *offset = malloc(n * sizeof *offset);
        if (!offset)
            return SXT_ERR_MEMORY;
        layout->block_offset[k] = offset;
        for (size_t b = 0; b < n; b++) {
            size_t rest = b;
            offset[b] = 0;
            for (int i = outer - 1; i >= 0; i--) {
                offset[b] += (ptrdiff_t)(rest % (size_t)classes->shape[i]) * classes->strides[k][i];
                rest /= (size_t)classes->shape[i];
            }
        }
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
    ptrdiff_t rows = 1, item = x->strides[last];
    for (int i = 0; i < last; i++)
        rows *= x->shape[i];
    if (rows == 0)
        return false;
    layout->rows = rows;
    layout->classes = layout->run = x->shape[last];
    layout->blocks = 1;
    layout->ndim = rows > 1;
    layout->shape[0] = rows;
    for (int k = 0; k < SXT_MASK; k++) {
        layout->base[k] = arrays[k] ? arrays[k]->data : NULL;
        layout->strides[k][0] = arrays[k] ? item * layout->classes : 0;
        layout->run_stride[k] = arrays[k] ? item : 0;
    }
    layout->base[SXT_MASK] = layout->base[SXT_NUMBER] = NULL;
    layout->strides[SXT_MASK][0] = layout->run_stride[SXT_MASK] = layout->run_stride[SXT_NUMBER] = 0;
    layout->strides[SXT_NUMBER][0] = 1;
    return true;
}

/* ---- all cases ------------------------------------------------------------------------------------ */

sxt_status sxt_layout_make(sxt_layout *layout, const sxt_array *x, uint64_t axes, const sxt_array *y,
                           const sxt_array *h, const sxt_array *t, const sxt_mask *mask)
{
    dims rows, classes; /* kilobytes, of which the used part is written */
    ptrdiff_t number = 1;
    memset(layout->block_offset, 0, sizeof layout->block_offset);
    if (!mask && make_simple(layout, axes, (const sxt_array *[SXT_MASK]){x, y, h, t}))
        return SXT_OK;
    rows.ndim = classes.ndim = 0;
    layout->rows = layout->classes = 1;
    memset(layout->run_stride, 0, sizeof layout->run_stride);
    layout->base[SXT_X] = x->data;
    layout->base[SXT_Y] = y ? y->data : NULL;
    layout->base[SXT_H] = h ? h->data : NULL;
    layout->base[SXT_T] = t ? t->data : NULL;
    layout->base[SXT_MASK] = mask ? (char *)(uintptr_t)mask->data : NULL;
    layout->base[SXT_NUMBER] = NULL;
    for (int i = x->ndim - 1; i >= 0; i--) {
        bool reduced = axes >> i & 1;
        ptrdiff_t n = x->shape[i];
        *(reduced ? &layout->classes : &layout->rows) *= n;
        if (n != 1) {
            const ptrdiff_t strides[SXT_OPERANDS] = {
                x->strides[i], y ? y->strides[i] : 0, h ? h->strides[i] : 0, t ? t->strides[i] : 0,
                mask ? mask->strides[i] : 0, reduced ? 0 : number};
            append(reduced ? &classes : &rows, n, strides);
        }
        if (!reduced)
            number *= n;
    }
    sort_by_step(&rows);
    sort_by_step(&classes);
    join(&rows);
    join(&classes);
    layout->ndim = rows.ndim;
    memcpy(layout->shape, rows.shape, sizeof rows.shape[0] * (size_t)rows.ndim);
    for (int k = 0; k < SXT_OPERANDS; k++)
        memcpy(layout->strides[k], rows.strides[k], sizeof rows.shape[0] * (size_t)rows.ndim);
    if (layout->rows == 0 || layout->classes == 0)
        return SXT_OK;
    sxt_status status = make_blocks(layout, &classes);
    if (status != SXT_OK)
        sxt_layout_free(layout);
    return status;
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
    ptrdiff_t at[SXT_OPERANDS] = {0}, last[SXT_OPERANDS] = {0};
    ptrdiff_t rows = end - row, rest = row, ahead = 0;
    if (layout->ndim > 0) {
        int inner = layout->ndim - 1;
        ptrdiff_t position = rest;
        rest = 0;
        if (position >= layout->shape[inner]) { /* not for every small call: divisions are slow */
            rest = position / layout->shape[inner];
            position %= layout->shape[inner];
        }
        ahead = layout->shape[inner] - position - rows;
        if (ahead < 0) {
            rows += ahead;
            ahead = 0;
        }
        for (int k = 0; k < SXT_OPERANDS; k++) {
            last[k] = layout->strides[k][inner];
            at[k] = position * last[k];
        }
        for (int i = inner - 1; i >= 0 && rest > 0; i--) {
            ptrdiff_t p = rest % layout->shape[i];
            rest /= layout->shape[i];
            for (int k = 0; k < SXT_OPERANDS; k++)
                at[k] += p * layout->strides[k][i];
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
