# Sums without rounding: int64 arrays of 71 numbers, or rows of them.


cdef int check_status(int status, str name) except -1:
    """Raise what is left to go wrong once Python has checked the arguments."""
    if status == SXT_ERR_MEMORY:
        raise MemoryError(f"{name}: no scratch memory")
    if status:
        raise ValueError(f"{name}: the core refused an argument (status {status})")
    return 0


SUM_NUMBERS = sizeof(sxt_sum) // sizeof(int64_t)


cdef sxt_sum *exact_sum(cnp.ndarray sums, bint grows=True) except NULL:
    """The sums in an array that holds at least one; what comes from elsewhere may be read-only."""
    if cnp.PyArray_TYPE(sums) != cnp.NPY_INT64 or not cnp.PyArray_ISCARRAY_RO(sums):
        raise TypeError("expected a C-contiguous int64 array")
    if grows and not cnp.PyArray_ISWRITEABLE(sums):
        raise ValueError("expected a writeable array")
    if cnp.PyArray_NBYTES(sums) < <ptrdiff_t>sizeof(sxt_sum):
        raise ValueError(f"expected {SUM_NUMBERS} numbers a sum")
    return <sxt_sum *>cnp.PyArray_DATA(sums)


def sum_new(int n):
    """`n` sums of nothing, one a row."""
    return np.zeros((n, SUM_NUMBERS), np.int64)


def sum_add(cnp.ndarray total, cnp.ndarray values):
    """Add float64 values to the one sum."""
    cdef sxt_sum *p = exact_sum(total)
    cdef ptrdiff_t n = cnp.PyArray_SIZE(values)
    if cnp.PyArray_TYPE(values) != cnp.NPY_FLOAT64 or not cnp.PyArray_ISCARRAY_RO(values):
        raise TypeError("expected C-contiguous float64 values")
    check_status(sxt_sum_add(p, <const double *>cnp.PyArray_DATA(values), n), "sum")


def sum_merge(cnp.ndarray sums, cnp.ndarray others):
    """Add sums to as many others, row by row."""
    cdef sxt_sum *p = exact_sum(sums)
    cdef sxt_sum *q = exact_sum(others, False)
    cdef ptrdiff_t k, n = cnp.PyArray_NBYTES(sums) // <ptrdiff_t>sizeof(sxt_sum)
    if cnp.PyArray_NBYTES(others) != cnp.PyArray_NBYTES(sums):
        raise ValueError("expected as many sums")
    for k in range(n):
        check_status(sxt_sum_merge(p + k, q + k), "sum")


def sum_over(cnp.ndarray total, double divisor):
    """The sum, rounded once, over the divisor."""
    return sxt_sum_over(exact_sum(total, False), divisor)
