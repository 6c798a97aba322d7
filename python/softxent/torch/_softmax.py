"""Softmax and its relatives, with the signatures of `torch.nn.functional` and `torch`."""

from __future__ import annotations

from typing import Any

import torch

from softxent._arguments.scalars import shown

from . import _kernels
from ._arguments import check_dtype, check_tensors
from ._errors import TensorTypeError, TensorValueError
from ._functions import LogSoftmax, LogSumExp, Softmax
from ._ops import ops
from ._plain import is_plain, needs_grad

__all__ = ["log_softmax", "logsumexp", "softmax"]


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    r"""
    Probabilities along a dimension, as `torch.nn.functional.softmax`.

    .. math:: p_c = \frac{e^{x_c}}{\sum_k e^{x_k}}

    Parameters
    ----------
    input : Tensor
        Logits of any shape: float16, bfloat16, float32 or float64, on the CPU.
    dim : int
        The dimension along which the probabilities add up to 1.
    dtype : torch.dtype, optional
        What `input` is converted to before.

    Returns
    -------
    Tensor
        The probabilities, in the shape and dtype of `input`.

    Raises
    ------
    TypeError
        If the tensor is not on the CPU, or a dtype is wrong (a RuntimeError too, as in PyTorch).
    ValueError
        If `dim` is None, for which PyTorch guesses a dimension with a warning.
    IndexError
        If `input` has no such dimension.

    Notes
    -----
    Bounds as `softxent.softmax`.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import softmax
    >>> softmax(torch.tensor([[2.0, 1.0, 0.1]]), 1)
    tensor([[0.6590, 0.2424, 0.0986]])
    """
    input = _read("softmax", input, dtype)
    dims = [_one_dim("softmax", input, dim)]
    if not is_plain(input):
        return ops.softmax(input, dims)
    return Softmax.apply(input, dims) if needs_grad(input) else _kernels.softmax(input, dims)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    r"""
    Log-probabilities along a dimension, as `torch.nn.functional.log_softmax`.

    .. math:: \log p_c = x_c - \log \sum_k e^{x_k}

    Parameters
    ----------
    input, dim, dtype
        As in `softmax`.

    Returns
    -------
    Tensor
        The log-probabilities, in the shape and dtype of `input`.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `softmax`.

    Notes
    -----
    Bounds as `softxent.log_softmax`: results next to 0 keep their digits.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import log_softmax
    >>> log_softmax(torch.tensor([2.0, 1.0, 0.1]), 0)
    tensor([-0.4170, -1.4170, -2.3170])
    """
    input = _read("log_softmax", input, dtype)
    dims = [_one_dim("log_softmax", input, dim)]
    if not is_plain(input):
        return ops.log_softmax(input, dims)
    if needs_grad(input):
        return LogSoftmax.apply(input, dims)
    return _kernels.log_softmax(input, dims)


def logsumexp(input: Any, dim: int | tuple[int, ...], keepdim: bool = False) -> Any:
    r"""
    Logarithm of a sum of exponentials, as `torch.logsumexp`.

    .. math:: \log \sum_c e^{x_c}

    Parameters
    ----------
    input : Tensor
        Of any shape: float16, bfloat16, float32 or float64, on the CPU. Integers and bools become
        the default dtype.
    dim : int or tuple of int
        What is summed over.
    keepdim : bool, default False
        Whether it stays, with length 1.

    Returns
    -------
    Tensor
        In the dtype of `input`. The sum over no element is -inf.

    Raises
    ------
    TypeError
        If the tensor is not on the CPU, or its dtype is complex (a RuntimeError too).
    IndexError
        If `input` has no such dimension.
    ValueError
        If a dimension is named twice (a RuntimeError too, as in PyTorch) or there is none.

    Notes
    -----
    Bounds as `softxent.logsumexp`.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import logsumexp
    >>> logsumexp(torch.zeros(2, 3), dim=1)
    tensor([1.0986, 1.0986])
    """
    check_tensors("logsumexp", input=input)
    whole = not (input.is_floating_point() or input.is_complex())
    input = _read("logsumexp", input, torch.get_default_dtype() if whole else None)
    dims = list(dim) if isinstance(dim, (tuple, list)) else [dim]
    dims = [_one_dim("logsumexp", input, one) for one in dims]
    if not dims:
        raise TensorValueError("logsumexp: dim is empty; expected at least one dimension")
    if len(set(dims)) < len(dims):
        raise TensorValueError(f"logsumexp: a dim appears multiple times in {shown(dim)}")
    if not is_plain(input):
        return ops.logsumexp(input, dims, keepdim)
    if needs_grad(input):
        return LogSumExp.apply(input, dims, keepdim)
    return _kernels.logsumexp(input, dims, keepdim)


def _read(function: str, input: Any, dtype: Any) -> Any:
    check_tensors(function, input=input)
    if dtype is not None and input.dtype is not dtype:
        if input.is_complex():
            raise TensorTypeError(f"softxent.torch.{function}: input has dtype {input.dtype}")
        input = input.to(dtype)
    check_dtype(function, "input", input)
    return input


def _one_dim(function: str, input: Any, dim: Any) -> int:
    """The dimension, counted from the front."""
    if dim is None:
        raise ValueError(f"{function}: dim is None; expected the dimension of the classes")
    if isinstance(dim, bool) or not isinstance(dim, int):
        raise TypeError(f"{function}: dim is {shown(dim)}; expected an int")
    ndim = max(input.dim(), 1)
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], "
            f"but got {dim})"
        )
    return dim % ndim
