"""What the compiled functions of `softxent.functional` use of the binding."""

cimport numpy as cnp
from libc.stdint cimport uint64_t

from softxent._core.header cimport sxt_array, sxt_cross_entropy_args

# softmax or log-softmax of the rows along one or more axes, into `out`
ctypedef int (*rows_call)(cnp.ndarray x, uint64_t axes, object where, cnp.ndarray out) except -1

cdef int element_type(cnp.ndarray a) except -2
cdef int describe(cnp.ndarray a, sxt_array *d) except -1
cdef const sxt_array *described(object a, sxt_array *d) except? NULL
cdef cnp.ndarray new_like(cnp.ndarray x)
cdef int softmax_rows(cnp.ndarray x, uint64_t axes, object where, cnp.ndarray out) except -1
cdef int log_softmax_rows(cnp.ndarray x, uint64_t axes, object where, cnp.ndarray out) except -1
cpdef int call_sum(cnp.ndarray x, uint64_t axes, object where, object b, cnp.ndarray out,
                   object sign) except -1
cdef object run_cross_entropy(str name, sxt_cross_entropy_args *args, cnp.ndarray logits,
                              object losses, bint want_loss)
cdef bint plain_ignore_index(object value, sxt_cross_entropy_args *args) noexcept
cdef int plain_reduction(object value) except -2
