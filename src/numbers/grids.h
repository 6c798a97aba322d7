/* grids.h - where terms and sums of exponentials stand, for each compute type; and a sum on two grids. Plain C.
 * What the numbers are for is told in math_tmpl.h and dense_tmpl.h. */
#ifndef SXT_GRIDS_H
#define SXT_GRIDS_H

#include <stdint.h>

/* A term is held times 2^BIAS, so that what can matter of it stays a normal number. */
#define f32_BIAS 75
#define f64_BIAS 300
/* Binades from the coarse grid of a sum to its largest term, and from the fine grid to the coarse one: as many as
 * leave a lane room for the terms between two flushes. */
#define f32_GRID 22
#define f64_GRID 51
#define f32_GRID_STEPS 0x1p22 /* 2^GRID */
#define f64_GRID_STEPS 0x1p51
/* The lowest grid, in binades below the maximum: keeps M2 normal. */
#define f32_LOWEST_UNIT (-157)
#define f64_LOWEST_UNIT (-1220)
/* Bounds on the exponent of a dense sum's largest term, which keep M1 and M2 normal; and the first bound beyond. */
#define f32_DENSE_LOW (-105.0)
#define f32_DENSE_HIGH 122.0
#define f32_DENSE_TOO_LARGE 0x1p123
#define f64_DENSE_LOW (-900.0)
#define f64_DENSE_HIGH 1018.0
#define f64_DENSE_TOO_LARGE 0x1p1019

/* A sum on two grids as integers, in units of 2^32 steps of the grid and the rest: dense_tmpl.h. */
typedef struct {
    int64_t coarse_hi, fine_hi;
    uint64_t coarse_lo, fine_lo;
} sxt_grid_sum;

#endif
