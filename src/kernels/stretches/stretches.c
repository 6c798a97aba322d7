/* stretches.c - the kernels for stretches of memory, of one instruction set. */
#include "kernels/stretches/stretches.h"

#include "kernels/stretches/factor_sum.h"
#include "kernels/stretches/labels.h"
#include "kernels/stretches/linear_cap.h"
#include "numbers/exp_sum.h"
#include "numbers/math.h"
#include "numbers/storage.h"

#define TEMPLATE "kernels/stretches/exp_sum_tmpl.h"
#include "vectors/compute_types.h"

#define TEMPLATE "kernels/stretches/linear_tmpl.h"
#include "vectors/compute_types.h"

#define TEMPLATE "kernels/stretches/convert_tmpl.h"
#include "vectors/storage_types.h"

#define OF_TYPE(K) {K##_exp_sum, K##_exp_total, K##_linear_logits, K##_linear_dense, K##_linear_gradient}

/* By bytes: what is computed as stored has none. */
#define CONVERSION_2(S) {S##_to_floats, S##_from_floats}
#define CONVERSION_4(S) {NULL, NULL}
#define CONVERSION_8(S) {NULL, NULL}

static const sxt_conversion conversions[] = {
#define SXT_DTYPE(NAME, name, bytes, compute) [NAME] = CONVERSION_##bytes(name##s),
#include "dtypes.def"
#undef SXT_DTYPE
};

extern const sxt_stretches SXT_OF_ISA(sxt_stretches);
const sxt_stretches SXT_OF_ISA(sxt_stretches) = {
    {OF_TYPE(f32), OF_TYPE(f64)},
    conversions,
    factor_sum,
    check_labels,
};
