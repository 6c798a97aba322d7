/* logsumexp.c - log |sum of b exp(x)| and the sign of the sum.
 *
 * Each exponential, relative to the row's maximum, is rounded once, to 2^-80 of itself; the products with
 * the factors and their sum are exact (exact_sum.h). So terms that cancel leave no residue, the order of
 * the terms cannot matter, and the error is that of exp times the condition number. Left out are terms
 * below 2^-1140 of the largest. Elements with the factor 0 count as absent whatever they hold. */
#include "calls/logsumexp.h"

#include <math.h>

#include "calls/check.h"
#include "calls/entry.h"
#include "machine/dispatch.h"
#include "numbers/exact_sum.h"
#include "numbers/exp_sum.h"
#include "walks/gather.h"
#include "walks/tasks.h"

/* Terms after which the exact sum has to carry. */
#define TERMS_BETWEEN_CARRIES (1 << 20)

typedef struct {
    ptrdiff_t classes;
    const sxt_kernels *kernels;
    sxt_dtype dtype;
    void *out, *sign;
    int step; /* of a shard, to */
    sxt_factor_row *rows;
} factor_run;

/* One row on its way through three sweeps over its elements, block by block. */
typedef struct {
    const factor_run *run;
    const sxt_plane *plane;
    ptrdiff_t index; /* in the plane */
    double x[SXT_FACTOR_BLOCK], b[SXT_FACTOR_BLOCK];
    ptrdiff_t n;      /* elements in the block */
    int whole;        /* which is all of the row */
    double max, top;  /* of x, and near the largest term's exponent */
    unsigned special; /* SXT_EXACT_*: NaN or infinite terms */
} factor_row;

/* Elements whose terms are not 0, from class *c on; whether there were any classes left. */
static int next_block(factor_row *row, ptrdiff_t *c)
{
    const sxt_plane *p = row->plane;
    sxt_dtype dtype = row->run->dtype;
    ptrdiff_t begin = *c, classes = row->run->classes, n = 0;
    if (begin == classes)
        return 0;
    *c = classes - begin < SXT_FACTOR_BLOCK ? classes : begin + SXT_FACTOR_BLOCK;
    if (row->whole)
        return 1;
    sxt_gather(p, &p->x, dtype, row->index, begin, *c, row->x);
    sxt_gather(p, &p->t, dtype, row->index, begin, *c, row->b);
    for (ptrdiff_t i = 0; i < *c - begin; i++) {
        double x = row->x[i], b = row->b[i];
        int kept = !p->mask.p || *sxt_place(p, &p->mask, row->index, begin + i);
        row->x[n] = x;
        row->b[n] = b;
        n += kept && b != 0.0 && !(x == -(double)INFINITY && fabs(b) < (double)INFINITY);
    }
    row->n = n;
    row->whole = *c - begin == classes;
    return 1;
}

/* What b exp(x) is when it is not a finite number. */
static unsigned special_term(double x, double b)
{
    if (x != x || b != b || x == -(double)INFINITY)
        return SXT_EXACT_NAN;
    return b > 0.0 ? SXT_EXACT_PLUS : SXT_EXACT_MINUS;
}

static void find_maximum(factor_row *row)
{
    row->max = -(double)INFINITY;
    row->special = 0;
    for (ptrdiff_t c = 0; next_block(row, &c);)
        for (ptrdiff_t i = 0; i < row->n; i++) {
            double x = row->x[i], b = row->b[i];
            if (!(fabs(x) < (double)INFINITY) || !(fabs(b) < (double)INFINITY))
                row->special |= special_term(x, b);
            row->max = x > row->max ? x : row->max;
        }
}

/* A power of two near the largest term, as the scale of the exact sum. */
static void find_top(factor_row *row)
{
    row->top = -(double)INFINITY;
    for (ptrdiff_t c = 0; next_block(row, &c);)
        for (ptrdiff_t i = 0; i < row->n; i++) {
            int exponent;
            (void)frexp(row->b[i], &exponent);
            double power = floor((row->x[i] - row->max) * LOG2E_F64) + exponent;
            row->top = power > row->top ? power : row->top;
        }
}

/* Moves the sum into fresh limbs, so that none can overflow. */
static void carry(sxt_exact *sum)
{
    sxt_exact fresh = {{0}, 0};
    for (double part; (part = sxt_exact_round(sum)) != 0.0;) {
        sxt_exact_add(&fresh, part);
        sxt_exact_add(sum, -part);
    }
    *sum = fresh;
}

