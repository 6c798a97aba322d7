/* each_compute_type.h - reads TEMPLATE for float and for double: template.h. */
#ifndef TEMPLATE
#error "each_compute_type.h: TEMPLATE has to be the file to be read"
#endif
#if !defined(SXT_TEMPLATE_H) || defined(K)
#error "each_compute_type.h: include template.h first, and nothing of the kind inside a template"
#endif

#define K f32
#include TEMPLATE
#undef K

#define K f64
#include TEMPLATE
#undef K

#undef TEMPLATE
