/* guarded.h - memory whose neighbours cannot be touched unnoticed.
 *
 * A slot is a stretch of memory between two unreadable pages. A buffer lies at one end of it, so that
 * reading or writing one byte too many stops the program; the free bytes of the slot next to the
 * buffer hold a pattern that is checked afterwards. */
#ifndef SXT_TEST_GUARDED_H
#define SXT_TEST_GUARDED_H

#include <stdbool.h>
#include <stddef.h>

enum { NUM_SLOTS = 16, MAX_MISALIGNMENT = 64 };

/* Where a buffer lies: at the start or the end of its slot, moved away from there by `shift` bytes
 * (at most MAX_MISALIGNMENT). */
typedef struct {
    bool at_end;
    size_t shift;
} edge;

/* Address for `size` bytes in a slot; they, and the margins, hold the pattern. */
char *guarded_buffer(int slot, size_t size, edge where);

/* Were the margins of the slot's buffer left alone? */
bool guarded_margins_intact(int slot);

/* Fill with the pattern. */
void guarded_fill(char *bytes, size_t size);

#endif