static sxt_exact sum_of_terms(factor_row *row)
{
    sxt_exact sum = {{0}, 0};
    ptrdiff_t terms = 0;
    for (ptrdiff_t c = 0; next_block(row, &c);) {
        row->run->kernels->stretches->factor_sum(row->x, row->b, row->n, row->max, row->top, &sum);
        terms += row->n;
        if (terms >= TERMS_BETWEEN_CARRIES) {
            carry(&sum);
            terms = 0;
        }
    }
    return sum;
}

/* log |sum| and the sign, of a row without special terms. */
static double log_of_sum(sxt_exact sum, double max, double top, double *sign)
{
    double hi = sxt_exact_round(&sum);
    sxt_exact_add(&sum, -hi);
    double lo = sxt_exact_round(&sum);
    *sign = hi > 0.0 ? 1.0 : hi < 0.0 ? -1.0 : 0.0;
    sxt_dd magnitude = {*sign * hi, *sign * lo};
    return sxt_exp_sum_log_of(sxt_exp_sum_of(magnitude, top - SXT_FACTOR_ROOM, max));
}

static double special_result(uint64_t special, double *sign)
{
    *sign = special == SXT_EXACT_PLUS ? 1.0 : special == SXT_EXACT_MINUS ? -1.0 : (double)NAN;
    return *sign != *sign ? (double)NAN : (double)INFINITY;
}

static double row_result(factor_row *row, double *sign)
{
    find_maximum(row);
    if (row->special)
        return special_result(row->special, sign);
    *sign = 0.0;
    if (row->max == -(double)INFINITY)
        return row->max;
    find_top(row);
    return log_of_sum(sum_of_terms(row), row->max, row->top, sign);
}

static void put_result(void *array, ptrdiff_t index, sxt_dtype dtype, double value)
{
    if (array && sxt_is_double(dtype))
        ((double *)array)[index] = value;
    else if (array)
        ((float *)array)[index] = (float)value;
}

static void put_row(const factor_run *run, ptrdiff_t number, double value, double sign)
{
    if (!run->sign && !(sign >= 0.0))
        value = (double)NAN;
    put_result(run->out, number, run->dtype, value);
    put_result(run->sign, number, run->dtype, sign);
}

static void step_of_row(factor_row *row, sxt_factor_row *record)
{
    int step = row->run->step;
    row->max = record->max;
    row->top = record->top;
    if (step == SXT_FACTOR_MAX) {
        find_maximum(row);
        record->max = row->max;
        record->special = row->special;
    } else if (!record->special && record->max > -(double)INFINITY) {
        if (step == SXT_FACTOR_TOP)
            find_top(row);
        else
            record->sum = sum_of_terms(row);
        record->top = row->top;
        sxt_exact_carry(&record->sum);
    }
}

static void one_row(const factor_run *run, const sxt_plane *plane, ptrdiff_t index)
{
    factor_row row;
    row.run = run;
    row.plane = plane;
    row.index = index;
    row.whole = 0;
    ptrdiff_t number = plane->first_row + index * plane->row_step;
    if (run->rows) {
        step_of_row(&row, &run->rows[number]);
        return;
    }
    double sign, value = row_result(&row, &sign);
    put_row(run, number, value, sign);
}

static void rows_of_plane(void *context, const sxt_task *task, const sxt_plane *plane)
{
    const factor_run *run = context;
    (void)task;
    for (ptrdiff_t r = 0; r < plane->rows; r++)
        one_row(run, plane, r);
}

sxt_status sxt_logsumexp_with_factors(const sxt_array *x, uint64_t axes, const sxt_mask *where,
                                      const sxt_array *b, void *out, void *sign)
{
    sxt_layout layout;
    const sxt_kernels *kernels = sxt_active_kernels();
    sxt_status status = sxt_check_like(b, x);
    if (status == SXT_OK && !kernels)
        status = SXT_ERR_ISA;
    if (status == SXT_OK)
        status = sxt_layout_make(&layout, x, axes, NULL, NULL, b, where);
    if (status != SXT_OK)
        return status;
    if (layout.rows > 0 && layout.classes == 0)
        status = SXT_ERR_EMPTY;
    if (status == SXT_OK && layout.rows > 0) {
        factor_run run = {layout.classes, kernels, x->dtype, out, sign, 0, NULL};
        ptrdiff_t per_task = SXT_TASK_FACTOR_ELEMENTS / layout.classes + 1;
        sxt_run_planes(&layout, per_task, sxt_get_num_threads(), rows_of_plane, &run);
    }
    sxt_layout_free(&layout);
    return status;
}

