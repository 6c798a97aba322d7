/* streaming.c - sums of exponentials that grow chunk by chunk.
 *
 * A row of a chunk is cut into pieces of one size, which are brought into a buffer of doubles and summed
 * there by the kernels; the pieces' sums are added in order. So the bits of a result depend on the values
 * and on how they were cut into chunks, not on the number of threads, the instruction set or the layout. */
#include "softxent.h"

#include <stdlib.h>

#include "calls/check.h"
#include "calls/entry.h"
#include "machine/dispatch.h"
#include "numbers/exp_sum.h"
#include "walks/gather.h"
#include "walks/tasks.h"

#define PIECE 1024
/* Pieces of one row in a task, and elements of short rows. */
#define PIECES_PER_TASK 32
#define ELEMENTS_PER_TASK ((ptrdiff_t)PIECE * PIECES_PER_TASK)

typedef struct {
    const sxt_layout *layout;
    const sxt_stretch_kernels *kernels;
    sxt_dtype dtype;
    ptrdiff_t segments; /* of a row */
    sxt_exp_sum *sums;
    sxt_exp_sum *partial; /* per task, where a row has more than one */
} update_run;

/* Where classes are cut into pieces, their order must not be that of their addresses. */
static sxt_status lay_out(sxt_layout *layout, const sxt_array *x, uint64_t axes)
{
    ptrdiff_t classes = 1;
    for (int i = 0; i < x->ndim; i++)
        classes *= axes >> i & 1 ? x->shape[i] : 1;
    return classes > PIECE ? sxt_layout_make_in_order(layout, x, axes)
                           : sxt_layout_make(layout, x, axes, NULL, NULL, NULL, NULL);
}

/* Classes [begin, end) of a row of the plane. */
static void add_row(const update_run *run, const sxt_plane *plane, ptrdiff_t row, ptrdiff_t begin,
                    ptrdiff_t end, sxt_exp_sum *sum)
{
    double buffer[PIECE];
    for (; begin < end; begin += PIECE) {
        ptrdiff_t n = end - begin < PIECE ? end - begin : PIECE;
        sxt_gather(plane, &plane->x, run->dtype, row, begin, begin + n, buffer);
        run->kernels->exp_total(buffer, n, sum);
    }
}

static void add_segment(void *context, const sxt_task *task)
{
    const update_run *run = context;
    ptrdiff_t row = task->number / run->segments, begin = task->number % run->segments * ELEMENTS_PER_TASK;
    ptrdiff_t left = run->layout->classes - begin, n = left < ELEMENTS_PER_TASK ? left : ELEMENTS_PER_TASK;
    sxt_plane plane = sxt_layout_plane(run->layout, row, row + 1);
    run->partial[task->number] = (sxt_exp_sum){0.0, 0.0, 0.0, 0.0};
    add_row(run, &plane, 0, begin, begin + n, &run->partial[task->number]);
}

static void add_rows(void *context, const sxt_task *task, const sxt_plane *plane)
{
    const update_run *run = context;
    (void)task;
    for (ptrdiff_t r = 0; r < plane->rows; r++)
        add_row(run, plane, r, 0, run->layout->classes, &run->sums[plane->first_row + r * plane->row_step]);
}

static sxt_status update_in_segments(update_run *run, int threads)
{
    ptrdiff_t tasks = run->layout->rows * run->segments;
    run->partial = malloc(sizeof *run->partial * (size_t)tasks);
    if (!run->partial)
        return SXT_ERR_MEMORY;
    sxt_run_tasks(tasks, 1, threads, add_segment, run);
    for (ptrdiff_t task = 0; task < tasks; task++) {
        ptrdiff_t row = task / run->segments;
        sxt_exp_sum *sum = &run->sums[sxt_layout_plane(run->layout, row, row + 1).first_row];
        *sum = sxt_exp_sum_add(*sum, run->partial[task]);
    }
    free(run->partial);
    return SXT_OK;
}

static sxt_status update(update_run *run)
{
    ptrdiff_t rows = run->layout->rows, classes = run->layout->classes;
    int threads = rows * classes < 8 * PIECE ? 1 : sxt_get_num_threads();
    run->segments = sxt_count_tasks(classes, ELEMENTS_PER_TASK);
    if (run->segments > 1)
        return update_in_segments(run, threads);
    sxt_run_planes(run->layout, ELEMENTS_PER_TASK / classes, threads, add_rows, run);
    return SXT_OK;
}

static sxt_status exp_sum_update(sxt_exp_sum *sums, const sxt_array *x, uint64_t axes)
{
    sxt_layout layout;
    const sxt_kernels *table = sxt_active_kernels();
    sxt_status status = sxt_check_array(x);
    if (status == SXT_OK)
        status = sxt_check_axes(x, axes);
    if (status == SXT_OK && !sums)
        status = SXT_ERR_ARGUMENT;
    if (status == SXT_OK && !table)
        status = SXT_ERR_ISA;
    if (status == SXT_OK)
        status = lay_out(&layout, x, axes);
    if (status != SXT_OK)
        return status;
    update_run run = {.layout = &layout, .kernels = &table->stretches->of[1], .dtype = x->dtype, .sums = sums};
    if (layout.rows > 0 && layout.classes > 0)
        status = update(&run);
    sxt_layout_free(&layout);
    return status;
}

sxt_status sxt_exp_sum_update(sxt_exp_sum *sums, const sxt_array *x, uint64_t axes)
{
    SXT_ENTRY(exp_sum_update(sums, x, axes));
}

static sxt_status exp_sum_merge(sxt_exp_sum *sums, const sxt_exp_sum *others, ptrdiff_t n)
{
    if (n < 0 || (n > 0 && (!sums || !others)))
        return SXT_ERR_ARGUMENT;
    for (ptrdiff_t i = 0; i < n; i++)
        sums[i] = sxt_exp_sum_add(sums[i], others[i]);
    return SXT_OK;
}

sxt_status sxt_exp_sum_merge(sxt_exp_sum *sums, const sxt_exp_sum *others, ptrdiff_t n)
{
    SXT_ENTRY(exp_sum_merge(sums, others, n));
}

static sxt_status exp_sum_log(const sxt_exp_sum *sums, ptrdiff_t n, double *out)
{
    if (n < 0 || (n > 0 && (!sums || !out)))
        return SXT_ERR_ARGUMENT;
    for (ptrdiff_t i = 0; i < n; i++)
        out[i] = sxt_canonical(sxt_exp_sum_log_of(sums[i])); /* of any numbers at all */
    return SXT_OK;
}

sxt_status sxt_exp_sum_log(const sxt_exp_sum *sums, ptrdiff_t n, double *out) { SXT_ENTRY(exp_sum_log(sums, n, out)); }
