/* cross_entropy.c - cross-entropy: options checked and turned into the one form of kernels.h, then run. */
#include "softxent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calls/check.h"
#include "calls/entry.h"
#include "numbers/constants.h"
#include "machine/dispatch.h"
#include "calls/from_probabilities.h"
#include "walks/run.h"
#include "numbers/scalar_math.h"

static int finite_at_least(double x, double low) { return x >= low && x < (double)INFINITY; }

static sxt_status check_options(const sxt_cross_entropy_args *a)
{
    if (!a || (a->labels != NULL) == (a->probs != NULL) || a->reduction < SXT_NONE || a->reduction > SXT_MEAN)
        return SXT_ERR_ARGUMENT;
    if (!(a->label_smoothing >= 0.0 && a->label_smoothing <= 1.0) || !finite_at_least(a->z_loss, 0.0) ||
        !finite_at_least(a->softcap, 0.0) || !(fabs(a->logit_scale) < (double)INFINITY))
        return SXT_ERR_ARGUMENT;
    if (a->reduction == SXT_NONE ? a->loss != NULL : a->row_losses != NULL || a->grad_output != NULL)
        return SXT_ERR_ARGUMENT;
    if (!a->from_logits && (a->z_loss != 0.0 || a->logit_scale != 1.0 || a->softcap != 0.0))
        return SXT_ERR_ARGUMENT;
    if (!finite_at_least(a->focal_gamma, 0.0) ||
        (a->focal_gamma != 0.0 && (a->probs || !a->from_logits || a->label_smoothing != 0.0 || a->z_loss != 0.0 ||
                                   a->softcap != 0.0)))
        return SXT_ERR_ARGUMENT;
    return SXT_OK;
}

static sxt_status check_arrays(const sxt_cross_entropy_args *a)
{
    sxt_status status = sxt_check_array(&a->logits);
    if (status == SXT_OK && (a->axis < 0 || a->axis >= a->logits.ndim))
        status = SXT_ERR_AXIS;
    if (status == SXT_OK && a->probs)
        status = sxt_check_like(a->probs, &a->logits);
    if (status == SXT_OK && a->grad)
        status = sxt_check_like(a->grad, &a->logits);
    if (status == SXT_OK && a->hess)
        status = sxt_check_like(a->hess, &a->logits);
    return status;
}

static int is_ignored(const sxt_cross_entropy_args *a, ptrdiff_t row)
{
    return a->labels && a->has_ignore_index && a->labels[row] == a->ignore_index;
}

static sxt_status check_labels(const sxt_cross_entropy_args *a, ptrdiff_t rows, ptrdiff_t classes,
                               ptrdiff_t *ignored, sxt_label_error *bad)
{
    const sxt_kernels *kernels = sxt_active_kernels();
    if (!kernels)
        return SXT_ERR_ISA;
    if (kernels->stretches->check_labels(a->labels, rows, classes, a->has_ignore_index ? &a->ignore_index : NULL, ignored))
        return SXT_OK;
    ptrdiff_t i = 0;
    while ((a->labels[i] >= 0 && a->labels[i] < classes) || is_ignored(a, i))
        i++;
    if (bad)
        *bad = (sxt_label_error){a->labels[i], i};
    return SXT_ERR_LABEL;
}

/* Sum over the rows that count of their weights: what the mean divides by. */
static double divisor(const sxt_cross_entropy_args *a, ptrdiff_t rows, ptrdiff_t ignored, const double *weight)
{
    if (!weight && !a->sample_weight)
        return (double)(rows - ignored);
    double sum = 0.0, low = 0.0;
    for (ptrdiff_t i = 0; i < rows; i++) {
        if (is_ignored(a, i))
            continue;
        double w = weight ? weight[a->labels[i]] : 1.0;
        w *= a->sample_weight ? a->sample_weight[i] : 1.0;
        double s = sum + w, t = s - sum;
        low += (sum - (s - t)) + (w - t);
        sum = s;
    }
    return sum + low;
}

/* In lanes: a single chain of comparisons costs more than all that is done with the weights otherwise. */
#define RANGE_LANES 8

