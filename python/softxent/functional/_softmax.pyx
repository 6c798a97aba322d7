# cython: freethreading_compatible=True
"""Softmax, log-softmax and log-sum-exp: compiled, because their call overhead matters."""

cimport numpy as cnp
from libc.stdint cimport uint64_t

from softxent._core.binding cimport call_sum, log_softmax_rows, new_like, rows_call, softmax_rows
from softxent.functional._plain cimport is_plain, is_plain_out, new_rows, plain_axis

from softxent.functional._rows import general_logsumexp, general_log_softmax, general_softmax

cnp.import_array()


cdef int plain_rows(x, axis, where, out):
    """The dimension to reduce, -1 if the arguments are not plain."""
    if where is None and is_plain(x) and is_plain_out(out, x):
        return plain_axis(axis, cnp.PyArray_NDIM(x))
    return -1


cdef object rows_of(rows_call f, cnp.ndarray x, int axis, out):
    """The result of `f`, whose arguments are plain."""
    cdef cnp.ndarray result
    if out is not None:
        f(x, <uint64_t>1 << axis, None, out)
        return out
    result = new_like(x)
    f(x, <uint64_t>1 << axis, None, result)
    return result


def softmax(x, axis=-1, *, where=None, out=None):
    r"""
    Probabilities exp(x) / sum(exp(x)) along one or more axes.

    .. math:: p_c = \frac{e^{x_c}}{\sum_k e^{x_k}}

    Parameters
    ----------
    x : array_like
        Logits of any shape, layout and alignment: float16, bfloat16, float32 or float64. Integers
        and bools are computed as float64.
    axis : int, tuple of int or None, default -1
        The axes along which the probabilities add up to 1; None is all of them. Note that
        `scipy.special.softmax` has None as its default.
    where : array_like of bool, optional
        Broadcast to the shape of `x`. Elements where it is False are left out of the sum and have
        the result 0.
    out : numpy.ndarray, optional
        Takes the result; of the shape and dtype of `x`. It may be `x` itself.

    Returns
    -------
    numpy.ndarray
        The probabilities, in the shape and dtype of `x`; `out` if it is given. A NumPy scalar
        for 0-d input.

    Raises
    ------
    TypeError
        If `x` is a masked array or of another dtype, if `where` is not bool, or if `out` is not
        an array of the result's dtype.
    ValueError
        If a reduced axis is empty, an axis is named twice, `where` does not broadcast to `x`, or
        `out` is read-only or of another shape.
    numpy.exceptions.AxisError
        If `x` has no such axis.

    See Also
    --------
    log_softmax : the logarithm, accurate where a probability is close to 1 or 0.
    softmax_grad : the vector-Jacobian product.

    Notes
    -----
    The error of every element is at most 2 ULP in float32, 2.5 in float64 and 1 in float16 and
    bfloat16, subnormal results included. A row's result does not depend on the other rows, the
    memory layout, the number of threads or the instruction set.

    A row that holds NaN or +inf, or only -inf, gives NaN. A row with nothing left by `where`
    gives 0.

    References
    ----------
    .. [1] J. S. Bridle, "Probabilistic interpretation of feedforward classification network
       outputs, with relationships to statistical pattern recognition", Neurocomputing, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> softxent.softmax([2.0, 1.0, 0.1])
    array([0.65900114, 0.24243297, 0.09856589])
    >>> softxent.softmax(np.zeros((2, 4), np.float32), axis=0)
    array([[0.5, 0.5, 0.5, 0.5],
           [0.5, 0.5, 0.5, 0.5]], dtype=float32)
    """
    cdef int k = plain_rows(x, axis, where, out)
    if k >= 0:
        return rows_of(softmax_rows, x, k, out)
    return general_softmax(x, axis, where, out)


