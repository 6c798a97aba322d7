"""Softmax, log-softmax and log-sum-exp of arguments that are not plain (`_plain.pxd`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from softxent._arguments.calls import row_arguments
from softxent._arguments.sums import sum_call
from softxent._core import binding

__all__ = ["general_log_softmax", "general_logsumexp", "general_softmax"]

_RowCall = Callable[[np.ndarray, int, np.ndarray | None, np.ndarray], None]


def general_softmax(x: Any, axis: Any, where: Any, out: Any) -> Any:
    """Softmax with every option."""
    return _rows(binding.call_softmax, x, axis, where, out)


def general_log_softmax(x: Any, axis: Any, where: Any, out: Any) -> Any:
    """Log-softmax with every option."""
    return _rows(binding.call_log_softmax, x, axis, where, out)


def general_logsumexp(
    x: Any, axis: Any, b: Any, where: Any, keepdims: Any, return_sign: Any, out: Any
) -> Any:
    """Log-sum-exp with every option."""
    call = sum_call(x, axis, b, where, keepdims, return_sign, out)
    if call.x.size:
        binding.call_sum(call.x, call.axes, call.where, call.b, call.result, call.sign)
    result: Any = call.result.reshape(call.shape)
    if out is not None:
        out[...] = result
        result = out
    elif result.ndim == 0:
        result = result[()]
    return result if call.sign is None else (result, call.sign.reshape(call.shape)[()])


def _rows(call: _RowCall, x: Any, axis: Any, where: Any, out: Any) -> Any:
    array, axes, mask, result = row_arguments(x, axis, where, out)
    call(array, axes, mask, result)
    return result[()] if out is None and result.ndim == 0 else result
