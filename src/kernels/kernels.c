/* kernels.c - softmax, log-softmax, log-sum-exp and cross-entropy of one instruction set, and the table of all its
 * kernels. Types stored in 16 bits are converted to float on the way here (packing.h). */
#include "kernels/kernels.h"

#include "kernels/products/vjp.h"
#include "kernels/strips/strip.h"
#include "numbers/doubles.h"
#include "numbers/elements16.h"
#include "numbers/exp_sum.h"
#include "numbers/math.h"
#include "numbers/storage.h"
#include "vectors/each.h"

#define K f32
#include "kernels/losses/finish_tmpl.h"
#include "kernels/losses/blend_tmpl.h"
#include "kernels/losses/results_tmpl.h"
#include "kernels/strips/strip_tmpl.h"
#include "kernels/strips/strip_sums_tmpl.h"
#include "kernels/strips/strip_each_tmpl.h"
#include "kernels/strips/strip_results_tmpl.h"
#include "kernels/losses/losses_tmpl.h"
#include "kernels/losses/forms_tmpl.h"
#include "kernels/along/along_tmpl.h"
#include "kernels/across/across_sweeps_tmpl.h"
#define S f32s
#include "kernels/across/across_tmpl.h"
#include "kernels/across/shards_tmpl.h"
#undef S
#undef K

#define K f64
#include "kernels/losses/finish_tmpl.h"
#include "kernels/losses/blend_tmpl.h"
#include "kernels/losses/results_tmpl.h"
#include "kernels/strips/strip_tmpl.h"
#include "kernels/strips/strip_sums_tmpl.h"
#include "kernels/strips/strip_each_tmpl.h"
#include "kernels/strips/strip_results_tmpl.h"
#include "kernels/losses/losses_tmpl.h"
#include "kernels/losses/forms_tmpl.h"
#include "kernels/along/along_tmpl.h"
#include "kernels/across/across_sweeps_tmpl.h"
#define S f64s
#include "kernels/across/across_tmpl.h"
#include "kernels/across/shards_tmpl.h"
#undef S
/* Any storage, computed in double: scaled and capped logits. */
#define S anys
#include "kernels/across/across_tmpl.h"
#include "kernels/across/shards_tmpl.h"
#include "kernels/along/capped_doubles_tmpl.h"
#include "kernels/along/capped_tmpl.h"
#undef S
#undef K

#define ROW_KERNELS(S, K)                                                                           \
    {S##_plane, S##_shard, sizeof(K##_shared_row), K##_share_open, K##_share_scan, K##_share_prepare, K##_share_sum, \
     K##_share_finish, K##_share_write}

extern const sxt_stretches SXT_OF_ISA(sxt_stretches);
extern const sxt_element_kernels SXT_OF_ISA(sxt_elements)[];
extern const sxt_vjp_kernels SXT_OF_ISA(sxt_vjp);

extern const sxt_kernels SXT_OF_ISA(sxt_kernels);
const sxt_kernels SXT_OF_ISA(sxt_kernels) = {
    SXT_TEXT(SXT_ISA),
    {ROW_KERNELS(f32s, f32), ROW_KERNELS(f64s, f64)},
    anys_capped_rows,
    anys_shard,
    &SXT_OF_ISA(sxt_stretches),
    SXT_OF_ISA(sxt_elements),
    &SXT_OF_ISA(sxt_vjp),
};
