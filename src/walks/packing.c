/* packing.c - which operands need it, how many rows at once, and where they are put. */
#include "walks/packing.h"

#include <stdlib.h>

#include "walks/copying.h"
#include "walks/masking.h"
#include "walks/tasks.h"

/* So many rows side by side fill half a tile, and do not need packing. */
#define ENOUGH_ROWS 8
/* Logits in a batch, which stay in the second-level cache until their outputs have been put back; and in one that is
 * converted, which every row of the plane goes through. */
#define BATCH_BYTES ((ptrdiff_t)128 * 1024)
#define CONVERTED_BYTES ((ptrdiff_t)16 * 1024)
/* Rows side by side want to be many: a conversion takes them a class at a time. */
#define ACROSS_BYTES ((ptrdiff_t)512 * 1024)
#define ACROSS_MOST 256
/* Rows in a batch are a multiple of the widest tile, if so many there are, or of the widest vector. */
#define TILE 64
#define LANES 8

static int lies_together(const sxt_plane *plane, const sxt_view *view, ptrdiff_t item)
{
    return !view->p || (view->cls == item && plane->blocks == 1);
}

static int lies_side_by_side(const sxt_plane *plane, const sxt_view *view, ptrdiff_t item)
{
    return view->row == item && plane->blocks == 1 && plane->rows >= ENOUGH_ROWS;
}

int sxt_needs_packing(const sxt_plane *plane, sxt_dtype dtype, ptrdiff_t classes)
{
    const sxt_view *views[] = {&plane->x, &plane->t, &plane->y, &plane->h};
    ptrdiff_t item = sxt_item_size(dtype);
    if (plane->mask.p)
        return 1;
    if (classes == 1)
        return 0;
    for (int k = 0; k < 4; k++)
        if (!lies_side_by_side(plane, views[k], item) && !lies_together(plane, views[k], item))
            return 1;
    return 0;
}

/* ---- planes ------------------------------------------------------------------------------------------- */

/* The operands of a plane, and what becomes of them. */
enum { X, T, Y, H, OPERANDS };

typedef struct {
    ptrdiff_t classes, rows; /* in a batch */
    double nothing;
    int x_into_y, y_into_x;  /* where a buffer is spared */
    int masked;              /* whether x is */
    int apart[OPERANDS], buffer[OPERANDS];
    sxt_packing how[OPERANDS];
    char *memory[OPERANDS];
} plan;

static sxt_view *operand(sxt_plane *plane, int k)
{
    sxt_view *views[OPERANDS] = {&plane->x, &plane->t, &plane->y, &plane->h};
    return views[k];
}

static const sxt_view *operand_of(const sxt_plane *plane, int k) { return operand((sxt_plane *)(uintptr_t)plane, k); }

/* Logits that lie apart are packed into an output that lies together, and results that lie apart take the packed
 * logits' place. What is converted lies apart wherever it is, and logits with a mask do. */
static plan plan_of(const sxt_plane *p, const sxt_packed_rows *rows)
{
    const sxt_conversion *conversion = rows->conversion;
    ptrdiff_t stored = sxt_item_size(rows->dtype), wide = conversion ? (ptrdiff_t)sizeof(float) : stored;
    plan it = {.classes = rows->classes, .nothing = rows->nothing, .masked = p->mask.p && !rows->from_terms};
    int across = (conversion || p->mask.p) && rows->classes > 1 &&
                 lies_side_by_side(p, &p->x, rows->from_terms ? wide : stored);
    for (int k = 0; k < OPERANDS; k++) {
        const sxt_view *view = operand_of(p, k);
        int computed = (k == X && rows->from_terms) || (k == Y && rows->to_terms);
        ptrdiff_t item = computed ? wide : stored;
        it.how[k] = (sxt_packing){item, wide, computed ? NULL : conversion, across, 0};
        int anyway = it.how[k].conversion || across || (k == X && it.masked);
        it.apart[k] = it.buffer[k] = view->p && (anyway || !lies_together(p, view, item));
    }
    it.x_into_y = it.apart[X] && p->y.p && !it.apart[Y];
    it.y_into_x = it.apart[X] && it.apart[Y];
    it.buffer[X] = it.apart[X] && !it.x_into_y;
    it.buffer[Y] = it.apart[Y] && !it.y_into_x;
    return it;
}

