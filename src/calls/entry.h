/* entry.h - what an entry point does around its work where that is more than tasks, which see to it themselves: it runs
 * in the default floating-point environment (float_environment.h), and leaves the caller's. */
#ifndef SXT_ENTRY_H
#define SXT_ENTRY_H

#include "machine/float_environment.h"
#include "softxent.h"

/* The body of an entry point: returns the status of the call. */
#define SXT_ENTRY(call)                                                                            \
    do {                                                                                           \
        uint64_t caller = sxt_float_enter();                                                       \
        sxt_status status_of_call = (call);                                                        \
        sxt_float_leave(caller);                                                                   \
        return status_of_call;                                                                     \
    } while (0)

#endif
