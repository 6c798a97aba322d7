# Losses of a batch in pieces, and rows whose classes lie in shards.


cdef double *two_divisors(divisors) except? NULL:
    """Two float64 numbers, or NULL for None."""
    cdef cnp.ndarray pair
    if divisors is None:
        return NULL
    pair = divisors
    if cnp.PyArray_TYPE(pair) != cnp.NPY_FLOAT64 or cnp.PyArray_SIZE(pair) != 2:
        raise TypeError("expected two float64 divisors")
    return <double *>cnp.PyArray_DATA(pair)


def cross_entropy_divisors(str name, call):
    """Sums of what a mean divides by: of the losses, and of their z-loss."""
    cdef sxt_cross_entropy_args args
    cdef sxt_array arrays[3]
    cdef sxt_label_error bad
    cdef cnp.ndarray sums = sum_new(2)
    cdef sxt_sum *p = exact_sum(sums)
    cdef int status
    fill_loss(call, &args, arrays)
    with nogil:
        status = sxt_cross_entropy_divisors(&args, p, &bad)
    if status:
        raise_status(status, name, call.logits, args.axis, &bad)
    return sums


def cross_entropy_sums(str name, call, divisors):
    """Losses of a piece of a batch as two sums, and its gradient if the call asks for it."""
    cdef sxt_cross_entropy_args args
    cdef sxt_array arrays[3]
    cdef sxt_label_error bad
    cdef cnp.ndarray sums = sum_new(2)
    cdef int status
    fill_loss(call, &args, arrays)
    args.sums = exact_sum(sums)
    args.divisors = two_divisors(divisors)
    with nogil:
        status = sxt_cross_entropy(&args, &bad)
    if status:
        raise_status(status, name, call.logits, args.axis, &bad)
    return sums


def cross_entropy_of_sums(cnp.ndarray sums, divisors, bint z_loss):
    """The loss that pieces' sums, merged, come to."""
    cdef sxt_sum *p = exact_sum(sums, False)
    return sxt_cross_entropy_of_sums(p, two_divisors(divisors), z_loss)


# ---- shards --------------------------------------------------------------------------------------

cdef struct shard_memory:
    sxt_shard_args args
    sxt_cross_entropy_args loss
    sxt_array arrays[3]
    sxt_array out
    sxt_array terms
    sxt_mask mask


cdef int fill_shard(call, shard_memory *m) except -1:
    """`m.args` filled from a `ShardCall`."""
    memset(m, 0, sizeof(m[0]))
    m.args.kind = <sxt_shard_kind><int>call.kind
    m.args.classes = call.classes
    m.args.first_class = call.first_class
    m.args.out = described(call.out, &m.out)
    m.args.terms = described(call.terms, &m.terms)
    if m.args.kind == SXT_SHARD_CROSS_ENTROPY:
        fill_loss(call.loss, &m.loss, m.arrays)
        m.loss.divisors = two_divisors(call.divisors)
        m.args.loss = &m.loss
        return 0
    describe(call.x, &m.args.x)
    m.args.axes = call.axes
    m.args.where = masked(call.where, &m.mask)
    return 0


cdef sxt_shard_row *shard_records(cnp.ndarray rows, ptrdiff_t *n, bint changes) except? NULL:
    if not cnp.PyArray_ISCARRAY_RO(rows) or cnp.PyArray_ITEMSIZE(rows) != sizeof(sxt_shard_row):
        raise TypeError("expected a C-contiguous array of records")
    if <size_t>cnp.PyArray_DATA(rows) % sizeof(int64_t):  # NumPy lets bytes lie anywhere
        raise ValueError("expected records that are aligned")
    if changes and not cnp.PyArray_ISWRITEABLE(rows):
        raise ValueError("expected a writeable array")
    n[0] = cnp.PyArray_SIZE(rows)
    return <sxt_shard_row *>cnp.PyArray_DATA(rows)


def shard_rows(ptrdiff_t n):
    """Records of `n` rows before any step, as bytes."""
    return np.zeros(n, np.dtype((np.void, sizeof(sxt_shard_row))))


def shard_steps(call):
    """The steps of a `ShardCall`, as numbers in order."""
    cdef shard_memory m
    fill_shard(call, &m)
    steps = sxt_shard_steps(&m.args)
    if steps < 0:
        check_status(SXT_ERR_ARGUMENT, "shards")
    return [1 << k for k in range(8) if steps >> k & 1]


def shard_terms(call):
    """The dtype of the terms of a `ShardCall`; None where its output is not made of any."""
    cdef shard_memory m
    fill_shard(call, &m)
    dtype = sxt_shard_terms(&m.args)
    return None if dtype < 0 else np.dtype(np.float64 if dtype == SXT_F64 else np.float32)


def shard_step(call, int step, cnp.ndarray rows):
    """One step of a `ShardCall` over its shard; what it comes to goes to the records."""
    cdef shard_memory m
    cdef sxt_label_error bad
    cdef ptrdiff_t n
    cdef sxt_shard_row *p = shard_records(rows, &n, step != SXT_SHARD_WRITE)
    cdef int status
    fill_shard(call, &m)
    with nogil:
        status = sxt_shard_step(&m.args, <sxt_shard_step_kind>step, p, &bad)
    check_status(status, "shards")


