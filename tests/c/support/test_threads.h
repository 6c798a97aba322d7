/* test_threads.h - threads of the test's own, beside those of the library, on POSIX and on Windows. */
#ifndef SXT_TEST_THREADS_H
#define SXT_TEST_THREADS_H

#include <stdlib.h>

typedef struct {
    void (*run)(void *context);
    void *context;
    void *handle;
} test_thread;

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

static inline unsigned long WINAPI test_thread_main(void *thread)
{
    ((test_thread *)thread)->run(((test_thread *)thread)->context);
    return 0;
}

static inline void test_thread_start(test_thread *thread, void (*run)(void *), void *context)
{
    thread->run = run;
    thread->context = context;
    thread->handle = CreateThread(NULL, 0, test_thread_main, thread, 0, NULL);
    if (!thread->handle)
        abort();
}

static inline void test_thread_join(test_thread *thread)
{
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
}

static inline void let_others_run(void) { SwitchToThread(); }
static inline void sleep_milliseconds(int n) { Sleep((DWORD)n); }

#else

#include <pthread.h>
#include <sched.h>
#include <time.h>

static inline void *test_thread_main(void *thread)
{
    ((test_thread *)thread)->run(((test_thread *)thread)->context);
    return NULL;
}

static inline void test_thread_start(test_thread *thread, void (*run)(void *), void *context)
{
    thread->run = run;
    thread->context = context;
    pthread_t *started = malloc(sizeof *started);
    if (!started || pthread_create(started, NULL, test_thread_main, thread) != 0)
        abort();
    thread->handle = started;
}

static inline void test_thread_join(test_thread *thread)
{
    pthread_join(*(pthread_t *)thread->handle, NULL);
    free(thread->handle);
}

static inline void let_others_run(void) { sched_yield(); }

static inline void sleep_milliseconds(int n)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000L * n}, NULL);
}

#endif
#endif
