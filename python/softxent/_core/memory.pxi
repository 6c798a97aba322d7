# New arrays for results; large ones in memory that freed results have left (memory_pool.h).

cdef extern from "numpy/arrayobject.h":
    object PyDataMem_SetHandler(object handler)

cdef extern from "memory_pool.h":
    const bint SXT_HAS_POOL
    void *handler_address "&sxt_pool_handler"

cdef object HANDLER = PyCapsule_New(handler_address, "mem_handler", NULL)


def empty_like(cnp.ndarray x):
    """
    New array with the shape, dtype and memory order of `x`, its elements not set.

    Like `numpy.empty_like` for all but large arrays. Those have a memory handler of their own
    (NEP 49), which keeps up to four freed pieces of memory, 256 MiB together, for the next ones.
    """
    if not SXT_HAS_POOL or cnp.PyArray_NBYTES(x) <= LARGE_BYTES:
        return np.empty_like(x, subok=False)
    before = PyDataMem_SetHandler(HANDLER)
    try:
        return np.empty_like(x, subok=False)
    finally:
        PyDataMem_SetHandler(before)
