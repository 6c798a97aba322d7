/* each.h - each_tmpl.h for both compute types. */
#ifndef SXT_EACH_H
#define SXT_EACH_H

#include "vectors/template.h"

#define TEMPLATE "vectors/each_tmpl.h"
#include "vectors/compute_types.h"

#endif