void sxt_signs_of_logs(const sxt_array *x, uint64_t axes, const void *logs, void *sign)
{
    ptrdiff_t n = 1;
    for (int i = 0; i < x->ndim; i++)
        n *= axes >> i & 1 ? 1 : x->shape[i];
    for (ptrdiff_t i = 0; i < n; i++) {
        double log = sxt_is_double(x->dtype) ? ((const double *)logs)[i] : (double)((const float *)logs)[i];
        put_result(sign, i, x->dtype, log != log ? (double)NAN : log > -(double)INFINITY);
    }
}

/* ---- shards ------------------------------------------------------------------------------------------- */

static void open_record(int step, sxt_factor_row *record)
{
    if (step == SXT_FACTOR_MAX)
        *record = (sxt_factor_row){.max = -(double)INFINITY};
    if (step == SXT_FACTOR_TOP)
        record->top = -(double)INFINITY;
    record->sum = (sxt_sum){{0}, 0};
}

static sxt_status factor_step(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *b, int step,
                              sxt_factor_row *rows)
{
    sxt_layout layout;
    const sxt_kernels *kernels = sxt_active_kernels();
    sxt_status status = sxt_check_array(x);
    if (status == SXT_OK)
        status = sxt_check_axes(x, axes);
    if (status == SXT_OK)
        status = b && rows && step >= SXT_FACTOR_MAX && step <= SXT_FACTOR_SUM ? sxt_check_like(b, x) : SXT_ERR_ARGUMENT;
    if (status == SXT_OK)
        status = kernels ? sxt_check_mask(where, x) : SXT_ERR_ISA;
    if (status == SXT_OK)
        status = sxt_layout_make(&layout, x, axes, NULL, NULL, b, where);
    if (status != SXT_OK)
        return status;
    for (ptrdiff_t i = 0; i < layout.rows; i++)
        open_record(step, &rows[i]);
    if (layout.rows > 0 && layout.classes > 0) {
        factor_run run = {layout.classes, kernels, x->dtype, NULL, NULL, step, rows};
        sxt_run_planes(&layout, SXT_TASK_FACTOR_ELEMENTS / layout.classes + 1, sxt_get_num_threads(), rows_of_plane,
                       &run);
    }
    sxt_layout_free(&layout);
    return SXT_OK;
}

sxt_status sxt_factor_step(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *b,
                           sxt_factor_step_kind step, sxt_factor_row *rows)
{
    SXT_ENTRY(factor_step(x, axes, where, b, (int)step, rows));
}

sxt_status sxt_factor_merge(sxt_factor_step_kind step, sxt_factor_row *rows, const sxt_factor_row *others, ptrdiff_t n)
{
    if (n < 0 || (n > 0 && (!rows || !others)))
        return SXT_ERR_ARGUMENT;
    for (ptrdiff_t i = 0; i < n; i++) {
        sxt_factor_row *a = &rows[i];
        const sxt_factor_row *b = &others[i];
        a->max = step == SXT_FACTOR_MAX && b->max > a->max ? b->max : a->max;
        a->top = step == SXT_FACTOR_TOP && b->top > a->top ? b->top : a->top;
        a->special |= b->special;
        if (step == SXT_FACTOR_SUM) {
            sxt_exact_merge(&a->sum, &b->sum);
            sxt_exact_carry(&a->sum);
        }
    }
    return SXT_OK;
}

static sxt_status factor_finish(const sxt_factor_row *rows, ptrdiff_t n, sxt_dtype dtype, void *out, void *sign)
{
    factor_run run = {.dtype = dtype, .out = out, .sign = sign};
    if (n < 0 || (n > 0 && (!rows || !out)))
        return SXT_ERR_ARGUMENT;
    for (ptrdiff_t i = 0; i < n; i++) {
        double one = 0.0, value = -(double)INFINITY;
        if (rows[i].special)
            value = special_result(rows[i].special, &one);
        else if (rows[i].max > -(double)INFINITY)
            value = log_of_sum(rows[i].sum, rows[i].max, rows[i].top, &one);
        put_row(&run, i, value, one);
    }
    return SXT_OK;
}

sxt_status sxt_factor_finish(const sxt_factor_row *rows, ptrdiff_t n, sxt_dtype dtype, void *out, void *sign)
{
    SXT_ENTRY(factor_finish(rows, n, dtype, out, sign));
}
