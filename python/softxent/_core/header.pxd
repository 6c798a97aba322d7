"""The C interface of src/softxent.h, as far as the bindings use it."""

from libc.stdint cimport int64_t, uint64_t


cdef extern from "softxent.h":
    const char *SXT_VERSION

    ctypedef enum sxt_dtype:
        SXT_F16
        SXT_BF16
        SXT_F32
        SXT_F64

    ctypedef enum sxt_status:
        SXT_OK
        SXT_ERR_ARGUMENT
        SXT_ERR_DTYPE
        SXT_ERR_SHAPE
        SXT_ERR_AXIS
        SXT_ERR_EMPTY
        SXT_ERR_LABEL
        SXT_ERR_MEMORY
        SXT_ERR_ISA
        SXT_ERR_UNSUPPORTED

    ctypedef struct sxt_sum:
        pass

    sxt_status sxt_sum_add(sxt_sum *sum, const double *values, ptrdiff_t n) noexcept nogil
    sxt_status sxt_sum_merge(sxt_sum *sum, const sxt_sum *other) noexcept nogil
    double sxt_sum_over(const sxt_sum *sum, double divisor) noexcept nogil

    ctypedef enum sxt_reduction:
        SXT_NONE
        SXT_SUM
        SXT_MEAN

    ctypedef struct sxt_array:
        void *data
        sxt_dtype dtype
        int ndim
        const ptrdiff_t *shape
        const ptrdiff_t *strides

    ctypedef struct sxt_mask:
        const unsigned char *data
        const ptrdiff_t *strides

    sxt_status sxt_softmax(const sxt_array *x, uint64_t axes, const sxt_mask *where,
                           const sxt_array *out) noexcept nogil
    sxt_status sxt_log_softmax(const sxt_array *x, uint64_t axes, const sxt_mask *where,
                               const sxt_array *out) noexcept nogil
    sxt_status sxt_logsumexp(const sxt_array *x, uint64_t axes, const sxt_mask *where,
                             const sxt_array *b, void *out, void *sign) noexcept nogil
    sxt_status sxt_softmax_grad(const sxt_array *grad_output, const sxt_array *probs,
                                uint64_t axes, const sxt_array *out) noexcept nogil
    sxt_status sxt_log_softmax_grad(const sxt_array *grad_output, const sxt_array *log_probs,
                                    uint64_t axes, const sxt_array *out) noexcept nogil
    sxt_status sxt_sigmoid(const sxt_array *x, const sxt_array *out) noexcept nogil
    sxt_status sxt_log_sigmoid(const sxt_array *x, const sxt_array *out) noexcept nogil

    ctypedef struct sxt_label_error:
        int64_t label
        ptrdiff_t row

    ctypedef struct sxt_cross_entropy_args:
        sxt_array logits
        int axis
        const int64_t *labels
        const sxt_array *probs
        const double *weight
        const double *sample_weight
        const double *grad_output
        double grad_scale
        int has_ignore_index
        int64_t ignore_index
        double label_smoothing
        double z_loss
        double logit_scale
        double softcap
        double focal_gamma
        sxt_reduction reduction
        int from_logits
        void *row_losses
        double *loss
        const double *divisors
        sxt_sum *sums
        const sxt_array *grad
        const sxt_array *hess

    sxt_status sxt_cross_entropy(const sxt_cross_entropy_args *args,
                                 sxt_label_error *bad) noexcept nogil

    sxt_status sxt_cross_entropy_divisors(const sxt_cross_entropy_args *args, sxt_sum *divisors,
                                          sxt_label_error *bad) noexcept nogil
    double sxt_cross_entropy_of_sums(const sxt_sum *sums, const double *divisors,
                                     int z_loss) noexcept nogil

    ctypedef struct sxt_binary_args:
        sxt_array logits
        const sxt_array *target
        const sxt_array *weight
        const sxt_array *pos_weight
        const sxt_array *grad_output
        double grad_scale
        sxt_reduction reduction
        int from_logits
        const sxt_array *losses
        double *loss
        double count
        sxt_sum *sum
        const sxt_array *grad
        const sxt_array *hess

    sxt_status sxt_binary_cross_entropy(const sxt_binary_args *args) noexcept nogil

    ctypedef struct sxt_exp_sum:
        pass

    sxt_status sxt_exp_sum_update(sxt_exp_sum *sums, const sxt_array *x,
                                  uint64_t axes) noexcept nogil
    sxt_status sxt_exp_sum_merge(sxt_exp_sum *sums, const sxt_exp_sum *others,
                                 ptrdiff_t n) noexcept nogil
    sxt_status sxt_exp_sum_log(const sxt_exp_sum *sums, ptrdiff_t n, double *out) noexcept nogil

    ctypedef enum sxt_shard_step_kind:
        SXT_SHARD_WRITE

    ctypedef enum sxt_shard_kind:
        SXT_SHARD_CROSS_ENTROPY

    ctypedef struct sxt_shard_row:
        pass

    ctypedef struct sxt_shard_args:
        sxt_shard_kind kind
        ptrdiff_t classes
        ptrdiff_t first_class
        sxt_array x
        uint64_t axes
        const sxt_mask *where
        const sxt_cross_entropy_args *loss
        const sxt_array *out
        const sxt_array *terms

    int sxt_shard_terms(const sxt_shard_args *args) noexcept nogil
    int sxt_shard_steps(const sxt_shard_args *args) noexcept nogil
    sxt_status sxt_shard_step(const sxt_shard_args *args, sxt_shard_step_kind step,
                              sxt_shard_row *rows, sxt_label_error *bad) noexcept nogil
    sxt_status sxt_shard_merge(sxt_shard_step_kind step, sxt_shard_row *rows,
                               const sxt_shard_row *others, ptrdiff_t n) noexcept nogil
    sxt_status sxt_shard_finish(const sxt_shard_args *args, const sxt_shard_row *rows,
                                void *out) noexcept nogil

    sxt_status sxt_shard_of_probabilities(const sxt_shard_args *args, sxt_sum *rows,
                                          sxt_label_error *bad) noexcept nogil
    sxt_status sxt_finish_probabilities(const sxt_shard_args *args, const sxt_sum *rows,
                                        void *out) noexcept nogil

    ctypedef enum sxt_factor_step_kind:
        SXT_FACTOR_MAX

    ctypedef struct sxt_factor_row:
        pass

    sxt_status sxt_factor_step(const sxt_array *x, uint64_t axes, const sxt_mask *where,
                               const sxt_array *b, sxt_factor_step_kind step,
                               sxt_factor_row *rows) noexcept nogil
    sxt_status sxt_factor_merge(sxt_factor_step_kind step, sxt_factor_row *rows,
                                const sxt_factor_row *others, ptrdiff_t n) noexcept nogil
    sxt_status sxt_factor_finish(const sxt_factor_row *rows, ptrdiff_t n, sxt_dtype dtype,
                                 void *out, void *sign) noexcept nogil

    ctypedef struct sxt_linear_row:
        pass

    ctypedef struct sxt_linear_tile:
        sxt_array logits
        ptrdiff_t first_class
        const void *bias
        const sxt_array *probs
        const double *base
        const double *slope
        double softcap

    ctypedef struct sxt_linear_loss:
        const double *share
        double z_loss
        double grad_scale
        double z_scale

    sxt_status sxt_linear_begin(sxt_linear_row *rows, ptrdiff_t n,
                                const int64_t *labels) noexcept nogil
    sxt_status sxt_linear_add(const sxt_linear_tile *tile, sxt_linear_row *rows) noexcept nogil
    sxt_status sxt_linear_finish(const sxt_linear_loss *loss, sxt_linear_row *rows, ptrdiff_t n,
                                 double *losses, double *penalties) noexcept nogil
    sxt_status sxt_linear_gradient(const sxt_linear_tile *tile,
                                   const sxt_linear_row *rows) noexcept nogil

    int sxt_get_num_threads() noexcept nogil
    sxt_status sxt_set_num_threads(int n) noexcept nogil
    const char *sxt_isa() noexcept nogil
    const char *sxt_usable_isa(int k) noexcept nogil
    sxt_status sxt_select_isa(const char *name) noexcept nogil
