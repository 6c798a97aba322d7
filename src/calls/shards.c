/* shards.c - rows whose classes lie in shards: a job for one step over a shard, records merged, and from records to losses.
 * The arithmetic is that of whole rows (kernels/across/shards_tmpl.h), whose sums are integers. */
#include "softxent.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "calls/check.h"
#include "calls/cross_entropy_call.h"
#include "calls/entry.h"
#include "calls/from_probabilities.h"
#include "machine/dispatch.h"
#include "machine/lines.h"
#include "machine/scratch.h"
#include "walks/packing.h"
#include "walks/tasks.h"

/* Of fewer the kernels leave lanes empty. */
#define STRIP_ROWS 16

/* A call on its way: the job of whole rows, and where the shard's are. */
typedef struct {
    sxt_job job;
    sxt_coefficients arrays;
    const sxt_array *x, *probs;
    uint64_t axes;
    const sxt_kernels *table;
    const sxt_conversion *conversion;
    int capped;
    sxt_shard shard;
    atomic_int failed;
} shard_run;

static const sxt_op ops[] = {SXT_OP_SOFTMAX, SXT_OP_LOG_SOFTMAX, SXT_OP_LOGSUMEXP};

static sxt_status open_rows(const sxt_shard_args *a, shard_run *run)
{
    sxt_status status = sxt_check_array(&a->x);
    if (status == SXT_OK)
        status = sxt_check_axes(&a->x, a->axes);
    if (status == SXT_OK)
        status = sxt_check_mask(a->where, &a->x);
    run->job = (sxt_job){.op = ops[a->kind], .dtype = a->x.dtype, .classes = a->classes};
    run->x = &a->x;
    run->axes = a->axes;
    return status;
}

static sxt_status open_loss(const sxt_shard_args *a, shard_run *run, sxt_label_error *bad)
{
    sxt_counts counts;
    sxt_means means;
    sxt_status status = a->loss ? sxt_check_shard(a->loss, a->first_class, a->classes, &counts, bad) : SXT_ERR_ARGUMENT;
    if (status != SXT_OK)
        return status;
    run->x = &a->loss->logits;
    run->probs = a->loss->probs;
    run->axes = UINT64_C(1) << a->loss->axis;
    return sxt_make_job(a->loss, &counts, &means, &run->job, &run->arrays);
}

static sxt_status open_any(const sxt_shard_args *a, shard_run *run, sxt_label_error *bad)
{
    run->arrays.memory = NULL;
    run->probs = NULL;
    run->table = sxt_active_kernels();
    if (!a || a->kind < SXT_SHARD_SOFTMAX || a->kind > SXT_SHARD_CROSS_ENTROPY || a->first_class < 0)
        return SXT_ERR_ARGUMENT;
    if (!run->table)
        return SXT_ERR_ISA;
    if (a->classes < 1)
        return SXT_ERR_EMPTY;
    sxt_status status = a->kind == SXT_SHARD_CROSS_ENTROPY ? open_loss(a, run, bad) : open_rows(a, run);
    if (status != SXT_OK)
        return status;
    const sxt_job *job = &run->job;
    run->capped = job->general && (job->logit_scale != 1.0 || job->softcap != 0.0);
    run->conversion = run->capped ? NULL : sxt_conversion_of(run->table, job->dtype);
    run->shard = (sxt_shard){.first = a->first_class};
    atomic_init(&run->failed, 0);
    return SXT_OK;
}

static int has_probabilities(const sxt_shard_args *a)
{
    return a && a->kind == SXT_SHARD_CROSS_ENTROPY && a->loss && !a->loss->from_logits;
}

static sxt_status open_run(const sxt_shard_args *a, shard_run *run, sxt_label_error *bad)
{
    run->arrays.memory = NULL;
    return has_probabilities(a) ? SXT_ERR_ARGUMENT : open_any(a, run, bad);
}

/* ---- steps -------------------------------------------------------------------------------------------- */

static int steps_of(const shard_run *run)
{
    const sxt_job *job = &run->job;
    int origin = run->capped && job->softcap == 0.0, bound = job->general && job->base;
    return (origin ? SXT_SHARD_ORIGIN : 0) | SXT_SHARD_SCAN | (bound ? SXT_SHARD_BOUND : 0) | SXT_SHARD_SUM;
}

