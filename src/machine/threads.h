/* threads.h - what parallel.c and scratch.c need of the system's threads, one file for each kind of system:
 * threads_posix.c, threads_windows.c, and threads_none.c where there are none (SXT_SERIAL). */
#ifndef SXT_THREADS_H
#define SXT_THREADS_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* cpu_set_t */
#endif
#include <stdbool.h>
#include <stdint.h>

/* "pthreads", "windows" or "serial". */
const char *sxt_threads_kind(void);

/* The processors that this process may use, at least 1. */
int sxt_processors(void);

/* Give this memory (lines.h) back when the calling thread ends; one piece a thread. False when that cannot be
 * promised. */
bool sxt_free_at_thread_end(void *lines);

#if !defined(SXT_SERIAL)

#if defined(_WIN32)
/* In place of SRWLOCK and CONDITION_VARIABLE, which are one pointer each and begin as zero: windows.h brings
 * too many names for a header. */
typedef struct {
    void *state;
} sxt_lock, sxt_condition;
#define SXT_LOCK_INIT {0}
#define SXT_CONDITION_INIT {0}
#else
#include <pthread.h>
#include <sched.h>
#include <sys/types.h>
typedef pthread_mutex_t sxt_lock;
typedef pthread_cond_t sxt_condition;
#define SXT_LOCK_INIT PTHREAD_MUTEX_INITIALIZER
#define SXT_CONDITION_INIT PTHREAD_COND_INITIALIZER
#endif

/* Neither fails on objects begun as above. A wait gives the lock back meanwhile, and may end for no reason. */
void sxt_lock_take(sxt_lock *lock);
void sxt_lock_give(sxt_lock *lock);
void sxt_condition_wait(sxt_condition *condition, sxt_lock *lock);
void sxt_condition_signal(sxt_condition *condition);

/* In the child of a fork: as if just begun. */
void sxt_lock_renew(sxt_lock *lock);
void sxt_condition_renew(sxt_condition *condition);

/* Call `child` in the child of each fork from now on. False when that cannot be promised. */
bool sxt_at_fork(void (*child)(void));

/* A thread that runs until the process ends, and gets no signals. False when it cannot be had. */
#if defined(_WIN32)
#define SXT_THREAD_RESULT unsigned long
#define SXT_THREAD_CALL __stdcall
#else
#define SXT_THREAD_RESULT void *
#define SXT_THREAD_CALL
#endif
typedef SXT_THREAD_RESULT(SXT_THREAD_CALL *sxt_thread_fn)(void *unused);
bool sxt_start_thread(sxt_thread_fn run);

/* Of a clock that is never set. */
int64_t sxt_nanoseconds(void);

/* A thread that another one wakes, to run beside it. Linux may put it onto the processor of the waker, where it waits
 * for milliseconds with another processor idle: the kernel looks for an idle one only among those that share a cache,
 * and virtual machines often do not say which do. */
typedef struct {
#if defined(__linux__)
    pid_t thread;             /* 0: none */
    int kept_off;             /* the processor that it may not use, or -1 */
    cpu_set_t allowed, given; /* without that, and with it */
#else
    char nothing;
#endif
} sxt_helper;

/* The calling thread is one. */
void sxt_helper_begin(sxt_helper *helper);
/* Keeps it off the caller's processor, where it can. Both by one thread at a time. */
void sxt_helper_aside(sxt_helper *helper);

#endif
#endif
