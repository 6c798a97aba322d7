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
    sxt_row *row;
    sxt_row *parts; /* one for each range */
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

static void merge_sum(sxt_row *row, const sxt_row *part)
{
    row->a_hi += part->a_hi;
    row->a_lo += part->a_lo;
    row->b_hi += part->b_hi;
    row->b_lo += part->b_lo;
    row->dots.coarse_hi += part->dots.coarse_hi;
    row->dots.coarse_lo += part->dots.coarse_lo;
    row->dots.fine_hi += part->dots.fine_hi;
    row->dots.fine_lo += part->dots.fine_lo;
}

/* One row, its classes side by side. */
static sxt_status run_row(void *context, const sxt_plane *plane)
{
    long_run *run = context;
    const sxt_job *job = run->job;
    ptrdiff_t ntasks = (job->classes + RANGE - 1) / RANGE;
    void *terms = job->op == SXT_OP_LOG_SOFTMAX ? NULL : plane->y.p;
    sxt_row row = {.y = plane->y.p, .position = run->position, .terms = terms};
    run->kernels->start(job, &row, plane->x.p, plane->first_row);
    run->row = &row;
    sxt_parallel_for(ntasks, run->threads, scan_range, run);
    for (ptrdiff_t i = 0; i < ntasks; i++)
        merge_scan(job, &row, &run->parts[i]);
    run->kernels->prepare(job, &row);
    sxt_parallel_for(ntasks, run->threads, sum_range, run);
    for (ptrdiff_t i = 0; i < ntasks; i++)
        merge_sum(&row, &run->parts[i]);
    run->kernels->finish(job, &row, run->total);
    if (row.y)
        sxt_parallel_for(ntasks, run->threads, write_range, run);
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
    run.parts = malloc(sizeof *run.parts * (size_t)((job->classes + RANGE - 1) / RANGE));
    if (!run.parts)
        return SXT_ERR_MEMORY;
    for (; run.position < layout->rows && status == SXT_OK; run.position++) {
        sxt_plane plane = sxt_layout_plane(layout, run.position, run.position + 1);
        status = sxt_packed_row(run_row, &run, &plane, job->dtype, job->classes, conversion, threads);
    }
    free(run.parts);
    return status;
}
