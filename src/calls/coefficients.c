/* coefficients.c - what -log p of each class is multiplied with (kernels.h), in arrays for the kernels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calls/cross_entropy_call.h"
#include "machine/lines.h"
#include "vectors/fused.h"

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

void sxt_set_flat_base(const sxt_cross_entropy_args *a, int wide, sxt_job *job)
{
    double smooth = a->label_smoothing / (double)job->classes, least = 1.0, most = 1.0;
    if (a->weight)
        range_of(a->weight, (size_t)job->classes, &least, &most);
    if (!flat(least * smooth, most * smooth, job->push_scale, wide))
        return;
    job->base_one = a->weight ? 0.0 : smooth;
    job->base_most = most * smooth;
    job->base_sum = a->label_smoothing;
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

/* Each array begins on a line of the cache: vectors across two lines cost twice. */
static size_t lines(size_t bytes) { return (bytes + SXT_LINE - 1) / SXT_LINE * SXT_LINE; }

static sxt_status allocate(size_t n, int probs, int wide, sxt_coefficients *c)
{
    size_t item = wide ? sizeof(double) : sizeof(float), arrays = probs ? 2 : 1;
    size_t doubles = lines(n * sizeof(double)), items = lines(n * item);
    c->memory = sxt_new_lines(arrays * (doubles + items) + 2 * items);
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

/* A sum to twice the precision in lanes, for the same reason. */
typedef struct {
    double hi[RANGE_LANES], lo[RANGE_LANES];
} lanes_sum;

static inline void lanes_sum_add(lanes_sum *sum, size_t lane, double hi, double lo)
{
    double before = sum->hi[lane], s = before + hi, t = s - before;
    sum->hi[lane] = s;
    sum->lo[lane] += ((before - (s - t)) + (hi - t)) + lo;
}

static void lanes_sum_all(lanes_sum *sum, const double *values, size_t n)
{
    size_t even = n / RANGE_LANES * RANGE_LANES;
    for (size_t i = 0; i < even; i += RANGE_LANES)
        for (size_t k = 0; k < RANGE_LANES; k++)
            lanes_sum_add(sum, k, values[i + k] * SXT_TOTAL_SCALE, 0.0);
    for (size_t i = even; i < n; i++)
        lanes_sum_add(sum, i - even, values[i] * SXT_TOTAL_SCALE, 0.0);
}

static void lanes_sum_value(const lanes_sum *sum, double *hi, double *lo)
{
    lanes_sum all = {{0.0}, {0.0}};
    for (size_t k = 0; k < RANGE_LANES; k++)
        lanes_sum_add(&all, 0, sum->hi[k], sum->lo[k]);
    *hi = all.hi[0];
    *lo = all.lo[0];
}

/* base, and slope for class probabilities, with their copies in the compute type. */
static void make_base(const sxt_cross_entropy_args *a, size_t n, int wide, const sxt_coefficients *to, sxt_job *job)
{
    double smooth = a->label_smoothing / (double)n, hi, lo;
    lanes_sum sum = {{0.0}, {0.0}};
    for (size_t c = 0; c < n; c++)
        to->base[c] = (a->weight ? a->weight[c] : 1.0) * smooth;
    lanes_sum_all(&sum, to->base, n);
    lanes_sum_value(&sum, &hi, &lo);
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

sxt_status sxt_make_coefficients(const sxt_cross_entropy_args *a, int wide, sxt_job *job, sxt_coefficients *arrays)
{
    size_t n = (size_t)job->classes;
    sxt_status status = allocate(n, a->probs != NULL, wide, arrays);
    if (status != SXT_OK)
        return status;
    make_base(a, n, wide, arrays, job);
    if (job->blend == SXT_BLEND_WEIGHTED) {
        make_push(arrays->base, n, job->push_scale, wide, arrays->push_hi, arrays->push_lo);
        job->push_hi = arrays->push_hi;
        job->push_lo = arrays->push_lo;
    }
    return SXT_OK;
}
