/* parallel.c - a persistent pool of threads that share one job at a time.
 *
 * A job is a counter from which the caller and the workers claim tasks. Everything about joining a job
 * is in one atomic word, the gate:
 *
 *     high half: seats   how many more workers may join; 0 = closed
 *     low half:  inside  how many workers have joined and not yet left
 *
 * The caller writes the job, opens the gate, wakes sleepers, claims tasks like everybody else, and,
 * when no task is left to claim, closes the gate and waits until nobody is inside. A worker touches the
 * job only between taking a seat and leaving, so one that wakes late finds the gate closed (or takes a
 * seat in the next job) and costs the caller nothing. Idle workers sleep; before that, and before the
 * caller sleeps, there is one bounded spin, since back-to-back calls are common and a wake-up costs
 * more than a short task.
 */
#include "machine/parallel.h"

#include "machine/float_environment.h"
#include "machine/threads.h"
#include "softxent.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void run_serially(ptrdiff_t ntasks, sxt_task_fn fn, void *context)
{
    for (ptrdiff_t task = 0; task < ntasks; task++)
        fn(context, task, 0);
}

#if defined(SXT_SERIAL)

enum { MAX_THREADS = 1 };

static void run_in_pool(ptrdiff_t ntasks, int nthreads, sxt_task_fn fn, void *context)
{
    (void)nthreads;
    run_serially(ntasks, fn, context);
}

#else

enum { MAX_THREADS = 256, CACHE_LINE = 64 };

/* So many workers are kept off the caller's processor: where there are more, others are not far from an idle one. */
enum { FEW = 8 };

#define ONE_SEAT ((uint64_t)1 << 32)
#define SEATS (~(uint64_t)0 << 32)
#define INSIDE (ONE_SEAT - 1)

/* The bound of the spin. Measured on two cores: an empty job takes 0.6 us while the worker spins, and a
 * sleeping worker joins about 7 us after its wake-up call, which costs the caller 1.5 us. So 5 us bridge
 * the gap between the calls of a loop, and are too short for another library's threads to miss. */
enum { SPIN_NANOSECONDS = 5000, PAUSES_PER_CLOCK = 16 };

/* Threads that wait for a state of the gate. */
typedef struct {
    sxt_condition wake;
    atomic_int count;
} sleepers;

typedef struct {
    sxt_task_fn fn;
    void *context;
    ptrdiff_t ntasks;
} job;

static struct {
    _Alignas(CACHE_LINE) _Atomic uint64_t gate;
    _Alignas(CACHE_LINE) _Atomic ptrdiff_t next_task;
    _Alignas(CACHE_LINE) job job; /* written by the holder of `busy` while nobody is inside */
    atomic_flag busy;
    int nworkers; /* read and written by the holder of `busy` only */
    bool fork_handler_set;
    sxt_lock lock;
    sleepers idle;    /* workers that wait for a seat */
    sleepers drained; /* the caller that waits for the last worker to leave */
    sxt_helper helpers[FEW]; /* the first workers, of which so many have started */
    int started;
} pool = {
    .busy = ATOMIC_FLAG_INIT,
    .lock = SXT_LOCK_INIT,
    .idle = {.wake = SXT_CONDITION_INIT},
    .drained = {.wake = SXT_CONDITION_INIT},
};

/* ---- waiting for the gate ------------------------------------------------------------------- */

static bool gate_has(uint64_t bits) { return (atomic_load(&pool.gate) & bits) != 0; }

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#elif defined(__riscv)
    __asm__ volatile(".4byte 0x100000f"); /* pause, which older assemblers do not know by name */
#endif
}

static bool spin_until(uint64_t bits, bool wanted)
{
    int64_t end = sxt_nanoseconds() + SPIN_NANOSECONDS;
    do {
        for (int i = 0; i < PAUSES_PER_CLOCK; i++) {
            if (gate_has(bits) == wanted)
                return true;
            pause_briefly();
        }
    } while (sxt_nanoseconds() < end);
    return false;
}

/* The count goes up before the last look at the gate, and whoever changes the gate looks at the count
 * afterwards (both sequentially consistent): one of the two sees the other. */
static void wait_until(uint64_t bits, bool wanted, sleepers *queue)
{
    if (spin_until(bits, wanted))
        return;
    sxt_lock_take(&pool.lock);
    atomic_fetch_add(&queue->count, 1);
    while (gate_has(bits) != wanted)
        sxt_condition_wait(&queue->wake, &pool.lock);
    atomic_fetch_sub(&queue->count, 1);
    sxt_lock_give(&pool.lock);
}

/* Taking the lock once makes sure that who is counted does wait and can be signalled; signalling
 * without it spares the woken thread a second sleep. */
static void wake(int n, sleepers *queue)
{
    if (n <= 0)
        return;
    sxt_lock_take(&pool.lock);
    for (int i = 0; queue == &pool.idle && i < FEW; i++)
        sxt_helper_aside(&pool.helpers[i]);
    sxt_lock_give(&pool.lock);
    for (int i = 0; i < n; i++)
        sxt_condition_signal(&queue->wake);
}

/* ---- workers ------------------------------------------------------------------------------------ */

