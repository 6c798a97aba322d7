"""The losses, with the signatures of `torch.nn.functional`."""

from __future__ import annotations

from typing import Any

import torch

from ._arguments import (
    check_dtype,
    check_tensors,
    read_class_target,
    read_ignore_index,
    read_label_smoothing,
    read_reduction,
    refuse_grad,
)
from ._composed import binary_of_any_target, class_probabilities, reduced
from ._errors import TensorTypeError, TensorValueError
from ._everyday import is_everyday, is_unwatched, tensor_calls
from ._functions import BinaryCrossEntropy, CrossEntropy, NLLLoss, cross_entropy_direct
from ._kernels import binary_cross_entropy as _binary_now
from ._kernels import cross_entropy as _now
from ._kernels import nll_loss as _nll_now
from ._ops import ops
from ._plain import is_plain, is_transformed, needs_grad

__all__ = ["binary_cross_entropy_with_logits", "cross_entropy", "nll_loss"]


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    r"""
    Cross-entropy, as `torch.nn.functional.cross_entropy`.

    .. math:: L = -\sum_c w_c y'_c \log p_c, \qquad y' = (1 - \varepsilon) y + \varepsilon / C

    Parameters
    ----------
    input : Tensor
        Logits, (C,), (N, C) or (N, C, d_1, ..., d_K): float16, bfloat16, float32 or float64, on
        the CPU.
    target : Tensor
        Class indices in any integer dtype, in the shape of `input` without its classes; or class
        probabilities in the shape of `input`.
    weight : Tensor, optional
        Class weights w, (C,), finite and >= 0.
    size_average, reduce : bool, optional
        Deprecated, as in PyTorch.
    ignore_index : int, default -100
        Rows with this label have loss and gradient 0 and do not count in the mean.
    reduction : {"mean", "sum", "none"}, default "mean"
        As in PyTorch.
    label_smoothing : float, default 0.0
        The share of the target, in [0, 1], that is spread evenly over all classes.

    Returns
    -------
    Tensor
        The loss, in the dtype of `input`; a row's own losses with ``reduction="none"``.

    Raises
    ------
    IndexError
        If a label is neither in [0, C) nor `ignore_index`; with the label and its position.
    TypeError
        If a tensor is not on the CPU, or a dtype is wrong (a RuntimeError too, as in PyTorch).
    ValueError
        If a shape or the value of an option is wrong (where PyTorch has it, a RuntimeError too).
    RuntimeError
        If `weight` requires a gradient and the target holds class indices, as in PyTorch.

    Notes
    -----
    Bounds as `softxent.cross_entropy` and `softxent.cross_entropy_grad`: the gradient keeps its
    digits where the label is almost certain.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import cross_entropy
    >>> logits = torch.tensor([[20.0, 0.0, 0.0]], requires_grad=True)
    >>> cross_entropy(logits, torch.tensor([0])).backward()
    >>> print(f"{logits.grad[0, 0]:.4e}")
    -4.1223e-09
    """
    if weight is size_average is reduce is None and is_unwatched(input, target):
        options = (reduction, ignore_index, label_smoothing)
        followed = input.requires_grad and torch.is_grad_enabled()
        found = tensor_calls().cross_entropy(input, target, *options, followed)
        if found is not None or is_everyday(input, target, *options):
            if followed:
                return cross_entropy_direct(input, target, None, options, found)
            return found[0] if found else _now(input, target, None, *options)
    check_tensors("cross_entropy", input=input, target=target, weight=weight)
    reduction = read_reduction(size_average, reduce, reduction)
    check_dtype("cross_entropy", "input", input)
    target, probabilities = read_class_target("cross_entropy", input.shape, target, weight)
    smoothing = read_label_smoothing(label_smoothing)
    ignore_index = read_ignore_index(ignore_index, probabilities)
    if not probabilities:
        refuse_grad("cross_entropy", weight=weight)
    elif needs_grad(target, weight):
        return class_probabilities(input, target, weight, reduction, smoothing)
    options = (reduction, ignore_index, smoothing)
    if is_plain(input, target, weight):
        if needs_grad(input):
            return CrossEntropy.apply(input, target, weight, options, None)
        return _now(input, target, weight, *options)
    if not is_transformed():
        return ops.cross_entropy(input, target, weight, *options)
    losses = ops.cross_entropy(input, target, weight, "none", *options[1:])
    return reduced(losses, target, weight, reduction, ignore_index)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    r"""
    Negative log-likelihood of log-probabilities, as `torch.nn.functional.nll_loss`.

    .. math:: L = -w_t \, l_t

    Parameters
    ----------
    input : Tensor
        Log-probabilities l, (C,), (N, C) or (N, C, d_1, ..., d_K): float16, bfloat16, float32 or
        float64, on the CPU.
    target : Tensor
        Class indices t in any integer dtype, in the shape of `input` without its classes.
    weight : Tensor, optional
        Class weights w, (C,), finite and >= 0.
    size_average, reduce, ignore_index, reduction
        As in `cross_entropy`.

    Returns
    -------
    Tensor
        The loss, in the dtype of `input`; a row's own losses with ``reduction="none"``.

    Raises
    ------
    IndexError, TypeError, ValueError, RuntimeError
        As `cross_entropy`.

    Notes
    -----
    Bounds as `softxent.nll_loss`.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import nll_loss
    >>> print(nll_loss(torch.tensor([[-0.5, -1.0]]), torch.tensor([1])))
    tensor(1.)
    """
    check_tensors("nll_loss", input=input, target=target, weight=weight)
    reduction = read_reduction(size_average, reduce, reduction)
    check_dtype("nll_loss", "input", input)
    target, _ = read_class_target("nll_loss", input.shape, target, weight, probabilities=False)
    ignore_index = read_ignore_index(ignore_index, False)
    refuse_grad("nll_loss", weight=weight)
    options = (reduction, ignore_index)
    if is_plain(input, target, weight):
        if needs_grad(input):
            return NLLLoss.apply(input, target, weight, options)
        return _nll_now(input, target, weight, *options)
    if not is_transformed():
        return ops.nll_loss(input, target, weight, *options)
    losses = ops.nll_loss(input, target, weight, "none", ignore_index)
    return reduced(losses, target, weight, reduction, ignore_index)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    r"""
    Binary cross-entropy, as `torch.nn.functional.binary_cross_entropy_with_logits`.

    .. math:: L = -w \, \big(q \, t \log \sigma(x) + (1 - t) \log(1 - \sigma(x))\big)

    Parameters
    ----------
    input : Tensor
        Logits x of any shape: float16, bfloat16, float32 or float64, on the CPU.
    target : Tensor
        Targets t in the shape of `input`: 0 or 1 in any dtype, bool included, or probabilities.
    weight : Tensor, optional
        Factors w of the losses, finite and >= 0; broadcast to the shape of `input`.
    size_average, reduce : bool, optional
        Deprecated, as in PyTorch.
    reduction : {"mean", "sum", "none"}, default "mean"
        The mean divides by the number of elements.
    pos_weight : Tensor, optional
        Factors q of the positive term, finite and >= 0; broadcast to the shape of `input`.

    Returns
    -------
    Tensor
        The loss, in the dtype of `input`; each element's with ``reduction="none"``.

    Raises
    ------
    TypeError
        If a tensor is not on the CPU, or a dtype is wrong (a RuntimeError too, as in PyTorch).
    ValueError
        If a shape or the value of an option is wrong, or an integer target is neither 0 nor 1.
    RuntimeError
        If `weight` or `pos_weight` requires a gradient, as in PyTorch.

    Notes
    -----
    Bounds as `softxent.binary_cross_entropy` and `softxent.binary_cross_entropy_and_grad`.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import binary_cross_entropy_with_logits
    >>> print(binary_cross_entropy_with_logits(torch.zeros(2), torch.tensor([True, False])))
    tensor(0.6931)
    """
    function = "binary_cross_entropy_with_logits"
    check_tensors(function, input=input, target=target, weight=weight, pos_weight=pos_weight)
    reduction = read_reduction(size_average, reduce, reduction)
    _check_binary(function, input, target, weight=weight, pos_weight=pos_weight)
    refuse_grad(function, weight=weight, pos_weight=pos_weight)
    if needs_grad(target):
        return binary_of_any_target(input, target, weight, pos_weight, reduction)
    if is_plain(input, target, weight, pos_weight):
        if needs_grad(input):
            return BinaryCrossEntropy.apply(input, target, weight, pos_weight, reduction)
        return _binary_now(input, target, weight, pos_weight, reduction)
    if not is_transformed() or reduction == "none":
        return ops.binary_cross_entropy(input, target, weight, pos_weight, reduction)
    losses = ops.binary_cross_entropy(input, target, weight, pos_weight, "none")
    return losses.mean() if reduction == "mean" else losses.sum()


def _check_binary(function: str, input: Any, target: Any, **weights: Any) -> None:
    check_dtype(function, "input", input)
    if target.shape != input.shape:
        raise TensorValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    if target.is_complex():
        raise TensorTypeError(f"softxent.torch.{function}: target has dtype {target.dtype}")
    shape = tuple(input.shape)
    for name, value in weights.items():
        if value is None:
            continue
        sizes = tuple(value.shape)
        fits = zip(sizes[::-1], shape[::-1], strict=False)
        if len(sizes) > len(shape) or any(a not in (1, b) for a, b in fits):
            raise TensorValueError(
                f"{name} has shape {sizes}, which does not broadcast to the input's {shape}"
            )
