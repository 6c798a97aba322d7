/* softxent.h - the whole public C API of softxent: softmax, log-softmax, log-sum-exp, cross-entropy
 * (multi-class and binary) and their gradients over dense arrays on the CPU.
 *
 * Conventions
 *   Arrays are described, never owned: data pointer, element type, shape, byte strides (any sign,
 *   any alignment, 0 to broadcast). `axes` is a bit mask: bit k set means dimension k is reduced; the
 *   classes of one row are the elements along all those dimensions, in C order. A "row" is one
 *   position of the remaining dimensions; rows are numbered in C order.
 *   Every function returns a status, prints nothing, leaves errno and the floating-point environment
 *   alone (except that exception flags may be raised), never aborts, and checks its arguments before
 *   it writes anything. Outputs may be the input itself (same data, shape and strides); any other
 *   overlap is the caller's mistake.
 *   All functions may be called from many threads at once and after fork().
 *
 * Guarantees
 *   A row's result depends on its values and the options alone: the same bits for every thread
 *   count, batch size, layout, alignment and instruction set. How: a term exp(x - max) is computed
 *   by the same sequence of IEEE operations (explicit fused multiply-adds, no libm, no contraction)
 *   everywhere, is rounded onto a fixed grid relative to the row's maximum, and is added as an
 *   integer. Integer addition is associative, so lanes, tiles, blocks and threads cannot change the sum.
 *   NaN results are the canonical quiet NaN.
 *
 * Error bounds are stated per function in units in the last place (ULP) of the result's type:
 * |computed - exact| / spacing at the exact value, subnormal results included.
 */
#ifndef SOFTXENT_H
#define SOFTXENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SXT_VERSION "0.1.0"
#define SXT_MAX_NDIM 64

#if defined(_WIN32)
#define SXT_API __declspec(dllexport)
#else
#define SXT_API __attribute__((visibility("default")))
#endif

typedef enum {
    SXT_F16 = 0,  /* IEEE binary16 */
    SXT_BF16 = 1, /* bfloat16: the upper half of a binary32 */
    SXT_F32 = 2,
    SXT_F64 = 3
} sxt_dtype;

typedef enum {
    SXT_OK = 0,
    SXT_ERR_ARGUMENT = 1, /* unknown enum value, missing pointer, option out of its range */
    SXT_ERR_DTYPE = 2,    /* element types do not go together */
    SXT_ERR_SHAPE = 3,    /* shapes do not go together */
    SXT_ERR_AXIS = 4,     /* axis outside the array's dimensions */
    SXT_ERR_EMPTY = 5,    /* the reduced dimensions hold no element */
    SXT_ERR_LABEL = 6,    /* a label outside [0, C): see sxt_label_error */
    SXT_ERR_MEMORY = 7,   /* scratch memory could not be had */
    SXT_ERR_ISA = 8,      /* unknown or unusable instruction set */
    SXT_ERR_UNSUPPORTED = 9 /* an option this version does not compute */
} sxt_status;

typedef enum { SXT_NONE = 0, SXT_SUM = 1, SXT_MEAN = 2 } sxt_reduction;

/* shape and strides (in bytes) are borrowed for the duration of the call. */
typedef struct {
    void *data;
    sxt_dtype dtype;
    int ndim;
    const ptrdiff_t *shape;
    const ptrdiff_t *strides;
} sxt_array;

/* A boolean mask of the shape of the input; bytes, 0 = leave the element out. */
typedef struct {
    const unsigned char *data;
    const ptrdiff_t *strides;
} sxt_mask;

/* ---- sums without rounding ------------------------------------------------------------------------ */

#define SXT_SUM_LIMBS 70

/* A sum of doubles, all bits of it: the same whatever the order of its terms and however they are shared out.
 * Numbers, no pointers: it may be copied, stored and sent. All zero is the sum of nothing. */
typedef struct {
    int64_t limb[SXT_SUM_LIMBS];
    uint64_t special; /* NaN and infinities among the terms */
} sxt_sum;

