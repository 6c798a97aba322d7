/* template.h - how code is written once for all element types: the protocol of the templates.
 *
 * A template is a file whose name ends in _tmpl.h. It includes nothing and is read once for each type; the header or
 * unit that instances it includes before it whatever it uses. Most are instanced for all types at once:
 *
 *     #define TEMPLATE "numbers/math_tmpl.h"
 *     #include "vectors/each_compute_type.h"
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

/* ---- storage types ---------------------------------------------------------------------------------------- */

#define ST N(ST)
#define ST_IS_T N(IS_T)
#define ST_IS_ANY N(IS_ANY)
#define LOAD N(load)
#define LOADN N(loadn)
#define STORE N(store)
#define STOREN N(storen)

typedef uint16_t f16s_ST;
#define f16s_IS_T 0
#define f16s_IS_ANY 0
#define f16s_load f32_load_f16
#define f16s_loadn f32_loadn_f16
#define f16s_store f32_store_f16
#define f16s_storen f32_storen_f16

typedef uint16_t bf16s_ST;
#define bf16s_IS_T 0
#define bf16s_IS_ANY 0
#define bf16s_load f32_load_bf16
#define bf16s_loadn f32_loadn_bf16
#define bf16s_store f32_store_bf16
#define bf16s_storen f32_storen_bf16

typedef float f32s_ST;
#define f32s_IS_T 1
#define f32s_IS_ANY 0
#define f32s_load f32_load
#define f32s_loadn f32_loadn
#define f32s_store f32_store
#define f32s_storen f32_storen

typedef double f64s_ST;
#define f64s_IS_T 1
#define f64s_IS_ANY 0
#define f64s_load f64_load
#define f64s_loadn f64_loadn
#define f64s_store f64_store
#define f64s_storen f64_storen

typedef char anys_ST;
#define anys_IS_T 0
#define anys_IS_ANY 1

#endif
