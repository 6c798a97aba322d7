/* scratch.c - one buffer a thread, allocated at first use and freed when the thread ends. */
#include "machine/scratch.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local void *buffer;
static _Thread_local _Alignas(64) char reserve[SXT_SCRATCH_LEAST];

static void make_key(void) { (void)pthread_key_create(&key, free); }

sxt_scratch sxt_thread_scratch(void)
{
    if (!buffer) {
        pthread_once(&once, make_key);
        buffer = aligned_alloc(64, SXT_SCRATCH_MOST);
        if (buffer && pthread_setspecific(key, buffer) != 0) {
            free(buffer);
            buffer = NULL;
        }
    }
    return buffer ? (sxt_scratch){buffer, SXT_SCRATCH_MOST} : (sxt_scratch){reserve, sizeof reserve};
}
