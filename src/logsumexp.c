/* logsumexp.c - log |sum of b exp(x)| and the sign of the sum.
 *
 * Each exponential, relative to the row's maximum, is rounded once, to 2^-80 of itself; the products with
 * the factors and their sum are exact (exact_sum.h). So terms that cancel leave no residue, the order of
 * the terms cannot matter, and the error is that of exp times the condition number. Left out are terms
 * below 2^-1140 of the largest. Elements with the factor 0 count as absent whatever they hold. */
#include "logsumexp.h"

#include <math.h>

#include "check.h"
#include "dispatch.h"
#include "exact_sum.h"
#include "exp_sum.h"
#include "gather.h"
#include "layout.h"
#include "parallel.h"

#define ELEMENTS_PER_TASK 8192
/* The largest term's place in the exact sum: room for 2^40 terms above it, 1300 bits below. */
#define TOP 980.0
#define LOWEST (-160.0)
/* Terms after which the exact sum has to carry. */
#define TERMS_BETWEEN_CARRIES (1 << 20)

typedef struct {
    const sxt_layout *layout;
    const sxt_kernels *kernels;
    sxt_dtype dtype;
    ptrdiff_t rows_per_task;
    void *out, *sign;
} factor_run;

/* One row on its way; `plane` has this row alone. */
typedef struct {
    const factor_run *run;
    sxt_plane plane;
    double max, top; /* of x, and of the terms' exponents */
    unsigned special; /* SXT_EXACT_*: NaN or infinite terms */
    sxt_exact sum;
    ptrdiff_t terms;
} factor_row;

/* Finite elements with a factor, from class *c on, at most a block. */
static ptrdiff_t next_block(const factor_row *row, ptrdiff_t *c, double *x, double *b)
{
    const sxt_plane *p = &row->plane;
    ptrdiff_t n = 0, classes = row->run->layout->classes;
    for (; *c < classes && n < SXT_FACTOR_BLOCK; ++*c) {
        if (p->mask.p && !*sxt_place(p, &p->mask, 0, *c))
            continue;
        b[n] = sxt_get(sxt_place(p, &p->t, 0, *c), row->run->dtype);
        x[n] = sxt_get(sxt_place(p, &p->x, 0, *c), row->run->dtype);
        n += b[n] != 0.0;
    }
    return n;
}

/* What b exp(x) is when it is not a finite number other than 0. */
static unsigned special_term(double x, double b)
{
    if (x != x || b != b || (fabs(b) == (double)INFINITY && x == -(double)INFINITY))
        return SXT_EXACT_NAN;
    return b > 0.0 ? SXT_EXACT_PLUS : SXT_EXACT_MINUS;
}

static void find_maximum(factor_row *row)
{
    double x[SXT_FACTOR_BLOCK], b[SXT_FACTOR_BLOCK];
    row->max = -(double)INFINITY;
    row->special = 0;
    for (ptrdiff_t c = 0, n; (n = next_block(row, &c, x, b)) > 0;)
        for (ptrdiff_t i = 0; i < n; i++) {
            if (!(x[i] < (double)INFINITY) || !(fabs(b[i]) < (double)INFINITY))
                row->special |= special_term(x[i], b[i]);
            row->max = x[i] > row->max ? x[i] : row->max;
        }
}

/* A power of two near the largest term: the scale of the exact sum. */
static void find_top(factor_row *row)
{
    double x[SXT_FACTOR_BLOCK], b[SXT_FACTOR_BLOCK];
    row->top = -(double)INFINITY;
    for (ptrdiff_t c = 0, n; (n = next_block(row, &c, x, b)) > 0;)
        for (ptrdiff_t i = 0; i < n; i++) {
            int exponent;
            (void)frexp(b[i], &exponent);
            double power = floor((x[i] - row->max) * LOG2E_F64) + exponent;
            row->top = power > row->top ? power : row->top;
        }
}

/* Leaves out x = -infinity, whose terms are 0. */
static ptrdiff_t without_zeros(double *x, double *b, ptrdiff_t n)
{
    ptrdiff_t kept = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        x[kept] = x[i];
        b[kept] = b[i];
        kept += x[i] > -(double)INFINITY;
    }
    return kept;
}

/* Moves the sum into fresh limbs, so that no limb can overflow. */
static void carry(factor_row *row)
{
    sxt_exact fresh = {{0}, 0};
    for (double part; (part = sxt_exact_round(&row->sum)) != 0.0;) {
        sxt_exact_add(&fresh, part);
        sxt_exact_add(&row->sum, -part);
    }
    row->sum = fresh;
    row->terms = 0;
}

static void add_terms(factor_row *row)
{
    double x[SXT_FACTOR_BLOCK], b[SXT_FACTOR_BLOCK];
    sxt_factor_terms terms;
    row->sum = (sxt_exact){{0}, 0};
    row->terms = 0;
    for (ptrdiff_t c = 0, n; (n = next_block(row, &c, x, b)) > 0;) {
        n = without_zeros(x, b, n);
        row->run->kernels->factor_terms(x, b, n, row->max, &terms);
        for (ptrdiff_t i = 0; i < n; i++) {
            double shift = terms.exponent[i] - row->top + TOP;
            if (shift < LOWEST)
                continue;
            double power = sxt_exp2i(shift);
            for (int k = 0; k < 4; k++)
                sxt_exact_add(&row->sum, terms.part[k][i] * power);
        }
        row->terms += n;
        if (row->terms >= TERMS_BETWEEN_CARRIES)
            carry(row);
    }
}

/* log |sum| and the sign, of a row without special terms. */
static double finish(factor_row *row, double *sign)
{
    double hi = sxt_exact_round(&row->sum);
    sxt_exact_add(&row->sum, -hi);
    double lo = sxt_exact_round(&row->sum);
    *sign = hi > 0.0 ? 1.0 : hi < 0.0 ? -1.0 : 0.0;
    sxt_dd magnitude = {*sign * hi, *sign * lo};
    return sxt_exp_sum_log_of(sxt_exp_sum_of(magnitude, row->top - TOP, row->max));
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
    add_terms(row);
    return finish(row, sign);
}

static void put_result(void *array, ptrdiff_t index, sxt_dtype dtype, double value)
{
    if (array && dtype == SXT_F64)
        ((double *)array)[index] = value;
    else if (array)
        ((float *)array)[index] = (float)value;
}

static void rows_of_task(void *context, ptrdiff_t task, int worker)
{
    const factor_run *run = context;
    ptrdiff_t r = task * run->rows_per_task, end = r + run->rows_per_task;
    (void)worker;
    for (; r < end && r < run->layout->rows; r++) {
        factor_row row = {.run = run, .plane = sxt_layout_plane(run->layout, r, r + 1)};
        double sign, value = row_result(&row, &sign);
        if (!run->sign && !(sign >= 0.0))
            value = (double)NAN;
        put_result(run->out, row.plane.first_row, run->dtype, value);
        put_result(run->sign, row.plane.first_row, run->dtype, sign);
    }
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
        ptrdiff_t per_task = ELEMENTS_PER_TASK / layout.classes + 1;
        factor_run run = {&layout, kernels, x->dtype, per_task, out, sign};
        sxt_parallel_for((layout.rows + per_task - 1) / per_task, sxt_get_num_threads(), rows_of_task, &run);
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
        double log = x->dtype == SXT_F64 ? ((const double *)logs)[i] : (double)((const float *)logs)[i];
        put_result(sign, i, x->dtype, log != log ? (double)NAN : log > -(double)INFINITY);
    }
}
