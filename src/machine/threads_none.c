/* threads_none.c - for systems without threads, WebAssembly above all: the caller runs every task. */
#include "machine/threads.h"

const char *sxt_threads_kind(void) { return "serial"; }

int sxt_processors(void) { return 1; }

/* The one thread ends with the process. */
bool sxt_free_at_thread_end(void *lines)
{
    (void)lines;
    return true;
}