/* Adds n values, or another sum. */
SXT_API sxt_status sxt_sum_add(sxt_sum *sum, const double *values, ptrdiff_t n);
SXT_API sxt_status sxt_sum_merge(sxt_sum *sum, const sxt_sum *other);
/* The sum, rounded to nearest, over a divisor; NaN where that is 0. */
SXT_API double sxt_sum_over(const sxt_sum *sum, double divisor);

/* ---- softmax family ------------------------------------------------------------------------ */

/* out = exp(x - max) / sum exp(x - max) along `axes`. out: x's shape and dtype.
 * <= 2 ULP (f32), 2.5 (f64), 1 (16 bit). `where` may be NULL. */
SXT_API sxt_status sxt_softmax(const sxt_array *x, uint64_t axes, const sxt_mask *where,
                               const sxt_array *out);

/* out = x - logsumexp(x). <= 1 ULP (f32 and 16 bit), 2 (f64), results next to 0 included. */
SXT_API sxt_status sxt_log_softmax(const sxt_array *x, uint64_t axes, const sxt_mask *where,
                                   const sxt_array *out);

/* out = log sum b * exp(x). out: f32 for 16-bit and f32 input, f64 for f64; contiguous, one value
 * per row in C order. b (or NULL): x's shape (strides may be 0) and dtype; a negative sum gives NaN, or, when
 * `sign` is not NULL (one value per row, out's dtype), log|sum| with its sign.
 * Without b <= 1 ULP (f32), 2 (f64) of max(|result|, |max x|). */
SXT_API sxt_status sxt_logsumexp(const sxt_array *x, uint64_t axes, const sxt_mask *where,
                                 const sxt_array *b, void *out, void *sign);

/* out = p * (g - sum g * p): vector-Jacobian product of softmax. All of one shape and dtype. */
SXT_API sxt_status sxt_softmax_grad(const sxt_array *grad_output, const sxt_array *probs,
                                    uint64_t axes, const sxt_array *out);

/* out = g - exp(l) * sum g: vector-Jacobian product of log-softmax. */
SXT_API sxt_status sxt_log_softmax_grad(const sxt_array *grad_output, const sxt_array *log_probs,
                                        uint64_t axes, const sxt_array *out);

/* Elementwise 1 / (1 + exp(-x)) and -log(1 + exp(-x)). <= 2 ULP (f32), 3 (f64), 1 (16 bit). */
SXT_API sxt_status sxt_sigmoid(const sxt_array *x, const sxt_array *out);
SXT_API sxt_status sxt_log_sigmoid(const sxt_array *x, const sxt_array *out);

/* ---- cross-entropy ------------------------------------------------------------------------- */

/* Where a bad label stands: its value and its row. */
typedef struct {
    int64_t label;
    ptrdiff_t row;
} sxt_label_error;

/* Row loss L = -sum_c w_c y'_c log p_c with y' = y (1 - eps) + eps / C, p = softmax(z),
 * z = softcap * tanh(scale * x / softcap), plus z_loss * logsumexp(z)^2; times sample_weight. With focal_gamma the
 * loss of a label t is multiplied by (1 - p_t)^focal_gamma.
 * Exactly one of labels / probs is given. Outputs that are NULL are not computed. */
typedef struct {
    sxt_array logits; /* probabilities when from_logits == 0 */
    int axis;
    const int64_t *labels;       /* one per row, contiguous */
    const sxt_array *probs;      /* or class probabilities of the logits' shape and dtype */
    const double *weight;        /* C class weights >= 0, finite, or NULL */
    const double *sample_weight; /* one per row, >= 0, finite, or NULL */
    const double *grad_output;   /* one per row (SXT_NONE only), or NULL */
    double grad_scale;           /* the scalar that multiplies every gradient; 1 as a rule */
    int has_ignore_index;
    int64_t ignore_index;
    double label_smoothing; /* in [0, 1] */
    double z_loss;
    double logit_scale;
    double softcap; /* 0: none */
    double focal_gamma; /* >= 0; 0: none. With labels of logits only, without smoothing, z_loss or softcap */
    sxt_reduction reduction;
    int from_logits;
    void *row_losses;      /* SXT_NONE: one per row, contiguous, f64 for f64 logits, else f32 */
    double *loss;          /* SXT_SUM, SXT_MEAN */
    const double *divisors; /* SXT_MEAN: of the losses and of their z_loss, for the batch's own; or NULL */
    sxt_sum *sums;          /* SXT_SUM, SXT_MEAN: two, what sxt_cross_entropy_of_sums takes; or NULL */
    const sxt_array *grad; /* d loss / d logits, the logits' shape and dtype; may be the logits */
    const sxt_array *hess; /* diagonal of the Hessian in the logits, likewise */
} sxt_cross_entropy_args;

