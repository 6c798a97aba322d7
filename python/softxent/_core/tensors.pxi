# Cross-entropy of tensors, without arrays between: by the C functions that their library hands out.

cdef extern from "dlpack_exchange.h":
    int DL_MAJOR_VERSION, DL_CPU, DL_INT, DL_FLOAT, DL_BFLOAT
    ctypedef struct dl_device:
        int type
    ctypedef struct dl_dtype:
        unsigned char code
        unsigned char bits
    ctypedef struct dl_tensor:
        void *data
        dl_device device
        int ndim
        dl_dtype dtype
        const int64_t *shape
        const int64_t *strides
        uint64_t byte_offset
    ctypedef struct dl_exchange:
        unsigned int major_version
        int (*view)(void *tensor, dl_tensor *view) except -1


cdef int float_type(const dl_tensor *d) noexcept:
    """The sxt_dtype of a tensor, -1 if the core has none for it."""
    if d.dtype.code == DL_FLOAT:
        if d.dtype.bits == 32:
            return SXT_F32
        if d.dtype.bits == 64:
            return SXT_F64
        if d.dtype.bits == 16:
            return SXT_F16
    return SXT_BF16 if d.dtype.code == DL_BFLOAT and d.dtype.bits == 16 else -1


cdef bint is_filled(const dl_tensor *d) noexcept:
    """True for elements on the CPU, at least one, in C order without gaps."""
    cdef int64_t stride = 1
    cdef int k
    if d.device.type != DL_CPU or d.data == NULL:
        return False
    for k in reversed(range(d.ndim)):
        if d.shape[k] < 1 or d.strides[k] != stride:
            return False
        stride *= d.shape[k]
    return True


cdef bint are_logits_and_labels(const dl_tensor *x, const dl_tensor *t) noexcept:
    """True for floats (N, C), too small for memory.pxi, and aligned int64 (N,)."""
    return (
        float_type(x) >= 0 and x.ndim == 2
        and x.shape[0] * x.shape[1] * x.dtype.bits <= 8 * <int64_t>LARGE_BYTES
        and t.dtype.code == DL_INT and t.dtype.bits == 64 and <uintptr_t>t.data % 8 == 0
        and t.ndim == 1 and t.shape[0] == x.shape[0]
    )


cdef void describe_rows(const dl_tensor *x, ptrdiff_t *strides, sxt_array *a) noexcept:
    """Point `a` at a filled tensor (N, C); it needs room for two strides."""
    strides[1] = x.dtype.bits // 8
    strides[0] = strides[1] * <ptrdiff_t>x.shape[1]
    a.data = x.data
    a.dtype = <sxt_dtype>float_type(x)
    a.ndim = 2
    a.shape = <const ptrdiff_t *>x.shape
    a.strides = strides


cdef void put(double value, const dl_tensor *d) noexcept:
    """Store one number as float32 or float64."""
    if d.dtype.bits == 64:
        (<double *>d.data)[0] = value
    else:
        (<float *>d.data)[0] = <float>value


cdef bint fits(const dl_tensor *d, int dtype, int ndim, const int64_t *shape) noexcept:
    """True for the dtype and shape that a result has to have."""
    return (
        float_type(d) == dtype and d.ndim == ndim
        and memcmp(d.shape, shape, ndim * sizeof(shape[0])) == 0
    )


cdef class TensorCalls:
    """
    Calls with tensors of one library.

    `exchange` is its ``__dlpack_c_exchange_api__``, or None, with which all is left to others;
    `empty_like` its function of that name; `float32` and `float64` are tensors () of these types.
    """

    cdef const dl_exchange *exchange
    cdef object empty_like, float32, float64

    def __init__(self, exchange, empty_like, float32, float64):
        self.exchange = NULL
        if PyCapsule_IsValid(exchange, "dlpack_exchange_api"):
            self.exchange = <const dl_exchange *>PyCapsule_GetPointer(exchange,
                                                                      "dlpack_exchange_api")
            if self.exchange.major_version != DL_MAJOR_VERSION or self.exchange.view == NULL:
                self.exchange = NULL
        self.empty_like, self.float32, self.float64 = empty_like, float32, float64

    cdef bint view(self, object tensor, dl_tensor *d):
        """Describe a tensor; False if it is not a plain piece of memory."""
        if self.exchange == NULL:
            return False
        try:
            # A tensor may be negated when it is read, of which its description knows nothing.
            if tensor.is_neg():
                return False
            self.exchange.view(<void *>tensor, d)
        except Exception:  # it has no memory, say
            return False
        d.data = <char *>d.data + d.byte_offset
        return is_filled(d)

    cdef object new_loss(self, labels, bint wide):
        """Room for a loss, or for those of the rows that have these labels."""
        like = self.float64 if wide else self.float32
        if labels is None:
            return self.empty_like(like)
        return self.empty_like(labels, dtype=like.dtype)

    def is_one(self, tensor):
        """True for the one number 1.0 in float32 or float64, where that can be seen."""
        cdef dl_tensor d
        if not self.view(tensor, &d) or d.ndim or d.dtype.code != DL_FLOAT:
            return False
        if d.dtype.bits == 32:
            return (<const float *>d.data)[0] == 1.0
        return d.dtype.bits == 64 and (<const double *>d.data)[0] == 1.0

    def cross_entropy(self, logits, labels, reduction, ignore_index, label_smoothing,
                      bint want_grad):
        """
        Loss of logits (N, C) and labels (N,), in their dtype, and its gradient, None if not wanted.

        The losses of rows, which are no one number, have no gradient. Nothing but None is returned
        if the arguments are not plain, or wrong: then the general path reads them, or raises.
        """
        cdef sxt_cross_entropy_args args
        cdef sxt_label_error bad
        cdef sxt_array grad
        cdef dl_tensor x, t, y, result
        cdef ptrdiff_t strides[2]
        cdef double total
        cdef int code = plain_reduction(reduction)
        cdef bint by_row = code == SXT_NONE
        if not (self.view(logits, &x) and self.view(labels, &t) and are_logits_and_labels(&x, &t)):
            return None
        memset(&args, 0, sizeof(args))
        args.labels = <const int64_t *>t.data
        if code < 0 or not (
            PyFloat_CheckExact(label_smoothing) and ignore_index is not None
            and plain_ignore_index(ignore_index, &args)
        ):
            return None
        describe_rows(&x, strides, &args.logits)
        args.axis = 1
        args.grad_scale = args.logit_scale = 1.0
        args.label_smoothing = PyFloat_AsDouble(label_smoothing)
        args.from_logits = 1
        args.reduction = <sxt_reduction>code
        gradient = self.empty_like(logits) if want_grad and not by_row else None
        if gradient is not None:
            if not (self.view(gradient, &y) and fits(&y, args.logits.dtype, 2, x.shape)):
                return None
            grad = args.logits
            grad.data = y.data
            args.grad = &grad
        loss = self.new_loss(labels if by_row else None, args.logits.dtype == SXT_F64)
        if not (
            self.view(loss, &result)
            and fits(&result, SXT_F64 if x.dtype.bits == 64 else SXT_F32, by_row, t.shape)
        ):
            return None
        if by_row:
            args.row_losses = result.data
        else:
            args.loss = &total
        if status_of(&args, strides[0] * x.shape[0], &bad) != SXT_OK:
            return None
        if not by_row:
            put(total, &result)
        return loss.to(logits.dtype) if x.dtype.bits == 16 else loss, gradient
