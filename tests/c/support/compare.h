/* compare.h - one problem, many ways to compute it: all must give the same bits. */
#ifndef SXT_TEST_COMPARE_H
#define SXT_TEST_COMPARE_H

#include "call.h"

/* The way everything is compared with: scalar kernels, one thread, C order, a buffer of its own. */
result reference_result(const problem *p);

/* One check: is the call's result the reference's, and was nothing else written? The instruction
 * set and the number of threads are those selected at the moment. */
void check_same(const problem *p, const arrangement *how, const result *reference);

/* What a legal problem comes to, however it is arranged. */
sxt_status expected_status(const problem *p);

/* Print how many calls of each kind were computed, and how many the library does not support; check
 * that every kind that was tried was computed at least once. */
void check_coverage(void);

/* On a fault, print the problem under way before the program ends. */
void report_faults(void);

#endif
