"""Cross-entropy of data that arrives in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

from softxent._arguments.arrays import as_float, loss_dtype
from softxent._arguments.calls import cross_entropy_call
from softxent._arguments.options import reduction_code
from softxent._core import binding

__all__ = ["LossSum"]

_DIVISORS = np.ones(2)


class LossSum:
    r"""
    Cross-entropy of a batch that arrives in pieces or lies in several processes.

    .. math:: \sum_{\mathrm{pieces}} \sum_i L_i \Big/ \sum_{\mathrm{pieces}} \sum_i d_i

    with the loss L and the divisor d of the mean as in `cross_entropy`. Each process updates an
    object of its own with its pieces; the objects, which can be pickled, are then merged into one.
    Both sums are kept without rounding, so that neither the number nor the order of the updates and
    merges changes a bit.

    Parameters
    ----------
    axis, weight, ignore_index, label_smoothing, from_logits, z_loss, logit_scale, softcap, \
    focal_gamma
        As in `cross_entropy`, for all pieces.

    Raises
    ------
    TypeError, ValueError
        If an option has a wrong type or value.

    See Also
    --------
    cross_entropy : the same for a batch that is all there at once.
    LogSumExp : the same for log-sum-exp.

    Notes
    -----
    The bounds of `cross_entropy` hold. The bits of ``result("sum")`` are those of `cross_entropy`
    of the whole batch with ``reduction="sum"``, however it is cut; so are those of the mean, but
    for class weights or divisors beyond about 2^100, with which `cross_entropy` takes another way.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> logits = np.array([[0.1, 1.0, 2.1], [2.0, 1.0, 0.1]])
    >>> total = softxent.LossSum()
    >>> for row, label in zip(logits, [2, 0]):
    ...     piece = softxent.LossSum()
    ...     piece.update(row, label)
    ...     total.merge(piece)
    >>> bool(total.result() == softxent.cross_entropy(logits, [2, 0]))
    True
    """

    __slots__ = ("_divisors", "_dtype", "_options", "_sums")

    def __init__(
        self,
        *,
        axis: int = -1,
        weight: Any = None,
        ignore_index: int | None = -100,
        label_smoothing: float = 0.0,
        from_logits: bool = True,
        z_loss: float = 0.0,
        logit_scale: float = 1.0,
        softcap: float | None = None,
        focal_gamma: float = 0.0,
    ) -> None:
        self._options: dict[str, Any] = {
            "axis": axis,
            "weight": None if weight is None else np.array(as_float(weight, "weight"), np.float64),
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "from_logits": from_logits,
            "z_loss": z_loss,
            "logit_scale": logit_scale,
            "softcap": softcap,
            "focal_gamma": focal_gamma,
        }
        classes = 1 if weight is None else self._options["weight"].size
        trial = {**self._options, "axis": -1, "sample_weight": None, "reduction": "sum"}
        cross_entropy_call(np.zeros((0, classes)), np.zeros(0, int), **trial)
        self._sums, self._divisors = binding.sum_new(2), binding.sum_new(2)
        self._dtype: np.dtype | None = None

    @property
    def dtype(self) -> np.dtype:
        """
        Type of the result: float64 if a piece was float64, otherwise float32.

        Without a piece it is float64.
        """
        return np.dtype(np.float64) if self._dtype is None else self._dtype

    def update(self, logits: Any, target: Any, sample_weight: Any = None) -> None:
        """
        Take a piece in.

        Parameters
        ----------
        logits, target, sample_weight
            As in `cross_entropy`; a piece may have no rows.

        Raises
        ------
        IndexError, TypeError, ValueError, numpy.exceptions.AxisError
            As `cross_entropy`. Nothing has been taken in then.
        """
        call = cross_entropy_call(
            logits, target, sample_weight=sample_weight, reduction="sum", **self._options
        )
        divisors = binding.cross_entropy_divisors("LossSum", call)
        sums = binding.cross_entropy_sums("LossSum", call, None)
        self._take(sums, divisors, loss_dtype(call.logits.dtype))

    def merge(self, other: LossSum) -> None:
        """
        Take in everything that another object has taken in, and leave that one as it is.

        Parameters
        ----------
        other : LossSum
            An object with the same options.

        Raises
        ------
        TypeError
            If `other` is no LossSum.
        ValueError
            If it has other options.
        """
        if not isinstance(other, LossSum):
            raise TypeError(f"other is a {type(other).__name__}; expected a LossSum")
        for name, value in self._options.items():
            if not np.array_equal(value, other._options[name]):
                raise ValueError(f"other has {name}={other._options[name]}; expected {value}")
        self._take(other._sums, other._divisors, other._dtype)

    def _take(self, sums: np.ndarray, divisors: np.ndarray, dtype: np.dtype | None) -> None:
        binding.sum_merge(self._sums, sums)
        binding.sum_merge(self._divisors, divisors)
        if self._dtype is None or (dtype is not None and dtype.itemsize > self._dtype.itemsize):
            self._dtype = dtype

    def result(self, reduction: str = "mean") -> Any:
        """
        The loss of everything so far; more may come afterwards.

        Parameters
        ----------
        reduction : {"mean", "sum"}, default "mean"
            As in `cross_entropy`.

        Returns
        -------
        numpy.floating
            Of the type `dtype`; the mean of nothing is NaN.

        Raises
        ------
        ValueError
            For another reduction.
        """
        if reduction_code(reduction) == 0:
            raise ValueError("reduction is 'none'; expected 'sum' or 'mean'")
        over = _DIVISORS
        if reduction == "mean":
            over = np.array([binding.sum_over(part, 1.0) for part in self._divisors])
        loss = binding.cross_entropy_of_sums(self._sums, over, float(self._options["z_loss"]) != 0)
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(loss).astype(self.dtype)[()]

    def __repr__(self) -> str:
        return f"LossSum(result={self.result()!r})"
