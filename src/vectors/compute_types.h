/* compute_types.h - reads TEMPLATE for float and for double: template.h. */
#ifndef TEMPLATE
#error "compute_types.h: TEMPLATE has to be the file to be read"
#endif
#if !defined(SXT_TEMPLATE_H) || defined(K)
#error "compute_types.h: template.h comes first, and a template includes nothing that has templates"
#endif

#define K f32
#include TEMPLATE
#undef K

#define K f64
#include TEMPLATE
#undef K

#undef TEMPLATE