/* Hard labels: loss <= 1 ULP (f32), 2 (f64) per row; gradient <= 2 (f32), 3 (f64), 1 (16 bit).
 * Otherwise <= 4 ULP (f32), 8 (f64), 2 (16 bit) of the largest term; beyond focal_gamma = 5 in proportion to it.
 * SXT_ERR_LABEL fills *bad and writes nothing. One pass over the logits whatever is asked for. */
SXT_API sxt_status sxt_cross_entropy(const sxt_cross_entropy_args *args, sxt_label_error *bad);

/* A batch in pieces: the divisors of a mean are the sums (sxt_sum_over, by 1) that this makes of each piece, merged;
 * the loss is that of the pieces' `sums`, merged. z_loss: whether there is one. */
SXT_API sxt_status sxt_cross_entropy_divisors(const sxt_cross_entropy_args *args, sxt_sum divisors[2],
                                              sxt_label_error *bad);
SXT_API double sxt_cross_entropy_of_sums(const sxt_sum sums[2], const double divisors[2], int z_loss);

/* Elementwise binary loss -w (p t log s(x) + (1 - t) log(1 - s(x))), s = sigmoid, p = pos_weight.
 * With from_logits == 0 the input is a probability and logarithms are clamped at -100. */
typedef struct {
    sxt_array logits;
    const sxt_array *target;     /* the logits' shape (strides may be 0) and dtype */
    const sxt_array *weight;     /* likewise, or NULL */
    const sxt_array *pos_weight; /* likewise, or NULL */
    const sxt_array *grad_output; /* likewise (SXT_NONE only), or NULL */
    double grad_scale;
    sxt_reduction reduction;
    int from_logits;
    const sxt_array *losses; /* SXT_NONE: the logits' shape, f64 for f64 logits, else f32 */
    double *loss;            /* SXT_SUM, SXT_MEAN */
    double count;            /* SXT_MEAN: what it divides by; 0: the number of elements */
    sxt_sum *sum;            /* SXT_SUM, SXT_MEAN: of the losses; or NULL */
    const sxt_array *grad;
    const sxt_array *hess;
} sxt_binary_args;

SXT_API sxt_status sxt_binary_cross_entropy(const sxt_binary_args *args);

/* ---- log-sum-exp in pieces --------------------------------------------------------------------- */

/* A sum of exponentials, (hi + lo) 2^exponent e^shift with hi in [2^512, 2^513). All zero is the sum of
 * nothing; hi is infinite or NaN where the sum is. Numbers, no pointers: it may be copied, stored and sent. */
typedef struct {
    double hi, lo, exponent, shift;
} sxt_exp_sum;

/* Adds exp(x) along `axes` to one sum per row, in C order. A chunk adds a relative error of 2^-56 of its
 * own part, an addition of sums one below 2^-80: neither their number nor their order matters. */
SXT_API sxt_status sxt_exp_sum_update(sxt_exp_sum *sums, const sxt_array *x, uint64_t axes);
/* sums[i] += others[i]. */
SXT_API sxt_status sxt_exp_sum_merge(sxt_exp_sum *sums, const sxt_exp_sum *others, ptrdiff_t n);
/* out[i] = log sums[i], <= 2 ULP of max(|result|, |max x|); -infinity for nothing. */
SXT_API sxt_status sxt_exp_sum_log(const sxt_exp_sum *sums, ptrdiff_t n, double *out);

/* ---- rows whose classes lie in shards ---------------------------------------------------------------------- */

/* Softmax, log-softmax, log-sum-exp and cross-entropy of rows of which each call sees a shard, some of the classes: with
 * the bits of the functions above, however the classes are cut. A row has a record, and goes through the steps that
 * sxt_shard_steps names, in the order of their numbers: each is a call for each shard with a copy of the records, which
 * are then merged. From the last ones sxt_shard_finish makes the rows' losses, and SXT_SHARD_WRITE each shard's part of
 * an output. A shard may be empty. */
