/* one_set.c - the vector operations of one instruction set as functions of arrays: vector_set.h. */
#include "vector_set.h"

#include "assertions.h"

#include "numbers/storage.h"
#include "vectors/each.h"

#define TEMPLATE "across_tmpl.h"
#include "vectors/compute_types.h"

#define TEMPLATE "lanes_tmpl.h"
#include "vectors/compute_types.h"

#define TEMPLATE "memory_tmpl.h"
#include "vectors/storage_types.h"

static void lanes(int operation, sxt_dtype dtype, const void *x, const void *y, const void *z, void *out)
{
    if (sxt_is_double(dtype))
        f64_lanes(operation, x, y, z, out);
    else
        f32_lanes(operation, x, y, z, out);
}

static void across(sxt_dtype dtype, const void *x)
{
    if (sxt_is_double(dtype))
        f64_across(x);
    else
        f32_across(x);
}

static void read_elements(sxt_dtype dtype, const void *from, void *to, ptrdiff_t n)
{
    switch (dtype) {
#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    case NAME:                                                                                     \
        name##s_read_all(from, to, n);                                                             \
        break;
#include "dtypes.def"
#undef SXT_DTYPE
    }
}

static void put_elements(sxt_dtype dtype, const void *from, void *to, ptrdiff_t n)
{
    switch (dtype) {
#define SXT_DTYPE(NAME, name, bytes, compute)                                                      \
    case NAME:                                                                                     \
        name##s_put_all(from, to, n);                                                              \
        break;
#include "dtypes.def"
#undef SXT_DTYPE
    }
}

extern const vector_set SXT_OF_ISA(vector_set);
const vector_set SXT_OF_ISA(vector_set) = {SXT_TEXT(SXT_ISA), lanes, read_elements, put_elements, across};
