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

/* Whether stores past the caches are the faster ones for results of rows along memory that no cache keeps: on Intel's
 * processors. On AMD's (Zen 4) memory takes them slower than ordinary ones, from two cores no faster than from one. */
bool sxt_stores_past_pay(void);

#endif
