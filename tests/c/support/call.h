/* call.h - any call of a public entry point, described by data, so that the tests of memory, of bits
 * and the fuzzer share one driver.
 *
 * A problem says what to compute, an arrangement how the arrays lie in memory. Results come back
 * dense, whatever the arrangement, and must not depend on it. */
#ifndef SXT_TEST_CALL_H
#define SXT_TEST_CALL_H

#include "guarded.h"
#include "layout.h"

typedef enum {
    CALL_SOFTMAX,
    CALL_LOG_SOFTMAX,
    CALL_LOGSUMEXP,
    CALL_SOFTMAX_GRAD,
    CALL_LOG_SOFTMAX_GRAD,
    CALL_SIGMOID,
    CALL_LOG_SIGMOID,
    CALL_CROSS_ENTROPY,
    CALL_BINARY,
    CALL_LINEAR,  /* call_pieces.h */
    CALL_EXP_SUM, /* call_pieces.h */
    CALL_FOCAL,   /* cross-entropy with focal_gamma */
    NUM_CALLS
} call_kind;

extern const char *const call_names[NUM_CALLS];

/* All values are dense. What a kind of call has no use for is ignored. */
typedef struct {
    call_kind kind;
    sxt_dtype dtype;
    ptrdiff_t rows, classes;
    bool use_mask, use_second, use_third, use_rows; /* optional inputs: see problem_new */
    bool want_sign, want_grad, want_hess, want_loss;
    bool soft_targets, from_logits;
    sxt_reduction reduction;
    bool has_ignore_index;
    int64_t ignore_index;
    double grad_scale, label_smoothing, z_loss, logit_scale, softcap, focal_gamma;

    void *x, *second, *third, *fourth;  /* rows x classes elements of the dtype */
    unsigned char *mask;                /* rows x classes */
    int64_t *labels;                    /* one per row */
    double *class_weight;               /* one per class */
    double *row_weight, *row_grad;      /* one per row */
    void *bias;                         /* one element per class */
    int pieces;                         /* tiles or chunks, at least 1 */
} problem;

/* Whether a program's arguments, names of calls and of dtypes, leave it in: all of a kind unless some are named. */
bool is_asked_for(call_kind kind, sxt_dtype dtype, int argc, char **argv);

/* Numbers of classes near which the kernels take other ways. */
enum { NUM_BORDERS = 8 };
extern const ptrdiff_t way_borders[NUM_BORDERS];

/* A problem with random values of the given kind and random options; all optional parts that the
 * kind of call has are in use with probability one half. `second` is the logarithms' coefficient b,
 * the probabilities of a gradient, the probability targets or the binary targets; `third` and
 * `fourth` are the weight and the positive weight of the binary loss; use_third also says whether a linear
 * layer has a bias. */
problem problem_new(random_source *source, call_kind kind, sxt_dtype dtype, ptrdiff_t rows,
                    ptrdiff_t classes, value_kind values);
void problem_free(problem *p);

/* Print what the problem is on stderr, in one line. */
void problem_print(const problem *p);

typedef struct {
    uint64_t seed; /* 0: C order in two dimensions; else random dimensions, order and gaps */
    edge where;    /* for the arrays of elements */
    bool in_place; /* the first full-size output of the input's type takes the input's memory */
    bool odd_floats; /* the caller rounds towards zero and flushes subnormal numbers */
} arrangement;

enum { MAX_OUTPUTS = 3 };

/* Outputs, in the order of the entry point's arguments. An output that was not asked for has size 0. */
typedef struct {
    sxt_status status;
    size_t size[MAX_OUTPUTS];
    char *bytes[MAX_OUTPUTS];
    double loss;
    sxt_label_error bad;
    const char *damage; /* NULL, or what was written that must not be */
} result;

/* Make the call with buffers in guarded memory; inputs, margins and gaps are checked afterwards. */
result call_run(const problem *p, const arrangement *how);
void result_free(result *r);

/* NULL when the two are the same bit for bit, else the name of the first thing that differs. */
const char *result_difference(const result *a, const result *b);

#endif
