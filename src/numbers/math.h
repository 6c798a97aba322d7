/* math.h - exponentials, their sums and the dense sums of both compute types: math_tmpl.h, dense_tmpl.h; and the
 * numbers of a compute type by the names that templates use (vectors/template.h). */
#ifndef SXT_MATH_H
#define SXT_MATH_H

#include "numbers/constants.h"
#include "numbers/grids.h"
#include "numbers/scalar_math.h"
#include "numbers/wide_f32.h"
#include "numbers/wide_f64.h"
#include "vectors/template.h"

#define BIAS V(BIAS)
#define GRID V(GRID)
#define LOWEST_UNIT V(LOWEST_UNIT)
#define DENSE_LOW V(DENSE_LOW)
#define DENSE_HIGH V(DENSE_HIGH)
#define DENSE_TOO_LARGE V(DENSE_TOO_LARGE)
/* Distances from the maximum are summed times this, so that that of any two finite logits is finite. */
#define DENSE_SCALE ((T)0x1p-10)
/* Additions before the lanes of an integer accumulator could overflow, with room for any number of lanes. */
#define FLUSH 512
/* 1.5 2^BITS: adding it rounds to an integer, which then stands in the low bits. */
#define ROUND ((T)(3ull << (BITS - 1)))

#define LN2_HI V(LN2_HI)
#define LN2_LO V(LN2_LO)
#define LOG2E V(LOG2E)
#define f32_LN2_HI LN2_F32_HI
#define f32_LN2_LO LN2_F32_LO
#define f32_LOG2E LOG2E_F32
#define f64_LN2_HI LN2_F64_HI
#define f64_LN2_LO LN2_F64_LO
#define f64_LOG2E LOG2E_F64

#define TEMPLATE "numbers/math_tmpl.h"
#include "vectors/compute_types.h"

#define TEMPLATE "numbers/exp_each_tmpl.h"
#include "vectors/compute_types.h"

#define TEMPLATE "numbers/dense_tmpl.h"
#include "vectors/compute_types.h"

#endif
