"""Types of the elementwise losses."""

# NumPy's widths of numbers are subclasses of each other, so that every pair of these overlaps.
# mypy: disable-error-code="overload-overlap"

from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .types import Binary, BinaryOut, Doubles, F, Scalar, Singles

@overload
def binary_cross_entropy(
    logits: Singles, target: ArrayLike, *, reduction: Scalar = "mean", **options: Unpack[Binary]
) -> np.float32: ...
@overload
def binary_cross_entropy(
    logits: Singles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[Binary]
) -> NDArray[np.float32]: ...
@overload
def binary_cross_entropy(
    logits: Doubles, target: ArrayLike, *, reduction: Scalar = "mean", **options: Unpack[Binary]
) -> np.float64: ...
@overload
def binary_cross_entropy(
    logits: Doubles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[Binary]
) -> NDArray[np.float64]: ...
@overload
def binary_cross_entropy(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[Binary]
) -> Any: ...
@overload
def binary_cross_entropy_and_grad(
    logits: NDArray[F],
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[BinaryOut],
) -> tuple[np.float32, NDArray[F]]: ...
@overload
def binary_cross_entropy_and_grad(
    logits: NDArray[F],
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[BinaryOut],
) -> tuple[NDArray[np.float32], NDArray[F]]: ...
@overload
def binary_cross_entropy_and_grad(
    logits: Doubles,
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[BinaryOut],
) -> tuple[np.float64, NDArray[np.float64]]: ...
@overload
def binary_cross_entropy_and_grad(
    logits: Doubles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[BinaryOut],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def binary_cross_entropy_and_grad(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[BinaryOut]
) -> tuple[Any, NDArray[Any]]: ...
@overload
def binary_cross_entropy_grad_hess(
    logits: NDArray[F], target: ArrayLike, *, reduction: str = "none", **options: Unpack[Binary]
) -> tuple[NDArray[F], NDArray[F]]: ...
@overload
def binary_cross_entropy_grad_hess(
    logits: Doubles, target: ArrayLike, *, reduction: str = "none", **options: Unpack[Binary]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def binary_cross_entropy_grad_hess(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "none", **options: Unpack[Binary]
) -> tuple[NDArray[Any], NDArray[Any]]: ...
