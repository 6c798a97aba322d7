/* each_storage_type.h - reads TEMPLATE for each type in memory: template.h. */
#ifndef TEMPLATE
#error "each_storage_type.h: TEMPLATE has to be the file to be read"
#endif
#if !defined(SXT_TEMPLATE_H) || defined(K) || defined(S)
#error "each_storage_type.h: include template.h first, and nothing of the kind inside a template"
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
