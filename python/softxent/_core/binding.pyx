# cython: freethreading_compatible=True
"""
Bindings of the C core: call, raise; the arithmetic is in src/.

This file holds what all calls share: arrays, errors, the settings of the process. `calls.pxi` takes
canonical arguments to the core, `sums.pxi` and `shards.pxi` what calls on parts of a batch leave
for each other, `linear.pxi` has the tiles of a linear layer and streaming sums, `tensors.pxi` calls
with tensors, `memory.pxi` the memory of large results.
"""

cimport numpy as cnp
from cpython.float cimport PyFloat_AsDouble, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport int64_t, uint64_t, uintptr_t
from libc.string cimport memcmp, memset

import numpy as np
from numpy.exceptions import AxisError

from softxent._core.header cimport *

from softxent._core.errors import label_error, no_class_error

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    int NPY_USERDEF
    cnp.ndarray PyArray_NewLikeArray(cnp.ndarray like, cnp.NPY_ORDER order, void *descr, int subok)
    object PyArray_Scalar(void *data, cnp.dtype descr, object base)

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1

cdef extern from *:
    """
    static PyObject *sxt_new_from(PyArrayObject *x)
    {
        PyArray_Descr *descr = PyArray_DESCR(x);
        Py_INCREF((PyObject *)descr);
        return PyArray_NewFromDescr(&PyArray_Type, descr, PyArray_NDIM(x), PyArray_DIMS(x), NULL,
                                    NULL, 0, NULL);
    }
    """
    cnp.ndarray new_from "sxt_new_from"(cnp.ndarray x)  # C-contiguous, of its shape and dtype

cdef extern from *:
    """
    #if defined(__clang__)
    #define SXT_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define SXT_COMPILER "gcc " __VERSION__
    #elif defined(_MSC_VER)
    #define SXT_STRING(x) #x
    #define SXT_QUOTE(x) SXT_STRING(x)
    #define SXT_COMPILER "msvc " SXT_QUOTE(_MSC_FULL_VER)
    #else
    #define SXT_COMPILER "unknown"
    #endif
    """
    const char *SXT_COMPILER

# Releasing and taking the GIL costs about as much as the core needs for this many bytes.
cdef enum: KEEP_GIL_BYTES = 16384
# The C library keeps freed memory up to this size for itself; for more, see memory.pxi.
cdef enum: LARGE_BYTES = 32 << 20

cdef cnp.dtype FLOAT32 = np.dtype(np.float32)
cdef cnp.dtype FLOAT64 = np.dtype(np.float64)

VERSION = SXT_VERSION.decode("ascii")
COMPILER = SXT_COMPILER.decode("ascii")


# ---- arrays --------------------------------------------------------------------------------------

cdef int element_type(cnp.ndarray a) except -2:
    """The sxt_dtype of an array, -1 if the core has none for it."""
    cdef int number = cnp.PyArray_TYPE(a)
    if number == cnp.NPY_FLOAT32:
        return SXT_F32
    if number == cnp.NPY_FLOAT64:
        return SXT_F64
    if number == cnp.NPY_FLOAT16:
        return SXT_F16
    if number >= NPY_USERDEF and a.dtype.type.__name__ == "bfloat16":
        return SXT_BF16
    return -1


cdef int describe(cnp.ndarray a, sxt_array *d) except -1:
    """Point `d` at the array; `a` must outlive it."""
    cdef int dtype = element_type(a)
    if dtype < 0 or not cnp.PyArray_ISNOTSWAPPED(a):
        raise TypeError(f"dtype {a.dtype}; expected float16, bfloat16, float32 or float64")
    d.data = cnp.PyArray_DATA(a)
    d.dtype = <sxt_dtype>dtype
    d.ndim = cnp.PyArray_NDIM(a)
    d.shape = <const ptrdiff_t *>cnp.PyArray_DIMS(a)
    d.strides = <const ptrdiff_t *>cnp.PyArray_STRIDES(a)
    return 0


cdef const sxt_array *described(object a, sxt_array *d) except? NULL:
    """`d` pointed at the array, or NULL for None."""
    if a is None:
        return NULL
    describe(a, d)
    return d


cdef void *data_of(a) except? NULL:
    """First element of a contiguous array, or NULL for None."""
    return NULL if a is None else cnp.PyArray_DATA(<cnp.ndarray?>a)


cdef cnp.ndarray new_like(cnp.ndarray x):
    """New array with the shape, dtype and memory order of `x`."""
    if cnp.PyArray_NBYTES(x) > LARGE_BYTES:
        return empty_like(x)
    # The same array in less time.
    if cnp.PyArray_IS_C_CONTIGUOUS(x):
        return new_from(x)
    return PyArray_NewLikeArray(x, cnp.NPY_KEEPORDER, NULL, 0)


# ---- errors --------------------------------------------------------------------------------------

cdef int raise_status(int status, str name, cnp.ndarray x, int axis,
                      sxt_label_error *bad) except -1:
    """Turn a status of the core into the exception that shows the values concerned."""
    shape = (<object>x).shape
    if status == SXT_ERR_LABEL:
        raise label_error(bad.label, bad.row, shape, axis)
    if status == SXT_ERR_EMPTY:
        raise no_class_error(name, shape)
    if status == SXT_ERR_MEMORY:
        raise MemoryError(f"{name}: no scratch memory for an input of shape {shape}")
    if status == SXT_ERR_UNSUPPORTED:
        raise NotImplementedError(f"softxent.{name}: this version lacks an option of this call")
    if status == SXT_ERR_AXIS:
        raise AxisError(axis, x.ndim)
    if status == SXT_ERR_DTYPE:
        raise TypeError(f"{name}: the core does not combine {x.dtype} with the other dtypes given")
    if status == SXT_ERR_SHAPE:
        raise ValueError(f"{name}: an array does not fit the input's shape {shape}")
    raise ValueError(f"{name}: the core refused an argument (status {status})")


# ---- settings of the process ---------------------------------------------------------------------

def get_num_threads():
    """Number of threads that calls use."""
    return sxt_get_num_threads()


def set_num_threads(int n):
    """Set the number of threads; False if the core refuses it."""
    return sxt_set_num_threads(n) == SXT_OK


def isa():
    """Name of the instruction set in use."""
    return sxt_isa().decode("ascii")


def usable_isas():
    """Names of the instruction sets that this machine can run, best first."""
    names = []
    while sxt_usable_isa(len(names)) != NULL:
        names.append(sxt_usable_isa(len(names)).decode("ascii"))
    return names


def select_isa(str name):
    """Select an instruction set by name; False, and nothing changed, if it is not usable here."""
    encoded = name.encode("utf-8")
    return sxt_select_isa(encoded) == SXT_OK


include "memory.pxi"
include "sums.pxi"
include "calls.pxi"
include "shards.pxi"
include "linear.pxi"
include "tensors.pxi"
