/* storage.h - storage_tmpl.h for each type in memory. */
#ifndef SXT_STORAGE_H
#define SXT_STORAGE_H

#include "numbers/elements16.h"
#include "vectors/template.h"

#define TEMPLATE "numbers/storage_tmpl.h"
#include "vectors/storage_types.h"

/* Memory that holds the compute type. */
#define f32_read f32s_read
#define f64_read f64s_read
#define f32_put f32s_put
#define f64_put f64s_put

#endif
