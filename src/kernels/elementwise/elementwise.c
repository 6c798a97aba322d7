/* elementwise.c - the elementwise functions of one instruction set. */
#include "kernels/elementwise/elementwise.h"

#include "kernels/elementwise/elementwise_f32.h"
#include "kernels/elementwise/elementwise_f64.h"
#include "numbers/math.h"
#include "numbers/storage.h"

#define TEMPLATE "kernels/elementwise/elementwise_tmpl.h"
#include "vectors/each_storage_type.h"

#define OF_TYPE(S) {S##_sigmoid, S##_log_sigmoid, S##_binary}

extern const sxt_element_kernels SXT_OF_ISA(sxt_elements)[];
const sxt_element_kernels SXT_OF_ISA(sxt_elements)[] = {OF_TYPE(f16s), OF_TYPE(bf16s), OF_TYPE(f32s), OF_TYPE(f64s)};
