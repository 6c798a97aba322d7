/* elementwise.c - the elementwise functions of one instruction set. */
#include "kernels/elementwise/elementwise.h"

#include "kernels/elementwise/elementwise_f32.h"
#include "kernels/elementwise/elementwise_f64.h"
#include "numbers/math.h"
#include "numbers/storage.h"

#define TEMPLATE "kernels/elementwise/elementwise_tmpl.h"
#include "vectors/storage_types.h"

#define OF_TYPE(S) {S##_sigmoid, S##_log_sigmoid, S##_binary}

extern const sxt_element_kernels SXT_OF_ISA(sxt_elements)[];
const sxt_element_kernels SXT_OF_ISA(sxt_elements)[] = {
#define SXT_DTYPE(NAME, name, bytes, compute) [NAME] = OF_TYPE(name##s),
#include "dtypes.def"
#undef SXT_DTYPE
};
