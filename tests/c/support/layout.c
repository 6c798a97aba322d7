#include "layout.h"

#include <string.h>

geometry geometry_matrix(ptrdiff_t rows, ptrdiff_t classes)
{
    return (geometry){.ndim = 2, .shape = {rows, classes}, .axes = 2};
}

/* A factor of n at random, 1 and n included. */
static ptrdiff_t random_factor(random_source *source, ptrdiff_t n)
{
    ptrdiff_t factor = 1 + (ptrdiff_t)random_below(source, 8);
    return n > 0 && n % factor == 0 ? factor : 1;
}

static void append(geometry *g, ptrdiff_t length, bool reduced)
{
    g->axes |= (uint64_t)reduced << g->ndim;
    g->shape[g->ndim++] = length;
}

geometry geometry_random(random_source *source, ptrdiff_t rows, ptrdiff_t classes, bool one_axis)
{
    geometry g = {.ndim = 0};
    ptrdiff_t outer_rows = random_factor(source, rows);
    ptrdiff_t outer_classes = one_axis ? classes : random_factor(source, classes);
    bool classes_first = random_below(source, 2);
    if (classes_first)
        append(&g, outer_classes, true);
    if (rows != 1 || random_below(source, 2))
        append(&g, outer_rows, false);
    if (!classes_first)
        append(&g, outer_classes, true);
    if (outer_rows != rows)
        append(&g, rows / outer_rows, false);
    if (outer_classes != classes)
        append(&g, classes / outer_classes, true);
    return g;
}

/* Lay out the dimensions from the innermost (last in `order`) to the outermost, with gap bytes. */
static placement arrange(const geometry *g, size_t size, const int *order, const size_t *gap,
                         uint64_t reversed)
{
    placement p = {.first = 0, .bytes = size};
    size_t step = size;
    for (int i = g->ndim - 1; i >= 0; i--) {
        int k = order[i];
        ptrdiff_t length = g->shape[k];
        step += gap[i];
        p.strides[k] = reversed >> k & 1 ? -(ptrdiff_t)step : (ptrdiff_t)step;
        size_t reach = length > 0 ? (size_t)(length - 1) * step : 0;
        p.first += reversed >> k & 1 ? reach : 0;
        p.bytes += reach;
        step *= length > 0 ? (size_t)length : 1;
    }
    for (int k = 0; k < g->ndim; k++)
        if (g->shape[k] == 0)
            p.first = p.bytes = 0;
    return p;
}

placement placement_contiguous(const geometry *g, size_t size)
{
    int order[MAX_DIMS];
    size_t gap[MAX_DIMS] = {0};
    for (int k = 0; k < g->ndim; k++)
        order[k] = k;
    return arrange(g, size, order, gap, 0);
}

placement placement_random(random_source *source, const geometry *g, size_t size)
{
    int order[MAX_DIMS];
    size_t gap[MAX_DIMS];
    for (int k = 0; k < g->ndim; k++) {
        int other = (int)random_below(source, (uint64_t)k + 1);
        order[k] = k;
        order[k] = order[other];
        order[other] = k;
        bool odd = random_below(source, 4) == 0, wide = random_below(source, 4) == 0;
        gap[k] = odd ? random_below(source, 16) : wide ? size * random_below(source, 4) : 0;
    }
    uint64_t reversed = random_below(source, 2) ? random_bits(source) : 0;
    return arrange(g, size, order, gap, reversed);
}

placement placement_rows(random_source *source, const geometry *g, size_t size)
{
    static const int order[2] = {0, 1};
    size_t gap[2] = {random_below(source, 3) * random_below(source, 16), 0};
    return arrange(g, size, order, gap, random_below(source, 2));
}

/* Steps through all elements in C order of the dimensions. */
typedef struct {
    ptrdiff_t index[MAX_DIMS], row, class, offset;
} cursor;

static void locate(const geometry *g, const placement *p, cursor *at)
{
    at->row = at->class = 0;
    at->offset = (ptrdiff_t)p->first;
    for (int k = 0; k < g->ndim; k++) {
        ptrdiff_t *number = g->axes >> k & 1 ? &at->class : &at->row;
        *number = *number * g->shape[k] + at->index[k];
        at->offset += at->index[k] * p->strides[k];
    }
}

static bool advance(const geometry *g, cursor *at)
{
    for (int k = g->ndim - 1; k >= 0; k--) {
        if (++at->index[k] < g->shape[k])
            return true;
        at->index[k] = 0;
    }
    return false;
}

static void copy(const geometry *g, const placement *p, size_t size, char *dense, char *base,
                 bool to_dense)
{
    ptrdiff_t classes = 1;
    for (int k = 0; k < g->ndim; k++) {
        if (g->shape[k] == 0)
            return;
        classes *= g->axes >> k & 1 ? g->shape[k] : 1;
    }
    cursor at = {.row = 0};
    do {
        locate(g, p, &at);
        char *element = dense + (size_t)(at.row * classes + at.class) * size;
        memcpy(to_dense ? element : base + at.offset, to_dense ? base + at.offset : element, size);
    } while (advance(g, &at));
}

void layout_scatter(const geometry *g, const placement *p, size_t size, const void *dense, char *base)
{
    copy(g, p, size, (char *)dense, base, false);
}

void layout_gather(const geometry *g, const placement *p, size_t size, const char *base, void *dense)
{
    copy(g, p, size, dense, (char *)base, true);
}
