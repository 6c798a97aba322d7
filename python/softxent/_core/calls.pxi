# Calls with canonical arguments: arrays checked and converted, results allocated.

ctypedef sxt_status (*row_function)(const sxt_array *, uint64_t, const sxt_mask *,
                                    const sxt_array *) noexcept nogil
ctypedef sxt_status (*vjp_function)(const sxt_array *, const sxt_array *, uint64_t,
                                    const sxt_array *) noexcept nogil
ctypedef sxt_status (*map_function)(const sxt_array *, const sxt_array *) noexcept nogil


cdef sxt_mask *masked(where, sxt_mask *m) except? NULL:
    """`m` pointed at the mask, or NULL for None."""
    if where is None:
        return NULL
    m.data = <const unsigned char *>cnp.PyArray_DATA(<cnp.ndarray?>where)
    m.strides = <const ptrdiff_t *>cnp.PyArray_STRIDES(<cnp.ndarray>where)
    return m


cdef int call_rows(row_function f, str name, cnp.ndarray x, uint64_t axes, where,
                   cnp.ndarray out) except -1:
    cdef sxt_array dx, dout
    cdef sxt_mask m
    cdef sxt_mask *mask = masked(where, &m)
    cdef int status
    describe(x, &dx)
    describe(out, &dout)
    if cnp.PyArray_NBYTES(x) < KEEP_GIL_BYTES:
        status = f(&dx, axes, mask, &dout)
    else:
        with nogil:
            status = f(&dx, axes, mask, &dout)
    return raise_status(status, name, x, -1, NULL) if status else 0


cdef int softmax_rows(cnp.ndarray x, uint64_t axes, object where, cnp.ndarray out) except -1:
    return call_rows(sxt_softmax, "softmax", x, axes, where, out)


cdef int log_softmax_rows(cnp.ndarray x, uint64_t axes, object where, cnp.ndarray out) except -1:
    return call_rows(sxt_log_softmax, "log_softmax", x, axes, where, out)


cdef int call_vjp(vjp_function f, str name, cnp.ndarray g, cnp.ndarray p, uint64_t axes,
                  cnp.ndarray out) except -1:
    cdef sxt_array dg, dp, dout
    cdef int status
    describe(g, &dg)
    describe(p, &dp)
    describe(out, &dout)
    if cnp.PyArray_NBYTES(p) < KEEP_GIL_BYTES:
        status = f(&dg, &dp, axes, &dout)
    else:
        with nogil:
            status = f(&dg, &dp, axes, &dout)
    return raise_status(status, name, p, -1, NULL) if status else 0


cdef int call_map(map_function f, str name, cnp.ndarray x, cnp.ndarray out) except -1:
    cdef sxt_array dx, dout
    cdef int status
    describe(x, &dx)
    describe(out, &dout)
    if cnp.PyArray_NBYTES(x) < KEEP_GIL_BYTES:
        status = f(&dx, &dout)
    else:
        with nogil:
            status = f(&dx, &dout)
    return raise_status(status, name, x, -1, NULL) if status else 0


def call_softmax(x, uint64_t axes, where, out):
    """Call `sxt_softmax`."""
    softmax_rows(x, axes, where, out)


def call_log_softmax(x, uint64_t axes, where, out):
    """Call `sxt_log_softmax`."""
    log_softmax_rows(x, axes, where, out)


def call_softmax_grad(g, p, uint64_t axes, out):
    """Call `sxt_softmax_grad`."""
    call_vjp(sxt_softmax_grad, "softmax_grad", g, p, axes, out)


def call_log_softmax_grad(g, p, uint64_t axes, out):
    """Call `sxt_log_softmax_grad`."""
    call_vjp(sxt_log_softmax_grad, "log_softmax_grad", g, p, axes, out)


def call_sigmoid(x, out):
    """Call `sxt_sigmoid`."""
    call_map(sxt_sigmoid, "sigmoid", x, out)


def call_log_sigmoid(x, out):
    """Call `sxt_log_sigmoid`."""
    call_map(sxt_log_sigmoid, "log_sigmoid", x, out)


cpdef int call_sum(cnp.ndarray x, uint64_t axes, object where, object b, cnp.ndarray out,
                   object sign) except -1:
    """Call `sxt_logsumexp`."""
    cdef sxt_array dx, db
    cdef const sxt_array *factors = described(b, &db)
    cdef sxt_mask m
    cdef sxt_mask *mask = masked(where, &m)
    cdef void *result = cnp.PyArray_DATA(out)
    cdef void *signs = data_of(sign)
    cdef int status
    describe(x, &dx)
    if cnp.PyArray_NBYTES(x) < KEEP_GIL_BYTES:
        status = sxt_logsumexp(&dx, axes, mask, factors, result, signs)
    else:
        with nogil:
            status = sxt_logsumexp(&dx, axes, mask, factors, result, signs)
    return raise_status(status, "logsumexp", x, -1, NULL) if status else 0