static void plan_batches(plan *it, const sxt_plane *p, ptrdiff_t least_rows)
{
    ptrdiff_t row_bytes = it->classes * it->how[X].wide, least = sxt_rows_are_closer(&p->x) ? ENOUGH_ROWS : 1;
    ptrdiff_t bytes = it->how[X].across ? ACROSS_BYTES : it->how[X].conversion ? CONVERTED_BYTES : BATCH_BYTES;
    ptrdiff_t fit = bytes / row_bytes;
    fit = it->how[X].across && fit > ACROSS_MOST ? ACROSS_MOST : fit;
    it->rows = fit >= TILE ? fit / TILE * TILE : fit >= LANES ? fit / LANES * LANES : fit > least ? fit : least;
    it->rows = it->rows > least_rows ? it->rows : least_rows;
    it->rows = it->rows < p->rows ? it->rows : p->rows;
}

/* A line of the cache does not serve two buffers. */
static size_t bytes_of(const plan *it, int k)
{
    return it->buffer[k] ? ((size_t)(it->rows * it->classes * it->how[k].wide) + 63) / 64 * 64 : 0;
}

static size_t all_bytes(const plan *it)
{
    size_t bytes = 0;
    for (int k = 0; k < OPERANDS; k++)
        bytes += bytes_of(it, k);
    return bytes;
}

static void cut_memory(plan *it, char *memory)
{
    for (int k = 0; k < OPERANDS; k++) {
        it->memory[k] = it->buffer[k] ? memory : NULL;
        if (it->buffer[k]) /* without any there may be no memory to point to */
            memory += bytes_of(it, k);
        it->how[k].pitch = (it->how[k].across ? it->rows : it->classes) * it->how[k].wide;
    }
}

/* Rows from `first` on, where the kernels do not see them. */
static sxt_ahead in_place(const sxt_plane *p, const sxt_view *view, ptrdiff_t first)
{
    if (!view->p || p->blocks > 1)
        return (sxt_ahead){0, 0, 0};
    return (sxt_ahead){(uintptr_t)view->p + (uintptr_t)(first * view->row), view->row, view->cls};
}

/* Rows of the plane as they will be when packed. */
static sxt_plane packed_rows(const sxt_plane *p, plan *it, ptrdiff_t first, ptrdiff_t rows)
{
    sxt_plane packed = *p;
    for (int k = 0; k < OPERANDS; k++) {
        sxt_view *view = operand(&packed, k);
        const sxt_packing *how = &it->how[k];
        view->p = view->p ? view->p + first * view->row : NULL;
        if (it->memory[k])
            *view = (sxt_view){it->memory[k], how->across ? how->wide : how->pitch,
                               how->across ? how->pitch : how->wide, NULL};
    }
    if (it->x_into_y) {
        packed.x = packed.y;
        it->how[X].pitch = packed.y.row;
    }
    if (it->y_into_x) {
        packed.y = packed.x;
        it->how[Y].pitch = it->how[X].pitch;
    }
    packed.rows = rows;
    packed.ahead = 0;
    if (it->how[X].conversion) {
        packed.next = in_place(p, &p->x, first + it->rows);
        packed.results = in_place(p, &p->y, first);
    }
    packed.copied_on = it->memory[Y] || it->memory[H];
    packed.first_row += first * p->row_step;
    packed.run = it->classes;
    packed.blocks = 1;
    packed.mask = (sxt_view){NULL, 0, 0, NULL};
    return packed;
}

