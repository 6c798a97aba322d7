/* kernels.h - what the shared code asks of one instruction set: a table of functions, compiled
 * once per set from kernels.c and the units of the topics. Private to the library. */
#ifndef SXT_KERNELS_H
#define SXT_KERNELS_H

#include "kernels/elementwise/elementwise.h"
#include "kernels/stretches/stretches.h"
#include "numbers/dtypes.h"
#include "numbers/grids.h"
#include "numbers/total.h"
#include "softxent.h"

typedef enum {
    SXT_OP_SOFTMAX,
    SXT_OP_LOG_SOFTMAX,
    SXT_OP_LOGSUMEXP,
    SXT_OP_LABEL, /* cross-entropy of one label a row; with smoothing when job->base is set */
    SXT_OP_DENSE  /* cross-entropy of class probabilities */
} sxt_op;

/* Labels with smoothing, z_loss or scaled logits on the plain path, without factors per row: blend_tmpl.h. */
typedef enum {
    SXT_BLEND_NONE,
    SXT_BLEND_SHARP,   /* no smoothing */
    SXT_BLEND_EVEN,    /* the same base for all classes; `base` may be NULL */
    SXT_BLEND_WEIGHTED /* a base for each class */
} sxt_blend;

static inline int sxt_smooths(sxt_blend blend) { return blend >= SXT_BLEND_EVEN; }

/* Bases of a blend differ by no more than this factor. */
#define SXT_FLAT 256.0

/* Losses of a label, by the names of losses.def. */
typedef enum {
    SXT_LOSS_PLAIN,
#define SXT_LOSS(name, parameter) SXT_LOSS_##name,
#include "kernels/losses/losses.def"
} sxt_loss;

/* One call: what to compute for every row. Pointers into per-row arrays are indexed by row number.
 *
 * Cross-entropy in one form: loss = sum_c q_c (lse - x_c), gradient = Q p - q with Q = sum_c q_c, where
 *   q_c = base[c] + (c == label ? share * weight[label] : 0)   SXT_OP_LABEL
 *   q_c = base[c] + slope[c] * target_c                        SXT_OP_DENSE
 * base (NULL: 0) holds the smoothed part w_c eps / C, share is 1 - eps, slope[c] = share * w_c. */
typedef struct {
    sxt_op op;
    sxt_dtype dtype; /* of the logits */
    ptrdiff_t classes;
    const int64_t *labels;
    const double *base, *slope;        /* C each, or NULL */
    const void *base_here, *slope_here; /* the same in the compute type */
    double base_sum, share;
    int has_ignore_index;
    int64_t ignore_index;
    const double *weight, *sample_weight, *grad_output;
    double grad_scale; /* the scalar grad_output over the divisor of the mean */
    double logit_scale, softcap; /* 1 and 0: none; otherwise general or scaled is set */
    int scaled;                  /* a blend of logits times logit_scale, in these units: math_tmpl.h */
    double log2e, ln2_hi, ln2_lo;
    sxt_blend blend;
    double base_one, base_most; /* EVEN: the base of all classes, else 0; WEIGHTED: the largest */
    double push_scale;             /* grad_scale, times logit_scale if scaled */
    const void *push_hi, *push_lo; /* WEIGHTED: -base push_scale in two parts in the compute type */
    sxt_loss loss; /* general is set unless it is the plain one */
    double loss_parameter;
    double z_loss, z_scale; /* z_loss lse^2 a row; z_scale: its scalar grad_output over its divisor */
    void *row_out;     /* losses or log-sum-exps, double for f64, else float; or NULL */
    int want_sum;      /* add the row losses up */
    int past;          /* results may go past the caches: walks/tuning.h */
    int general;       /* probabilities, changed logits, Hessian, the rest of the options: the general form */
} sxt_job;

/* One operand of a plane: byte steps from row to row and from class to class; block[k] is the byte offset
 * of the k-th run of classes (NULL when there is one). p is NULL for an operand that is not there. */
