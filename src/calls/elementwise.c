/* elementwise.c - sigmoid, log-sigmoid and binary cross-entropy: arguments checked, elements split over
 * threads, losses added up. How the elements are split changes no bit: see elementwise.h, exact_sum.h. */
#include "kernels/elementwise/elementwise.h"

#include <math.h>
#include <stdlib.h>

#include "calls/check.h"
#include "calls/entry.h"
#include "machine/dispatch.h"
#include "numbers/dtypes.h"
#include "vectors/fused.h"
#include "walks/elements.h"
#include "walks/tasks.h"

typedef struct {
    const sxt_elements *elements;
    void (*map)(const void *x, void *y, ptrdiff_t n); /* this, or the binary cross-entropy */
    void (*binary)(const sxt_binary_job *job, void *const data[], ptrdiff_t n, sxt_exact *sum);
    const sxt_binary_job *job;
    sxt_exact *sums; /* one for each worker, or NULL */
} element_run;

static void run_task(void *context, const sxt_task *task)
{
    const element_run *run = context;
    const sxt_elements *e = run->elements;
    sxt_cursor at;
    sxt_block block;
    sxt_elements_seek(e, task->begin, &at);
    for (ptrdiff_t left = task->end - task->begin; left > 0; left -= block.n) {
        sxt_elements_take(e, &at, left, &block);
        if (run->map)
            run->map(block.data[0], block.data[1], block.n);
        else
            run->binary(run->job, block.data, block.n, run->sums ? run->sums + task->worker : NULL);
        sxt_elements_put(e, &at, &block);
    }
}

static int threads_for(const sxt_elements *e)
{
    ptrdiff_t tasks = sxt_count_tasks(e->count, SXT_TASK_ELEMENTS);
    int threads = sxt_threads_for(e->count);
    return threads < tasks ? threads : tasks > 0 ? (int)tasks : 1;
}

static void run_elements(element_run *run, int threads)
{
    sxt_run_tasks(run->elements->count, SXT_TASK_ELEMENTS, threads, run_task, run);
}

/* ---- sigmoid ----------------------------------------------------------------------------------------- */

static sxt_status check_map(const sxt_array *x, const sxt_array *out, const sxt_kernels **kernels)
{
    sxt_status status = sxt_check_array(x);
    if (status == SXT_OK)
        status = sxt_check_like(out, x);
    *kernels = sxt_active_kernels();
    return status == SXT_OK && !*kernels ? SXT_ERR_ISA : status;
}

static void run_map(void (*map)(const void *x, void *y, ptrdiff_t n), const sxt_array *x, const sxt_array *out)
{
    sxt_elements elements;
    const sxt_array *arrays[] = {x, out};
    sxt_elements_make(&elements, arrays, 2, 1);
    element_run run = {.elements = &elements, .map = map};
    run_elements(&run, threads_for(&elements));
}

sxt_status sxt_sigmoid(const sxt_array *x, const sxt_array *out)
{
    const sxt_kernels *kernels;
    sxt_status status = check_map(x, out, &kernels);
    if (status == SXT_OK)
        run_map(kernels->elements[x->dtype].sigmoid, x, out);
    return status;
}

sxt_status sxt_log_sigmoid(const sxt_array *x, const sxt_array *out)
{
    const sxt_kernels *kernels;
    sxt_status status = check_map(x, out, &kernels);
    if (status == SXT_OK)
        run_map(kernels->elements[x->dtype].log_sigmoid, x, out);
    return status;
}

/* ---- binary cross-entropy ------------------------------------------------------------------------------ */

static sxt_status check_optional(const sxt_array *a, const sxt_array *like)
{
    return a ? sxt_check_like(a, like) : SXT_OK;
}

static sxt_status check_losses(const sxt_array *losses, const sxt_array *logits)
{
    if (!losses)
        return SXT_OK;
    sxt_array like = *logits;
    like.dtype = sxt_is_double(logits->dtype) ? SXT_F64 : SXT_F32;
    return sxt_check_like(losses, &like);
}

static sxt_status check_binary(const sxt_binary_args *a)
{
    if (!a || a->reduction < SXT_NONE || a->reduction > SXT_MEAN || !a->target)
        return SXT_ERR_ARGUMENT;
    if (a->reduction == SXT_NONE ? a->loss != NULL || a->sum != NULL : a->losses != NULL || a->grad_output != NULL)
        return SXT_ERR_ARGUMENT;
    const sxt_array *like[] = {a->target, a->weight, a->pos_weight, a->grad_output, a->grad, a->hess};
    sxt_status status = sxt_check_array(&a->logits);
    for (size_t i = 0; status == SXT_OK && i < sizeof like / sizeof like[0]; i++)
        status = check_optional(like[i], &a->logits);
    return status == SXT_OK ? check_losses(a->losses, &a->logits) : status;
}

/* value / divisor to twice the precision. */
static void divide(double value, double divisor, double *hi, double *lo)
{
    double q = value / divisor, rest = fma(-q, divisor, value) / divisor;
    *hi = q;
    *lo = isfinite(rest) ? rest : 0.0;
}

static sxt_status binary_cross_entropy(const sxt_binary_args *a)
{
    sxt_status status = check_binary(a);
    const sxt_kernels *kernels = sxt_active_kernels();
    if (status == SXT_OK && !kernels)
        status = SXT_ERR_ISA;
    if (status != SXT_OK)
        return status;
    sxt_elements elements;
    const sxt_array *arrays[SXT_BINARY_OPERANDS] = {
        [SXT_LOGITS] = &a->logits, [SXT_TARGET] = a->target, [SXT_WEIGHT] = a->weight,
        [SXT_POS_WEIGHT] = a->pos_weight, [SXT_GRAD_OUTPUT] = a->grad_output, [SXT_LOSSES] = a->losses,
        [SXT_GRAD] = a->grad, [SXT_HESS] = a->hess};
    sxt_elements_make(&elements, arrays, SXT_BINARY_OPERANDS, SXT_BINARY_INPUTS);
    double count = a->count > 0.0 ? a->count : (double)elements.count;
    int summed = a->loss || a->sum;
    sxt_binary_job job = {.from_logits = a->from_logits};
    divide(a->grad_scale, a->reduction == SXT_MEAN && count > 0.0 ? count : 1.0, &job.scale_hi, &job.scale_lo);

    int threads = threads_for(&elements);
    sxt_exact one = {.special = 0}, *sums = &one;
    if (summed && threads > 1) {
        sums = calloc((size_t)threads, sizeof *sums);
        if (!sums)
            return SXT_ERR_MEMORY;
    }
    element_run run = {.elements = &elements, .binary = kernels->elements[a->logits.dtype].binary, .job = &job,
                       .sums = summed ? sums : NULL};
    run_elements(&run, threads);
    for (int i = 1; i < threads && summed; i++)
        sxt_exact_merge(sums, sums + i);
    if (a->sum) {
        *a->sum = *sums;
        sxt_exact_carry(a->sum);
    }
    if (a->loss)
        *a->loss = a->reduction == SXT_SUM ? sxt_exact_round(sums)
                   : count > 0.0           ? sxt_exact_mean(sums, count)
                                           : (double)NAN;
    if (sums != &one)
        free(sums);
    return SXT_OK;
}

sxt_status sxt_binary_cross_entropy(const sxt_binary_args *a)
{
    SXT_ENTRY(binary_cross_entropy(a));
}
