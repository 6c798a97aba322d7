/* elements.c - dimensions turned, sorted and joined; a walk over them; blocks gathered and scattered. */
#include "walks/elements.h"

#include <stdbool.h>
#include <string.h>

#include "numbers/dtypes.h"
#include "walks/tuning.h"

/* ---- dimensions ------------------------------------------------------------------------------------ */

/* From the last element back to the first instead. */
static void turn(sxt_elements *e, int dim)
{
    for (int k = 0; k < e->at.operands; k++) {
        if (e->base[k])
            e->base[k] += e->at.strides[k][dim] * (e->at.shape[dim] - 1);
        e->at.strides[k][dim] = -e->at.strides[k][dim];
    }
}

void sxt_elements_make(sxt_elements *e, const sxt_array *const arrays[], int operands, int inputs)
{
    const sxt_array *first = arrays[0];
    sxt_dimensions *d = &e->at;
    d->operands = operands;
    d->ndim = 0;
    e->inputs = inputs;
    e->count = 1;
    for (int k = 0; k < operands; k++) {
        e->base[k] = arrays[k] ? arrays[k]->data : NULL;
        e->item[k] = arrays[k] ? sxt_item_size(arrays[k]->dtype) : 0;
    }
    for (int i = 0; i < first->ndim; i++)
        e->count *= first->shape[i];
    for (int i = 0; i < first->ndim && e->count > 0; i++) {
        ptrdiff_t strides[SXT_OPERANDS_MOST];
        if (first->shape[i] == 1)
            continue;
        for (int k = 0; k < operands; k++)
            strides[k] = arrays[k] ? arrays[k]->strides[i] : 0;
        sxt_dimensions_append(d, first->shape[i], strides);
        if (sxt_dimension_step(d, d->ndim - 1) < 0)
            turn(e, d->ndim - 1);
    }
    sxt_dimensions_sort(d);
    sxt_dimensions_join(d);
}

/* ---- places ---------------------------------------------------------------------------------------- */

void sxt_elements_seek(const sxt_elements *e, ptrdiff_t element, sxt_cursor *at)
{
    sxt_dimensions_seek(&e->at, e->at.ndim, element, at->index, at->offset);
}

/* Elements from here to the end of the innermost dimension. */
static ptrdiff_t run_left(const sxt_elements *e, const sxt_cursor *at)
{
    return e->at.ndim ? e->at.shape[e->at.ndim - 1] - at->index[e->at.ndim - 1] : 1;
}

/* n elements on, at most to the end of the run; there on to the next one. */
static void advance(const sxt_elements *e, sxt_cursor *at, ptrdiff_t n)
{
    int i = e->at.ndim - 1;
    if (i < 0)
        return;
    at->index[i] += n;
    for (int k = 0; k < e->at.operands; k++)
        at->offset[k] += n * e->at.strides[k][i];
    for (; i > 0 && at->index[i] == e->at.shape[i]; i--) {
        at->index[i] = 0;
        at->index[i - 1]++;
        for (int k = 0; k < e->at.operands; k++)
            at->offset[k] += e->at.strides[k][i - 1] - e->at.shape[i] * e->at.strides[k][i];
    }
}

/* ---- blocks ---------------------------------------------------------------------------------------- */

/* n items with the given steps; constant sizes become single moves. */
static void copy_items(char *to, ptrdiff_t to_step, const char *from, ptrdiff_t from_step, ptrdiff_t n,
                       ptrdiff_t item)
{
    if (to_step == item && from_step == item)
        memcpy(to, from, (size_t)(n * item));
    else if (item == 2)
        for (ptrdiff_t i = 0; i < n; i++)
            memcpy(to + i * to_step, from + i * from_step, 2);
    else if (item == 4)
        for (ptrdiff_t i = 0; i < n; i++)
            memcpy(to + i * to_step, from + i * from_step, 4);
    else
        for (ptrdiff_t i = 0; i < n; i++)
            memcpy(to + i * to_step, from + i * from_step, 8);
}

static ptrdiff_t inner_step(const sxt_elements *e, int k)
{
    return e->at.ndim ? e->at.strides[k][e->at.ndim - 1] : e->item[k];
}

/* Between memory and the buffers of operands [first, end) that the block does not point into memory for. */
static void copy_block(const sxt_elements *e, sxt_cursor *at, sxt_block *block, int first, int end,
                       bool to_memory)
{
    for (ptrdiff_t done = 0; done < block->n;) {
        ptrdiff_t n = run_left(e, at) < block->n - done ? run_left(e, at) : block->n - done;
        for (int k = first; k < end; k++) {
            if (block->data[k] != block->buffer[k])
                continue;
            char *memory = e->base[k] + at->offset[k], *buffer = block->buffer[k] + done * e->item[k];
            if (to_memory)
                copy_items(memory, inner_step(e, k), buffer, e->item[k], n, e->item[k]);
            else
                copy_items(buffer, e->item[k], memory, inner_step(e, k), n, e->item[k]);
        }
        advance(e, at, n);
        done += n;
    }
}

void sxt_elements_take(const sxt_elements *e, const sxt_cursor *at, ptrdiff_t most, sxt_block *block)
{
    ptrdiff_t run = run_left(e, at);
    bool direct = run >= SXT_SHORT_RUN || run >= most, copies = false;
    block->n = most < SXT_ELEMENT_BLOCK ? most : SXT_ELEMENT_BLOCK;
    if (direct && run < block->n)
        block->n = run;
    for (int k = 0; k < e->at.operands; k++) {
        block->data[k] = !e->base[k] ? NULL
                         : direct && inner_step(e, k) == e->item[k] ? e->base[k] + at->offset[k]
                                                                    : (void *)block->buffer[k];
        copies |= k < e->inputs && block->data[k] == block->buffer[k];
    }
    sxt_cursor from = *at;
    if (copies)
        copy_block(e, &from, block, 0, e->inputs, false);
}

void sxt_elements_put(const sxt_elements *e, sxt_cursor *at, sxt_block *block)
{
    copy_block(e, at, block, e->inputs, e->at.operands, true);
}