static void range_of(const double *values, size_t n, double *least, double *most)
{
    double low[RANGE_LANES], high[RANGE_LANES];
    for (size_t k = 0; k < RANGE_LANES; k++)
        low[k] = high[k] = values[k < n ? k : 0];
    size_t even = n / RANGE_LANES * RANGE_LANES;
    for (size_t i = 0; i < even; i += RANGE_LANES)
        for (size_t k = 0; k < RANGE_LANES; k++) {
            low[k] = values[i + k] < low[k] ? values[i + k] : low[k];
            high[k] = values[i + k] > high[k] ? values[i + k] : high[k];
        }
    for (size_t i = even; i < n; i++) {
        low[0] = values[i] < low[0] ? values[i] : low[0];
        high[0] = values[i] > high[0] ? values[i] : high[0];
    }
    *least = low[0];
    *most = high[0];
    for (size_t k = 1; k < RANGE_LANES; k++) {
        *least = low[k] < *least ? low[k] : *least;
        *most = high[k] > *most ? high[k] : *most;
    }
}

/* Whether bases so far apart leave the grid of blend_tmpl.h fine enough, and numbers made of them normal. */
static int flat(double least, double most, double push_scale, int wide)
{
    double low = wide ? 0x1p-900 : 0x1p-100, high = wide ? 0x1p500 : 0x1p20, scale = fabs(push_scale);
    return least > low && most < high && most <= SXT_FLAT * least &&
           (scale == 0.0 || (least * scale > low && most * scale < high));
}

/* -base push_scale in two parts of the compute type. */
static void make_push(const double *base, size_t n, double push_scale, int wide, void *hi, void *lo)
{
    for (size_t c = 0; c < n; c++) {
        double push = -base[c] * push_scale;
        if (wide) {
            ((double *)hi)[c] = push;
            ((double *)lo)[c] = fma(-base[c], push_scale, -push);
        } else {
            ((float *)hi)[c] = (float)push;
            ((float *)lo)[c] = (float)(push - (double)(float)push);
        }
    }
}

/* Arrays of the general form and of a weighted blend, in one allocation. */
typedef struct {
    void *memory;
    double *base, *slope;
    void *base_here, *slope_here, *push_hi, *push_lo; /* in the compute type; the push in two parts */
} coefficients;

/* Each array begins on a line of the cache: vectors across two lines cost twice. */
#define LINE ((size_t)64)

