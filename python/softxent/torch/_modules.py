"""The losses as modules: PyTorch's own, with softxent's functions in `forward`."""

from __future__ import annotations

import math
from typing import Any

import torch

from ._linear import linear_cross_entropy
from ._losses import binary_cross_entropy_with_logits, cross_entropy

__all__ = ["BCEWithLogitsLoss", "CrossEntropyLoss", "LinearCrossEntropyLoss"]


class CrossEntropyLoss(torch.nn.CrossEntropyLoss):
    """
    `torch.nn.CrossEntropyLoss` computed by `cross_entropy`.

    Constructor, buffers, ``state_dict`` and ``repr`` are PyTorch's.

    Parameters
    ----------
    weight, size_average, ignore_index, reduce, reduction, label_smoothing
        As of `torch.nn.CrossEntropyLoss`.

    Raises
    ------
    TypeError, ValueError, RuntimeError, IndexError
        As `cross_entropy`, when it is called.

    Notes
    -----
    Bounds as `softxent.cross_entropy` and `softxent.cross_entropy_grad`.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import CrossEntropyLoss
    >>> logits = torch.tensor([[20.0, 0.0, 0.0]])
    >>> print(f"{CrossEntropyLoss()(logits, torch.tensor([0])).item():.4e}")
    4.1223e-09
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCEWithLogitsLoss(torch.nn.BCEWithLogitsLoss):
    """
    `torch.nn.BCEWithLogitsLoss` computed by `binary_cross_entropy_with_logits`.

    Constructor, buffers, ``state_dict`` and ``repr`` are PyTorch's.

    Parameters
    ----------
    weight, size_average, reduce, reduction, pos_weight
        As of `torch.nn.BCEWithLogitsLoss`.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `binary_cross_entropy_with_logits`, when it is called.

    Notes
    -----
    Bounds as `softxent.binary_cross_entropy` and `softxent.binary_cross_entropy_and_grad`.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import BCEWithLogitsLoss
    >>> print(f"{BCEWithLogitsLoss()(torch.tensor([20.0]), torch.tensor([1.0])).item():.4e}")
    2.0612e-09
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return binary_cross_entropy_with_logits(
            input,
            target,
            self.weight,
            reduction=self.reduction,
            pos_weight=self.pos_weight,
        )


class LinearCrossEntropyLoss(torch.nn.modules.loss._WeightedLoss):
    """
    A linear layer and its cross-entropy, computed by `linear_cross_entropy`.

    Constructor, parameters (``linear.weight``, ``linear.bias``), ``state_dict`` and ``repr`` are
    those of `torch.nn.LinearCrossEntropyLoss`, which PyTorch has since 2.13.

    Parameters
    ----------
    in_features : int
        Features of the input.
    num_classes : int
        Number of classes C.
    out_features : tuple of int, default ()
        Further dimensions of the loss.
    bias : bool, default False
        Whether the layer has a bias.
    device, dtype
        Of the layer; the device is the CPU.
    reduction, weight, ignore_index, label_smoothing, options
        As in `linear_cross_entropy`.

    Raises
    ------
    RuntimeError
        If `weight` has another shape than (C,) or `label_smoothing` is not in [0, 1].
    TypeError, ValueError, IndexError
        As `linear_cross_entropy`, when it is called.

    Notes
    -----
    Memory and error as `softxent.linear_cross_entropy_and_grad`.

    Examples
    --------
    >>> import torch
    >>> from softxent.torch import LinearCrossEntropyLoss
    >>> layer = LinearCrossEntropyLoss(8, 100)
    >>> layer(torch.zeros(4, 8), torch.tensor([1, 2, 3, 4])).item()  # log 100
    4.605170249938965
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Any = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
    ) -> None:
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(
                f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}"
            )
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(
                f"expected label_smoothing to be in range [0, 1], got {label_smoothing}"
            )
        super().__init__(weight=weight, size_average=None, reduce=None, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.linear = torch.nn.Linear(
            in_features,
            math.prod(out_features, start=num_classes),
            bias=bias,
            device=device,
            dtype=dtype,
        )
        self.options = options

    def forward(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        classes = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return linear_cross_entropy(
            input,
            self.linear.weight.reshape((*classes, self.linear.in_features)),
            target,
            linear_bias=None if bias is None else bias.reshape(classes),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        """Describe the layer and the options."""
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
