/* total.h - sums of row losses to twice the precision, in lanes: row i of a task goes to lane i mod 8, in the
 * order of the rows, so that rows side by side add to lanes side by side and every instruction set gives
 * the same bits. */
#ifndef SXT_TOTAL_H
#define SXT_TOTAL_H

#include <stddef.h>

/* Totals are kept in these units: they leave room for sums beyond the largest number, whose mean may lie
 * below it. */
#define SXT_TOTAL_SCALE 0x1p-8
#define SXT_TOTAL_LANES 8

typedef struct {
    double hi[SXT_TOTAL_LANES], lo[SXT_TOTAL_LANES];
} sxt_lanes_sum;

/* Of the cross-entropy, and of z_loss, which has its own divisor. */
typedef struct {
    sxt_lanes_sum loss, z;
} sxt_total;

static inline void sxt_lanes_sum_add(sxt_lanes_sum *sum, ptrdiff_t lane, double hi, double lo)
{
    double before = sum->hi[lane], s = before + hi, t = s - before;
    sum->hi[lane] = s;
    sum->lo[lane] += ((before - (s - t)) + (hi - t)) + lo;
}

/* losses[i] times scale is that of row first + i of the task; first is a multiple of the lanes, n too. */
static inline void sxt_lanes_sum_add_rows(sxt_lanes_sum *sum, const double *losses, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += SXT_TOTAL_LANES)
        for (ptrdiff_t k = 0; k < SXT_TOTAL_LANES; k++)
            sxt_lanes_sum_add(sum, k, losses[i + k] * SXT_TOTAL_SCALE, 0.0);
}

static inline void sxt_total_merge(sxt_total *total, const sxt_total *part)
{
    for (ptrdiff_t k = 0; k < SXT_TOTAL_LANES; k++) {
        sxt_lanes_sum_add(&total->loss, k, part->loss.hi[k], part->loss.lo[k]);
        sxt_lanes_sum_add(&total->z, k, part->z.hi[k], part->z.lo[k]);
    }
}

/* All lanes as hi + lo; hi alone when it is not finite. */
static inline void sxt_lanes_sum_value(const sxt_lanes_sum *sum, double *hi, double *lo)
{
    sxt_lanes_sum all = {{0.0}, {0.0}};
    for (ptrdiff_t k = 0; k < SXT_TOTAL_LANES; k++)
        sxt_lanes_sum_add(&all, 0, sum->hi[k], sum->lo[k]);
    *hi = all.hi[0];
    *lo = all.lo[0];
}

#endif
