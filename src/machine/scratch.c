/* scratch.c - one buffer a thread, allocated at first use and freed when the thread ends. */
#include "machine/scratch.h"

#include "machine/lines.h"
#include "machine/threads.h"

static _Thread_local void *buffer;
static _Thread_local _Alignas(64) char reserve[SXT_SCRATCH_LEAST];

sxt_scratch sxt_thread_scratch(void)
{
    if (!buffer) {
        buffer = sxt_new_lines(SXT_SCRATCH_MOST);
        if (buffer && !sxt_free_at_thread_end(buffer)) {
            sxt_free_lines(buffer);
            buffer = NULL;
        }
    }
    return buffer ? (sxt_scratch){buffer, SXT_SCRATCH_MOST} : (sxt_scratch){reserve, sizeof reserve};
}
