"""The argument structs of the C interface: one field each, None for NULL."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["BinaryCall", "CrossEntropyCall", "LinearTile", "ShardCall"]


class CrossEntropyCall(NamedTuple):
    """One call of `sxt_cross_entropy`: the fields of its argument struct, None for NULL."""

    logits: np.ndarray
    axis: int
    labels: np.ndarray | None
    probs: np.ndarray | None
    weight: np.ndarray | None
    sample_weight: np.ndarray | None
    grad_output: np.ndarray | None
    grad_scale: float
    ignore_index: int | None
    label_smoothing: float
    z_loss: float
    logit_scale: float
    softcap: float
    focal_gamma: float
    reduction: int
    from_logits: bool
    loss: bool
    losses: Any
    grad: Any
    hess: Any


class BinaryCall(NamedTuple):
    """One call of `sxt_binary_cross_entropy`: the fields of its argument struct, None for NULL."""

    logits: np.ndarray
    target: np.ndarray
    weight: np.ndarray | None
    pos_weight: np.ndarray | None
    reduction: int
    from_logits: bool
    loss: bool
    losses: Any
    grad: Any
    hess: Any


class LinearTile(NamedTuple):
    """One call of `sxt_linear_add` or `sxt_linear_gradient`: None for NULL."""

    logits: np.ndarray
    first_class: int
    bias: np.ndarray | None
    probs: np.ndarray | None
    base: np.ndarray | None
    slope: np.ndarray | None
    softcap: float


class ShardCall(NamedTuple):
    """One call of `sxt_shard_step` or `sxt_shard_finish`: the fields of its argument struct."""

    kind: int
    classes: int
    first_class: int
    x: np.ndarray | None = None
    axes: int = 0
    where: np.ndarray | None = None
    loss: CrossEntropyCall | None = None
    divisors: np.ndarray | None = None
    out: np.ndarray | None = None
    terms: np.ndarray | None = None
