/* storage_types.h - the types in memory, as templates see them: template.h. With TEMPLATE defined this reads it for
 * each of them. */
#ifndef SXT_STORAGE_TYPES_H
#define SXT_STORAGE_TYPES_H

#define ST N(ST)
#define ST_IS_T N(IS_T)
#define ST_IS_ANY N(IS_ANY)
#define ST_IN_LANES N(IN_LANES)
#define LOAD N(load)
#define LOADN N(loadn)
#define STORE N(store)
#define STOREN N(storen)

/* A type without vector operations of its own has IN_LANES 0: numbers/storage_tmpl.h goes through its elements one
 * by one, with the functions of numbers/elements16.h. */
typedef uint16_t f16s_ST;
#define f16s_IS_T 0
#define f16s_IS_ANY 0
#define f16s_IN_LANES f32_HAS_16_BITS
#define f16s_to_double sxt_get_f16
#define f16s_from_double sxt_put_f16
#if f32_HAS_16_BITS
#define f16s_load f32_load_f16
#define f16s_loadn f32_loadn_f16
#define f16s_store f32_store_f16
#define f16s_storen f32_storen_f16
#endif

typedef uint16_t bf16s_ST;
#define bf16s_IS_T 0
#define bf16s_IS_ANY 0
#define bf16s_IN_LANES f32_HAS_16_BITS
#define bf16s_to_double sxt_get_bf16
#define bf16s_from_double sxt_put_bf16
#if f32_HAS_16_BITS
#define bf16s_load f32_load_bf16
#define bf16s_loadn f32_loadn_bf16
#define bf16s_store f32_store_bf16
#define bf16s_storen f32_storen_bf16
#endif

typedef float f32s_ST;
#define f32s_IS_T 1
#define f32s_IS_ANY 0
#define f32s_IN_LANES 1
#define f32s_load f32_load
#define f32s_loadn f32_loadn
#define f32s_store f32_store
#define f32s_storen f32_storen

typedef double f64s_ST;
#define f64s_IS_T 1
#define f64s_IS_ANY 0
#define f64s_IN_LANES 1
#define f64s_load f64_load
#define f64s_loadn f64_loadn
#define f64s_store f64_store
#define f64s_storen f64_storen

/* Any of them, told at run time. */
typedef char anys_ST;
#define anys_IS_T 0
#define anys_IS_ANY 1

#endif

#ifdef TEMPLATE
#if defined(K) || defined(S)
#error "storage_types.h: a template includes nothing that has templates"
#endif

#define K f32
#define S f16s
#include TEMPLATE
#undef S
#define S bf16s
#include TEMPLATE
#undef S
#define S f32s
#include TEMPLATE
#undef S
#undef K

#define K f64
#define S f64s
#include TEMPLATE
#undef S
#undef K

#undef TEMPLATE
#endif