/* The inputs of a part into a packed plane, or its outputs back. */
static void copy_operands(const sxt_plane *p, const plan *it, const sxt_plane *packed, sxt_part all, int outputs)
{
    for (int k = 0; k < OPERANDS; k++) {
        const sxt_packing *how = &it->how[k];
        ptrdiff_t at = all.begin * (how->across ? how->pitch : how->wide);
        if (!it->apart[k] || (k == Y || k == H) != outputs)
            continue;
        char *place = operand_of(packed, k)->p + at;
        if (outputs)
            sxt_copy_out(p, operand_of(p, k), how, all, place);
        else
            sxt_copy_in(p, operand_of(p, k), how, all, place);
        if (k == X && it->masked)
            sxt_mask_packed(p, how, all, place);
    }
}

sxt_status sxt_packed_plane(sxt_plane_work work, const void *context, const sxt_plane *plane,
                            const sxt_packed_rows *rows, sxt_scratch scratch, sxt_total *total)
{
    plan it = plan_of(plane, rows);
    int must = rows->conversion || plane->mask.p;
    plan_batches(&it, plane, rows->least);
    size_t bytes = all_bytes(&it);
    int too_large = bytes > scratch.bytes / 2;
    char *own = too_large ? malloc(bytes) : NULL;
    if (too_large && !own) {
        if (!must) /* slower, but without more memory */
            work(context, plane, scratch, total);
        return must ? SXT_ERR_MEMORY : SXT_OK;
    }
    cut_memory(&it, own ? own : scratch.data);
    if (!own)
        scratch = (sxt_scratch){(char *)scratch.data + bytes, scratch.bytes - bytes};
    for (ptrdiff_t r = 0; r < plane->rows; r += it.rows) {
        sxt_part all = {r, plane->rows - r < it.rows ? plane->rows - r : it.rows, 0, it.classes};
        sxt_plane packed = packed_rows(plane, &it, r, all.rows);
        copy_operands(plane, &it, &packed, all, 0);
        work(context, &packed, scratch, total);
        if (plane->mask.p)
            sxt_mask_results(plane, &packed, r, it.classes, it.how[Y].wide, it.nothing);
        copy_operands(plane, &it, &packed, all, 1);
    }
    free(own);
    return SXT_OK;
}

/* ---- one long row ------------------------------------------------------------------------------------- */

typedef struct {
    const sxt_plane *plane, *packed;
    const plan *it;
    int outputs;
} row_copy;

static void copy_range(void *context, const sxt_task *task)
{
    const row_copy *run = context;
    sxt_part range = {0, 1, task->begin, task->end};
    copy_operands(run->plane, run->it, run->packed, range, run->outputs);
}

sxt_status sxt_packed_row(sxt_row_work work, void *context, const sxt_plane *plane, const sxt_packed_rows *rows,
                          int threads)
{
    ptrdiff_t classes = rows->classes;
    plan it = plan_of(plane, rows);
    it.rows = 1;
    size_t bytes = all_bytes(&it);
    char *own = bytes ? malloc(bytes) : NULL;
    if (bytes && !own)
        return SXT_ERR_MEMORY;
    cut_memory(&it, own);
    sxt_plane packed = packed_rows(plane, &it, 0, 1);
    row_copy run = {plane, &packed, &it, 0};
    if (it.apart[X] || it.apart[T])
        sxt_run_tasks(classes, SXT_TASK_ELEMENTS, threads, copy_range, &run);
    sxt_status status = work(context, &packed);
    if (status == SXT_OK && plane->mask.p)
        sxt_mask_results(plane, &packed, 0, classes, it.how[Y].wide, it.nothing);
    run.outputs = 1;
    if (status == SXT_OK && (it.apart[Y] || it.apart[H]))
        sxt_run_tasks(classes, SXT_TASK_ELEMENTS, threads, copy_range, &run);
    free(own);
    return status;
}
