#define _GNU_SOURCE
#include "guarded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#elif !defined(__wasm__)
#include <sys/mman.h>
#include <unistd.h>
#endif

/* Pages that are never touched cost nothing, except where memory is one block that only grows. */
#if defined(__wasm__)
#define SLOT_BYTES ((size_t)4 << 20)
#else
#define SLOT_BYTES ((size_t)64 << 20)
#endif

enum { MARGIN = 256, MARGIN_BYTE = 0xa5 };

static struct {
    char *start, *buffer;
    size_t size;
} slots[NUM_SLOTS];

static void die(const char *why)
{
    fprintf(stderr, "guarded.c: %s\n", why);
    abort();
}

/* SLOT_BYTES to read and write, between two pages that may not be touched; NULL when there is no memory. */
#if defined(_WIN32)
static char *between_guards(void)
{
    const size_t page = 65536;
    char *memory = VirtualAlloc(NULL, SLOT_BYTES + 2 * page, MEM_RESERVE, PAGE_NOACCESS);
    return memory ? VirtualAlloc(memory + page, SLOT_BYTES, MEM_COMMIT, PAGE_READWRITE) : NULL;
}
#elif defined(__wasm__)
/* WebAssembly protects no pages: the margins alone show what is written beside a buffer. */
static char *between_guards(void) { return malloc(SLOT_BYTES); }
#else
static char *between_guards(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, SLOT_BYTES + 2 * page, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, SLOT_BYTES, PROT_READ | PROT_WRITE) != 0)
        return NULL;
    return memory + page;
}
#endif

static char *open_slot(int slot)
{
    char *memory = between_guards();
    if (!memory)
        die("no memory");
    return slots[slot].start = memory;
}

void guarded_fill(char *bytes, size_t size) { memset(bytes, MARGIN_BYTE, size); }

/* The part of [from, to) that lies in the slot. */
static void clip(int slot, char **from, char **to)
{
    char *start = slots[slot].start, *end = start + SLOT_BYTES;
    *from = *from < start ? start : *from;
    *to = *to > end ? end : *to;
}

char *guarded_buffer(int slot, size_t size, edge where)
{
    if (slot < 0 || slot >= NUM_SLOTS || size + MAX_MISALIGNMENT > SLOT_BYTES ||
        where.shift > MAX_MISALIGNMENT)
        die("no such buffer");
    char *start = slots[slot].start ? slots[slot].start : open_slot(slot);
    char *buffer = where.at_end ? start + SLOT_BYTES - size - where.shift : start + where.shift;
    slots[slot].buffer = buffer;
    slots[slot].size = size;
    char *from = (char *)((size_t)buffer - MARGIN), *to = buffer + size + MARGIN;
    clip(slot, &from, &to);
    guarded_fill(from, (size_t)(to - from));
    return buffer;
}

static bool untouched(int slot, char *from, char *to)
{
    clip(slot, &from, &to);
    for (; from < to; from++)
        if ((unsigned char)*from != MARGIN_BYTE)
            return false;
    return true;
}

bool guarded_margins_intact(int slot)
{
    char *buffer = slots[slot].buffer, *end = buffer + slots[slot].size;
    return untouched(slot, (char *)((size_t)buffer - MARGIN), buffer) &&
           untouched(slot, end, end + MARGIN);
}
