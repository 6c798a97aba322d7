/* parallel.h - the only interface to threads: run numbered tasks on a few of them.
 *
 * Results never depend on this file: which worker runs a task, and when, is undefined, so a task must
 * write places of its own only.
 */
#ifndef SXT_PARALLEL_H
#define SXT_PARALLEL_H

#include <stddef.h>

/* worker is in [0, nthreads) and no two tasks run under one worker at a time: it numbers scratch. */
typedef void (*sxt_task_fn)(void *context, ptrdiff_t task, int worker);

/* Run every task in [0, ntasks) once, in any order, on at most nthreads threads, the caller being one
 * of them; return when all are done. No failure is possible: threads that cannot be had are done
 * without, and while the pool is busy (another caller, or a call from inside a task) all tasks run
 * in the caller. Tasks run in the default floating-point environment (float_environment.h); they must
 * not fork. */
void sxt_parallel_for(ptrdiff_t ntasks, int nthreads, sxt_task_fn fn, void *context);

/* More threads than this are never used; sxt_set_num_threads lowers larger numbers to it. */
int sxt_max_threads(void);

#endif
