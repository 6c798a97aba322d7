"""
Arguments told at once: NumPy arrays that the core can read as they are, and exact Python types.

What is not plain is left to the general path of `softxent._arguments`, which reads it or raises.
"""

cimport numpy as cnp
from cpython.float cimport PyFloat_AsDouble, PyFloat_CheckExact
from cpython.long cimport PyLong_AsLongAndOverflow, PyLong_CheckExact

from softxent._core.binding cimport element_type


cdef inline bint is_plain(object a):
    """True for an array that the core can read as it stands."""
    return (
        cnp.PyArray_CheckExact(a)
        and cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>a)
        and element_type(<cnp.ndarray>a) >= 0
    )


cdef inline bint is_apart(cnp.ndarray a, cnp.ndarray b) noexcept:
    """True if two C-contiguous arrays share no byte; anything else is for the general path."""
    cdef char *p = cnp.PyArray_BYTES(a)
    cdef char *q = cnp.PyArray_BYTES(b)
    return (
        cnp.PyArray_IS_C_CONTIGUOUS(a)
        and cnp.PyArray_IS_C_CONTIGUOUS(b)
        and (p + cnp.PyArray_NBYTES(a) <= q or q + cnp.PyArray_NBYTES(b) <= p)
    )


cdef inline bint is_plain_out(object out, cnp.ndarray x) noexcept:
    """True for None, for `x` itself and for an array like `x` that lies apart from it."""
    if out is None:
        return True
    if not cnp.PyArray_CheckExact(out) or not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>out):
        return False
    return out is x or (
        cnp.PyArray_TYPE(<cnp.ndarray>out) == cnp.PyArray_TYPE(x)
        and cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>out)
        and cnp.PyArray_SAMESHAPE(<cnp.ndarray>out, x)
        and is_apart(<cnp.ndarray>out, x)
    )


cdef inline int plain_axis(object axis, int ndim) noexcept:
    """The dimension that an int names, -1 for everything the general path must judge."""
    cdef int overflow = 0
    cdef long k
    if axis is -1:  # the default: known without a look into it
        return ndim - 1
    if not PyLong_CheckExact(axis):
        return -1
    k = PyLong_AsLongAndOverflow(axis, &overflow)
    if k < 0:
        k += ndim
    return <int>k if overflow == 0 and 0 <= k < ndim else -1


cdef inline bint equals(object value, object expected) noexcept:
    """True for a float of this value; a default of the signature is the same object as here."""
    return value is expected or (
        PyFloat_CheckExact(value) and PyFloat_AsDouble(value) == PyFloat_AsDouble(expected)
    )


cdef inline cnp.ndarray new_rows(cnp.ndarray x, int axis):
    """New contiguous array for one value per row: float64 for float64, else float32."""
    cdef cnp.npy_intp shape[cnp.NPY_MAXDIMS]
    cdef int k
    cdef int ndim = cnp.PyArray_NDIM(x) - 1
    cdef bint double = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT64
    for k in range(ndim):
        shape[k] = cnp.PyArray_DIM(x, k if k < axis else k + 1)
    return cnp.PyArray_EMPTY(ndim, shape, cnp.NPY_FLOAT64 if double else cnp.NPY_FLOAT32, 0)