int sxt_shard_steps(const sxt_shard_args *a)
{
    shard_run run;
    uint64_t caller = sxt_float_enter();
    sxt_status status = open_run(a, &run, NULL);
    int steps = status == SXT_OK ? steps_of(&run) : -1;
    sxt_free_lines(run.arrays.memory);
    sxt_float_leave(caller);
    return steps;
}

static int has_terms(const sxt_shard_args *a, const shard_run *run)
{
    int kind = a->kind == SXT_SHARD_SOFTMAX || a->kind == SXT_SHARD_CROSS_ENTROPY;
    return kind && !(run->capped && run->job.softcap > 0.0);
}

/* Capped logits are computed in double. */
static sxt_dtype dtype_of_terms(const shard_run *run)
{
    return run->capped || sxt_is_double(run->job.dtype) ? SXT_F64 : SXT_F32;
}

int sxt_shard_terms(const sxt_shard_args *a)
{
    shard_run run;
    uint64_t caller = sxt_float_enter();
    sxt_status status = open_run(a, &run, NULL);
    int dtype = status == SXT_OK && has_terms(a, &run) ? (int)dtype_of_terms(&run) : -1;
    sxt_free_lines(run.arrays.memory);
    sxt_float_leave(caller);
    return dtype;
}

static sxt_status check_terms(const sxt_shard_args *a, const shard_run *run, int step)
{
    if (step != SXT_SHARD_SUM && step != SXT_SHARD_WRITE)
        return SXT_OK;
    if (!has_terms(a, run))
        return SXT_ERR_ARGUMENT;
    sxt_array like = *run->x;
    like.dtype = dtype_of_terms(run);
    return sxt_check_like(a->terms, &like);
}

static void one_plane(const void *context, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total)
{
    const shard_run *run = context;
    if (run->capped)
        run->table->capped_shard(&run->job, plane, scratch, &run->shard, total);
    else
        run->table->rows[sxt_is_double(run->job.dtype)].shard(&run->job, plane, scratch, &run->shard, total);
}

static void one_task(void *context, const sxt_task *task, const sxt_plane *plane)
{
    shard_run *run = context;
    (void)task;
    sxt_packed_rows rows = sxt_rows_to_pack(&run->job, run->conversion);
    rows.classes = run->shard.classes;
    rows.least = STRIP_ROWS;
    rows.from_terms = run->shard.terms && run->shard.step == SXT_SHARD_WRITE;
    rows.to_terms = run->shard.terms && run->shard.step == SXT_SHARD_SUM;
    if (!run->conversion && !plane->mask.p)
        one_plane(run, plane, sxt_thread_scratch(), NULL);
    else if (sxt_packed_plane(one_plane, run, plane, &rows, sxt_thread_scratch(), NULL) != SXT_OK)
        atomic_store(&run->failed, 1);
}

/* What a shard without classes adds. */
static void clear_rows(int step, sxt_shard_row *rows, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        sxt_shard_row *r = &rows[i];
        if (step == SXT_SHARD_ORIGIN)
            *r = (sxt_shard_row){.origin = -(double)INFINITY};
        if (step == SXT_SHARD_SCAN)
            *r = (sxt_shard_row){.origin = r->origin, .max = -(double)INFINITY, .second = -(double)INFINITY,
                                 .least = (double)INFINITY, .place = -1};
        if (step == SXT_SHARD_BOUND)
            r->bound_d = r->bound_q = r->target_at_place = 0.0;
        for (int k = 0; k < 4; k++)
            r->exps[k] = step == SXT_SHARD_WRITE ? r->exps[k] : 0;
        for (int k = 0; k < 4; k++)
            r->dots[k] = step == SXT_SHARD_WRITE ? r->dots[k] : 0;
        for (int k = 0; k < 4; k++)
            r->masses[k] = step == SXT_SHARD_WRITE ? r->masses[k] : 0;
    }
}

