/* session.h - the buffers of one call, in guarded memory: laid out, described to the library, and looked at
 * afterwards. */
#ifndef SXT_TEST_SESSION_H
#define SXT_TEST_SESSION_H

#include "call.h"

/* What a buffer is, when it is not the output of that number. */
enum { BUFFER_INPUT = -1, BUFFER_STATE = -2 /* read and written, call by call */ };

/* One array of the call. */
typedef struct {
    int slot;
    char *base;
    sxt_dtype dtype; /* of elements */
    size_t size;     /* of one element */
    placement place;
    const void *dense; /* what was put there; NULL: nothing */
    bool vector;       /* one value per row or class, contiguous */
    int output;        /* number in the result, or what it is instead */
    bool borrowed;     /* lies in the memory of the first array */
} buffer;

/* A call in preparation. */
typedef struct {
    const problem *p;
    const arrangement *how;
    random_source source;
    geometry shape; /* of the arrays of elements */
    buffer buffers[NUM_SLOTS];
    int first_slot, count;
} session;

/* The session of a call that has all rows and classes at once. */
session session_open(const problem *p, const arrangement *how);

/* An array of elements of the problem's type, anywhere. dense: an input, which holds that. */
sxt_array session_input(session *s, const void *dense);
sxt_array session_output(session *s, int output, sxt_dtype dtype);
/* An output of the input's type, in the memory of the first array (the main input) if so arranged. */
sxt_array session_main_output(session *s, int output);
sxt_mask session_mask(session *s);

/* One value of `size` bytes for each of n rows or classes, aligned as the interface asks: an input, and an
 * output or state of the element type. */
void *session_vector(session *s, size_t size, ptrdiff_t n, const void *dense);
void *session_results(session *s, sxt_dtype dtype, ptrdiff_t n, int output);
void *session_state(session *s, size_t size, ptrdiff_t n);

/* After the call, or after a failure if r->status says so: nothing was written but outputs and state. The
 * outputs go to the result. */
void session_inspect(const session *s, result *r);

/* The elements of the i-th buffer, dense, in new memory; *damage is set if its gaps were written to or a NaN
 * is not the canonical one. */
void *session_gather(const session *s, int i, const char **damage);

#endif
