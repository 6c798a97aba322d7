/* template.h - how code is written once for all element types: the protocol of the templates.
 *
 * A template is a file whose name ends in _tmpl.h. It includes nothing and is read once for each type; the header or
 * unit that instances it includes before it whatever it uses. Most are instanced for all types at once:
 *
 *     #define TEMPLATE "numbers/math_tmpl.h"
 *     #include "vectors/compute_types.h"
 *
 * A template has two parameters, and all else follows from them, so that nothing else is defined before it or
 * undefined behind it:
 *
 *     K  the compute type, what lanes hold: f32 or f64
 *     S  the storage type, what memory holds: f16s, bf16s, f32s, f64s; or anys, one that is known at run time.
 *        Templates of a compute type alone have none.
 *
 *     V(name)           a name of the compute type: f32_name or f64_name; N(name) one of the storage type
 *     T                 float or double
 *     KV, KI, KM        vectors of T, of integers of that width, masks; V(W) is the number of lanes
 *     V(int), V(uint)   an integer of that width
 *     BITS              stored bits of the mantissa, EXPONENT_BIAS of the exponent
 *     SXT_T_IS_F32      1 or 0; for #if, as the following
 *     ST                the C type in memory
 *     ST_IS_T           whether memory holds T
 *     ST_IN_LANES       whether the set has vector operations to load and store it
 *     ST_IS_ANY         whether S is anys, which has no ST to load
 *     LOAD, LOADN       a vector of T from W elements, and from the first n of them (0 in the others)
 *     STORE, STOREN     back
 *
 * numbers/math.h adds the numbers of a compute type: BIAS, GRID, ... Functions on lanes are SXT_INLINE, of which the
 * meaning is in vec_scalar.h; scalar ones without branches, which loops over rows may put side by side, are SXT_FN.
 * A macro that one template defines for itself it undefines at its end. */
#ifndef SXT_TEMPLATE_H
#define SXT_TEMPLATE_H

#include "vectors/vectors.h"

#define V(name) SXT_CAT(K, name)
#define N(name) SXT_CAT(S, name)

/* ---- compute types: each name below stands for K's, wherever it is used --------------------------------- */

#define T V(T)
#define KV V(v)
#define KI V(i)
#define KM V(m)
#define BITS V(BITS)
#define EXPONENT_BIAS V(EXPONENT_BIAS)
#define SXT_T_IS_F32 V(IS_F32)

typedef float f32_T;
typedef int32_t f32_int;
typedef uint32_t f32_uint;
#define f32_IS_F32 1
#define f32_BITS 23
#define f32_EXPONENT_BIAS 127
#define f32_scalar_fma fmaf

typedef double f64_T;
typedef int64_t f64_int;
typedef uint64_t f64_uint;
#define f64_IS_F32 0
#define f64_BITS 52
#define f64_EXPONENT_BIAS 1023
#define f64_scalar_fma fma

#include "vectors/storage_types.h"

#endif
