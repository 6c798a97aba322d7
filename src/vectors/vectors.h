/* vectors.h - the vector operations of the instruction set that a unit is compiled for. */
#ifndef SXT_VECTORS_H
#define SXT_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vectors/fused.h"

#ifndef SXT_ISA
#error "vectors.h: SXT_ISA has to be a name of isa.def; CMakeLists.txt defines it for each set"
#endif

#define SXT_CAT_(a, b) a##_##b
#define SXT_CAT(a, b) SXT_CAT_(a, b)
#define SXT_TEXT_(a) #a
#define SXT_TEXT(a) SXT_TEXT_(a)

/* What a unit exports of its set: name_avx2, ... */
#define SXT_OF_ISA(name) SXT_CAT(name, SXT_ISA)

/* Operations on lanes. */
#define SXT_INLINE static inline __attribute__((always_inline))

#include SXT_TEXT(vectors/SXT_CAT(vec, SXT_ISA).h)

#endif
