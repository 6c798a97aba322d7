"""Types of the losses of a linear layer."""

# NumPy's widths of numbers are subclasses of each other, so that every pair of these overlaps.
# mypy: disable-error-code="overload-overlap"

from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .types import Doubles, Linear, LinearGradients, Scalar, Singles

@overload
def linear_cross_entropy(
    hidden: Singles,
    weight: Singles,
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[Linear],
) -> np.float32: ...
@overload
def linear_cross_entropy(
    hidden: Singles,
    weight: Singles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[Linear],
) -> NDArray[np.float32]: ...
@overload
def linear_cross_entropy(
    hidden: Doubles,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[Linear],
) -> np.float64: ...
@overload
def linear_cross_entropy(
    hidden: Doubles,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[Linear],
) -> NDArray[np.float64]: ...
@overload
def linear_cross_entropy(
    hidden: Singles,
    weight: Doubles,
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[Linear],
) -> np.float64: ...
@overload
def linear_cross_entropy(
    hidden: Singles,
    weight: Doubles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[Linear],
) -> NDArray[np.float64]: ...
@overload
def linear_cross_entropy(
    hidden: ArrayLike,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    **options: Unpack[Linear],
) -> Any: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: Singles,
    weight: Singles,
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[Linear],
) -> tuple[np.float32, LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: Singles,
    weight: Singles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[Linear],
) -> tuple[NDArray[np.float32], LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: Doubles,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[Linear],
) -> tuple[np.float64, LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: Doubles,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[Linear],
) -> tuple[NDArray[np.float64], LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: Singles,
    weight: Doubles,
    target: ArrayLike,
    *,
    reduction: Scalar = "mean",
    **options: Unpack[Linear],
) -> tuple[np.float64, LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: Singles,
    weight: Doubles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[Linear],
) -> tuple[NDArray[np.float64], LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: ArrayLike,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    **options: Unpack[Linear],
) -> tuple[Any, LinearGradients]: ...
