"""Log-sum-exp of data that arrives in pieces."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from softxent._arguments.arrays import as_float, axis_mask, loss_dtype, remaining_shape
from softxent._arguments.scalars import read_integer, shown
from softxent._core import binding

__all__ = ["LogSumExp"]

# Doubles in one sum of exponentials, sxt_exp_sum of the C interface.
_FIELDS = 4


class LogSumExp:
    r"""
    Log-sum-exp of data that arrives in chunks or lies in several processes.

    .. math:: \log \sum_{\mathrm{chunks}} \sum_c e^{x_c}

    Each process updates an object of its own with its chunks; the objects, which can be pickled,
    are then merged into one. What is kept is the sum of the exponentials itself to more than twice
    the precision of a double, so that neither the number nor the order of the updates and merges
    matters.

    Parameters
    ----------
    shape : int or tuple of int, default ()
        Shape of the result: of the chunks without the axes that are summed over.

    Raises
    ------
    TypeError
        If `shape` is not made of integers.
    ValueError
        If a dimension is negative.

    See Also
    --------
    logsumexp : the same for data that is all there at once.

    Notes
    -----
    The error of the result is at most 1 ULP (float32) or 2 (float64) of the larger of the result
    and the maximum of everything that came in, in absolute value.

    Before anything came in the result is -inf. NaN in a row of any chunk makes its result NaN,
    +inf without NaN makes it inf, and -inf adds nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> stream = softxent.LogSumExp(shape=(2,))
    >>> for chunk in np.split(np.zeros((2, 6)), 3, axis=1):
    ...     stream.update(chunk, axis=1)
    >>> stream.result().round(4)
    array([1.7918, 1.7918])
    """

    __slots__ = ("_dtype", "_shape", "_sums")

    def __init__(self, shape: int | tuple[int, ...] = ()) -> None:
        self._shape = _read_shape(shape)
        self._dtype: np.dtype | None = None
        # Never changed in place: a copy of this object may share it.
        self._sums = np.zeros((*self._shape, _FIELDS))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return self._shape

    @property
    def dtype(self) -> np.dtype:
        """
        Type of the result: float64 if a chunk was float64, otherwise float32.

        Without a chunk it is float64.
        """
        return np.dtype(np.float64) if self._dtype is None else self._dtype

    def update(self, chunk: Any, axis: int | tuple[int, ...] | None = -1) -> None:
        """
        Take a chunk in.

        Parameters
        ----------
        chunk : array_like
            float16, bfloat16, float32 or float64, in any layout; integers and bools are computed
            as float64. Without the axes summed over it has the shape of the result. It may be
            empty along those axes.
        axis : int, tuple of int or None, default -1
            The axes to sum over; None is all of them.

        Raises
        ------
        TypeError
            If `chunk` is a masked array or of another dtype.
        ValueError
            If what remains of the chunk's shape is not the shape of the result, or an axis is
            named twice. Nothing has been taken in then.
        numpy.exceptions.AxisError
            If `chunk` has no such axis.
        """
        array = as_float(chunk, "chunk")
        axes = axis_mask(axis, array.ndim)
        rows = remaining_shape(array.shape, axes)
        if rows != self._shape:
            raise ValueError(
                f"chunk has shape {array.shape}, which leaves {rows} without axis {axis}; "
                f"expected {self._shape}, the shape of this LogSumExp"
            )
        sums = self._sums.copy()
        binding.exp_sum_update(sums, array, axes)
        self._sums = sums
        self._dtype = _common(self._dtype, loss_dtype(array.dtype))

    def merge(self, other: LogSumExp) -> None:
        """
        Take in everything that another object has taken in, and leave that one as it is.

        Parameters
        ----------
        other : LogSumExp
            An object of the same shape.

        Raises
        ------
        TypeError
            If `other` is no LogSumExp.
        ValueError
            If it has another shape.
        """
        if not isinstance(other, LogSumExp):
            raise TypeError(f"other is a {type(other).__name__}; expected a LogSumExp")
        if other._shape != self._shape:
            raise ValueError(f"other has shape {other._shape}; expected {self._shape}")
        sums = self._sums.copy()
        binding.exp_sum_merge(sums, other._sums)
        self._sums = sums
        self._dtype = _common(self._dtype, other._dtype)

    def result(self) -> Any:
        """
        Log-sum-exp of everything so far; more may come afterwards.

        Returns
        -------
        numpy.floating or numpy.ndarray
            Of the shape given and the type `dtype`; a new array, or a NumPy scalar for ``()``.
        """
        logs = binding.exp_sum_log(self._sums).reshape(self._shape)
        with np.errstate(all="ignore"):
            return logs.astype(self.dtype, copy=False)[()]

    def __repr__(self) -> str:
        return f"LogSumExp(shape={self._shape}, result={self.result()!r})"


def _read_shape(shape: Any) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, tuple) else (shape,)
    read = []
    for size in sizes:
        extent = read_integer(size)
        if extent is None:
            raise TypeError(f"shape is {shown(shape)}; expected an int or a tuple of ints")
        if not 0 <= extent <= sys.maxsize:
            raise ValueError(f"shape has the dimension {shown(size)}; expected >= 0 and < 2**63")
        read.append(extent)
    return tuple(read)


def _common(a: np.dtype | None, b: np.dtype | None) -> np.dtype | None:
    """Type of the result of two partial results; None came from nothing."""
    if a is None or b is None:
        return a if b is None else b
    return max(a, b, key=lambda dtype: dtype.itemsize)
