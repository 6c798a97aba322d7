/* packing.c - see packing.h. */
#include "packing.h"

#include <stdlib.h>
#include <string.h>

#include "parallel.h"

/* So many rows side by side fill half a tile, and do not need packing. */
#define ENOUGH_ROWS 8
/* Logits in a batch: they stay in the second-level cache until their outputs have been put back. */
#define BATCH_BYTES ((ptrdiff_t)128 * 1024)
/* Rows in a batch are a multiple of the widest tile, if so many there are: total.h wants that of few classes. */
#define TILE 64
/* Classes at once of rows that lie closer than classes: a line of the cache then serves all of them. */
#define CLASSES_AT_ONCE 128

static int lies_together(const sxt_plane *plane, const sxt_view *view, ptrdiff_t item)
{
    return !view->p || (view->cls == item && plane->blocks == 1);
}

int sxt_needs_packing(const sxt_plane *plane, sxt_dtype dtype, ptrdiff_t classes)
{
    const sxt_view *views[] = {&plane->x, &plane->t, &plane->y, &plane->h};
    ptrdiff_t item = sxt_item_size(dtype);
    if (classes == 1 || plane->mask.p)
        return 0;
    for (int k = 0; k < 4; k++) {
        int side_by_side = views[k]->row == item && plane->blocks == 1 && plane->rows >= ENOUGH_ROWS;
        if (!side_by_side && !lies_together(plane, views[k], item))
            return 1;
    }
    return 0;
}

static int rows_are_closer(const sxt_view *view)
{
    ptrdiff_t row = view->row < 0 ? -view->row : view->row, cls = view->cls < 0 ? -view->cls : view->cls;
    return row < cls;
}

/* ---- copies ------------------------------------------------------------------------------------------- */

#define EXPANDED static inline __attribute__((always_inline))

/* The item is a constant where this is expanded. */
EXPANDED void copy_items(char *to, ptrdiff_t to_step, const char *from, ptrdiff_t from_step, ptrdiff_t n, size_t item)
{
    for (ptrdiff_t i = 0; i < n; i++)
        memcpy(to + i * to_step, from + i * from_step, item);
}

static void copy_run(char *to, ptrdiff_t to_step, const char *from, ptrdiff_t from_step, ptrdiff_t n,
                     ptrdiff_t item)
{
    if (to_step == item && from_step == item)
        memcpy(to, from, (size_t)(n * item));
    else if (item == 4)
        copy_items(to, to_step, from, from_step, n, 4);
    else if (item == 8)
        copy_items(to, to_step, from, from_step, n, 8);
    else
        copy_items(to, to_step, from, from_step, n, 2);
}

/* Classes [begin, end) of rows [first, first + rows). */
typedef struct {
    ptrdiff_t first, rows, begin, end;
} part;

/* From where the view says to packed rows, of which the one that is first and its class `begin` are at `packed`;
 * or back. */
static void copy_part(const sxt_plane *plane, const sxt_view *view, ptrdiff_t item, part all, char *packed,
                      ptrdiff_t row_bytes, int back)
{
    ptrdiff_t n, most = rows_are_closer(view) && all.rows > 1 ? CLASSES_AT_ONCE : all.end - all.begin;
    for (ptrdiff_t c = all.begin; c < all.end; c += n) {
        ptrdiff_t inside = view->block ? c % plane->run : c;
        ptrdiff_t at = (view->block ? view->block[c / plane->run] : 0) + inside * view->cls;
        n = all.end - c;
        n = view->block && n > plane->run - inside ? plane->run - inside : n;
        n = n > most ? most : n;
        for (ptrdiff_t r = 0; r < all.rows; r++) {
            char *place = view->p + at + (all.first + r) * view->row;
            char *row = packed + r * row_bytes + (c - all.begin) * item;
            if (back)
                copy_run(place, view->cls, row, item, n, item);
            else
                copy_run(row, item, place, view->cls, n, item);
        }
    }
}

/* ---- planes ------------------------------------------------------------------------------------------- */

typedef struct {
    ptrdiff_t item, classes, row_bytes;
    int x_into_y, y_into_x; /* where a buffer is spared */
    int x, t, y, h;         /* 1: has a buffer */
} plan;

/* Buffers for a batch of rows. Logits that lie apart are packed into an output that lies together, and results
 * that lie apart take the packed logits' place: those need none. */
typedef struct {
    char *x, *t, *y, *h;
} buffers;

static plan plan_of(const sxt_plane *p, sxt_dtype dtype, ptrdiff_t classes)
{
    ptrdiff_t item = sxt_item_size(dtype);
    plan how = {.item = item, .classes = classes, .row_bytes = classes * item};
    int x_apart = !lies_together(p, &p->x, item), y_apart = !lies_together(p, &p->y, item);
    how.x_into_y = x_apart && p->y.p && !y_apart;
    how.y_into_x = x_apart && y_apart;
    how.x = x_apart && !how.x_into_y;
    how.y = y_apart && !how.y_into_x;
    how.t = !lies_together(p, &p->t, item);
    how.h = !lies_together(p, &p->h, item);
    return how;
}

/* Bytes of all buffers and of one; a line of the cache does not serve two. */
static size_t each_buffer(const plan *how, ptrdiff_t rows) { return ((size_t)(rows * how->row_bytes) + 63) / 64 * 64; }
static size_t all_buffers(const plan *how, ptrdiff_t rows)
{
    return each_buffer(how, rows) * (size_t)(how->x + how->t + how->y + how->h);
}

