/* run.c - splits a job into tasks. No result depends on how: sums of losses, one for each worker, are exact. */
#include "walks/run.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "machine/dispatch.h"
#include "machine/scratch.h"
#include "walks/long_rows.h"
#include "walks/packing.h"
#include "walks/tasks.h"

typedef struct {
    const sxt_job *job;
    void (*plane)(const sxt_job *, const sxt_plane *, sxt_scratch, sxt_total *);
    sxt_total *totals; /* one for each worker */
    int summed;
    sxt_scratch scratch[1]; /* of the caller, when it works alone */
    int alone;
    int packs;                        /* planes that need it */
    sxt_packed_rows rows;
    atomic_int *failed;               /* for want of memory */
} row_run;

/* A Hessian needs the general form, whose gradient is a plain one's in other bits: where both are wanted of
 * a plain loss, the rows are gone through twice, in cache. The output that takes the logits' place is last. */
static void run_plane(const void *context, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total)
{
    const row_run *run = context;
    if (!plane->h.p || run->job->general) {
        run->plane(run->job, plane, scratch, total);
        return;
    }
    sxt_plane gradient = *plane, hessian = *plane;
    gradient.h.p = hessian.y.p = NULL;
    sxt_job general = *run->job;
    general.general = 1;
    general.blend = SXT_BLEND_NONE;
    general.row_out = NULL;
    general.want_sum = 0;
    int gradient_last = plane->y.p == plane->x.p;
    if (!gradient_last)
        run->plane(run->job, &gradient, scratch, total);
    run->plane(&general, &hessian, scratch, total);
    if (gradient_last)
        run->plane(run->job, &gradient, scratch, total);
}

static void run_rows(void *context, const sxt_task *task, const sxt_plane *plane)
{
    row_run *run = context;
    sxt_total *total = &run->totals[run->summed ? task->worker : 0];
    sxt_scratch scratch = run->alone ? run->scratch[0] : sxt_thread_scratch();
    sxt_status status = SXT_OK;
    if (run->rows.conversion || (run->packs && sxt_needs_packing(plane, run->job->dtype, run->job->classes)))
        status = sxt_packed_plane(run_plane, run, plane, &run->rows, scratch, total);
    else
        run_plane(run, plane, scratch, total);
    if (status != SXT_OK)
        atomic_store(run->failed, 1);
}

static int rows_are_closer(const sxt_layout *layout)
{
    const sxt_dimensions *kept = &layout->kept;
    ptrdiff_t cls = layout->run_stride[SXT_X], row = kept->ndim ? kept->strides[SXT_X][kept->ndim - 1] : cls;
    return (row < 0 ? -row : row) < (cls < 0 ? -cls : cls);
}

/* Rows side by side fill their tiles, whatever the size of a task, but the longest, which are few; where they are too
 * few for a tile, each thread has its share. Rows one after another need not. */
static ptrdiff_t rows_per_task(const sxt_layout *layout, ptrdiff_t item, int capped, int threads)
{
    ptrdiff_t row_bytes = layout->classes * item, fit = SXT_TASK_BYTES / row_bytes;
    ptrdiff_t least = capped ? SXT_TASK_CAPPED_ROWS : 1;
    if (rows_are_closer(layout) && layout->classes > 1) {
        const ptrdiff_t few = SXT_TASK_LEAST_ACROSS, many = SXT_TASK_ROWS_ACROSS;
        const ptrdiff_t share = (layout->rows + threads - 1) / threads;
        if (threads > 1 && layout->rows < few)
            return fit < share ? share : fit;
        least = SXT_TASK_ACROSS_BYTES / row_bytes / few * few;
        least = least < few ? few : least > many ? many : least;
        return fit < many ? least : fit / many * many;
    }
    if (fit >= SXT_TASK_ROW_MULTIPLE)
        return fit / SXT_TASK_ROW_MULTIPLE * SXT_TASK_ROW_MULTIPLE;
    return fit < least ? least : fit;
}

/* Whether an operand's rows lie side by side without a gap. */
static int lies_side_by_side(const sxt_layout *layout, int k, ptrdiff_t item)
{
    return rows_are_closer(layout) && layout->kept.strides[k][layout->kept.ndim - 1] == item;
}

