/* parallel.c - every task runs exactly once, whoever calls from wherever, before and after a fork.
 *
 * SOFTXENT_EMULATED, set where the program runs under qemu-user, leaves out children that start
 * threads though their parent had some: qemu 7.2 fails an assertion of its own there. */
#define _GNU_SOURCE
#include "machine/parallel.h"

#include "assertions.h"
#include "machine/float_environment.h"
#include "odd_floats.h"
#include "machine/threads.h"
#include "softxent.h"
#include "test_threads.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if !defined(_WIN32)
#define HAVE_FORK
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { MAX_TASKS = 1000, MAX_WORKERS = 16, CALLERS = 6, ROUNDS = 300, FORKS = 20 };

/* What the tasks of one job leave behind. */
typedef struct {
    atomic_int runs[MAX_TASKS];
    atomic_int in_use[MAX_WORKERS]; /* 0 or 1 */
    atomic_int worker_clashes, worker_out_of_range;
    int nthreads;
    bool nested;
} tally;

static void nested_task(void *context, ptrdiff_t task, int worker)
{
    (void)task;
    (void)worker;
    atomic_fetch_add((atomic_int *)context, 1);
}

static void count_task(void *context, ptrdiff_t task, int worker)
{
    tally *t = context;
    if (worker < 0 || worker >= t->nthreads) {
        atomic_fetch_add(&t->worker_out_of_range, 1);
        return;
    }
    if (atomic_exchange(&t->in_use[worker], 1))
        atomic_fetch_add(&t->worker_clashes, 1);
    atomic_fetch_add(&t->runs[task], 1);
    if (t->nested) {
        atomic_int inner = 0;
        sxt_parallel_for(7, 3, nested_task, &inner);
        CHECK(inner == 7, "%d runs of 7 nested tasks", (int)inner);
    }
    if (task % 16 == 0)
        let_others_run();
    atomic_store(&t->in_use[worker], 0);
}

/* The tally lives on this function's stack: a worker that came too late would write into a dead
 * frame, which the sanitizers see. */
static void check_job(ptrdiff_t ntasks, int nthreads, bool nested)
{
    tally t;
    memset(&t, 0, sizeof t);
    t.nthreads = nthreads;
    t.nested = nested;
    sxt_parallel_for(ntasks, nthreads, count_task, &t);
    for (ptrdiff_t i = 0; i < MAX_TASKS; i++)
        CHECK(t.runs[i] == (i < ntasks), "task %td of %td on %d threads ran %d times", i, ntasks,
              nthreads, (int)t.runs[i]);
    CHECK(t.worker_clashes == 0, "%d clashes", (int)t.worker_clashes);
    CHECK(t.worker_out_of_range == 0, "%d tasks", (int)t.worker_out_of_range);
}

static void check_mixed_jobs(int rounds)
{
    static const ptrdiff_t ntasks[] = {0, 1, 2, 3, 17, MAX_TASKS};
    static const int nthreads[] = {1, 2, 3, MAX_WORKERS};
    for (int round = 0; round < rounds; round++)
        check_job(ntasks[round % 6], nthreads[round / 6 % 4], round % 5 == 0);
}

static void caller_thread(void *rounds) { check_mixed_jobs(*(int *)rounds); }

static void start_callers(test_thread threads[CALLERS], int *rounds)
{
    for (int i = 0; i < CALLERS; i++)
        test_thread_start(&threads[i], caller_thread, rounds);
}

static void check_many_callers(void)
{
    test_thread threads[CALLERS];
    int rounds = ROUNDS;
    start_callers(threads, &rounds);
    for (int i = 0; i < CALLERS; i++)
        test_thread_join(&threads[i]);
}

/* Workers that have gone to sleep must still be found. */
static void check_after_sleep(void)
{
    for (int i = 0; i < 20; i++) {
        sleep_milliseconds(2);
        check_job(MAX_TASKS, 1 + i % 4, false);
    }
}

/* Two tasks that wait for each other end only if two threads really run them. */
static void meet(void *context, ptrdiff_t task, int worker)
{
    (void)task;
    (void)worker;
    atomic_int *arrived = context;
    atomic_fetch_add(arrived, 1);
    time_t end = time(NULL) + 30;
    while (*arrived < 2 && time(NULL) < end)
        let_others_run();
}

static void check_two_threads_meet(void)
{
    for (int i = 0; i < 50; i++) {
        atomic_int arrived = 0;
        sxt_parallel_for(2, 2, meet, &arrived);
        CHECK(arrived == 2, "%d of 2 tasks", (int)arrived);
    }
}

#if defined(__linux__)
typedef struct {
    atomic_int arrived, processor_of_worker;
} meeting;

static void meet_and_tell(void *context, ptrdiff_t task, int worker)
{
    meeting *m = context;
    meet(&m->arrived, task, worker);
    if (worker > 0)
        m->processor_of_worker = sched_getcpu();
}

/* A worker that slept is not put onto the processor of the caller, who is busy there. First of all checks, while there is
 * one worker. */
static void check_workers_stand_aside(void)
{
    meeting first = {0, -1};
    sxt_parallel_for(2, 2, meet_and_tell, &first);
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < 2 ||
        sched_setaffinity(0, sizeof all, &all) != 0) {
        printf("left out: workers beside the caller, since there is one processor, or none may be chosen\n");
        return;
    }
    for (int i = 0; i < 20; i++) {
        int here = sched_getcpu();
        CPU_ZERO(&one);
        CPU_SET((unsigned)here, &one);
        CHECK(sched_setaffinity(0, sizeof one, &one) == 0, "processor %d", here);
        sleep_milliseconds(2);
        meeting m = {0, -1};
        sxt_parallel_for(2, 2, meet_and_tell, &m);
        CHECK(m.processor_of_worker != here, "both on processor %d", here);
        CHECK(sched_setaffinity(0, sizeof all, &all) == 0, "%d processors", CPU_COUNT(&all));
    }
}
#endif

