/* memory_pool.h - memory of large results: a few freed pieces are kept for the next ones.
 *
 * The C library gives pieces beyond 32 MB back to the system at once, and the next result of that size costs a
 * page fault for every page, as much time as the computation itself. Pieces kept here are marked as free
 * (MADV_FREE): the system takes their pages when it is short of memory, and until then they can be written to
 * without a fault. */
#ifndef SXT_MEMORY_POOL_H
#define SXT_MEMORY_POOL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

#include <numpy/ndarraytypes.h>

#if defined(MAP_ANONYMOUS) && defined(MADV_FREE)
#define SXT_HAS_POOL 1

/* Pieces are whole huge pages; the first bytes of each hold its length. */
#define SXT_POOL_PAGE ((size_t)2 << 20)
#define SXT_POOL_HEADER ((size_t)64)
/* What is kept at most. */
#define SXT_POOL_PIECES 4
#define SXT_POOL_BYTES ((size_t)256 << 20)

static struct {
    atomic_flag busy; /* for a handful of instructions, under the interpreter's lock where it has one */
    int count;        /* oldest first */
    size_t bytes;
    struct {
        void *piece;
        size_t length;
    } kept[SXT_POOL_PIECES];
} sxt_pool = {.busy = ATOMIC_FLAG_INIT};

static void sxt_pool_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&sxt_pool.busy, memory_order_acquire))
        ;
}

static void sxt_pool_unlock(void) { atomic_flag_clear_explicit(&sxt_pool.busy, memory_order_release); }

static void *sxt_pool_remove(int k)
{
    void *piece = sxt_pool.kept[k].piece;
    sxt_pool.bytes -= sxt_pool.kept[k].length;
    sxt_pool.count--;
    memmove(&sxt_pool.kept[k], &sxt_pool.kept[k + 1], (size_t)(sxt_pool.count - k) * sizeof sxt_pool.kept[0]);
    return piece;
}

static void *sxt_pool_take(size_t length)
{
    void *piece = NULL;
    sxt_pool_lock();
    for (int k = sxt_pool.count - 1; k >= 0 && !piece; k--)
        if (sxt_pool.kept[k].length == length)
            piece = sxt_pool_remove(k);
    sxt_pool_unlock();
    return piece;
}

/* Whether the piece is kept now; older ones may have to go. */
static int sxt_pool_keep(void *piece, size_t length)
{
    if (length > SXT_POOL_BYTES || madvise(piece, length, MADV_FREE) != 0)
        return 0;
    sxt_pool_lock();
    while (sxt_pool.count == SXT_POOL_PIECES || sxt_pool.bytes + length > SXT_POOL_BYTES) {
        size_t oldest = sxt_pool.kept[0].length;
        munmap(sxt_pool_remove(0), oldest);
    }
    sxt_pool.kept[sxt_pool.count].piece = piece;
    sxt_pool.kept[sxt_pool.count++].length = length;
    sxt_pool.bytes += length;
    sxt_pool_unlock();
    return 1;
}

/* fresh: straight from the system, hence zero. */
static void *sxt_pool_get(size_t size, int fresh)
{
    if (size > (size_t)-1 / 2)
        return NULL;
    size_t length = (size + SXT_POOL_HEADER + SXT_POOL_PAGE - 1) / SXT_POOL_PAGE * SXT_POOL_PAGE;
    char *piece = fresh ? NULL : sxt_pool_take(length);
    if (!piece) {
        piece = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (piece == MAP_FAILED)
            return NULL;
#ifdef MADV_HUGEPAGE
        (void)madvise(piece, length, MADV_HUGEPAGE);
#endif
    }
    memcpy(piece, &length, sizeof length);
    return piece + SXT_POOL_HEADER;
}

static void *sxt_pool_malloc(void *context, size_t size)
{
    (void)context;
    return sxt_pool_get(size, 0);
}

static void *sxt_pool_calloc(void *context, size_t count, size_t size)
{
    (void)context;
    return size && count > (size_t)-1 / size ? NULL : sxt_pool_get(count * size, 1);
}

static void sxt_pool_free(void *context, void *data, size_t size)
{
    size_t length;
    (void)context;
    (void)size; /* NumPy does not always know it */
    if (!data)
        return;
    char *piece = (char *)data - SXT_POOL_HEADER;
    memcpy(&length, piece, sizeof length);
    if (!sxt_pool_keep(piece, length))
        munmap(piece, length);
}

static void *sxt_pool_realloc(void *context, void *data, size_t size)
{
    size_t length;
    void *moved = sxt_pool_get(size, 0);
    if (!moved || !data)
        return moved;
    memcpy(&length, (char *)data - SXT_POOL_HEADER, sizeof length);
    length -= SXT_POOL_HEADER;
    memcpy(moved, data, size < length ? size : length);
    sxt_pool_free(context, data, 0);
    return moved;
}

static PyDataMem_Handler sxt_pool_handler = {
    "softxent", 1, {NULL, sxt_pool_malloc, sxt_pool_calloc, sxt_pool_realloc, sxt_pool_free}};
#else
#define SXT_HAS_POOL 0
static PyDataMem_Handler sxt_pool_handler;
#endif

#endif