/* Rows side by side that the first of tasks of `size` rows has to have less for the results of the others to begin at a
 * line of the cache, or, where there are none, their logits. */
static ptrdiff_t rows_before_a_line(const sxt_layout *layout, ptrdiff_t item, ptrdiff_t size)
{
    int k = layout->base[SXT_Y] ? SXT_Y : SXT_X;
    ptrdiff_t bytes = (ptrdiff_t)((uintptr_t)layout->base[k] % SXT_LINE);
    return size < SXT_TASK_LEAST_ACROSS || !lies_side_by_side(layout, k, item) ? 0 : bytes / item % size;
}

static int goes_past(const sxt_job *job, const sxt_layout *layout, ptrdiff_t item, ptrdiff_t bytes)
{
    if (bytes < SXT_PAST_ACROSS_BYTES) /* the least of all; at once for a small call */
        return 0;
    if (lies_side_by_side(layout, SXT_X, item))
        return 1;
    if (layout->classes < SXT_PAST_CLASSES)
        return 0;
    if (job->op == SXT_OP_LOG_SOFTMAX)
        return bytes >= SXT_PAST_LOG_BYTES;
    return bytes >= SXT_PAST_BYTES && sxt_stores_past_pay();
}

sxt_status sxt_run(const sxt_job *job, const sxt_layout *layout, sxt_dtype dtype, sxt_total *total)
{
    const sxt_kernels *table = sxt_active_kernels();
    if (!table)
        return SXT_ERR_ISA;
    sxt_total_open(total);
    if (layout->rows == 0)
        return SXT_OK;
    const sxt_row_kernels *kernels = &table->rows[sxt_is_double(dtype)];
    const sxt_conversion *conversion = sxt_conversion_of(table, dtype);
    ptrdiff_t item = sxt_item_size(dtype), row_bytes = layout->classes * item;
    ptrdiff_t bytes = row_bytes * layout->rows;
    int threads = bytes < SXT_PARALLEL_BYTES ? 1 : sxt_get_num_threads();
    if (sxt_splits_rows(job, layout, threads))
        return sxt_run_long_rows(job, layout, kernels, conversion, threads, total);

    sxt_job far_job;
    if (goes_past(job, layout, item, bytes)) {
        far_job = *job;
        far_job.past = 1;
        job = &far_job;
    }
    int capped = job->general && (job->logit_scale != 1.0 || job->softcap != 0.0);
    int small_enough = bytes < SXT_PARALLEL_BYTES; /* for one task; without the divisions that say so too */
    ptrdiff_t per_task = small_enough ? layout->rows : rows_per_task(layout, item, capped, threads);
    ptrdiff_t ntasks = small_enough ? 1 : sxt_count_tasks(layout->rows, per_task);
    _Alignas(64) char small[SXT_SCRATCH_LEAST];
    sxt_total *totals = total;
    atomic_int failed = 0;
    int summed = job->want_sum && ntasks > 1 && threads > 1;
    if (summed)
        totals = malloc((size_t)threads * sizeof *totals);
    if (!totals)
        return SXT_ERR_MEMORY;
    for (int i = 0; i < threads && summed; i++)
        sxt_total_open(&totals[i]);
    row_run rows = {job, capped ? table->capped_plane : kernels->plane, totals, summed,
                   {{small, sizeof small}}, ntasks == 1, !capped,
                   sxt_rows_to_pack(job, capped ? NULL : conversion), &failed};
    if (ntasks == 1 && (row_bytes > 64 || job->general))
        rows.scratch[0] = sxt_thread_scratch();
    ptrdiff_t missing = ntasks > 1 ? rows_before_a_line(layout, item, per_task) : 0;
    sxt_run_planes_after(layout, missing, per_task, threads, run_rows, &rows);
    for (int i = 0; i < threads && summed; i++)
        sxt_total_merge(total, &totals[i]);
    if (summed)
        free(totals);
    return atomic_load(&failed) ? SXT_ERR_MEMORY : SXT_OK;
}