typedef enum {
    SXT_SHARD_ORIGIN = 1, /* of scaled logits: the element that they are taken relative to */
    SXT_SHARD_SCAN = 2,   /* the largest elements */
    SXT_SHARD_BOUND = 4,  /* of class probabilities: the largest terms */
    SXT_SHARD_SUM = 8,
    SXT_SHARD_WRITE = 16
} sxt_shard_step_kind;

/* Numbers, no pointers: a record may be copied, stored and sent. */
typedef struct {
    double origin, max, second, least;
    double at_place, at_label, target_at_place; /* logits and target at the maximum's class and at the label */
    double bound_d, bound_q;
    int64_t place, has_label, nan;
    int64_t exps[4], dots[4], masses[4];
} sxt_shard_row;

typedef enum {
    SXT_SHARD_SOFTMAX,
    SXT_SHARD_LOG_SOFTMAX,
    SXT_SHARD_LOGSUMEXP,
    SXT_SHARD_CROSS_ENTROPY
} sxt_shard_kind;

typedef struct {
    sxt_shard_kind kind;
    ptrdiff_t classes, first_class; /* of all shards, and how many of them come before this one's */
    /* But for cross-entropy: */
    sxt_array x;
    uint64_t axes;
    const sxt_mask *where;
    /* Of cross-entropy; logits and probs are the shard's, labels and weight are of all classes, divisors are given
     * for SXT_MEAN. from_logits is 1, hess NULL. */
    const sxt_cross_entropy_args *loss;
    const sxt_array *out; /* SXT_SHARD_WRITE: in the shape and dtype of the shard */
    /* NULL, or an array in the shape of the shard with the dtype that sxt_shard_terms says: SXT_SHARD_SUM leaves there
     * what SXT_SHARD_WRITE makes the output of, without a look at the logits' data. */
    const sxt_array *terms;
} sxt_shard_args;

/* The steps before the last one, in one number; < 0: an argument is wrong. */
SXT_API int sxt_shard_steps(const sxt_shard_args *args);
/* One step over a shard; rows: one record per row, all the same in every shard before it. */
SXT_API sxt_status sxt_shard_step(const sxt_shard_args *args, sxt_shard_step_kind step, sxt_shard_row *rows,
                                  sxt_label_error *bad);
/* The dtype of terms, SXT_F32 or SXT_F64; < 0: an argument is wrong, or the output is made of the logits themselves, as
 * log-softmax is, and gradients through a softcap. */
SXT_API int sxt_shard_terms(const sxt_shard_args *args);
/* What two shards' records have come to in one step, into `rows`. */
SXT_API sxt_status sxt_shard_merge(sxt_shard_step_kind step, sxt_shard_row *rows, const sxt_shard_row *others,
                                   ptrdiff_t n);
/* Log-sum-exps or row losses to `out` (one per row, f64 for f64 logits, else f32; NULL: none), sums of losses to
 * loss->sums if there are any. The logits' data are not looked at. */
SXT_API sxt_status sxt_shard_finish(const sxt_shard_args *args, const sxt_shard_row *rows, void *out);

/* The same of probabilities, loss->from_logits == 0, in one step: a sum for each row of the shard, which sxt_sum_merge
 * merges, and its part of the gradient if args->out is given. */
SXT_API sxt_status sxt_shard_of_probabilities(const sxt_shard_args *args, sxt_sum *rows, sxt_label_error *bad);
SXT_API sxt_status sxt_finish_probabilities(const sxt_shard_args *args, const sxt_sum *rows, void *out);

/* Log-sum-exp with factors, of rows of which each call sees a shard, in three steps; all elements of a shard count as
 * its classes. The records are merged after each step; all zero is that before the first. */
typedef enum { SXT_FACTOR_MAX, SXT_FACTOR_TOP, SXT_FACTOR_SUM } sxt_factor_step_kind;

typedef struct {
    double max, top;  /* the largest element, and the exponent of the largest term relative to it */
    uint64_t special; /* NaN and infinities among the terms */
    sxt_sum sum;
} sxt_factor_row;

