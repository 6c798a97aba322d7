/* stretches.c - the kernels for stretches of memory, of one instruction set. */
#include "kernels/stretches/stretches.h"

#include "kernels/stretches/factor_sum.h"
#include "kernels/stretches/labels.h"
#include "kernels/stretches/linear_cap.h"
#include "numbers/exp_sum.h"
#include "numbers/math.h"
#include "numbers/storage.h"

#define TEMPLATE "kernels/stretches/exp_sum_tmpl.h"
#include "vectors/each_compute_type.h"

#define TEMPLATE "kernels/stretches/linear_tmpl.h"
#include "vectors/each_compute_type.h"

#define TEMPLATE "kernels/stretches/convert_tmpl.h"
#include "vectors/each_storage_type.h"

#define OF_TYPE(K) {K##_exp_sum, K##_exp_total, K##_linear_logits, K##_linear_dense, K##_linear_gradient}

extern const sxt_stretches SXT_OF_ISA(sxt_stretches);
const sxt_stretches SXT_OF_ISA(sxt_stretches) = {
    {OF_TYPE(f32), OF_TYPE(f64)},
    {{f16s_to_floats, f16s_from_floats}, {bf16s_to_floats, bf16s_from_floats}},
    factor_sum,
    check_labels,
};
