"""Cross-entropy of a linear layer that never holds its logits."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["linear_cross_entropy", "linear_cross_entropy_and_grad"]


def linear_cross_entropy(
    hidden: Any,
    weight: Any,
    target: Any,
    *,
    bias: Any = None,
    class_weight: Any = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    z_loss: float = 0.0,
    softcap: float | None = None,
) -> Any:
    r"""
    Cross-entropy of ``hidden @ weight.T + bias`` without the N x C array of logits.

    Parameters
    ----------
    hidden : array_like
        Inputs of the linear layer, (..., H) or (H,).
    weight : array_like
        Weights of the linear layer, (C, H).
    target : array_like
        Class indices of the shape (...), or class probabilities of the shape (..., C).
    bias : array_like, optional
        Bias of the linear layer, (C,).
    class_weight : array_like, optional
        The `weight` of `cross_entropy`.
    ignore_index, label_smoothing, reduction, z_loss, softcap
        As in `cross_entropy`.

    Returns
    -------
    numpy.floating or numpy.ndarray
        As `cross_entropy`.

    Raises
    ------
    NotImplementedError
        Always: this function is not built yet.
    """
    raise NotImplementedError("softxent.linear_cross_entropy is not built yet")


def linear_cross_entropy_and_grad(
    hidden: Any,
    weight: Any,
    target: Any,
    *,
    bias: Any = None,
    class_weight: Any = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    z_loss: float = 0.0,
    softcap: float | None = None,
) -> tuple[Any, tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    r"""
    Loss of `linear_cross_entropy` and its gradients in hidden, weight and bias.

    Parameters
    ----------
    hidden, weight, target, bias, class_weight, ignore_index, label_smoothing, reduction, z_loss, \
    softcap
        As in `linear_cross_entropy`.

    Returns
    -------
    loss : numpy.floating or numpy.ndarray
        As `linear_cross_entropy`.
    gradients : tuple
        ``(d_hidden, d_weight, d_bias)``, d_bias None without bias; with ``reduction="none"``
        those of the sum.

    Raises
    ------
    NotImplementedError
        Always: this function is not built yet.
    """
    raise NotImplementedError("softxent.linear_cross_entropy_and_grad is not built yet")