static sxt_status run_shard(const sxt_shard_args *a, int step, sxt_shard_row *rows, shard_run *run)
{
    sxt_layout layout;
    int writes = step == SXT_SHARD_WRITE, terms = a->terms && (writes || step == SXT_SHARD_SUM);
    const sxt_array *x = terms && writes ? a->terms : run->x, *y = writes ? a->out : terms ? a->terms : NULL;
    sxt_status status = sxt_layout_make(&layout, x, run->axes, y, NULL, run->probs,
                                        a->kind == SXT_SHARD_CROSS_ENTROPY ? NULL : a->where);
    if (status != SXT_OK)
        return status;
    run->shard.step = step;
    run->shard.terms = terms;
    run->shard.classes = layout.classes;
    run->shard.rows = rows;
    clear_rows(step, rows, layout.rows);
    if (layout.classes > 0 && layout.rows > 0) {
        ptrdiff_t per_task = SXT_TASK_ELEMENTS / layout.classes / SXT_TASK_ROW_MULTIPLE * SXT_TASK_ROW_MULTIPLE;
        per_task = per_task < SXT_TASK_LEAST_ACROSS ? SXT_TASK_LEAST_ACROSS : per_task;
        sxt_run_planes(&layout, per_task, sxt_threads_for(layout.rows * layout.classes), one_task, run);
    }
    sxt_layout_free(&layout);
    return atomic_load(&run->failed) ? SXT_ERR_MEMORY : SXT_OK;
}

static int is_step(int step, int steps)
{
    return step == SXT_SHARD_WRITE || (step > 0 && (step & (step - 1)) == 0 && (step & steps));
}

static sxt_status shard_step(const sxt_shard_args *a, int step, sxt_shard_row *rows, sxt_label_error *bad)
{
    shard_run run;
    sxt_status status = open_run(a, &run, bad);
    if (status == SXT_OK && (!rows || !is_step(step, steps_of(&run))))
        status = SXT_ERR_ARGUMENT;
    if (status == SXT_OK && a->terms)
        status = check_terms(a, &run, step);
    if (status == SXT_OK && step == SXT_SHARD_WRITE)
        status = a->out && a->kind != SXT_SHARD_LOGSUMEXP ? sxt_check_like(a->out, run.x) : SXT_ERR_ARGUMENT;
    if (status == SXT_OK)
        status = run_shard(a, step, rows, &run);
    sxt_free_lines(run.arrays.memory);
    return status;
}

sxt_status sxt_shard_step(const sxt_shard_args *a, sxt_shard_step_kind step, sxt_shard_row *rows, sxt_label_error *bad)
{
    SXT_ENTRY(shard_step(a, (int)step, rows, bad));
}

/* ---- records ------------------------------------------------------------------------------------------ */

static double larger(double a, double b) { return a > b ? a : b; }

static void merge_scan(sxt_shard_row *a, const sxt_shard_row *b)
{
    double lower = a->max < b->max ? a->max : b->max;
    int first = b->place >= 0 && (a->place < 0 || b->place < a->place);
    if (b->max > a->max || (b->max == a->max && first)) {
        a->place = b->place;
        a->at_place = b->at_place;
    }
    a->second = larger(larger(a->second, b->second), lower);
    a->max = larger(a->max, b->max);
    a->least = b->least < a->least ? b->least : a->least;
    a->nan |= b->nan;
    if (b->has_label) {
        a->has_label = 1;
        a->at_label = b->at_label;
    }
}

static void merge_bound(sxt_shard_row *a, const sxt_shard_row *b)
{
    a->bound_d = larger(a->bound_d, b->bound_d);
    a->bound_q = larger(a->bound_q, b->bound_q);
    if (a->target_at_place == 0.0 && !signbit(a->target_at_place)) /* the other shards' is 0 */
        a->target_at_place = b->target_at_place;
    a->nan |= b->nan;
}

static void merge_sum(sxt_shard_row *a, const sxt_shard_row *b)
{
    for (int k = 0; k < 4; k++) {
        a->exps[k] += b->exps[k];
        a->dots[k] += b->dots[k];
        a->masses[k] += b->masses[k];
    }
}

sxt_status sxt_shard_merge(sxt_shard_step_kind step, sxt_shard_row *rows, const sxt_shard_row *others, ptrdiff_t n)
{
    if (n < 0 || (n > 0 && (!rows || !others)))
        return SXT_ERR_ARGUMENT;
    for (ptrdiff_t i = 0; i < n; i++) {
        switch (step) {
        case SXT_SHARD_ORIGIN:
            rows[i].origin = larger(rows[i].origin, others[i].origin);
            break;
        case SXT_SHARD_SCAN:
            merge_scan(&rows[i], &others[i]);
            break;
        case SXT_SHARD_BOUND:
            merge_bound(&rows[i], &others[i]);
            break;
        case SXT_SHARD_SUM:
            merge_sum(&rows[i], &others[i]);
            break;
        default:
            return SXT_ERR_ARGUMENT;
        }
    }
    return SXT_OK;
}