static void run_tasks(const job *work, int worker)
{
    for (;;) {
        ptrdiff_t task = atomic_fetch_add_explicit(&pool.next_task, 1, memory_order_relaxed);
        if (task >= work->ntasks)
            return;
        work->fn(work->context, task, worker);
    }
}

/* Returns the worker's number in the job, which is the number of the seat (>= 1), or 0. */
static int take_seat(void)
{
    uint64_t gate = atomic_load(&pool.gate);
    while (gate & SEATS)
        if (atomic_compare_exchange_weak(&pool.gate, &gate, gate - ONE_SEAT + 1))
            return (int)(gate >> 32);
    return 0;
}

static void leave_seat(void)
{
    bool last = atomic_fetch_sub(&pool.gate, 1) == 1;
    if (last)
        wake(atomic_load(&pool.drained.count), &pool.drained);
}

static SXT_THREAD_RESULT SXT_THREAD_CALL work(void *unused)
{
    (void)unused;
    sxt_lock_take(&pool.lock);
    if (pool.started < FEW)
        sxt_helper_begin(&pool.helpers[pool.started++]);
    sxt_lock_give(&pool.lock);
    sxt_float_enter();
    for (;;) {
        int worker = take_seat();
        if (worker == 0) {
            wait_until(SEATS, true, &pool.idle);
            continue;
        }
        run_tasks(&pool.job, worker);
        leave_seat();
    }
    return 0;
}

/* The child of a fork has the forking thread alone: no workers, and locks in whatever state the
 * other threads left them. Start afresh. */
static void reset_after_fork(void)
{
    sxt_lock_renew(&pool.lock);
    sxt_condition_renew(&pool.idle.wake);
    sxt_condition_renew(&pool.drained.wake);
    atomic_store(&pool.idle.count, 0);
    atomic_store(&pool.drained.count, 0);
    atomic_store(&pool.gate, 0);
    memset(pool.helpers, 0, sizeof pool.helpers);
    pool.started = 0;
    pool.nworkers = 0;
    atomic_flag_clear(&pool.busy);
}

static void ensure_workers(int wanted)
{
    if (pool.nworkers >= wanted)
        return;
    int saved_errno = errno;
    if (!pool.fork_handler_set)
        pool.fork_handler_set = sxt_at_fork(reset_after_fork);
    while (pool.fork_handler_set && pool.nworkers < wanted && sxt_start_thread(work))
        pool.nworkers++;
    errno = saved_errno;
}

/* ---- the caller ----------------------------------------------------------------------------- */

static void run_in_pool(ptrdiff_t ntasks, int nthreads, sxt_task_fn fn, void *context)
{
    if (atomic_flag_test_and_set(&pool.busy)) {
        run_serially(ntasks, fn, context);
        return;
    }
    int seats = nthreads - 1;
    ensure_workers(seats);
    pool.job = (job){fn, context, ntasks};
    atomic_store_explicit(&pool.next_task, 0, memory_order_relaxed);
    atomic_store(&pool.gate, (uint64_t)seats * ONE_SEAT);
    int awake = pool.nworkers - atomic_load(&pool.idle.count);
    wake(seats - awake, &pool.idle);

    run_tasks(&pool.job, 0);

    if (atomic_fetch_and(&pool.gate, INSIDE) & INSIDE)
        wait_until(INSIDE, false, &pool.drained);
    atomic_flag_clear(&pool.busy);
}

#endif

/* ---- both builds ------------------------------------------------------------------------------ */

void sxt_parallel_for(ptrdiff_t ntasks, int nthreads, sxt_task_fn fn, void *context)
{
    uint64_t saved = sxt_float_enter();
    if (nthreads > MAX_THREADS)
        nthreads = MAX_THREADS;
    if (nthreads > ntasks)
        nthreads = (int)ntasks;
    if (nthreads > 1)
        run_in_pool(ntasks, nthreads, fn, context);
    else
        run_serially(ntasks, fn, context);
    sxt_float_leave(saved);
}

int sxt_max_threads(void) { return MAX_THREADS; }

/* 0: not asked for yet. */
static atomic_int num_threads;

static int lowered(long n) { return n < MAX_THREADS ? (int)n : MAX_THREADS; }

/* A value that is no positive integer counts as absent here; the Python package refuses it by name. */
static int start_value(void)
{
    const char *text = getenv("SOFTXENT_NUM_THREADS");
    if (text != NULL) {
        char *end;
        long n = strtol(text, &end, 10);
        if (end != text && *end == '\0' && n > 0)
            return lowered(n);
    }
    return lowered(sxt_processors());
}

int sxt_get_num_threads(void)
{
    int n = atomic_load_explicit(&num_threads, memory_order_relaxed);
    if (n > 0)
        return n;
    int saved_errno = errno;
    int fresh = start_value();
    errno = saved_errno;
    /* Another thread may have set a number meanwhile: that one stands. */
    return atomic_compare_exchange_strong(&num_threads, &n, fresh) ? fresh : n;
}

sxt_status sxt_set_num_threads(int n)
{
    if (n < 1)
        return SXT_ERR_ARGUMENT;
    atomic_store_explicit(&num_threads, lowered(n), memory_order_relaxed);
    return SXT_OK;
}
