# New arrays for results; large ones in memory that freed results have left (memory_pool.h).

cdef extern from "numpy/arrayobject.h":
    object PyDataMem_SetHandler(object handler)

cdef extern from "memory_pool.h":
    const bint SXT_HAS_POOL
    void *handler_address "&sxt_pool_handler"
    size_t sxt_pool_limit() noexcept nogil
    size_t sxt_pool_bytes() noexcept nogil
    void sxt_pool_set_limit(size_t n) noexcept nogil

cdef object HANDLER = PyCapsule_New(handler_address, "mem_handler", NULL)


def pool_limit():
    """Number of bytes that are kept at most."""
    return sxt_pool_limit()


def pool_bytes():
    """Number of bytes that are kept now."""
    return sxt_pool_bytes()


def set_pool_limit(size_t n):
    """Keep at most so many bytes; give back what is beyond them."""
    sxt_pool_set_limit(n)


def empty_like(cnp.ndarray x, dtype=None):
    """
    New array with the shape, memory order and, unless given, dtype of `x`, its elements not set.

    Like `numpy.empty_like` for all but large arrays. Those have a memory handler of their own
    (NEP 49), which keeps up to four freed pieces of memory, and `pool_limit` bytes, for the next
    ones.
    """
    cdef ptrdiff_t item = cnp.PyArray_ITEMSIZE(x) if dtype is None else dtype.itemsize
    if not SXT_HAS_POOL or cnp.PyArray_SIZE(x) * item <= LARGE_BYTES or sxt_pool_limit() == 0:
        return np.empty_like(x, dtype, subok=False)
    before = PyDataMem_SetHandler(HANDLER)
    try:
        return np.empty_like(x, dtype, subok=False)
    finally:
        PyDataMem_SetHandler(before)
