/* labels.h - a sweep over labels, compiled per instruction set: whether all lie in [0, classes) or are the
 * ignored one, and how many are ignored. */
#ifndef SXT_LABELS_H
#define SXT_LABELS_H

#include <stddef.h>
#include <stdint.h>

static int check_labels(const int64_t *labels, ptrdiff_t n, ptrdiff_t classes, const int64_t *ignore,
                        ptrdiff_t *ignored)
{
    uint64_t end = (uint64_t)classes;
    int64_t wrong = 0, count = 0;
    if (!ignore) {
        for (ptrdiff_t i = 0; i < n; i++)
            wrong |= (uint64_t)labels[i] >= end;
    } else {
        int64_t other = *ignore;
        for (ptrdiff_t i = 0; i < n; i++) {
            int64_t is_other = labels[i] == other;
            wrong |= ((uint64_t)labels[i] >= end) & !is_other;
            count += is_other;
        }
    }
    *ignored = (ptrdiff_t)count;
    return !wrong;
}

#endif