def shard_merge(int step, cnp.ndarray rows, cnp.ndarray others):
    """Merge another shard's records after the same step into `rows`."""
    cdef ptrdiff_t n, other
    cdef sxt_shard_row *q = shard_records(others, &other, False)
    cdef sxt_shard_row *p = shard_records(rows, &n, True)
    if n != other:
        raise ValueError(f"{n} records and {other}")
    check_status(sxt_shard_merge(<sxt_shard_step_kind>step, p, q, n), "shards")


def shard_finish(call, cnp.ndarray rows, out, sums):
    """Row results to `out`, and sums of losses to `sums`, of records after all steps; None: not."""
    cdef shard_memory m
    cdef ptrdiff_t n
    cdef sxt_shard_row *p = shard_records(rows, &n, False)
    cdef void *results = data_of(out)
    cdef int status
    fill_shard(call, &m)
    m.loss.sums = NULL if sums is None else exact_sum(sums)
    with nogil:
        status = sxt_shard_finish(&m.args, p, results)
    check_status(status, "shards")


cdef sxt_sum *sums_of_rows(call, cnp.ndarray rows, bint changes) except NULL:
    """One sum for each row of a `ShardCall`, as they are described by its logits."""
    cdef cnp.ndarray logits = call.loss.logits
    cdef ptrdiff_t k, n = 1
    for k in range(logits.ndim):
        n *= 1 if k == call.loss.axis else cnp.PyArray_DIM(logits, k)
    if cnp.PyArray_NBYTES(rows) != n * <ptrdiff_t>sizeof(sxt_sum):
        raise ValueError("expected a sum for each row")
    if n == 0:
        return <sxt_sum *>cnp.PyArray_DATA(rows)
    return exact_sum(rows, changes)


def shard_of_probabilities(call, cnp.ndarray rows):
    """A shard of rows of probabilities: a sum for each, and the gradient to ``call.out``."""
    cdef shard_memory m
    cdef sxt_label_error bad
    cdef sxt_sum *p = sums_of_rows(call, rows, True)
    cdef int status
    fill_shard(call, &m)
    with nogil:
        status = sxt_shard_of_probabilities(&m.args, p, &bad)
    check_status(status, "shards")


def finish_probabilities(call, cnp.ndarray rows, out, sums):
    """Row losses to `out`, and sums of losses to `sums`, of merged sums of rows; None: not."""
    cdef shard_memory m
    cdef sxt_sum *p = sums_of_rows(call, rows, False)
    cdef void *results = data_of(out)
    cdef int status
    fill_shard(call, &m)
    m.loss.sums = NULL if sums is None else exact_sum(sums)
    with nogil:
        status = sxt_finish_probabilities(&m.args, p, results)
    check_status(status, "shards")


# ---- log-sum-exp with factors --------------------------------------------------------------------

cdef sxt_factor_row *factor_records(cnp.ndarray rows, ptrdiff_t *n, bint changes) except? NULL:
    if not cnp.PyArray_ISCARRAY_RO(rows) or cnp.PyArray_ITEMSIZE(rows) != sizeof(sxt_factor_row):
        raise TypeError("expected a C-contiguous array of records")
    if changes and not cnp.PyArray_ISWRITEABLE(rows):
        raise ValueError("expected a writeable array")
    if <size_t>cnp.PyArray_DATA(rows) % sizeof(int64_t):
        raise ValueError("expected records that are aligned")
    n[0] = cnp.PyArray_SIZE(rows)
    return <sxt_factor_row *>cnp.PyArray_DATA(rows)


def factor_rows(ptrdiff_t n):
    """Records of `n` rows before any step, as bytes."""
    return np.zeros(n, np.dtype((np.void, sizeof(sxt_factor_row))))


def factor_step(cnp.ndarray x, uint64_t axes, where, cnp.ndarray b, int step, cnp.ndarray rows):
    """One step over a shard; what it comes to goes to the records, one for each row."""
    cdef sxt_array dx, db
    cdef sxt_mask m
    cdef sxt_mask *mask = masked(where, &m)
    cdef ptrdiff_t n
    cdef sxt_factor_row *p = factor_records(rows, &n, True)
    cdef int status
    describe(x, &dx)
    describe(b, &db)
    with nogil:
        status = sxt_factor_step(&dx, axes, mask, &db, <sxt_factor_step_kind>step, p)
    check_status(status, "logsumexp")


def factor_merge(int step, cnp.ndarray rows, cnp.ndarray others):
    """Merge another shard's records after the same step into `rows`."""
    cdef ptrdiff_t n, other
    cdef sxt_factor_row *q = factor_records(others, &other, False)
    cdef sxt_factor_row *p = factor_records(rows, &n, True)
    if n != other:
        raise ValueError(f"{n} records and {other}")
    check_status(sxt_factor_merge(<sxt_factor_step_kind>step, p, q, n), "logsumexp")


def factor_finish(cnp.ndarray rows, cnp.ndarray out, sign):
    """Log-sum-exps, and their signs, of records after all steps."""
    cdef ptrdiff_t n
    cdef sxt_factor_row *p = factor_records(rows, &n, False)
    cdef void *signs = data_of(sign)
    cdef int dtype = element_type(out)
    check_status(sxt_factor_finish(p, n, <sxt_dtype>dtype, data_of(out), signs), "logsumexp")