static size_t lines(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

static sxt_status allocate(size_t n, int probs, int wide, coefficients *c)
{
    size_t item = wide ? sizeof(double) : sizeof(float), arrays = probs ? 2 : 1;
    size_t doubles = lines(n * sizeof(double)), items = lines(n * item);
    c->memory = aligned_alloc(LINE, arrays * (doubles + items) + 2 * items);
    if (!c->memory)
        return SXT_ERR_MEMORY;
    c->base = c->memory;
    c->slope = (double *)((char *)c->memory + doubles);
    c->base_here = (char *)c->memory + arrays * doubles;
    c->slope_here = (char *)c->base_here + items;
    c->push_hi = (char *)c->base_here + arrays * items;
    c->push_lo = (char *)c->push_hi + items;
    return SXT_OK;
}

/* The numbers in the compute type. */
static void convert(const double *from, size_t n, int wide, void *to)
{
    if (wide)
        memcpy(to, from, n * sizeof *from);
    for (size_t c = 0; !wide && c < n; c++)
        ((float *)to)[c] = (float)from[c];
}

/* base, and slope for class probabilities, with their copies in the compute type. */
static void make_coefficients(const sxt_cross_entropy_args *a, size_t n, int wide, const coefficients *to, sxt_job *job)
{
    double smooth = a->label_smoothing / (double)n, hi, lo;
    sxt_lanes_sum sum = {{0.0}, {0.0}};
    size_t even = n / SXT_TOTAL_LANES * SXT_TOTAL_LANES;
    for (size_t c = 0; c < n; c++)
        to->base[c] = (a->weight ? a->weight[c] : 1.0) * smooth;
    sxt_lanes_sum_add_rows(&sum, to->base, (ptrdiff_t)even);
    for (size_t c = even; c < n; c++)
        sxt_lanes_sum_add(&sum, (ptrdiff_t)(c - even), to->base[c] * SXT_TOTAL_SCALE, 0.0);
    sxt_lanes_sum_value(&sum, &hi, &lo);
    job->base_sum = a->weight ? (hi + lo) / SXT_TOTAL_SCALE : a->label_smoothing;
    convert(to->base, n, wide, to->base_here);
    job->base = to->base;
    job->base_here = to->base_here;
    if (!a->probs)
        return;
    for (size_t c = 0; c < n; c++)
        to->slope[c] = (a->weight ? a->weight[c] : 1.0) * job->share;
    convert(to->slope, n, wide, to->slope_here);
    job->slope = to->slope;
    job->slope_here = to->slope_here;
}

static void make_weighted(size_t n, int wide, const coefficients *to, sxt_job *job)
{
    make_push(to->base, n, job->push_scale, wide, to->push_hi, to->push_lo);
    job->push_hi = to->push_hi;
    job->push_lo = to->push_lo;
}

/* The units of math_tmpl.h. */
static void make_units(double scale, int wide, sxt_job *job)
{
    double step = LN2_F64_HI / scale, rest = (fma(-step, scale, LN2_F64_HI) + LN2_F64_LO) / scale;
    job->scaled = 1;
    job->log2e = LOG2E_F64 * scale;
    job->ln2_hi = wide ? step : (double)(float)step;
    job->ln2_lo = scale * (wide ? rest : (step - job->ln2_hi) + rest);
}

/* Which blend will do, if any. */
static sxt_blend choose_blend(const sxt_cross_entropy_args *a, size_t n, sxt_job *job)
{
    int wide = sxt_is_double(a->logits.dtype), scaled = a->logit_scale != 1.0;
    int optional = a->label_smoothing != 0.0 || a->z_loss != 0.0 || scaled;
    int scalable = !scaled || (!a->hess && a->logit_scale > 0x1p-20 && a->logit_scale < 0x1p20);
    if (!optional || !scalable || a->focal_gamma != 0.0 || !a->labels || !a->from_logits || a->softcap != 0.0 ||
        a->sample_weight || a->grad_output || !(fabs(job->grad_scale) < (double)INFINITY))
        return SXT_BLEND_NONE;
    if (a->label_smoothing == 0.0)
        return SXT_BLEND_SHARP;
    double smooth = a->label_smoothing / (double)n, least = 1.0, most = 1.0;
    if (a->weight)
        range_of(a->weight, n, &least, &most);
    if (!flat(least * smooth, most * smooth, job->push_scale, wide))
        return SXT_BLEND_NONE;
    job->base_one = a->weight ? 0.0 : smooth;
    job->base_most = most * smooth;
    job->base_sum = a->label_smoothing;
    return a->weight ? SXT_BLEND_WEIGHTED : SXT_BLEND_EVEN;
}

/* The form of the job: plain, blend or general. */
static sxt_status choose_form(const sxt_cross_entropy_args *a, ptrdiff_t classes, sxt_job *job, coefficients *c)
{
    int scaled = a->logit_scale != 1.0, changed = scaled || a->softcap != 0.0;
    c->memory = NULL;
    job->share = 1.0 - a->label_smoothing;
    job->push_scale = scaled ? job->grad_scale * a->logit_scale : job->grad_scale;
    job->blend = choose_blend(a, (size_t)classes, job);
    job->general = !job->blend && (a->label_smoothing != 0.0 || a->z_loss != 0.0 || changed || a->probs ||
                                   a->focal_gamma != 0.0);
    int wide = sxt_is_double(a->logits.dtype) || (changed && !job->blend);
    if (job->blend && scaled)
        make_units(a->logit_scale, wide, job);
    /* a Hessian takes the general form in any case */
    int needs = job->blend == SXT_BLEND_WEIGHTED || !job->blend || a->hess;
    if (!needs || (a->label_smoothing == 0.0 && !a->probs))
        return SXT_OK;
    sxt_status status = allocate((size_t)classes, a->probs != NULL, wide, c);
    if (status != SXT_OK)
        return status;
    make_coefficients(a, (size_t)classes, wide, c, job);
    if (job->blend == SXT_BLEND_WEIGHTED)
        make_weighted((size_t)classes, wide, c, job);
    return SXT_OK;
}

static double mean_of(const sxt_lanes_sum *sum, double count)
{
    double hi, lo;
    sxt_lanes_sum_value(sum, &hi, &lo);
    if (count == 0.0)
        return (double)NAN;
    return sxt_canonical((isfinite(hi) ? hi + lo : hi) / count / SXT_TOTAL_SCALE);
}

static sxt_status run(const sxt_cross_entropy_args *a, sxt_job *job, double mean, double z_mean)
{
    sxt_layout layout;
    sxt_total total;
    sxt_status status = sxt_layout_make(&layout, &a->logits, UINT64_C(1) << a->axis, a->grad, a->hess,
                                        a->probs, NULL);
    if (status != SXT_OK)
        return status;
    job->classes = layout.classes;
    if (a->from_logits)
        status = sxt_run(job, &layout, a->logits.dtype, &total);
    else
        status = sxt_run_from_probabilities(job, &layout, a->logits.dtype, &total);
    sxt_layout_free(&layout);
    if (status == SXT_OK && a->loss) {
        *a->loss = mean_of(&total.loss, mean);
        if (a->z_loss != 0.0)
            *a->loss = sxt_canonical(*a->loss + mean_of(&total.z, z_mean));
    }
    return status;
}

static sxt_status cross_entropy(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    sxt_status status = check_options(a);
    if (status == SXT_OK)
        status = check_arrays(a);
    if (status != SXT_OK)
        return status;
    ptrdiff_t rows = 1, ignored = 0, classes = a->logits.shape[a->axis];
    for (int i = 0; i < a->logits.ndim; i++)
        rows *= i == a->axis ? 1 : a->logits.shape[i];
    if (classes == 0)
        return SXT_ERR_EMPTY;
    if (a->labels)
        status = check_labels(a, rows, classes, &ignored, bad);
    if (status != SXT_OK)
        return status;
    double mean = 1.0, z_mean = 1.0;
    if (a->reduction == SXT_MEAN) {
        z_mean = divisor(a, rows, ignored, NULL);
        mean = a->weight && a->labels ? divisor(a, rows, ignored, a->weight) : z_mean;
    }
    sxt_job job = {
        .op = a->labels ? SXT_OP_LABEL : SXT_OP_DENSE,
        .dtype = a->logits.dtype,
        .labels = a->labels,
        .has_ignore_index = a->has_ignore_index,
        .ignore_index = a->ignore_index,
        .weight = a->weight,
        .sample_weight = a->sample_weight,
        .grad_output = a->grad_output,
        .grad_scale = mean == 0.0 ? 0.0 : a->grad_scale / mean,
        .z_loss = a->z_loss,
        .z_scale = z_mean == 0.0 ? 0.0 : a->grad_scale / z_mean,
        .row_out = a->row_losses,
        .want_sum = a->loss != NULL,
        .logit_scale = a->logit_scale,
        .softcap = a->softcap,
        .focal_gamma = a->focal_gamma,
    };
    coefficients arrays;
    status = choose_form(a, classes, &job, &arrays);
    if (status == SXT_OK)
        status = run(a, &job, mean, z_mean);
    free(arrays.memory);
    return status;
}

/* A Hessian takes the general form, in double where logits are scaled; the gradient keeps the bits that it has
 * without one. The output that takes the logits' place is last. */
static sxt_status scaled_hessian(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    sxt_cross_entropy_args gradient = *a, hessian = *a;
    gradient.hess = hessian.grad = NULL;
    hessian.loss = NULL;
    hessian.row_losses = NULL;
    int gradient_last = a->grad && a->grad->data == a->logits.data;
    sxt_status status = cross_entropy(gradient_last ? &hessian : &gradient, bad);
    return status == SXT_OK ? cross_entropy(gradient_last ? &gradient : &hessian, bad) : status;
}

sxt_status sxt_cross_entropy(const sxt_cross_entropy_args *a, sxt_label_error *bad)
{
    int twice = a && a->hess && a->labels && a->logit_scale != 1.0 && a->softcap == 0.0 && a->focal_gamma == 0.0;
    SXT_ENTRY(twice ? scaled_hessian(a, bad) : cross_entropy(a, bad));
}
