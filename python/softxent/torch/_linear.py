"""Cross-entropy of a linear layer, with the signature of `torch.nn.functional`."""

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
)
from ._errors import TensorValueError
from ._functions import LinearCrossEntropy
from ._linear_kernels import linear_cross_entropy_loss
from ._losses import cross_entropy
from ._ops import ops
from ._plain import is_plain, is_transformed, needs_grad

__all__ = ["linear_cross_entropy"]


def linear_cross_entropy(
    input: Any,
    linear_weight: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Any:
    r"""
    Cross-entropy of ``input @ linear_weight.T + linear_bias`` without the array of logits.

    As `torch.nn.functional.linear_cross_entropy` of PyTorch 2.13, here for every version.

    .. math:: z = h W^\top + b, \qquad L = -\sum_c w_c y'_c \log p_c

    Parameters
    ----------
    input : Tensor
        Inputs h of the linear layer, (H,) or (N, H): float16, bfloat16, float32 or float64, on the
        CPU.
    linear_weight : Tensor
        Weights W of the linear layer, (C, H); (C, d_1, ..., d_K, H) too, for which the logits are
        made as PyTorch makes them.
    target : Tensor
        Class indices, () or (N,); or class probabilities, (C,) or (N, C).
    linear_bias : Tensor, optional
        Bias b of the linear layer, (C,).
    weight : Tensor, optional
        Class weights w, (C,).
    reduction, label_smoothing
        As in `cross_entropy`.
    ignore_index : int or None, default -100
        As in `cross_entropy`; None is -100.
    options : optional
        PyTorch's choice of blocks, without effect: the logits are never held here.

    Returns
    -------
    Tensor
        The loss, in the dtype of `input`.

    Raises
    ------
    IndexError, TypeError, ValueError, RuntimeError
        As `cross_entropy`.

    Notes
    -----
    Memory and error as `softxent.linear_cross_entropy_and_grad`. Under `torch.func`, for second
    derivatives and for gradients in targets or class weights the logits are made.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import linear_cross_entropy
    >>> h, w = torch.eye(2), torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> linear_cross_entropy(h, w, torch.tensor([0, 1]))
    tensor(0.8620)
    """
    function = "linear_cross_entropy"
    check_tensors(
        function, input=input, linear_weight=linear_weight, target=target,
        linear_bias=linear_bias, weight=weight,
    )  # fmt: skip
    reduction = read_reduction(None, None, reduction)
    _check_layer(input, linear_weight, linear_bias)
    shape = (*input.shape[:-1], *linear_weight.shape[:-1])
    probabilities = tuple(target.shape) == shape
    if probabilities and ignore_index is not None and ignore_index >= 0:
        raise TensorValueError(
            f"ignore_index cannot be specified when target contains probabilities: {ignore_index}"
        )
    ignored = read_ignore_index(-100 if ignore_index is None else ignore_index, probabilities)
    smoothing = read_label_smoothing(label_smoothing)
    given = (input, linear_weight, target, linear_bias, weight)
    if linear_weight.dim() > 2 or is_transformed() or needs_grad(target, weight):
        return _from_logits(*given, reduction, ignored, smoothing, shape)
    target, _ = read_class_target(function, torch.Size(shape), target, weight)
    given = (input, linear_weight, target, linear_bias, weight)
    found = (reduction, ignored, smoothing)
    if not is_plain(*given):
        return ops.linear_cross_entropy(*given, *found)
    if needs_grad(input, linear_weight, linear_bias):
        return LinearCrossEntropy.apply(*given, found)
    return linear_cross_entropy_loss(*given, *found)


def _from_logits(
    input: Any,
    linear_weight: Any,
    target: Any,
    linear_bias: Any,
    weight: Any,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
    shape: tuple[int, ...],
) -> Any:
    matrix = linear_weight.reshape(-1, linear_weight.shape[-1])
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = torch.nn.functional.linear(input, matrix, bias).reshape(shape)
    return cross_entropy(
        logits,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _check_layer(input: Any, linear_weight: Any, linear_bias: Any) -> None:
    check_dtype("linear_cross_entropy", "input", input)
    check_dtype("linear_cross_entropy", "linear_weight", linear_weight)
    if not 1 <= input.dim() <= 2:
        raise TensorValueError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if linear_weight.dim() < 2:
        raise TensorValueError(
            f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}"
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        raise TensorValueError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    expected = tuple(linear_weight.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != expected:
        raise TensorValueError(
            f"expected linear_bias shape {expected}, got {tuple(linear_bias.shape)}"
        )
    if linear_weight.dim() > 2 and input.dim() == 1:
        raise TensorValueError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} "
            f"requires batched input, (N, {input.shape[-1]}), got unbatched input with shape "
            f"{tuple(input.shape)}"
        )
