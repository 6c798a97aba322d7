/* threads_windows.c - the threads of Windows, by its own interface. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "machine/lines.h"
#include "machine/threads.h"

_Static_assert(sizeof(SRWLOCK) == sizeof(sxt_lock), "sxt_lock stands in for SRWLOCK");
_Static_assert(sizeof(CONDITION_VARIABLE) == sizeof(sxt_condition), "and sxt_condition for CONDITION_VARIABLE");

const char *sxt_threads_kind(void) { return "windows"; }

/* The affinity of a process is that of one group of up to 64 processors, and 0 where it runs on several. */
int sxt_processors(void)
{
    DWORD_PTR process, system;
    int count = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system))
        for (; process; process &= process - 1)
            count++;
    if (count == 0)
        count = (int)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return count > 0 ? count : 1;
}

/* ---- the end of a thread --------------------------------------------------------------------- */

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static DWORD slot = FLS_OUT_OF_INDEXES;

static void NTAPI free_lines(void *lines) { sxt_free_lines(lines); }

static BOOL CALLBACK make_slot(INIT_ONCE *unused, void *parameter, void **context)
{
    (void)unused;
    (void)parameter;
    (void)context;
    slot = FlsAlloc(free_lines);
    return TRUE;
}

bool sxt_free_at_thread_end(void *lines)
{
    InitOnceExecuteOnce(&once, make_slot, NULL, NULL);
    return slot != FLS_OUT_OF_INDEXES && FlsSetValue(slot, lines);
}

/* ---- for the pool ---------------------------------------------------------------------------- */

void sxt_lock_take(sxt_lock *lock) { AcquireSRWLockExclusive((SRWLOCK *)lock); }
void sxt_lock_give(sxt_lock *lock) { ReleaseSRWLockExclusive((SRWLOCK *)lock); }
void sxt_lock_renew(sxt_lock *lock) { InitializeSRWLock((SRWLOCK *)lock); }

void sxt_condition_wait(sxt_condition *condition, sxt_lock *lock)
{
    (void)SleepConditionVariableSRW((CONDITION_VARIABLE *)condition, (SRWLOCK *)lock, INFINITE, 0);
}

void sxt_condition_signal(sxt_condition *condition) { WakeConditionVariable((CONDITION_VARIABLE *)condition); }
void sxt_condition_renew(sxt_condition *condition) { InitializeConditionVariable((CONDITION_VARIABLE *)condition); }

/* There is no fork. */
bool sxt_at_fork(void (*child)(void))
{
    (void)child;
    return true;
}

/* The thread outlives every call, so the library that holds its code must not be unloaded. */
static bool stay_loaded(sxt_thread_fn run)
{
    HMODULE module;
    return GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                              (LPCWSTR)(uintptr_t)run, &module);
}

bool sxt_start_thread(sxt_thread_fn run)
{
    HANDLE thread = stay_loaded(run) ? CreateThread(NULL, 0, run, NULL, 0, NULL) : NULL;
    return thread != NULL && CloseHandle(thread);
}

int64_t sxt_nanoseconds(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    int64_t whole = now.QuadPart / frequency.QuadPart, rest = now.QuadPart % frequency.QuadPart;
    return whole * 1000000000 + rest * 1000000000 / frequency.QuadPart;
}

/* ---- helpers: this scheduler looks for an idle processor among all ------------------------------- */

void sxt_helper_begin(sxt_helper *helper) { helper->nothing = 0; }
void sxt_helper_aside(sxt_helper *helper) { helper->nothing = 0; }
