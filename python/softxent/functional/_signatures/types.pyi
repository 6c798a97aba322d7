"""Kinds of arguments, and the options that functions have in common."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

F = TypeVar("F", np.float16, np.float32)

Numbers: TypeAlias = float | Sequence[Numbers]
Singles: TypeAlias = NDArray[np.float16 | np.float32]
Doubles: TypeAlias = NDArray[np.float64 | np.integer[Any] | np.bool_] | Numbers
Axes: TypeAlias = int | tuple[int, ...]
Scalar: TypeAlias = Literal["mean", "sum"]
Out: TypeAlias = NDArray[Any] | None
LinearGradients: TypeAlias = tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]

class Where(TypedDict, total=False):
    where: ArrayLike | None
    out: Out

class Loss(TypedDict, total=False):
    axis: int
    weight: ArrayLike | None
    sample_weight: ArrayLike | None
    ignore_index: int | None
    label_smoothing: float
    from_logits: bool
    z_loss: float
    logit_scale: float
    softcap: float | None
    focal_gamma: float

class LossOut(Loss, total=False):
    out: Out

class Nll(TypedDict, total=False):
    axis: int
    weight: ArrayLike | None
    ignore_index: int | None

class NllOut(Nll, total=False):
    out: Out

class Binary(TypedDict, total=False):
    weight: ArrayLike | None
    pos_weight: ArrayLike | None
    from_logits: bool

class BinaryOut(Binary, total=False):
    out: Out

class Linear(TypedDict, total=False):
    bias: ArrayLike | None
    class_weight: ArrayLike | None
    ignore_index: int | None
    label_smoothing: float
    z_loss: float
    softcap: float | None
