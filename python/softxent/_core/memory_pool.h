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
#include <stdint.h>
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
/* How many are kept at most, and how many bytes unless told otherwise. */
#define SXT_POOL_PIECES 4
#define SXT_POOL_BYTES ((size_t)256 << 20)
/* A place has room for an address, which is that of a page, and for a number of huge pages below its last bits. */
#define SXT_POOL_ADDRESS (~(uintptr_t)0xfff)
#define SXT_POOL_MOST_PAGES ((size_t)0xfff)

/* A piece that is kept is one word in one place, 0 where there is none, and whoever exchanges the word has the piece.
 * So there is no lock that could be left behind by a thread that a fork or an exit took away: the child of a fork
 * finds every place full or empty, and the places stand however many threads or interpreters there are. */
static struct {
    _Atomic uintptr_t places[SXT_POOL_PIECES];
    atomic_uint next; /* the place for the next piece, counted on */
    atomic_size_t limit;
} sxt_pool = {.limit = SXT_POOL_BYTES};

static size_t sxt_pool_length(uintptr_t word) { return (word & ~SXT_POOL_ADDRESS) * SXT_POOL_PAGE; }

static size_t sxt_pool_bytes(void)
{
    size_t bytes = 0;
    for (int k = 0; k < SXT_POOL_PIECES; k++)
        bytes += sxt_pool_length(atomic_load(&sxt_pool.places[k]));
    return bytes;
}

static void *sxt_pool_take(size_t length)
{
    for (int k = 0; k < SXT_POOL_PIECES; k++) {
        uintptr_t word = atomic_load(&sxt_pool.places[k]);
        if (word && sxt_pool_length(word) == length && atomic_compare_exchange_strong(&sxt_pool.places[k], &word, 0))
            return (void *)(word & SXT_POOL_ADDRESS);
    }
    return NULL;
}

static void sxt_pool_give_back(uintptr_t word)
{
    if (word)
        munmap((void *)(word & SXT_POOL_ADDRESS), sxt_pool_length(word));
}

/* The place `step` places after the one where the next piece goes; in this order they have been filled. */
static _Atomic uintptr_t *sxt_pool_place(int step)
{
    return &sxt_pool.places[(atomic_load(&sxt_pool.next) + (unsigned)step) % SXT_POOL_PIECES];
}

/* Give pieces back, oldest first, until what is kept and `more` bytes are within the limit. */
static void sxt_pool_make_room(size_t more)
{
    for (int step = 0; step < SXT_POOL_PIECES && sxt_pool_bytes() + more > atomic_load(&sxt_pool.limit); step++)
        sxt_pool_give_back(atomic_exchange(sxt_pool_place(step), 0));
}

static void sxt_pool_set_limit(size_t bytes)
{
    atomic_store(&sxt_pool.limit, bytes);
    sxt_pool_make_room(0);
}

static size_t sxt_pool_limit(void) { return atomic_load(&sxt_pool.limit); }

/* Whether the piece is kept now; older ones may have to go. Other threads may have kept pieces or lowered the limit
 * meanwhile, so that what is kept is held against the limit once more. */
static int sxt_pool_keep(void *piece, size_t length)
{
    size_t pages = length / SXT_POOL_PAGE, limit = atomic_load(&sxt_pool.limit);
    uintptr_t word = (uintptr_t)piece | pages;
    if (length > limit || pages > SXT_POOL_MOST_PAGES || madvise(piece, length, MADV_FREE) != 0)
        return 0;
    sxt_pool_make_room(length);
    for (int step = 0; step < SXT_POOL_PIECES; step++) {
        uintptr_t empty = 0;
        if (atomic_compare_exchange_strong(sxt_pool_place(step), &empty, word)) {
            atomic_fetch_add(&sxt_pool.next, (unsigned)step + 1);
            sxt_pool_make_room(0);
            return 1;
        }
    }
    sxt_pool_give_back(atomic_exchange(sxt_pool_place(0), word));
    atomic_fetch_add(&sxt_pool.next, 1);
    sxt_pool_make_room(0);
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
static size_t sxt_pool_limit(void) { return 0; }
static size_t sxt_pool_bytes(void) { return 0; }
static void sxt_pool_set_limit(size_t bytes) { (void)bytes; }
#endif

#endif
