"""Types of the losses over classes."""

# NumPy's widths of numbers are subclasses of each other, so that every pair of these overlaps.
# mypy: disable-error-code="overload-overlap"

from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .types import Doubles, F, Loss, LossOut, Nll, NllOut, Scalar, Singles

@overload
def cross_entropy(
    logits: Singles, target: ArrayLike, *, reduction: Scalar = "mean", **options: Unpack[Loss]
) -> np.float32: ...
@overload
def cross_entropy(
    logits: Singles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[Loss]
) -> NDArray[np.float32]: ...
@overload
def cross_entropy(
    logits: Doubles, target: ArrayLike, *, reduction: Scalar = "mean", **options: Unpack[Loss]
) -> np.float64: ...
@overload
def cross_entropy(
    logits: Doubles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[Loss]
) -> NDArray[np.float64]: ...
@overload
def cross_entropy(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[Loss]
) -> Any: ...
@overload
def cross_entropy_and_grad(
    logits: NDArray[F],
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[LossOut],
) -> tuple[np.float32, NDArray[F]]: ...
@overload
def cross_entropy_and_grad(
    logits: NDArray[F],
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[LossOut],
) -> tuple[NDArray[np.float32], NDArray[F]]: ...
@overload
def cross_entropy_and_grad(
    logits: Doubles, target: ArrayLike, *, reduction: Scalar = "mean", **options: Unpack[LossOut]
) -> tuple[np.float64, NDArray[np.float64]]: ...
@overload
def cross_entropy_and_grad(
    logits: Doubles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[LossOut]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def cross_entropy_and_grad(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[LossOut]
) -> tuple[Any, NDArray[Any]]: ...
@overload
def cross_entropy_grad(
    logits: NDArray[F],
    target: ArrayLike,
    grad_output: ArrayLike = 1.0,
    *,
    reduction: str = "mean",
    **options: Unpack[LossOut],
) -> NDArray[F]: ...
@overload
def cross_entropy_grad(
    logits: Doubles,
    target: ArrayLike,
    grad_output: ArrayLike = 1.0,
    *,
    reduction: str = "mean",
    **options: Unpack[LossOut],
) -> NDArray[np.float64]: ...
@overload
def cross_entropy_grad(
    logits: ArrayLike,
    target: ArrayLike,
    grad_output: ArrayLike = 1.0,
    *,
    reduction: str = "mean",
    **options: Unpack[LossOut],
) -> NDArray[Any]: ...
@overload
def cross_entropy_grad_hess(
    logits: NDArray[F], target: ArrayLike, *, reduction: str = "none", **options: Unpack[Loss]
) -> tuple[NDArray[F], NDArray[F]]: ...
@overload
def cross_entropy_grad_hess(
    logits: Doubles, target: ArrayLike, *, reduction: str = "none", **options: Unpack[Loss]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def cross_entropy_grad_hess(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "none", **options: Unpack[Loss]
) -> tuple[NDArray[Any], NDArray[Any]]: ...
@overload
def nll_loss(
    log_probs: Singles, target: ArrayLike, *, reduction: Scalar = "mean", **options: Unpack[Nll]
) -> np.float32: ...
@overload
def nll_loss(
    log_probs: Singles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[Nll]
) -> NDArray[np.float32]: ...
@overload
def nll_loss(
    log_probs: Doubles, target: ArrayLike, *, reduction: Scalar = "mean", **options: Unpack[Nll]
) -> np.float64: ...
@overload
def nll_loss(
    log_probs: Doubles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[Nll]
) -> NDArray[np.float64]: ...
@overload
def nll_loss(
    log_probs: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[Nll]
) -> Any: ...
@overload
def nll_loss_and_grad(
    log_probs: NDArray[F],
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[NllOut],
) -> tuple[np.float32, NDArray[F]]: ...
@overload
def nll_loss_and_grad(
    log_probs: NDArray[F],
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[NllOut],
) -> tuple[NDArray[np.float32], NDArray[F]]: ...
@overload
def nll_loss_and_grad(
    log_probs: Doubles,
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[NllOut],
) -> tuple[np.float64, NDArray[np.float64]]: ...
@overload
def nll_loss_and_grad(
    log_probs: Doubles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[NllOut],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def nll_loss_and_grad(
    log_probs: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[NllOut]
) -> tuple[Any, NDArray[Any]]: ...
