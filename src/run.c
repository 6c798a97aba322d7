/* run.c - splits a job into tasks. How it is split depends on shapes alone and no result depends on it,
 * except that a sum of losses adds up per task: there the tasks are the same for any number of threads. */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "float_environment.h"
#include "parallel.h"
#include "scratch.h"

/* A task is about this many bytes of logits: small enough to balance, large enough to amortise. */
#define TASK_BYTES ((ptrdiff_t)128 * 1024)
/* Less work than this is done before a second thread has woken up. */
#define PARALLEL_BYTES ((ptrdiff_t)48 * 1024)
/* Rows in a task are a multiple of the widest tile: of few classes, and of rows side by side. */
#define ROW_MULTIPLE 64
#define ROWS_ACROSS 128
/* The same for capped logits: caps_tmpl.h. */
#define CAPPED_ROWS 8

typedef struct {
    const sxt_job *job;
    const sxt_layout *layout;
    void (*plane)(const sxt_job *, const sxt_plane *, sxt_scratch, sxt_total *);
    ptrdiff_t rows_per_task;
    sxt_total *totals; /* per task */
    sxt_scratch scratch[1]; /* of the caller, when it works alone */
    int alone;
} row_run;

/* A Hessian needs the general form, whose gradient is a plain one's in other bits: where both are wanted of
 * a plain loss, the rows are gone through twice, in cache. The output that takes the logits' place is last. */
