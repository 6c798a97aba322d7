# Sums of exponentials that stream, and the tiles of a linear layer's cross-entropy.


# ---- sums of exponentials: float64 arrays of shape (rows, 4) -------------------------------------

cdef sxt_exp_sum *exp_sums(cnp.ndarray sums, ptrdiff_t *n) except? NULL:
    if cnp.PyArray_TYPE(sums) != cnp.NPY_FLOAT64 or not cnp.PyArray_ISCARRAY(sums):
        raise TypeError("expected a C-contiguous float64 array")
    n[0] = cnp.PyArray_NBYTES(sums) // <ptrdiff_t>sizeof(sxt_exp_sum)
    return <sxt_exp_sum *>cnp.PyArray_DATA(sums)


def exp_sum_update(cnp.ndarray sums, cnp.ndarray x, uint64_t axes):
    """Add exp(x) along the axes to `sums`."""
    cdef sxt_array dx
    cdef ptrdiff_t n
    cdef sxt_exp_sum *p = exp_sums(sums, &n)
    cdef int status
    describe(x, &dx)
    with nogil:
        status = sxt_exp_sum_update(p, &dx, axes)
    check_status(status, "LogSumExp")


def exp_sum_merge(cnp.ndarray sums, cnp.ndarray others):
    """Add `others` to `sums`."""
    cdef ptrdiff_t n
    cdef sxt_exp_sum *q = exp_sums(others, &n)
    cdef sxt_exp_sum *p = exp_sums(sums, &n)
    cdef int status
    with nogil:
        status = sxt_exp_sum_merge(p, q, n)
    check_status(status, "LogSumExp")


def exp_sum_log(cnp.ndarray sums):
    """Logarithms of the sums, float64, one per row."""
    cdef ptrdiff_t n
    cdef sxt_exp_sum *p = exp_sums(sums, &n)
    cdef cnp.ndarray out = np.empty(n)
    cdef double *logs = <double *>cnp.PyArray_DATA(out)
    cdef int status
    with nogil:
        status = sxt_exp_sum_log(p, n, logs)
    check_status(status, "LogSumExp")
    return out


# ---- tiles of a linear layer ---------------------------------------------------------------------

ctypedef sxt_status (*tile_function)(const sxt_linear_tile *, sxt_linear_row *) noexcept nogil


def linear_rows(ptrdiff_t n, labels):
    """State of `n` rows before any tile, as one record of bytes per row."""
    cdef cnp.ndarray rows = np.empty(n, np.dtype((np.void, sizeof(sxt_linear_row))))
    cdef const int64_t *p = <const int64_t *>data_of(labels)
    check_status(sxt_linear_begin(<sxt_linear_row *>cnp.PyArray_DATA(rows), n, p), "linear")
    return rows


cdef int call_tile(tile_function f, tile, cnp.ndarray rows) except -1:
    cdef sxt_linear_tile args
    cdef sxt_array probs
    cdef sxt_linear_row *p = <sxt_linear_row *>cnp.PyArray_DATA(rows)
    cdef int status
    memset(&args, 0, sizeof(args))
    describe(tile.logits, &args.logits)
    args.first_class = tile.first_class
    args.bias = data_of(tile.bias)
    args.probs = described(tile.probs, &probs)
    args.base = <const double *>data_of(tile.base)
    args.slope = <const double *>data_of(tile.slope)
    args.softcap = tile.softcap
    with nogil:
        status = f(&args, p)
    return check_status(status, "linear")


def linear_add(tile, rows):
    """Add a `LinearTile` of logits to the state of its rows."""
    call_tile(sxt_linear_add, tile, rows)


def linear_gradient(tile, rows):
    """Turn a `LinearTile` of logits into their gradient, in place."""
    call_tile(<tile_function>sxt_linear_gradient, tile, rows)


def linear_finish(cnp.ndarray rows, share, double z_loss, double grad_scale, double z_scale):
    """Losses and z-loss penalties of the rows; makes the rows ready for `linear_gradient`."""
    cdef sxt_linear_loss loss
    cdef ptrdiff_t n = cnp.PyArray_SIZE(rows)
    cdef sxt_linear_row *p = <sxt_linear_row *>cnp.PyArray_DATA(rows)
    losses, penalties = np.empty(n), np.empty(n)
    cdef double *pl = <double *>data_of(losses)
    cdef double *pp = <double *>data_of(penalties)
    cdef int status
    loss.share = <const double *>data_of(share)
    loss.z_loss = z_loss
    loss.grad_scale = grad_scale
    loss.z_scale = z_scale
    with nogil:
        status = sxt_linear_finish(&loss, p, n, pl, pp)
    check_status(status, "linear")
    return losses, penalties
