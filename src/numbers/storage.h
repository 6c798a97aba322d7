/* storage.h - storage_tmpl.h for each type in memory. */
#ifndef SXT_STORAGE_H
#define SXT_STORAGE_H

#include "vectors/template.h"

#define TEMPLATE "numbers/storage_tmpl.h"
#include "vectors/each_storage_type.h"

/* Memory that holds the compute type. */
#define f32_read f32s_read
#define f64_read f64s_read
#define f32_put f32s_put
#define f64_put f64s_put

#endif
