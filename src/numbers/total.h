/* total.h - sums of row losses, without rounding (exact_sum.h): the same whatever the order of the rows, their tasks and
 * the cut of the batch. Values wait until they are many, since a block of them costs little more than one. */
#ifndef SXT_TOTAL_H
#define SXT_TOTAL_H

#include <stddef.h>

#include "numbers/exact_sum.h"

/* Totals are kept in these units: they leave room for sums beyond the largest number, whose mean may lie
 * below it. */
#define SXT_TOTAL_SCALE 0x1p-8
#define SXT_TOTAL_WAITING 128

typedef struct {
    ptrdiff_t waiting;
    int begun; /* whether `sum` holds anything; not set before */
    double values[SXT_TOTAL_WAITING];
    sxt_exact sum;
} sxt_loss_sum;

/* Of the cross-entropy, and of z_loss, which has its own divisor. */
typedef struct {
    sxt_loss_sum loss, z;
} sxt_total;

static inline void sxt_total_open(sxt_total *total)
{
    total->loss.waiting = total->z.waiting = 0;
    total->loss.begun = total->z.begun = 0;
}

/* Everything into `sum`. */
static inline void sxt_loss_sum_flush(sxt_loss_sum *to)
{
    if (!to->begun)
        memset(&to->sum, 0, sizeof to->sum);
    to->begun = 1;
    sxt_exact_add_doubles(&to->sum, to->values, to->waiting);
    to->waiting = 0;
}

static inline void sxt_loss_sum_add(sxt_loss_sum *to, double value)
{
    to->values[to->waiting++] = value;
    if (to->waiting == SXT_TOTAL_WAITING)
        sxt_loss_sum_flush(to);
}

static inline void sxt_loss_sum_merge(sxt_loss_sum *to, sxt_loss_sum *part)
{
    sxt_loss_sum_flush(to);
    sxt_loss_sum_flush(part);
    sxt_exact_merge(&to->sum, &part->sum);
}

static inline void sxt_total_merge(sxt_total *total, sxt_total *part)
{
    sxt_loss_sum_merge(&total->loss, &part->loss);
    sxt_loss_sum_merge(&total->z, &part->z);
}

#endif