#if defined(HAVE_FORK)
/* Ends the process with 0 when the pool works in it; alarm() turns a hang into a failure. */
static void child(void)
{
    alarm(60);
    long failed_before = checks_failed;
    check_mixed_jobs(24);
    check_two_threads_meet();
    _exit(checks_failed != failed_before);
}

static void check_fork(const char *when)
{
    pid_t pid = fork();
    if (pid == 0)
        child();
    int status = -1;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "pid %d", (int)pid);
    CHECK(status == 0, "child forked %s ended with status %#x", when, (unsigned)status);
}

static void check_forks(void)
{
    if (getenv("SOFTXENT_EMULATED") != NULL) {
        printf("skipped: forks of a process with threads, which qemu-user does not support\n");
        return;
    }
    check_fork("while the pool is idle");
    test_thread threads[CALLERS];
    int rounds = ROUNDS;
    start_callers(threads, &rounds);
    for (int i = 0; i < FORKS; i++)
        check_fork("while other threads run jobs");
    for (int i = 0; i < CALLERS; i++)
        test_thread_join(&threads[i]);
    check_mixed_jobs(24);
}

#endif

static void multiply_task(void *context, ptrdiff_t task, int worker)
{
    (void)task;
    (void)worker;
    volatile float subnormal = 1e-40f, one = 1, most_of_an_ulp = 0x0.cp-23f;
    bool ieee = subnormal * one == 1e-40f && one + most_of_an_ulp > one;
    atomic_fetch_add((atomic_int *)context, ieee);
}

/* Tasks compute by IEEE 754 though the caller, and whoever started the workers, does not. */
static void check_float_environment(void)
{
    uint64_t normal = sxt_float_control();
    for (int nthreads = 1; nthreads <= MAX_WORKERS; nthreads++) {
        atomic_int ieee = 0;
        sxt_set_float_control(ODD_FLOAT_CONTROL);
        sxt_parallel_for(MAX_TASKS, nthreads, multiply_task, &ieee);
        uint64_t kept = sxt_float_control();
        sxt_set_float_control(normal);
        CHECK((kept & ~(uint64_t)SXT_FLOAT_FLAGS) == ODD_FLOAT_CONTROL, "%#lx", (long)kept);
        CHECK(ieee == MAX_TASKS, "%d of %d tasks, %d threads", (int)ieee, MAX_TASKS, nthreads);
    }
}

static void check_number_of_threads(void)
{
    int start = sxt_get_num_threads();
    CHECK(start >= 1 && start <= sxt_max_threads(), "%d", start);
    CHECK(sxt_set_num_threads(0) == SXT_ERR_ARGUMENT, "0 threads");
    CHECK(sxt_set_num_threads(-3) == SXT_ERR_ARGUMENT, "-3 threads");
    CHECK(sxt_get_num_threads() == start, "%d, was %d", sxt_get_num_threads(), start);
    CHECK(sxt_set_num_threads(3) == SXT_OK, "3 threads");
    CHECK(sxt_get_num_threads() == 3, "%d", sxt_get_num_threads());
    CHECK(sxt_set_num_threads(1 << 30) == SXT_OK, "2^30 threads");
    CHECK(sxt_get_num_threads() == sxt_max_threads(), "%d", sxt_get_num_threads());
    CHECK(sxt_set_num_threads(start) == SXT_OK, "%d threads", start);
}

#if defined(HAVE_FORK)
/* The environment is read once per process, so each value needs one of its own. */
static void check_start_value(const char *text, int expected)
{
    pid_t pid = fork();
    if (pid == 0) {
        setenv("SOFTXENT_NUM_THREADS", text, 1);
        _exit(sxt_get_num_threads() != expected);
    }
    int status = -1;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "pid %d", (int)pid);
    CHECK(status == 0, "SOFTXENT_NUM_THREADS='%s' does not start with %d", text, expected);
}

static int processors_of_the_system(void)
{
#if defined(__linux__)
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
#else
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
#endif
}

static void check_start_values(void)
{
    int processors = processors_of_the_system();
    CHECK(processors > 0, "%d", processors);
    check_start_value("1", 1);
    check_start_value("5", 5);
    check_start_value("100000", sxt_max_threads());
    const char *invalid[] = {"", "0", "-2", "two", "2x", "1.5"};
    for (int i = 0; i < 6; i++)
        check_start_value(invalid[i], processors);
}

#endif

int main(void)
{
#if defined(HAVE_FORK)
    CHECK(strcmp(sxt_threads_kind(), "pthreads") == 0, "%s", sxt_threads_kind());
    check_start_values();
#else
    CHECK(strcmp(sxt_threads_kind(), "windows") == 0, "%s", sxt_threads_kind());
    printf("left out: forks and start values, since Windows has no fork\n");
#endif
#if defined(__linux__)
    check_workers_stand_aside();
#endif
    check_number_of_threads();
    check_float_environment();
    check_mixed_jobs(ROUNDS);
    check_many_callers();
    check_after_sleep();
    check_two_threads_meet();
#if defined(HAVE_FORK)
    check_forks();
#endif
    return check_report("parallel");
}
