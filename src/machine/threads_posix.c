/* threads_posix.c - POSIX threads: Linux, macOS, the BSDs. */
#define _GNU_SOURCE
#include "machine/threads.h"

#include "machine/lines.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

const char *sxt_threads_kind(void) { return "pthreads"; }

int sxt_processors(void)
{
#if defined(__linux__)
    /* The kernel refuses a set that is smaller than its own, so grow it until it fits. */
    for (int capacity = 1024; capacity <= 1 << 20; capacity *= 4) {
        cpu_set_t *set = CPU_ALLOC(capacity);
        if (set == NULL)
            break;
        size_t size = CPU_ALLOC_SIZE(capacity);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return count;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < INT_MAX ? (int)online : 1;
}

/* ---- the end of a thread --------------------------------------------------------------------- */

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool key_made;

static void make_key(void) { key_made = pthread_key_create(&key, sxt_free_lines) == 0; }

bool sxt_free_at_thread_end(void *lines)
{
    pthread_once(&once, make_key);
    return key_made && pthread_setspecific(key, lines) == 0;
}

/* ---- for the pool ---------------------------------------------------------------------------- */

void sxt_lock_take(sxt_lock *lock) { (void)pthread_mutex_lock(lock); }
void sxt_lock_give(sxt_lock *lock) { (void)pthread_mutex_unlock(lock); }
void sxt_lock_renew(sxt_lock *lock) { (void)pthread_mutex_init(lock, NULL); }

void sxt_condition_wait(sxt_condition *condition, sxt_lock *lock) { (void)pthread_cond_wait(condition, lock); }
void sxt_condition_signal(sxt_condition *condition) { (void)pthread_cond_signal(condition); }
void sxt_condition_renew(sxt_condition *condition) { (void)pthread_cond_init(condition, NULL); }

bool sxt_at_fork(void (*child)(void)) { return pthread_atfork(NULL, NULL, child) == 0; }

/* Detached, since the process may end at any time, and deaf to signals, which belong to the threads of the
 * application. */
bool sxt_start_thread(sxt_thread_fn run)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigset_t all, previous;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous);
    pthread_t thread;
    bool started = pthread_create(&thread, &attributes, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

int64_t sxt_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- helpers --------------------------------------------------------------------------------- */

#if defined(__linux__)

void sxt_helper_begin(sxt_helper *helper)
{
    helper->kept_off = -1;
    helper->thread = (pid_t)syscall(SYS_gettid);
}

/* Nothing is changed on systems with more processors than fit a set, where the calls are forbidden, or where the
 * helper has no other processor. If somebody else has set its processors meanwhile, those count. */
void sxt_helper_aside(sxt_helper *helper)
{
    cpu_set_t now;
    int here = sched_getcpu();
    if (helper->thread == 0 || here == helper->kept_off || here < 0 || here >= CPU_SETSIZE)
        return;
    if (sched_getaffinity(helper->thread, sizeof now, &now) != 0)
        return;
    if (helper->kept_off < 0 || !CPU_EQUAL(&now, &helper->given))
        helper->allowed = now;
    helper->given = helper->allowed;
    CPU_CLR((unsigned)here, &helper->given);
    if (CPU_COUNT(&helper->given) > 0 && sched_setaffinity(helper->thread, sizeof now, &helper->given) == 0)
        helper->kept_off = here;
}

#else

void sxt_helper_begin(sxt_helper *helper) { helper->nothing = 0; }
void sxt_helper_aside(sxt_helper *helper) { helper->nothing = 0; }

#endif
