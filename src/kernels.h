/* kernels.h - what the shared code asks of one instruction set: a table of functions, compiled from
 * kernels.c once per set. Private to the library. */
#ifndef SXT_KERNELS_H
#define SXT_KERNELS_H

#include "softxent.h"

typedef enum {
    SXT_OP_SOFTMAX,
    SXT_OP_LOG_SOFTMAX,
    SXT_OP_LOGSUMEXP,
    SXT_OP_CROSS_ENTROPY /* one label a row */
} sxt_op;

/* One call: what to compute for every row. Pointers into per-row arrays are indexed by row number. */
typedef struct {
    sxt_op op;
    ptrdiff_t classes;
    int want_grad, want_hess;
    const int64_t *labels;
    int has_ignore_index;
    int64_t ignore_index;
    const double *weight, *sample_weight, *grad_output;
    double grad_scale; /* the scalar grad_output over the divisor of the mean */
    void *row_out;     /* losses or log-sum-exps, double for f64, else float; or NULL */
    int want_sum;      /* add the row losses up */
} sxt_job;

/* A stretch of rows whose addresses and numbers advance by a fixed step. Strides in bytes.
 * The classes of a row are `blocks` runs of `run` elements each (more than one only when the reduced
 * dimensions do not join into one); block_offset gives the byte offset of each run. */
typedef struct {
    const char *x, *mask;
    char *y, *h;
    ptrdiff_t x_row, y_row, h_row, mask_row;
    ptrdiff_t x_class, y_class, h_class, mask_class;
    ptrdiff_t run, blocks;
    const ptrdiff_t *x_block, *y_block, *h_block, *mask_block; /* NULL when blocks == 1 */
    ptrdiff_t rows, first_row, row_step; /* row numbers: first_row + i * row_step */
} sxt_plane;

/* A sum of losses, to twice the precision. */
typedef struct {
    double hi, lo;
} sxt_total;

/* One contiguous row on its way through the phases scan, prepare, sum, finish, write. Between the
 * phases, and between ranges of classes within a phase, nothing else is carried, so that several
 * threads can share one long row. */
typedef struct {
    const void *x;
    void *y, *h;
    void *terms;           /* where exp goes, in the compute type: y, scratch, or NULL (write recomputes it) */
    const void *prefetch;  /* what will be read next, or NULL */
    ptrdiff_t index;       /* row number */
    ptrdiff_t skip;        /* the class left out of the sum: label or argmax; -1: none */
    double rest, at_skip;  /* maximum without skip; the element at skip */
    int nan;
    double max;
    double shift, magic, low, m1, m2, n_ref, unit;
    uint64_t a_hi, a_lo, b_lo;
    int64_t b_hi;
    double factor_hi, factor_lo, tiny, patch;
    int special;           /* every output is `fill` */
    double fill;
} sxt_row;

/* Working memory of one thread, at least SXT_SCRATCH_LEAST bytes; more is faster up to SXT_SCRATCH_MOST. */
typedef struct {
    void *data;
    size_t bytes;
} sxt_scratch;

#define SXT_SCRATCH_LEAST 4096u
#define SXT_SCRATCH_MOST (1024u * 1024u)

typedef struct {
    /* Every row of the plane; *total grows by the losses. */
    void (*plane)(const sxt_job *job, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total);
    /* The phases of one contiguous row, for splitting it over threads. */
    sxt_row (*start)(const sxt_job *job, const void *x, void *y, ptrdiff_t index);
    void (*scan)(const sxt_job *job, sxt_row *row, ptrdiff_t begin, ptrdiff_t end);
    void (*prepare)(const sxt_job *job, sxt_row *row);
    void (*sum)(const sxt_job *job, sxt_row *row, ptrdiff_t begin, ptrdiff_t end);
    void (*finish)(const sxt_job *job, sxt_row *row, sxt_total *total);
    void (*write)(const sxt_job *job, const sxt_row *row, ptrdiff_t begin, ptrdiff_t end);
} sxt_row_kernels;

typedef struct {
    const char *name;
    sxt_row_kernels rows[4]; /* by sxt_dtype */
} sxt_kernels;

#endif
