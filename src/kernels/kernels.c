/* kernels.c - the kernels of one instruction set; compiled once per set with SXT_ISA_<NAME> defined and
 * SXT_TABLE naming the table it exports. Element types are the include axis: each template below is read
 * once per type. The types stored in 16 bits are converted to float on the way to most of them (packing.h). */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "numbers/constants.h"
#include "numbers/elements16.h"
#include "numbers/scalar_math.h"
#include "kernels/products/vjp.h"

#if defined(SXT_ISA_AVX512)
#include "vectors/vec_avx512.h"
#define ISA_NAME "avx512"
#elif defined(SXT_ISA_AVX2)
#include "vectors/vec_avx2.h"
#define ISA_NAME "avx2"
#elif defined(SXT_ISA_NEON)
#include "vectors/vec_neon.h"
#define ISA_NAME "neon"
#else
#include "vectors/vec_scalar.h"
#define ISA_NAME "scalar"
#endif

#include "numbers/wide_f32.h"
#include "numbers/wide_f64.h"

#include "numbers/exp_sum.h"
#include "numbers/factor_sum.h"
#include "kernels/labels.h"
#include "kernels/stretches/linear_cap.h"

/* Log-sum-exps of rows with a smaller maximum are taken as maximum + log1p(others). */
#define SMALL_MAX 0x1p-6

#define SXT_CAT_(a, b) a##_##b
#define SXT_CAT(a, b) SXT_CAT_(a, b)
/* A name of one storage type; of one compute type: V in math_tmpl.h. */
#define N(name) SXT_CAT(S, name)

/* ---- float and the two types stored in 16 bits ---- */
#define SXT_T_IS_F32 1
#define K f32
#define T float
#include "numbers/math_tmpl.h"
#include "numbers/dense_tmpl.h"
#include "kernels/losses/finish_tmpl.h"
#include "kernels/losses/blend_tmpl.h"
#include "kernels/losses/results_tmpl.h"
#include "kernels/rows/row_finish_tmpl.h"
#include "kernels/tiles/lanes_tmpl.h"
#include "kernels/few/few_lanes_tmpl.h"
#include "kernels/stretches/exp_sum_tmpl.h"
#include "kernels/stretches/linear_tmpl.h"
#include "kernels/elementwise/elementwise_f32.h"

#define S f32s
#define ST float
#define ST_IS_T 1
#define ST_IS_ANY 0
#define LOAD f32_load
#define LOADN f32_loadn
#define STORE f32_store
#define STOREN f32_storen
#include "kernels/rows/rows_tmpl.h"
#include "kernels/rows/row_batch_tmpl.h"
#include "kernels/tiles/tiles_tmpl.h"
#include "kernels/rows/single_tmpl.h"
#include "kernels/few/few_tmpl.h"
#include "kernels/elementwise/elementwise_tmpl.h"
#include "kernels/products/vjp_tmpl.h"
#include "kernels/storage_end.h"

#define S f16s
#define ST uint16_t
#define ST_IS_T 0
#define ST_IS_ANY 0
#define LOAD f32_load_f16
#define LOADN f32_loadn_f16
#define STORE f32_store_f16
#define STOREN f32_storen_f16
#include "kernels/stretches/convert_tmpl.h"
#include "kernels/elementwise/elementwise_tmpl.h"
#include "kernels/products/vjp_tmpl.h"
#include "kernels/storage_end.h"

#define S bf16s
#define ST uint16_t
#define ST_IS_T 0
#define ST_IS_ANY 0
#define LOAD f32_load_bf16
#define LOADN f32_loadn_bf16
#define STORE f32_store_bf16
#define STOREN f32_storen_bf16
#include "kernels/stretches/convert_tmpl.h"
#include "kernels/elementwise/elementwise_tmpl.h"
#include "kernels/products/vjp_tmpl.h"
#include "kernels/storage_end.h"
#include "kernels/compute_end.h"

/* ---- double ---- */
#define SXT_T_IS_F32 0
#define K f64
#define T double
#include "numbers/math_tmpl.h"
#include "numbers/dense_tmpl.h"
#include "kernels/losses/finish_tmpl.h"
#include "kernels/losses/blend_tmpl.h"
#include "kernels/losses/results_tmpl.h"
#include "kernels/rows/row_finish_tmpl.h"
#include "kernels/tiles/lanes_tmpl.h"
#include "kernels/few/few_lanes_tmpl.h"
#include "kernels/stretches/exp_sum_tmpl.h"
#include "kernels/stretches/linear_tmpl.h"

#define S f64s
#define ST double
#define ST_IS_T 1
#define ST_IS_ANY 0
#define LOAD f64_load
#define LOADN f64_loadn
#define STORE f64_store
#define STOREN f64_storen
#include "kernels/rows/rows_tmpl.h"
#include "kernels/rows/row_batch_tmpl.h"
#include "kernels/tiles/tiles_tmpl.h"
#include "kernels/rows/single_tmpl.h"
#include "kernels/few/few_tmpl.h"
#include "kernels/elementwise/elementwise_f64.h"
#include "kernels/products/vjp_tmpl.h"
#include "kernels/products/vjp_f64.h"
#include "kernels/storage_end.h"

/* Any storage, computed in double: scaled and capped logits. */
#define S anys
#define ST char
#define ST_IS_T 0
#define ST_IS_ANY 1
#include "kernels/tiles/tiles_tmpl.h"
#include "kernels/storage_end.h"
#include "kernels/compute_end.h"

#define ROW_KERNELS(S, K)                                                                           \
    {S##_plane, S##_start, S##_scan, S##_prepare, S##_sum, K##_row_finish, S##_write}

#define STRETCH_KERNELS(K)                                                                          \
    {K##_exp_sum, K##_exp_total, K##_linear_logits, K##_linear_dense, K##_linear_gradient}

#define ELEMENT_KERNELS(S) {S##_sigmoid, S##_log_sigmoid, S##_binary}

extern const sxt_kernels SXT_TABLE;
const sxt_kernels SXT_TABLE = {
    ISA_NAME,
    {ROW_KERNELS(f32s, f32), ROW_KERNELS(f64s, f64)},
    {{f16s_to_floats, f16s_from_floats}, {bf16s_to_floats, bf16s_from_floats}},
    anys_tiles,
    .stretches = {STRETCH_KERNELS(f32), STRETCH_KERNELS(f64)},
    .factor_sum = factor_sum,
    .elements = {ELEMENT_KERNELS(f16s), ELEMENT_KERNELS(bf16s), ELEMENT_KERNELS(f32s), ELEMENT_KERNELS(f64s)},
    .vjp = &vjp_kernels,
    .check_labels = check_labels,
};
