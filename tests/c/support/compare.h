/* compare.h - one problem, many ways to compute it: all must give the same bits. */
#ifndef SXT_TEST_COMPARE_H
#define SXT_TEST_COMPARE_H

#include "call.h"

/* The way everything is compared with: scalar kernels, one thread, C order, a buffer of its own. */
result reference_result(const problem *p);

/* Checks that the call succeeds (unless there is no class: SXT_ERR_EMPTY), that its result is the
 * reference's, and that nothing else was written. The instruction set and the number of threads are
 * those selected at the moment. */
void check_same(const problem *p, const arrangement *how, const result *reference);

/* On a fault, print the problem under way before the program ends. */
void report_faults(void);

#endif
