/* dispatch.h - the table of kernels that calls run on. */
#ifndef SXT_DISPATCH_H
#define SXT_DISPATCH_H

#include <stdbool.h>

#include "kernels/kernels.h"

/* The table in use: the one sxt_select_isa chose, else SOFTXENT_ISA (read once, at the first call;
 * empty = not set), else the best this machine can run. NULL when SOFTXENT_ISA names none that is
 * usable and sxt_select_isa has not been called: the entry point returns SXT_ERR_ISA then. Call it
 * once per public call, since another thread may select meanwhile. */
const sxt_kernels *sxt_active_kernels(void);

/* Whether results of rows along memory that no cache keeps are written faster past the caches, with their terms kept
 * elsewhere meanwhile: on Intel's processors. On AMD's (Zen 4) softmax of 32000 and 128256 classes takes 1.06 and 1.16
 * times as long so. */
bool sxt_stores_past_pay(void);

#endif
