/* long_rows.c - the phases of a row run over ranges of its classes, which merge exactly. */
#include "walks/long_rows.h"

#include <stdlib.h>

#include "walks/packing.h"
#include "machine/parallel.h"

#define RANGE ((ptrdiff_t)32 * 1024)

typedef struct {
    const sxt_job *job;
    const sxt_row_kernels *kernels;
    int threads;
    ptrdiff_t position; /* of the row: total.h */
    sxt_total *total;
    void *row;
    sxt_range *ranges;
} long_run;

static void range_of(const long_run *run, ptrdiff_t task, ptrdiff_t *begin, ptrdiff_t *end)
{
    *begin = task * RANGE;
    *end = *begin + RANGE < run->job->classes ? *begin + RANGE : run->job->classes;
}

static void scan_range(void *context, ptrdiff_t task, int worker)
{
    const long_run *run = context;
    ptrdiff_t begin, end;
    (void)worker;
    range_of(run, task, &begin, &end);
    run->kernels->scan(run->row, begin, end, &run->ranges[task]);
}

static void sum_range(void *context, ptrdiff_t task, int worker)
{
    const long_run *run = context;
    ptrdiff_t begin, end;
    (void)worker;
    range_of(run, task, &begin, &end);
    run->kernels->sum(run->row, begin, end, &run->ranges[task]);
}

static void write_range(void *context, ptrdiff_t task, int worker)
{
    const long_run *run = context;
    ptrdiff_t begin, end;
    (void)worker;
    range_of(run, task, &begin, &end);
    run->kernels->write(run->row, begin, end);
}

/* One row, its classes side by side. */
static sxt_status run_row(void *context, const sxt_plane *packed)
{
    long_run *run = context;
    ptrdiff_t ranges = (run->job->classes + RANGE - 1) / RANGE;
    sxt_plane plane = *packed;
    plane.position = run->position;
    run->kernels->open(run->job, &plane, run->row);
    sxt_parallel_for(ranges, run->threads, scan_range, run);
    run->kernels->prepare(run->row, run->ranges, ranges);
    sxt_parallel_for(ranges, run->threads, sum_range, run);
    run->kernels->finish(run->row, run->ranges, ranges, run->total);
    if (plane.y.p)
        sxt_parallel_for(ranges, run->threads, write_range, run);
    return SXT_OK;
}

int sxt_splits_rows(const sxt_job *job, const sxt_layout *layout, int threads)
{
    int ignores = job->labels && job->has_ignore_index; /* rare; left to the general way */
    return threads > 1 && layout->rows < 2 * threads && !layout->base[SXT_MASK] && !layout->base[SXT_H] && !ignores &&
           !job->general && job->classes >= 4 * RANGE;
}

sxt_status sxt_run_long_rows(const sxt_job *job, const sxt_layout *layout, const sxt_row_kernels *kernels,
                             const sxt_conversion *conversion, int threads, sxt_total *total)
{
    sxt_status status = SXT_OK;
    long_run run = {.job = job, .kernels = kernels, .threads = threads, .total = total};
    run.row = aligned_alloc(SXT_LINE, kernels->shared_bytes);
    run.ranges = malloc(sizeof *run.ranges * (size_t)((job->classes + RANGE - 1) / RANGE));
    if (!run.row || !run.ranges)
        status = SXT_ERR_MEMORY;
    for (; run.position < layout->rows && status == SXT_OK; run.position++) {
        sxt_plane plane = sxt_layout_plane(layout, run.position, run.position + 1);
        status = sxt_packed_row(run_row, &run, &plane, job->dtype, job->classes, conversion, threads);
    }
    free(run.ranges);
    free(run.row);
    return status;
}
