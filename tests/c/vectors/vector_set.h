/* vector_set.h - what the test of the vector operations asks of one instruction set. */
#ifndef SXT_TEST_VECTOR_SET_H
#define SXT_TEST_VECTOR_SET_H

#include <stddef.h>
#include <stdint.h>

#include "numbers/dtypes.h"

/* Operations on lanes, of up to three numbers each: name, how many, and whether the bits of a NaN are told, too
 * (arithmetic leaves them to the processor). x, y and z are the vectors, m and o masks of x < y and of y == z. */
#define LANE_OPERATIONS(X)                                                                         \
    X(load, x, 1)                                                                                  \
    X(held, V(held)(x), 1)                                                                         \
    X(set1, V(set1)((T)0x1.8p3), 1)                                                                \
    X(add, V(add)(x, y), 0)                                                                        \
    X(sub, V(sub)(x, y), 0)                                                                        \
    X(mul, V(mul)(x, y), 0)                                                                        \
    X(div, V(div)(x, y), 0)                                                                        \
    X(fma, V(fma)(x, y, z), 0)                                                                     \
    X(fnma, V(fnma)(x, y, z), 0)                                                                   \
    X(max, V(max)(x, y), 1)                                                                        \
    X(min, V(min)(x, y), 1)                                                                        \
    X(lesser, V(lesser)(x, y, V(max)(x, y)), 1)                                                    \
    X(abs, V(abs)(x), 1)                                                                           \
    X(lt, V(select)(V(lt)(x, y), x, z), 1)                                                         \
    X(eq, V(select)(V(eq)(x, y), x, z), 1)                                                         \
    X(unord, V(select)(V(unord)(x, y), y, z), 1)                                                   \
    X(ieq, V(select)(V(ieq)(V(bits)(x), V(bits)(y)), y, z), 1)                                     \
    X(mor, V(select)(V(mor)(m, o), x, y), 1)                                                       \
    X(mnone, V(select)(V(mnone)(), x, y), 1)                                                       \
    X(iselect, V(float)(V(iselect)(m, V(bits)(y), V(bits)(z))), 1)                                 \
    X(iadd, V(float)(V(iadd)(V(bits)(x), V(bits)(y))), 1)                                          \
    X(isub, V(float)(V(isub)(V(bits)(x), V(bits)(y))), 1)                                          \
    X(iset1, V(float)(V(iset1)(0x12345678)), 1)                                                    \
    X(shl, V(float)(V(shl)(V(bits)(x))), 1)

enum {
#define ONE_NUMBER(name, expression, exact) LANE_##name,
    LANE_OPERATIONS(ONE_NUMBER) LANE_COUNT
#undef ONE_NUMBER
};

/* Elements at once: a multiple of the lanes of every set. */
enum { VECTOR_ELEMENTS = 64 };

typedef struct {
    const char *isa;
    /* Operation on VECTOR_ELEMENTS numbers of SXT_F32 or SXT_F64. */
    void (*lanes)(int operation, sxt_dtype dtype, const void *x, const void *y, const void *z, void *out);
    /* n elements of the type as floats or doubles, by whole vectors or with a last one that is not; and back. */
    void (*read)(sxt_dtype dtype, const void *from, void *to, ptrdiff_t n);
    void (*put)(sxt_dtype dtype, const void *from, void *to, ptrdiff_t n);
    /* Checks of operations across lanes, on VECTOR_ELEMENTS numbers none of which is NaN. */
    void (*across)(sxt_dtype dtype, const void *x);
} vector_set;

#endif
