/* vjp.h - what the vector-Jacobian products of softmax and log-softmax ask of one instruction set. Private
 * to the library.
 *
 *     softmax:      out = p (g - dot),        dot = sum g p
 *     log-softmax:  out = g - exp(l) total,   total = sum g
 *
 * All types are computed in double. The sum is exact up to a grid that hangs on the row's largest term, as
 * in math_tmpl.h: a sweep finds the largest term, the next cuts the terms, with the rounding errors of
 * the products, on the grid and on one 2^51 times finer, and adds integers. Neither order nor lanes,
 * blocks and threads can change it; it is off by less than C 2^-102 of the largest term. */
#ifndef SXT_VJP_H
#define SXT_VJP_H

#include "kernels/kernels.h"

#define SXT_VJP_LANES 16
/* Elements in a block. */
#define VJP_BLOCK 2048

typedef struct {
    sxt_dtype dtype;
    int log;
    ptrdiff_t classes;
} sxt_vjp_job;

/* What the sums of up to 16 rows, or of 16 shares of one row, have come to. */
typedef struct {
    double most[SXT_VJP_LANES], least[SXT_VJP_LANES]; /* terms, NaN aside */
    int nan[SXT_VJP_LANES];
    double factor[SXT_VJP_LANES], m1[SXT_VJP_LANES], m2[SXT_VJP_LANES], exponent[SXT_VJP_LANES];
    int64_t a_hi[SXT_VJP_LANES], b_hi[SXT_VJP_LANES]; /* in units of 2^32 grids, and the rest */
    uint64_t a_lo[SXT_VJP_LANES], b_lo[SXT_VJP_LANES];
    double hi[SXT_VJP_LANES], lo[SXT_VJP_LANES]; /* the sum as a number */
} sxt_vjp_lanes;

/* The sum of a lane grows by that of another. */
static inline void sxt_vjp_add_sum(sxt_vjp_lanes *to, int lane, const sxt_vjp_lanes *from, int other)
{
    to->a_hi[lane] += from->a_hi[other];
    to->a_lo[lane] += from->a_lo[other];
    to->b_hi[lane] += from->b_hi[other];
    to->b_lo[lane] += from->b_lo[other];
}

/* Rows [first, first + rows) of a plane side by side; or with `along` one row, contiguous in all arrays,
 * whose classes are dealt out to the lanes. */
typedef struct {
    const sxt_plane *plane; /* x: grad_output, t: probabilities, y: result */
    ptrdiff_t first, rows;
    int along;
} sxt_vjp_strip;

/* The sweeps over the classes of a strip: the largest terms, the sum, the results. */
enum { SXT_VJP_SCAN, SXT_VJP_SUM, SXT_VJP_WRITE };

typedef struct sxt_vjp_kernels {
    void (*plane)(const sxt_vjp_job *job, const sxt_plane *plane);
    /* For one long row: a sweep over a range of its classes, prepare after the scans, finish after the
     * sums. Lanes start as zeros. */
    void (*range)(int sweep, const sxt_vjp_job *job, const sxt_vjp_strip *strip, ptrdiff_t begin,
                  ptrdiff_t end, sxt_vjp_lanes *lanes);
    void (*prepare)(const sxt_vjp_strip *strip, sxt_vjp_lanes *lanes);
    void (*finish)(const sxt_vjp_strip *strip, sxt_vjp_lanes *lanes);
} sxt_vjp_kernels;

/* Whether the classes of the plane's rows are contiguous everywhere. */
static inline int sxt_vjp_is_contiguous(const sxt_plane *plane, ptrdiff_t item)
{
    return plane->blocks == 1 && plane->x.cls == item && plane->t.cls == item && plane->y.cls == item;
}

#endif