static buffers cut_buffers(const plan *how, char *memory, ptrdiff_t rows)
{
    size_t each = each_buffer(how, rows);
    buffers b = {.x = memory};
    b.t = b.x + each * (size_t)how->x;
    b.y = b.t + each * (size_t)how->t;
    b.h = b.y + each * (size_t)how->y;
    return b;
}

/* Rows of the plane as they will be when packed. */
static sxt_plane packed_rows(const sxt_plane *p, const plan *how, const buffers *memory, ptrdiff_t first,
                             ptrdiff_t rows)
{
    sxt_plane packed = *p;
    sxt_view *views[] = {&packed.x, &packed.t, &packed.y, &packed.h};
    char *const own[] = {how->x ? memory->x : NULL, how->t ? memory->t : NULL, how->y ? memory->y : NULL,
                         how->h ? memory->h : NULL};
    for (int k = 0; k < 4; k++) {
        views[k]->p = views[k]->p ? views[k]->p + first * views[k]->row : NULL;
        if (own[k])
            *views[k] = (sxt_view){own[k], how->row_bytes, how->item, NULL};
    }
    if (how->x_into_y)
        packed.x = packed.y;
    if (how->y_into_x)
        packed.y = packed.x;
    packed.rows = rows;
    packed.first_row += first * p->row_step;
    packed.position += first;
    packed.run = how->classes;
    packed.blocks = 1;
    return packed;
}

/* The inputs of some classes into a packed plane, or its outputs back. */
static void copy_inputs(const sxt_plane *p, const plan *how, const sxt_plane *packed, part all)
{
    ptrdiff_t at = all.begin * how->item;
    if (how->x || how->x_into_y)
        copy_part(p, &p->x, how->item, all, packed->x.p + at, packed->x.row, 0);
    if (how->t)
        copy_part(p, &p->t, how->item, all, packed->t.p + at, packed->t.row, 0);
}

static void copy_outputs(const sxt_plane *p, const plan *how, const sxt_plane *packed, part all)
{
    ptrdiff_t at = all.begin * how->item;
    if (how->y || how->y_into_x)
        copy_part(p, &p->y, how->item, all, packed->y.p + at, packed->y.row, 1);
    if (how->h)
        copy_part(p, &p->h, how->item, all, packed->h.p + at, packed->h.row, 1);
}

static ptrdiff_t rows_in_batch(const sxt_plane *plane, const plan *how)
{
    ptrdiff_t fit = BATCH_BYTES / how->row_bytes, least = rows_are_closer(&plane->x) ? ENOUGH_ROWS : 1;
    ptrdiff_t rows = fit >= TILE ? fit / TILE * TILE : fit > least ? fit : least;
    return rows < plane->rows ? rows : plane->rows;
}

void sxt_packed_plane(sxt_plane_work work, const void *context, const sxt_plane *plane, sxt_dtype dtype,
                      ptrdiff_t classes, sxt_scratch scratch, sxt_total *total)
{
    plan how = plan_of(plane, dtype, classes);
    ptrdiff_t batch = rows_in_batch(plane, &how);
    size_t bytes = all_buffers(&how, batch);
    int too_large = bytes > scratch.bytes / 2;
    char *own = too_large ? malloc(bytes) : NULL;
    if (too_large && !own) { /* slower, but without more memory */
        work(context, plane, scratch, total);
        return;
    }
    buffers memory = cut_buffers(&how, own ? own : scratch.data, batch);
    if (!own)
        scratch = (sxt_scratch){(char *)scratch.data + bytes, scratch.bytes - bytes};
    for (ptrdiff_t r = 0; r < plane->rows; r += batch) {
        part all = {r, plane->rows - r < batch ? plane->rows - r : batch, 0, classes};
        sxt_plane packed = packed_rows(plane, &how, &memory, r, all.rows);
        copy_inputs(plane, &how, &packed, all);
        work(context, &packed, scratch, total);
        copy_outputs(plane, &how, &packed, all);
    }
    free(own);
}

/* ---- one long row ------------------------------------------------------------------------------------- */

/* Classes in a task. */
#define RANGE ((ptrdiff_t)32 * 1024)

typedef struct {
    const sxt_plane *plane, *packed;
    const plan *how;
    void (*copy)(const sxt_plane *, const plan *, const sxt_plane *, part);
} row_copy;

static void copy_range(void *context, ptrdiff_t task, int worker)
{
    const row_copy *run = context;
    ptrdiff_t begin = task * RANGE, left = run->how->classes - begin;
    (void)worker;
    run->copy(run->plane, run->how, run->packed, (part){0, 1, begin, begin + (left < RANGE ? left : RANGE)});
}

sxt_status sxt_packed_row(sxt_row_work work, void *context, const sxt_plane *plane, sxt_dtype dtype,
                          ptrdiff_t classes, int threads)
{
    plan how = plan_of(plane, dtype, classes);
    size_t bytes = all_buffers(&how, 1);
    char *own = bytes ? malloc(bytes) : NULL;
    if (bytes && !own)
        return SXT_ERR_MEMORY;
    buffers memory = cut_buffers(&how, own, 1);
    sxt_plane packed = packed_rows(plane, &how, &memory, 0, 1);
    row_copy run = {plane, &packed, &how, copy_inputs};
    ptrdiff_t ranges = (classes + RANGE - 1) / RANGE;
    if (how.x || how.x_into_y || how.t)
        sxt_parallel_for(ranges, threads, copy_range, &run);
    sxt_status status = work(context, &packed);
    run.copy = copy_outputs;
    if (status == SXT_OK && (how.y || how.y_into_x || how.h))
        sxt_parallel_for(ranges, threads, copy_range, &run);
    free(own);
    return status;
}