static void run_plane(const row_run *run, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total)
{
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

static void run_rows(void *context, ptrdiff_t task, int worker)
{
    row_run *run = context;
    (void)worker;
    ptrdiff_t row = task * run->rows_per_task, end = row + run->rows_per_task;
    if (end > run->layout->rows)
        end = run->layout->rows;
    sxt_total total = {{{0.0}, {0.0}}, {{0.0}, {0.0}}};
    sxt_scratch scratch = run->alone ? run->scratch[0] : sxt_thread_scratch();
    while (row < end) {
        sxt_plane plane = sxt_layout_plane(run->layout, row, end);
        run_plane(run, &plane, scratch, &total);
        row += plane.rows;
    }
    run->totals[task] = total;
}

/* ---- one long row over several threads -------------------------------------------------------- */

#define RANGE ((ptrdiff_t)32 * 1024)

typedef struct {
    const sxt_job *job;
    const sxt_row_kernels *kernels;
    sxt_row *row;
    sxt_row *parts;
} long_run;

static void range_of(const long_run *run, ptrdiff_t task, ptrdiff_t *begin, ptrdiff_t *end)
{
    *begin = task * RANGE;
    *end = *begin + RANGE < run->job->classes ? *begin + RANGE : run->job->classes;
}

static void scan_range(void *context, ptrdiff_t task, int worker)
{
    long_run *run = context;
    ptrdiff_t begin, end;
    (void)worker;
    range_of(run, task, &begin, &end);
    run->parts[task] = *run->row;
    run->kernels->scan(run->job, &run->parts[task], begin, end);
}

static void sum_range(void *context, ptrdiff_t task, int worker)
{
    long_run *run = context;
    ptrdiff_t begin, end;
    (void)worker;
    range_of(run, task, &begin, &end);
    run->parts[task] = *run->row;
    run->kernels->sum(run->job, &run->parts[task], begin, end);
}

static void write_range(void *context, ptrdiff_t task, int worker)
{
    long_run *run = context;
    ptrdiff_t begin, end;
    (void)worker;
    range_of(run, task, &begin, &end);
    run->kernels->write(run->job, run->row, begin, end);
}

/* The first maximum and the largest of the others, from those of two ranges in order. */
static void merge_scan(const sxt_job *job, sxt_row *row, const sxt_row *part)
{
    row->nan |= part->nan;
    row->least = part->least < row->least ? part->least : row->least;
    if (sxt_skips_max(job) && part->at_skip > row->at_skip) {
        row->rest = part->rest > row->at_skip ? part->rest : row->at_skip;
        row->at_skip = part->at_skip;
        row->skip = part->skip;
    } else {
        double other = sxt_skips_max(job) ? part->at_skip : part->rest;
        row->rest = other > row->rest ? other : row->rest;
    }
}

static sxt_status run_long_row(const sxt_job *job, const sxt_plane *plane, ptrdiff_t position,
                               const sxt_row_kernels *kernels, int store, sxt_total *total)
{
    ptrdiff_t ntasks = (job->classes + RANGE - 1) / RANGE;
    int threads = sxt_get_num_threads();
    sxt_row row = {.y = plane->y.p, .position = position, .terms = store ? plane->y.p : NULL};
    kernels->start(job, &row, plane->x.p, plane->first_row);
    sxt_row *parts = malloc(sizeof *parts * (size_t)ntasks);
    if (!parts)
        return SXT_ERR_MEMORY;
    long_run run = {job, kernels, &row, parts};
    sxt_parallel_for(ntasks, threads, scan_range, &run);
    for (ptrdiff_t i = 0; i < ntasks; i++)
        merge_scan(job, &row, &parts[i]);
    kernels->prepare(job, &row);
    sxt_parallel_for(ntasks, threads, sum_range, &run);
    for (ptrdiff_t i = 0; i < ntasks; i++) {
        row.a_hi += parts[i].a_hi;
        row.a_lo += parts[i].a_lo;
        row.b_hi += parts[i].b_hi;
        row.b_lo += parts[i].b_lo;
        row.dots.coarse_hi += parts[i].dots.coarse_hi;
        row.dots.coarse_lo += parts[i].dots.coarse_lo;
        row.dots.fine_hi += parts[i].dots.fine_hi;
        row.dots.fine_lo += parts[i].dots.fine_lo;
    }
    free(parts);
    kernels->finish(job, &row, total);
    if (row.y)
        sxt_parallel_for(ntasks, threads, write_range, &run);
    return SXT_OK;
}

/* Rows one after another, each over all threads: worth it when there are fewer rows than threads. */
static sxt_status run_long_rows(const sxt_job *job, const sxt_layout *layout, const sxt_row_kernels *kernels,
                                int store, sxt_total *total)
{
    for (ptrdiff_t r = 0; r < layout->rows; r++) {
        sxt_plane plane = sxt_layout_plane(layout, r, r + 1);
        sxt_status status = run_long_row(job, &plane, r, kernels, store, total);
        if (status != SXT_OK)
            return status;
    }
    return SXT_OK;
}

static int splits_rows(const sxt_job *job, const sxt_layout *layout, ptrdiff_t item, int threads)
{
    int contiguous = layout->run_stride[SXT_X] == item && layout->blocks == 1 && !layout->base[SXT_MASK] &&
                     !layout->base[SXT_H] &&
                     (!layout->base[SXT_Y] || layout->run_stride[SXT_Y] == item);
    int ignores = job->labels && job->has_ignore_index; /* rare; left to the general way */
    return threads > 1 && layout->rows < 2 * threads && contiguous && !ignores && !job->general &&
           job->classes >= 4 * RANGE;
}

/* Rows side by side fill their tiles, whatever the size of a task; one after another, they need not. */
static ptrdiff_t rows_per_task(const sxt_layout *layout, ptrdiff_t item, int capped)
{
    ptrdiff_t fit = TASK_BYTES / (layout->classes * item);
    if (layout->run_stride[SXT_X] != item && layout->classes > 1)
        return fit < ROWS_ACROSS ? ROWS_ACROSS : fit / ROWS_ACROSS * ROWS_ACROSS;
    if (fit >= ROW_MULTIPLE)
        return fit / ROW_MULTIPLE * ROW_MULTIPLE;
    ptrdiff_t least = capped ? CAPPED_ROWS : 1;
    return fit < least ? least : fit;
}

static sxt_status run(const sxt_job *job, const sxt_layout *layout, sxt_dtype dtype, sxt_total *total)
{
    const sxt_kernels *table = sxt_active_kernels();
    if (!table)
        return SXT_ERR_ISA;
    memset(total, 0, sizeof *total);
    if (layout->rows == 0)
        return SXT_OK;
    const sxt_row_kernels *kernels = &table->rows[dtype];
    ptrdiff_t item = sxt_item_size(dtype), row_bytes = layout->classes * item;
    ptrdiff_t bytes = row_bytes * layout->rows;
    int threads = bytes < PARALLEL_BYTES ? 1 : sxt_get_num_threads();
    if (splits_rows(job, layout, item, threads))
        return run_long_rows(job, layout, kernels, item >= 4 && job->op != SXT_OP_LOG_SOFTMAX, total);

    int capped = job->general && (job->logit_scale != 1.0 || job->softcap != 0.0);
    int small_enough = bytes < PARALLEL_BYTES; /* for one task; without the divisions that say so too */
    ptrdiff_t per_task = small_enough ? layout->rows : rows_per_task(layout, item, capped);
    ptrdiff_t ntasks = small_enough ? 1 : (layout->rows + per_task - 1) / per_task;
    _Alignas(64) char small[SXT_SCRATCH_LEAST];
    sxt_total first[1];
    row_run rows = {job, layout, capped ? table->capped_plane : kernels->plane, per_task, first,
                   {{small, sizeof small}}, ntasks == 1};
    if (ntasks == 1) {
        if (row_bytes > 64 || job->general)
            rows.scratch[0] = sxt_thread_scratch();
        sxt_parallel_for(1, 1, run_rows, &rows);
        *total = first[0];
        return SXT_OK;
    }
    rows.totals = malloc(sizeof *rows.totals * (size_t)ntasks);
    if (!rows.totals)
        return SXT_ERR_MEMORY;
    sxt_parallel_for(ntasks, threads, run_rows, &rows);
    for (ptrdiff_t i = 0; i < ntasks; i++)
        sxt_total_merge(total, &rows.totals[i]);
    free(rows.totals);
    return SXT_OK;
}

sxt_status sxt_run(const sxt_job *job, const sxt_layout *layout, sxt_dtype dtype, sxt_total *total)
{
    uint64_t saved = sxt_float_enter();
    sxt_status status = run(job, layout, dtype, total);
    sxt_float_leave(saved);
    return status;
}