typedef struct {
    char *p;
    ptrdiff_t row, cls;
    const ptrdiff_t *block;
} sxt_view;

/* Memory that is asked for while row r is computed: class c of it stands for p + r * row + c * cls, which may lie
 * past every array. p is 0 where there is none. */
typedef struct {
    uintptr_t p;
    ptrdiff_t row, cls;
} sxt_ahead;

/* A stretch of rows whose addresses and numbers advance by a fixed step. The classes of a row are `blocks`
 * runs of `run` elements each (more than one only when the reduced dimensions do not join into one). */
typedef struct {
    sxt_view x, t, mask; /* logits, target probabilities, where (not seen by kernels: walks/packing.h) */
    sxt_view y, h;       /* probabilities or gradient; diagonal of the Hessian */
    ptrdiff_t run, blocks;
    ptrdiff_t rows, first_row, row_step; /* row numbers: first_row + i * row_step */
    sxt_ahead next, results; /* of packed rows: the logits behind them, and where their results will go */
    int copied_on;           /* results go to memory from where they are copied on */
    ptrdiff_t ahead; /* rows beyond the last one, a step each, that are likely to be next: they may be asked for */
} sxt_plane;

/* What a range of a long row's classes has come to: the largest element and the next, the smallest; the sums. */
typedef struct {
    ptrdiff_t begin;
    double max, second, least;
    int nan;
    sxt_grid_sum exps, dots;
} sxt_range;

/* Bytes of a line of the cache: a vector across two lines is not handed on to who waits for it. */
#define SXT_LINE 64

/* Working memory of one thread, at least SXT_SCRATCH_LEAST bytes; more is faster up to SXT_SCRATCH_MOST. */
typedef struct {
    void *data;
    size_t bytes;
} sxt_scratch;

#define SXT_SCRATCH_LEAST 4096u
#define SXT_SCRATCH_MOST (8u * 1024u * 1024u)

/* Some classes of the rows, and one step over them: across/shards_tmpl.h. */
typedef struct {
    int step; /* sxt_shard_step_kind, or 0: from the records to losses */
    ptrdiff_t first, classes;
    sxt_shard_row *rows; /* by row number */
    int terms; /* the sum's are kept in y; what is written is made of those in x. In the compute type */
} sxt_shard;

typedef struct {
    /* Every row of the plane; *total grows by the losses. */
    void (*plane)(const sxt_job *job, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total);
    void (*shard)(const sxt_job *job, const sxt_plane *plane, sxt_scratch scratch, const sxt_shard *shard,
                  sxt_total *total);
    /* One contiguous row that is shared by threads: the plane's first, which must outlive it. Between the steps, each of
     * them for all its classes, it is kept in shared_bytes of memory that begins on a line of the cache. Several threads
     * may scan, sum and write. */
    size_t shared_bytes;
    void (*open)(const sxt_job *job, const sxt_plane *plane, void *row);
    void (*scan)(const void *row, ptrdiff_t begin, ptrdiff_t end, sxt_range *range);
    void (*prepare)(void *row, const sxt_range *ranges, ptrdiff_t n);
    void (*sum)(const void *row, ptrdiff_t begin, ptrdiff_t end, sxt_range *range);
    void (*finish)(void *row, const sxt_range *ranges, ptrdiff_t n, sxt_total *total);
    void (*write)(const void *row, ptrdiff_t begin, ptrdiff_t end);
} sxt_row_kernels;

typedef struct {
    const char *name;
    sxt_row_kernels rows[2]; /* of float and of double */
    /* Like plane, for jobs with logit_scale or softcap. */
    void (*capped_plane)(const sxt_job *job, const sxt_plane *plane, sxt_scratch scratch, sxt_total *total);
    void (*capped_shard)(const sxt_job *job, const sxt_plane *plane, sxt_scratch scratch, const sxt_shard *shard,
                         sxt_total *total);
    const sxt_stretches *stretches;
    const sxt_element_kernels *elements; /* by sxt_dtype */
    const struct sxt_vjp_kernels *vjp;
} sxt_kernels;

#endif
