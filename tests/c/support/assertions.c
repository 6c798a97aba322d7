#include "assertions.h"

atomic_long checks_made, checks_failed;

int check_report(const char *topic)
{
    long made = atomic_load(&checks_made), failed = atomic_load(&checks_failed);
    printf("%s: %ld checks, %ld failed\n", topic, made, failed);
    return made == 0 || failed != 0;
}