def log_softmax(x, axis=-1, *, where=None, out=None):
    r"""
    Log-probabilities x - logsumexp(x) along one or more axes.

    .. math:: \log p_c = x_c - \log \sum_k e^{x_k}

    Parameters
    ----------
    x : array_like
        Logits of any shape, layout and alignment: float16, bfloat16, float32 or float64. Integers
        and bools are computed as float64.
    axis : int, tuple of int or None, default -1
        The axes along which the probabilities add up to 1; None is all of them. Note that
        `scipy.special.log_softmax` has None as its default.
    where : array_like of bool, optional
        Broadcast to the shape of `x`. Elements where it is False are left out of the sum and have
        the result -inf.
    out : numpy.ndarray, optional
        Takes the result; of the shape and dtype of `x`. It may be `x` itself.

    Returns
    -------
    numpy.ndarray
        The log-probabilities, in the shape and dtype of `x`; `out` if it is given. A NumPy scalar
        for 0-d input.

    Raises
    ------
    TypeError
        If `x` is a masked array or of another dtype, if `where` is not bool, or if `out` is not
        an array of the result's dtype.
    ValueError
        If a reduced axis is empty, an axis is named twice, `where` does not broadcast to `x`, or
        `out` is read-only or of another shape.
    numpy.exceptions.AxisError
        If `x` has no such axis.

    See Also
    --------
    softmax : the probabilities.
    log_softmax_grad : the vector-Jacobian product.

    Notes
    -----
    The error of every element is at most 1 ULP in float32, float16 and bfloat16 and 2 in float64,
    also where the result is close to 0: the log-probability of a class that is almost certain
    keeps all its digits. A row's result does not depend on the other rows, the memory layout, the
    number of threads or the instruction set.

    A row that holds NaN or +inf, or only -inf, gives NaN. A row with nothing left by `where`
    gives -inf.

    Examples
    --------
    >>> import softxent
    >>> softxent.log_softmax([2.0, 1.0, 0.1])
    array([-0.41703002, -1.41703002, -2.31703002])
    >>> float(softxent.log_softmax([40.0, 0.0])[0])
    -4.248354255291589e-18
    """
    cdef int k = plain_rows(x, axis, where, out)
    if k >= 0:
        return rows_of(log_softmax_rows, x, k, out)
    return general_log_softmax(x, axis, where, out)


def logsumexp(x, axis=-1, *, b=None, where=None, keepdims=False, return_sign=False, out=None):
    r"""
    Logarithm of the sum of exponentials along one or more axes.

    .. math:: \log \sum_c b_c \, e^{x_c}

    Parameters
    ----------
    x : array_like
        Any shape, layout and alignment: float16, bfloat16, float32 or float64. Integers and bools
        are computed as float64.
    axis : int, tuple of int or None, default -1
        The axes to sum over; None is all of them. Note that `scipy.special.logsumexp` has None
        as its default.
    b : array_like, optional
        Factors of the exponentials, of any sign; `x` and `b` are broadcast against each other.
        Elements with the factor 0 are left out, whatever their `x`.
    where : array_like of bool, optional
        Broadcast to the shape of `x` (and `b`). Elements where it is False are left out.
    keepdims : bool, default False
        Keep the reduced axes with length 1.
    return_sign : bool, default False
        Return the sign of the sum too, and the logarithm of its absolute value. Without it a
        negative sum gives NaN.
    out : numpy.ndarray, optional
        Takes the result; of its shape and dtype.

    Returns
    -------
    result : numpy.floating or numpy.ndarray
        float64 for float64, otherwise float32 (the sum of 16-bit values overflows their type).
        With `b` the type follows from NumPy's promotion of `x` and `b`. `out` if it is given.
    sign : numpy.floating or numpy.ndarray
        Only with `return_sign`: 1, -1, 0 or NaN, like `result`.

    Raises
    ------
    TypeError
        If an input is a masked array or of another dtype, `where` is not bool, or `out` is not an
        array of the result's dtype.
    ValueError
        If shapes do not broadcast, an axis is named twice, or `out` is read-only or of another
        shape.
    numpy.exceptions.AxisError
        If `x` has no such axis.

    Notes
    -----
    Without `b` the error is at most 1 ULP (float32) or 2 (float64) of the larger of the result
    and the maximum of `x` in absolute value.

    The sum over no element is -inf, with the sign 0. A row with NaN gives NaN, a row with +inf
    gives inf, a row of -inf gives -inf.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> softxent.logsumexp(np.zeros((2, 3)), axis=0).round(4)
    array([0.6931, 0.6931, 0.6931])
    >>> result, sign = softxent.logsumexp([1000.0, 1001.0], b=[1.0, -1.0], return_sign=True)
    >>> print(f"{result:.4f} {sign}")
    1000.5413 -1.0
    """
    cdef int k = -1
    if b is None and where is None and out is None and keepdims is False and return_sign is False:
        if is_plain(x) and cnp.PyArray_SIZE(<cnp.ndarray>x) > 0:
            k = plain_axis(axis, cnp.PyArray_NDIM(<cnp.ndarray>x))
    if k >= 0:
        result = new_rows(x, k)
        call_sum(x, <uint64_t>1 << k, None, None, result, None)
        return result if result.ndim else result[()]
    return general_logsumexp(x, axis, b, where, keepdims, return_sign, out)
