/* assertions.h - checks for the C tests: a failed check prints itself on stderr and the program goes
 * on, so that one run shows all failures; main() ends with `return check_report("topic");`. */
#ifndef SXT_TEST_ASSERTIONS_H
#define SXT_TEST_ASSERTIONS_H

#include <stdatomic.h>
#include <stdio.h>

/* Failures beyond this many are counted, not printed. */
enum { CHECK_PRINTED_FAILURES = 20 };

extern atomic_long checks_made, checks_failed;

/* CHECK(condition, format, values...): the format tells the values that led to the failure. */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        atomic_fetch_add(&checks_made, 1);                                                         \
        if (!(condition) && atomic_fetch_add(&checks_failed, 1) < CHECK_PRINTED_FAILURES) {        \
            fprintf(stderr, "%s:%d: failed: %s: ", __FILE__, __LINE__, #condition);                \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fprintf(stderr, "\n");                                                                 \
        }                                                                                          \
    } while (0)

/* Exit status: 0 when checks were made and all passed. */
int check_report(const char *topic);

#endif
