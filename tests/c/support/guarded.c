#define _GNU_SOURCE
#include "guarded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pages that are never touched cost nothing. */
#define SLOT_BYTES ((size_t)64 << 20)

enum { MARGIN = 256, PATTERN = 0xa5 };

static struct {
    char *start, *buffer;
    size_t size;
} slots[NUM_SLOTS];

static void die(const char *why)
{
    fprintf(stderr, "guarded.c: %s\n", why);
    abort();
}

static char *open_slot(int slot)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, SLOT_BYTES + 2 * page, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, SLOT_BYTES, PROT_READ | PROT_WRITE) != 0)
        die("no memory");
    return slots[slot].start = memory + page;
}

void guarded_fill(char *bytes, size_t size) { memset(bytes, PATTERN, size); }

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
        if ((unsigned char)*from != PATTERN)
            return false;
    return true;
}

bool guarded_margins_intact(int slot)
{
    char *buffer = slots[slot].buffer, *end = buffer + slots[slot].size;
    return untouched(slot, (char *)((size_t)buffer - MARGIN), buffer) &&
           untouched(slot, end, end + MARGIN);
}
