/* vjp.c - vector-Jacobian products of softmax and log-softmax: arguments checked, rows split over threads,
 * or few long rows each over all threads. No result depends on the split (vjp.h). */
#include "kernels/products/vjp.h"

#include <stdlib.h>
#include <string.h>

#include "calls/check.h"
#include "calls/entry.h"
#include "machine/dispatch.h"
#include "machine/scratch.h"
#include "walks/packing.h"
#include "walks/tasks.h"

typedef struct {
    const sxt_vjp_job *job;
    const sxt_vjp_kernels *kernels;
} row_run;

static void run_plane(const void *context, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total)
{
    const row_run *run = context;
    (void)scratch;
    (void)total;
    run->kernels->plane(run->job, plane);
}

static void run_rows(void *context, const sxt_task *task, const sxt_plane *plane)
{
    const row_run *run = context;
    const sxt_vjp_job *job = run->job;
    (void)task;
    if (sxt_needs_packing(plane, job->dtype, job->classes))
        (void)sxt_packed_plane(run_plane, run, plane, &(sxt_packed_rows){.dtype = job->dtype, .classes = job->classes},
                               sxt_thread_scratch(), NULL);
    else
        run->kernels->plane(job, plane);
}

static void run_all_rows(const sxt_vjp_job *job, const sxt_layout *layout, const sxt_vjp_kernels *kernels,
                         int threads)
{
    ptrdiff_t per_task = SXT_TASK_ELEMENTS / layout->classes;
    per_task = per_task < SXT_VJP_LANES ? per_task : per_task / SXT_VJP_LANES * SXT_VJP_LANES;
    row_run run = {job, kernels};
    sxt_run_planes(layout, per_task > 0 ? per_task : 1, threads, run_rows, &run);
}

/* ---- one long row over several threads ------------------------------------------------------------------ */

typedef struct {
    const sxt_vjp_job *job;
    const sxt_vjp_kernels *kernels;
    sxt_vjp_strip strip;
    int threads, sweep;
    const sxt_vjp_lanes *lanes;
    sxt_vjp_lanes *parts; /* one for each task */
} long_run;

static void run_range(void *context, const sxt_task *task)
{
    const long_run *run = context;
    run->parts[task->number] = *run->lanes;
    run->kernels->range(run->sweep, run->job, &run->strip, task->begin, task->end, &run->parts[task->number]);
}

static void merge(sxt_vjp_lanes *lanes, const sxt_vjp_lanes *part)
{
    for (int k = 0; k < SXT_VJP_LANES; k++) {
        lanes->most[k] = part->most[k] > lanes->most[k] ? part->most[k] : lanes->most[k];
        lanes->least[k] = part->least[k] < lanes->least[k] ? part->least[k] : lanes->least[k];
        lanes->nan[k] |= part->nan[k];
        sxt_vjp_add_sum(lanes, k, part, k);
    }
}

/* A sweep over all ranges; what they found goes to the lanes. */
static void sweep_row(long_run *run, int sweep, sxt_vjp_lanes *lanes)
{
    ptrdiff_t classes = run->job->classes, tasks = sxt_count_tasks(classes, SXT_TASK_ELEMENTS);
    run->sweep = sweep;
    run->lanes = lanes;
    sxt_run_tasks(classes, SXT_TASK_ELEMENTS, run->threads, run_range, run);
    for (ptrdiff_t i = 0; i < tasks && sweep != SXT_VJP_WRITE; i++)
        merge(lanes, &run->parts[i]);
}

/* One row, its classes side by side. */
static sxt_status run_row(void *context, const sxt_plane *plane)
{
    long_run *run = context;
    sxt_vjp_lanes lanes;
    run->strip = (sxt_vjp_strip){plane, 0, 1, 1};
    memset(&lanes, 0, sizeof lanes);
    sweep_row(run, SXT_VJP_SCAN, &lanes);
    run->kernels->prepare(&run->strip, &lanes);
    sweep_row(run, SXT_VJP_SUM, &lanes);
    run->kernels->finish(&run->strip, &lanes);
    sweep_row(run, SXT_VJP_WRITE, &lanes);
    return SXT_OK;
}

static sxt_status run_long_rows(const sxt_vjp_job *job, const sxt_layout *layout,
                                const sxt_vjp_kernels *kernels, int threads)
{
    sxt_status status = SXT_OK;
    long_run run = {.job = job, .kernels = kernels, .threads = threads};
    run.parts = malloc(sizeof *run.parts * (size_t)sxt_count_tasks(job->classes, SXT_TASK_ELEMENTS));
    if (!run.parts)
        return SXT_ERR_MEMORY;
    for (ptrdiff_t r = 0; r < layout->rows && status == SXT_OK; r++) {
        sxt_plane plane = sxt_layout_plane(layout, r, r + 1);
        status = sxt_packed_row(run_row, &run, &plane,
                                &(sxt_packed_rows){.dtype = job->dtype, .classes = job->classes}, threads);
    }
    free(run.parts);
    return status;
}

static int splits_rows(const sxt_layout *layout, int threads)
{
    return threads > 1 && layout->rows < 2 * threads && layout->classes >= 4 * SXT_TASK_ELEMENTS;
}

/* ---- entry points ----------------------------------------------------------------------------------------- */

static sxt_status run_layout(const sxt_vjp_job *job, const sxt_layout *layout, const sxt_vjp_kernels *kernels)
{
    int threads = sxt_threads_for(layout->rows * layout->classes);
    if (splits_rows(layout, threads))
        return run_long_rows(job, layout, kernels, threads);
    run_all_rows(job, layout, kernels, threads);
    return SXT_OK;
}

static sxt_status vector_jacobian_product(int log, const sxt_array *g, const sxt_array *p, uint64_t axes,
                                          const sxt_array *out)
{
    sxt_status status = sxt_check_array(g);
    if (status == SXT_OK)
        status = sxt_check_axes(g, axes);
    if (status == SXT_OK)
        status = sxt_check_like(p, g);
    if (status == SXT_OK)
        status = sxt_check_like(out, g);
    const sxt_kernels *table = sxt_active_kernels();
    if (status == SXT_OK && !table)
        status = SXT_ERR_ISA;
    sxt_layout layout;
    if (status == SXT_OK)
        status = sxt_layout_make(&layout, g, axes, out, NULL, p, NULL);
    if (status != SXT_OK)
        return status;
    sxt_vjp_job job = {g->dtype, log, layout.classes};
    if (layout.rows > 0)
        status = layout.classes == 0 ? SXT_ERR_EMPTY : run_layout(&job, &layout, table->vjp);
    sxt_layout_free(&layout);
    return status;
}

sxt_status sxt_softmax_grad(const sxt_array *g, const sxt_array *p, uint64_t axes, const sxt_array *out)
{
    SXT_ENTRY(vector_jacobian_product(0, g, p, axes, out));
}

sxt_status sxt_log_softmax_grad(const sxt_array *g, const sxt_array *l, uint64_t axes, const sxt_array *out)
{
    SXT_ENTRY(vector_jacobian_product(1, g, l, axes, out));
}
