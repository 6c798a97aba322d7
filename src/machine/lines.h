/* lines.h - memory that begins on a line of the cache, on every system.
 *
 * The C standard's aligned_alloc is not to be had on Windows, where such memory must go back in another way, too. */
#ifndef SXT_LINES_H
#define SXT_LINES_H

#include <stddef.h>
#include <stdlib.h>

#include "kernels/kernels.h"

#if defined(_WIN32)
#include <malloc.h>
#endif

/* NULL when there is no memory. To be given back with sxt_free_lines. */
static inline void *sxt_new_lines(size_t bytes)
{
    /* A multiple of the alignment, as C11 wants it. */
    size_t whole = (bytes + SXT_LINE - 1) / SXT_LINE * SXT_LINE;
#if defined(_WIN32)
    return _aligned_malloc(whole, SXT_LINE);
#else
    return aligned_alloc(SXT_LINE, whole);
#endif
}

static inline void sxt_free_lines(void *memory)
{
#if defined(_WIN32)
    _aligned_free(memory);
#else
    free(memory);
#endif
}

#endif