cdef int fill_loss(call, sxt_cross_entropy_args *args, sxt_array *arrays) except -1:
    """`args` filled from a `CrossEntropyCall`; three `arrays` are described for it."""
    memset(args, 0, sizeof(args[0]))
    describe(call.logits, &args.logits)
    args.axis = call.axis
    args.labels = <const int64_t *>data_of(call.labels)
    args.probs = described(call.probs, &arrays[0])
    args.weight = <const double *>data_of(call.weight)
    args.sample_weight = <const double *>data_of(call.sample_weight)
    args.grad_output = <const double *>data_of(call.grad_output)
    args.grad_scale = call.grad_scale
    args.has_ignore_index = call.ignore_index is not None
    args.ignore_index = call.ignore_index if args.has_ignore_index else 0
    args.label_smoothing = call.label_smoothing
    args.z_loss = call.z_loss
    args.logit_scale = call.logit_scale
    args.softcap = call.softcap
    args.focal_gamma = call.focal_gamma
    args.reduction = <sxt_reduction><int>call.reduction
    args.from_logits = call.from_logits
    args.grad = described(call.grad, &arrays[1])
    args.hess = described(call.hess, &arrays[2])
    return 0


def call_cross_entropy(str name, call):
    """Call `sxt_cross_entropy` with a `CrossEntropyCall`; return the loss, None if not asked."""
    cdef sxt_cross_entropy_args args
    cdef sxt_array arrays[3]
    fill_loss(call, &args, arrays)
    return run_cross_entropy(name, &args, call.logits, call.losses, call.loss)


cdef object run_cross_entropy(str name, sxt_cross_entropy_args *args, cnp.ndarray logits,
                              object losses, bint want_loss):
    """Call the core; return the row losses or the reduced loss, None unless `want_loss`."""
    cdef sxt_label_error bad
    cdef double loss = 0.0
    cdef int status
    if want_loss:
        args.row_losses = data_of(losses)
        args.loss = &loss if losses is None else NULL
    status = status_of(args, cnp.PyArray_NBYTES(logits), &bad)
    if status:
        raise_status(status, name, logits, args.axis, &bad)
    return loss_object(loss, losses, logits) if want_loss else None


cdef int status_of(const sxt_cross_entropy_args *args, int64_t nbytes,
                   sxt_label_error *bad) noexcept:
    """Status of `sxt_cross_entropy`, called without the GIL for so many bytes."""
    cdef int status
    if nbytes < KEEP_GIL_BYTES:
        return sxt_cross_entropy(args, bad)
    with nogil:
        status = sxt_cross_entropy(args, bad)
    return status


cdef bint plain_ignore_index(object value, sxt_cross_entropy_args *args) noexcept:
    """Take an int or None; False for everything the general path must judge."""
    cdef int overflow = 0
    if value is None:
        return True
    if not PyLong_CheckExact(value):
        return False
    args.ignore_index = PyLong_AsLongLongAndOverflow(value, &overflow)
    args.has_ignore_index = 1
    return overflow == 0 and (args.labels != NULL or args.ignore_index < 0)


cdef int plain_reduction(object value) except -2:
    """Number of the reduction, -1 for everything the general path must judge."""
    if PyUnicode_CheckExact(value):
        if <str>value == "mean":
            return SXT_MEAN
        if <str>value == "sum":
            return SXT_SUM
        if <str>value == "none":
            return SXT_NONE
    return -1


def call_binary(str name, call, double count=0.0, cnp.ndarray total=None):
    """
    Call `sxt_binary_cross_entropy` with a `BinaryCall`; return the loss, None if not asked.

    `count`: what the mean divides by, 0 for the elements; `total` takes the sum of the losses.
    """
    cdef sxt_binary_args args
    cdef sxt_array target, weight, pos_weight, losses, grad, hess
    cdef double loss = 0.0
    cdef int status
    memset(&args, 0, sizeof(args))
    describe(call.logits, &args.logits)
    args.target = described(call.target, &target)
    args.weight = described(call.weight, &weight)
    args.pos_weight = described(call.pos_weight, &pos_weight)
    args.grad_scale = 1.0
    args.count = count
    args.sum = NULL if total is None else exact_sum(total)
    args.reduction = <sxt_reduction><int>call.reduction
    args.from_logits = call.from_logits
    args.losses = described(call.losses, &losses)
    args.loss = &loss if call.loss and call.losses is None else NULL
    args.grad = described(call.grad, &grad)
    args.hess = described(call.hess, &hess)
    if cnp.PyArray_NBYTES(<cnp.ndarray>call.logits) < KEEP_GIL_BYTES:
        status = sxt_binary_cross_entropy(&args)
    else:
        with nogil:
            status = sxt_binary_cross_entropy(&args)
    if status:
        raise_status(status, name, call.logits, -1, NULL)
    return loss_object(loss, call.losses, call.logits) if call.loss else None


cdef object loss_object(double loss, losses, cnp.ndarray logits):
    """The array of losses, or the one loss as a NumPy scalar: float64 for float64, else float32."""
    cdef float single = <float>loss
    if losses is not None:
        return losses if losses.ndim else losses[()]
    if cnp.PyArray_TYPE(logits) == cnp.NPY_FLOAT64:
        return PyArray_Scalar(&loss, FLOAT64, None)
    return PyArray_Scalar(&single, FLOAT32, None)