/* ---- results ------------------------------------------------------------------------------------------- */

static sxt_status shard_finish(const sxt_shard_args *a, const sxt_shard_row *rows, void *out)
{
    shard_run run;
    sxt_total total;
    sxt_sum *sums = NULL;
    sxt_status status = open_run(a, &run, NULL);
    ptrdiff_t n = 1;
    for (int i = 0; status == SXT_OK && i < run.x->ndim; i++)
        n *= run.axes >> i & 1 ? 1 : run.x->shape[i];
    if (status == SXT_OK && (a->kind < SXT_SHARD_LOGSUMEXP || (n > 0 && !rows)))
        status = SXT_ERR_ARGUMENT;
    if (status == SXT_OK) {
        sxt_plane plane = {.rows = n, .row_step = 1, .run = 1, .blocks = 1};
        sums = a->kind == SXT_SHARD_CROSS_ENTROPY ? a->loss->sums : NULL;
        run.job.row_out = out;
        run.job.want_sum = sums != NULL;
        run.shard.rows = (sxt_shard_row *)(uintptr_t)rows; /* which are only read */
        sxt_total_open(&total);
        one_plane(&run, &plane, sxt_thread_scratch(), &total);
    }
    if (status == SXT_OK && sums)
        sxt_hand_out(&total, sums);
    sxt_free_lines(run.arrays.memory);
    return status;
}

sxt_status sxt_shard_finish(const sxt_shard_args *a, const sxt_shard_row *rows, void *out)
{
    SXT_ENTRY(shard_finish(a, rows, out));
}

/* ---- probabilities ------------------------------------------------------------------------------------- */

static sxt_status shard_of_probabilities(const sxt_shard_args *a, sxt_sum *rows, sxt_label_error *bad)
{
    shard_run run;
    sxt_layout layout;
    run.arrays.memory = NULL;
    sxt_status status = has_probabilities(a) && rows ? open_any(a, &run, bad) : SXT_ERR_ARGUMENT;
    if (status == SXT_OK && a->out)
        status = sxt_check_like(a->out, run.x);
    if (status == SXT_OK)
        status = sxt_layout_make(&layout, run.x, run.axes, a->out, NULL, run.probs, NULL);
    if (status == SXT_OK) {
        for (ptrdiff_t i = 0; i < layout.rows; i++)
            rows[i] = (sxt_sum){{0}, 0};
        if (layout.rows > 0 && layout.classes > 0)
            sxt_sum_of_shard(&run.job, &layout, run.job.dtype, a->first_class, rows);
        sxt_layout_free(&layout);
    }
    free(run.arrays.memory);
    return status;
}

sxt_status sxt_shard_of_probabilities(const sxt_shard_args *a, sxt_sum *rows, sxt_label_error *bad)
{
    SXT_ENTRY(shard_of_probabilities(a, rows, bad));
}

static sxt_status finish_probabilities(const sxt_shard_args *a, const sxt_sum *rows, void *out)
{
    shard_run run;
    sxt_total total;
    ptrdiff_t n = 1;
    run.arrays.memory = NULL;
    sxt_status status = has_probabilities(a) && rows ? open_any(a, &run, NULL) : SXT_ERR_ARGUMENT;
    for (int i = 0; status == SXT_OK && i < run.x->ndim; i++)
        n *= i == a->loss->axis ? 1 : run.x->shape[i];
    if (status == SXT_OK) {
        run.job.row_out = out;
        run.job.want_sum = a->loss->sums != NULL;
        sxt_losses_of_sums(&run.job, run.job.dtype, rows, n, &total);
        if (a->loss->sums)
            sxt_hand_out(&total, a->loss->sums);
    }
    free(run.arrays.memory);
    return status;
}

sxt_status sxt_finish_probabilities(const sxt_shard_args *a, const sxt_sum *rows, void *out)
{
    SXT_ENTRY(finish_probabilities(a, rows, out));
}
