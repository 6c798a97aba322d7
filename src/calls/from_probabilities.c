/* from_probabilities.c - elements one by one in double; the softmax happened elsewhere, so there is nothing
 * to fuse, and the sums are exact: their order, and where the classes are cut into shards, change no bit. */
#include "calls/from_probabilities.h"

#include <math.h>
#include <stdlib.h>

#include "numbers/constants.h"
#include "numbers/elements16.h"
#include "walks/tasks.h"
#include "numbers/scalar_math.h"

typedef struct {
    const sxt_job *job;
    sxt_dtype dtype;
    ptrdiff_t first, classes; /* of the shard, which is the whole row but for sxt_sum_of_shard */
    sxt_total *totals;        /* one for each worker; or NULL: */
    sxt_sum *rows;            /* sums of rows, and no losses */
} probabilities_run;

/* -q log p; 0 where q is 0, whatever p. */
static double term(double q, double p)
{
    if (q == 0.0)
        return 0.0;
    if (p == 0.0 || p == (double)INFINITY)
        return p == 0.0 ? q * (double)INFINITY : -q * (double)INFINITY;
    if (!(p > 0.0))
        return (double)NAN;
    double k, up = p < 0x1p-1022 ? 0x1p54 : 1.0;
    sxt_dd log = sxt_log_parts((sxt_dd){p * up, 0.0}, &k);
    sxt_dd all = sxt_dd_add(sxt_times_ln2(k - (up > 1.0 ? 54.0 : 0.0)), log);
    return -q * all.hi;
}

static double coefficient(const probabilities_run *run, const sxt_plane *plane, ptrdiff_t r, ptrdiff_t index,
                          ptrdiff_t c)
{
    const sxt_job *job = run->job;
    double q = job->base ? job->base[run->first + c] : 0.0;
    if (job->op == SXT_OP_DENSE)
        return q + job->slope[run->first + c] * sxt_get(plane->t.p + r * plane->t.row + c * plane->t.cls, run->dtype);
    if (run->first + c == job->labels[index])
        q += job->share * (job->weight ? job->weight[run->first + c] : 1.0);
    return q;
}

static int is_ignored(const sxt_job *job, ptrdiff_t index)
{
    return job->labels && job->has_ignore_index && job->labels[index] == job->ignore_index;
}

static void put_loss(const sxt_job *job, sxt_dtype dtype, ptrdiff_t index, double sum, sxt_total *total)
{
    double sample = is_ignored(job, index) ? 0.0 : job->sample_weight ? job->sample_weight[index] : 1.0;
    double loss = sample == 0.0 ? 0.0 : sxt_canonical(sample * sum);
    if (job->row_out && sxt_is_double(dtype))
        ((double *)job->row_out)[index] = loss;
    else if (job->row_out)
        ((float *)job->row_out)[index] = (float)loss;
    if (job->want_sum)
        sxt_loss_sum_add(&total->loss, loss * SXT_TOTAL_SCALE);
}

static void row(const probabilities_run *run, const sxt_plane *plane, ptrdiff_t r, sxt_total *total)
{
    const sxt_job *job = run->job;
    ptrdiff_t index = plane->first_row + r * plane->row_step;
    int ignored = is_ignored(job, index);
    double sample = ignored ? 0.0 : job->sample_weight ? job->sample_weight[index] : 1.0;
    double scale = sample * job->grad_scale * (job->grad_output ? job->grad_output[index] : 1.0);
    sxt_loss_sum sum;
    sum.waiting = sum.begun = 0;
    for (ptrdiff_t c = 0; c < run->classes; c++) {
        double q = ignored ? 0.0 : coefficient(run, plane, r, index, c);
        double p = sxt_get(plane->x.p + r * plane->x.row + c * plane->x.cls, run->dtype);
        if (q != 0.0)
            sxt_loss_sum_add(&sum, term(q, p));
        if (plane->y.p)
            sxt_put(plane->y.p + r * plane->y.row + c * plane->y.cls, run->dtype,
                    q == 0.0 ? 0.0 : sxt_canonical(-scale * q / p));
        if (plane->h.p)
            sxt_put(plane->h.p + r * plane->h.row + c * plane->h.cls, run->dtype,
                    q == 0.0 ? 0.0 : sxt_canonical(scale * q / p / p));
    }
    if (run->totals && !sum.begun && sum.waiting == 1) { /* of a label: no need for a sum */
        put_loss(job, run->dtype, index, sum.values[0], total);
        return;
    }
    sxt_loss_sum_flush(&sum);
    sxt_exact_carry(&sum.sum);
    if (run->totals)
        put_loss(job, run->dtype, index, sxt_exact_round(&sum.sum), total);
    else
        run->rows[index] = sum.sum;
}

static void rows_of_plane(void *context, const sxt_task *task, const sxt_plane *plane)
{
    const probabilities_run *run = context;
    for (ptrdiff_t r = 0; r < plane->rows; r++)
        row(run, plane, r, run->totals ? &run->totals[task->worker] : NULL);
}

sxt_status sxt_run_from_probabilities(const sxt_job *job, const sxt_layout *layout, sxt_dtype dtype,
                                      sxt_total *total)
{
    int threads = layout->rows * job->classes < 4096 ? 1 : sxt_get_num_threads();
    sxt_total_open(total);
    probabilities_run run = {job, dtype, 0, job->classes, malloc((size_t)threads * sizeof *run.totals), NULL};
    if (!run.totals)
        return SXT_ERR_MEMORY;
    for (int i = 0; i < threads; i++)
        sxt_total_open(&run.totals[i]);
    sxt_run_planes(layout, SXT_TASK_PLAIN_ROWS, threads, rows_of_plane, &run);
    for (int i = 0; i < threads; i++)
        sxt_total_merge(total, &run.totals[i]);
    free(run.totals);
    return SXT_OK;
}

void sxt_sum_of_shard(const sxt_job *job, const sxt_layout *layout, sxt_dtype dtype, ptrdiff_t first, sxt_sum *rows)
{
    probabilities_run run = {job, dtype, first, layout->classes, NULL, rows};
    int threads = layout->rows * layout->classes < 4096 ? 1 : sxt_get_num_threads();
    sxt_run_planes(layout, SXT_TASK_PLAIN_ROWS, threads, rows_of_plane, &run);
}

void sxt_losses_of_sums(const sxt_job *job, sxt_dtype dtype, const sxt_sum *rows, ptrdiff_t n, sxt_total *total)
{
    sxt_total_open(total);
    for (ptrdiff_t i = 0; i < n; i++)
        put_loss(job, dtype, i, sxt_exact_round(&rows[i]), total);
}
