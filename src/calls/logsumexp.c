/* logsumexp.c - log |sum of b exp(x)| and the sign of the sum.
 *
 * Each exponential, relative to the row's maximum, is rounded once, to 2^-80 of itself; the products with
 * the factors and their sum are exact (exact_sum.h). So terms that cancel leave no residue, the order of
 * the terms cannot matter, and the error is that of exp times the condition number. Left out are terms
 * below 2^-1140 of the largest. Elements with the factor 0 count as absent whatever they hold. */
#include "calls/logsumexp.h"

#include <math.h>

#include "calls/check.h"
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
static double log_of_terms(factor_row *row, double *sign)
{
    sxt_exact sum = sum_of_terms(row);
    double hi = sxt_exact_round(&sum);
    sxt_exact_add(&sum, -hi);
    double lo = sxt_exact_round(&sum);
    *sign = hi > 0.0 ? 1.0 : hi < 0.0 ? -1.0 : 0.0;
    sxt_dd magnitude = {*sign * hi, *sign * lo};
    return sxt_exp_sum_log_of(sxt_exp_sum_of(magnitude, row->top - SXT_FACTOR_TOP, row->max));
}

static double row_result(factor_row *row, double *sign)
{
    find_maximum(row);
    if (row->special) {
        *sign = row->special == SXT_EXACT_PLUS ? 1.0 : row->special == SXT_EXACT_MINUS ? -1.0 : (double)NAN;
        return *sign != *sign ? (double)NAN : (double)INFINITY;
    }
    *sign = 0.0;
    if (row->max == -(double)INFINITY)
        return row->max;
    find_top(row);
    return log_of_terms(row, sign);
}

static void put_result(void *array, ptrdiff_t index, sxt_dtype dtype, double value)
{
    if (array && sxt_is_double(dtype))
        ((double *)array)[index] = value;
    else if (array)
        ((float *)array)[index] = (float)value;
}

static void one_row(const factor_run *run, const sxt_plane *plane, ptrdiff_t index)
{
    factor_row row;
    row.run = run;
    row.plane = plane;
    row.index = index;
    row.whole = 0;
    ptrdiff_t number = plane->first_row + index * plane->row_step;
    double sign, value = row_result(&row, &sign);
    if (!run->sign && !(sign >= 0.0))
        value = (double)NAN;
    put_result(run->out, number, run->dtype, value);
    put_result(run->sign, number, run->dtype, sign);
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
        factor_run run = {layout.classes, kernels, x->dtype, out, sign};
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
