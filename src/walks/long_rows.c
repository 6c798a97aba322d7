/* long_rows.c - the phases of a row run over ranges of its classes, which merge exactly. */
#include "walks/long_rows.h"

#include <stdlib.h>

#include "machine/lines.h"
#include "walks/packing.h"
#include "walks/tasks.h"

typedef struct {
    const sxt_job *job;
    const sxt_row_kernels *kernels;
    int threads;
    sxt_total *total;
    void *row;
    sxt_range *ranges;
} long_run;

static void scan_range(void *context, const sxt_task *task)
{
    const long_run *run = context;
    run->kernels->scan(run->row, task->begin, task->end, &run->ranges[task->number]);
}

static void sum_range(void *context, const sxt_task *task)
{
    const long_run *run = context;
    run->kernels->sum(run->row, task->begin, task->end, &run->ranges[task->number]);
}

static void write_range(void *context, const sxt_task *task)
{
    const long_run *run = context;
    run->kernels->write(run->row, task->begin, task->end);
}

/* One row, its classes side by side. */
static sxt_status run_row(void *context, const sxt_plane *packed)
{
    long_run *run = context;
    ptrdiff_t classes = run->job->classes, ranges = sxt_count_tasks(classes, SXT_TASK_ELEMENTS);
    run->kernels->open(run->job, packed, run->row);
    sxt_run_tasks(classes, SXT_TASK_ELEMENTS, run->threads, scan_range, run);
    run->kernels->prepare(run->row, run->ranges, ranges);
    sxt_run_tasks(classes, SXT_TASK_ELEMENTS, run->threads, sum_range, run);
    run->kernels->finish(run->row, run->ranges, ranges, run->total);
    if (packed->y.p)
        sxt_run_tasks(classes, SXT_TASK_ELEMENTS, run->threads, write_range, run);
    return SXT_OK;
}

int sxt_splits_rows(const sxt_job *job, const sxt_layout *layout, int threads)
{
    int ignores = job->labels && job->has_ignore_index; /* rare; left to the general way */
    return threads > 1 && layout->rows < 2 * threads && !layout->base[SXT_H] && !ignores &&
           !job->general && job->classes >= 4 * SXT_TASK_ELEMENTS;
}

sxt_status sxt_run_long_rows(const sxt_job *job, const sxt_layout *layout, const sxt_row_kernels *kernels,
                             const sxt_conversion *conversion, int threads, sxt_total *total)
{
    sxt_status status = SXT_OK;
    long_run run = {.job = job, .kernels = kernels, .threads = threads, .total = total};
    sxt_packed_rows rows = sxt_rows_to_pack(job, conversion);
    run.row = sxt_new_lines(kernels->shared_bytes);
    run.ranges = malloc(sizeof *run.ranges * (size_t)sxt_count_tasks(job->classes, SXT_TASK_ELEMENTS));
    if (!run.row || !run.ranges)
        status = SXT_ERR_MEMORY;
    for (ptrdiff_t row = 0; row < layout->rows && status == SXT_OK; row++) {
        sxt_plane plane = sxt_layout_plane(layout, row, row + 1);
        status = sxt_packed_row(run_row, &run, &plane, &rows, threads);
    }
    free(run.ranges);
    sxt_free_lines(run.row);
    return status;
}