SXT_API sxt_status sxt_factor_step(const sxt_array *x, uint64_t axes, const sxt_mask *where, const sxt_array *b,
                                   sxt_factor_step_kind step, sxt_factor_row *rows);
SXT_API sxt_status sxt_factor_merge(sxt_factor_step_kind step, sxt_factor_row *rows, const sxt_factor_row *others,
                                    ptrdiff_t n);
/* As sxt_logsumexp with b; dtype: that of x. sign may be NULL. */
SXT_API sxt_status sxt_factor_finish(const sxt_factor_row *rows, ptrdiff_t n, sxt_dtype dtype, void *out, void *sign);

/* ---- cross-entropy of a linear layer, tile by tile ---------------------------------------------- */

/* The logits of a linear layer need not be held at once: the caller multiplies tiles of rows x classes,
 * shows every tile to sxt_linear_add, calls sxt_linear_finish when all classes of the rows have been seen,
 * and then has sxt_linear_gradient turn the same tiles, kept or multiplied again, into their gradients.
 * The loss is that of sxt_cross_entropy with
 *   q_c = base[c] + (c == label ? share : 0)  or  q_c = base[c] + slope[c] * probs[c]
 * as the coefficient of -log p_c. */

/* What is known of one row, between the calls. */
typedef struct {
    double max;             /* of all logits seen */
    int64_t skip;           /* the label, or the largest logit's class: left out of `others` */
    double at_skip, q_skip; /* its logit and base or target part of its coefficient */
    sxt_exp_sum others, total;
    double dot_hi, dot_lo, mass_hi, mass_lo; /* sums of q_c (max - z_c) and q_c, without the label's share */
    int64_t special;        /* NaN or +infinity among the logits */
    double row_grad, share_hi, share_lo, patch; /* gradient = p share - row_grad q; patch at skip */
} sxt_linear_row;

typedef struct {
    sxt_array logits;       /* f32 or f64, rows x classes, a row's classes side by side */
    ptrdiff_t first_class;
    const void *bias;       /* one per class of the tile, of the logits' dtype, or NULL */
    const sxt_array *probs; /* targets of the tile, of its shape and dtype, a row's classes side by
                               side; NULL: the rows have labels */
    const double *base, *slope; /* one per class of the tile; base or NULL; slope goes with probs */
    double softcap;         /* 0: none */
} sxt_linear_tile;

typedef struct {
    const double *share;    /* one per row with labels; NULL with probs */
    double z_loss;
    double grad_scale, z_scale; /* factors of the gradients of the two parts of the loss */
} sxt_linear_loss;

/* labels: one per row, in range, or NULL. */
SXT_API sxt_status sxt_linear_begin(sxt_linear_row *rows, ptrdiff_t n, const int64_t *labels);
SXT_API sxt_status sxt_linear_add(const sxt_linear_tile *tile, sxt_linear_row *rows);
/* losses and penalties (z_loss lse^2): one per row. */
SXT_API sxt_status sxt_linear_finish(const sxt_linear_loss *loss, sxt_linear_row *rows, ptrdiff_t n,
                                     double *losses, double *penalties);
/* The gradient takes the logits' place. */
SXT_API sxt_status sxt_linear_gradient(const sxt_linear_tile *tile, const sxt_linear_row *rows);

/* ---- threads and instruction sets ------------------------------------------------------------ */

/* Number of threads used by calls from now on (>= 1). The start value is SOFTXENT_NUM_THREADS or the
 * number of processors this process may run on. */
SXT_API int sxt_get_num_threads(void);
SXT_API sxt_status sxt_set_num_threads(int n);

/* Instruction set in use ("avx512", ...; NULL where SOFTXENT_ISA names one that is unknown or cannot be used
 * here: every call is then SXT_ERR_ISA), and the k-th usable one, best first (NULL past the end). */
SXT_API const char *sxt_isa(void);
SXT_API const char *sxt_usable_isa(int k);
/* Selects by name (NULL: best usable). SXT_ERR_ISA, nothing changed, when it is not usable here. */
SXT_API sxt_status sxt_select_isa(const char *name);

#ifdef __cplusplus
}
#endif
#endif
