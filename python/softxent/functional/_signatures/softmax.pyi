"""Types of softmax, its relatives and their products."""

# NumPy's widths of numbers are subclasses of each other, so that every pair of these overlaps.
# mypy: disable-error-code="overload-overlap"

from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .types import Axes, Doubles, F, Out, Singles, Where

@overload
def softmax(x: NDArray[F], axis: Axes | None = -1, **options: Unpack[Where]) -> NDArray[F]: ...
@overload
def softmax(
    x: Doubles, axis: Axes | None = -1, **options: Unpack[Where]
) -> NDArray[np.float64]: ...
@overload
def softmax(x: ArrayLike, axis: Axes | None = -1, **options: Unpack[Where]) -> Any: ...
@overload
def log_softmax(x: NDArray[F], axis: Axes | None = -1, **options: Unpack[Where]) -> NDArray[F]: ...
@overload
def log_softmax(
    x: Doubles, axis: Axes | None = -1, **options: Unpack[Where]
) -> NDArray[np.float64]: ...
@overload
def log_softmax(x: ArrayLike, axis: Axes | None = -1, **options: Unpack[Where]) -> Any: ...
@overload
def logsumexp(
    x: Singles,
    axis: None,
    *,
    b: None = None,
    keepdims: Literal[False] = False,
    return_sign: Literal[False] = False,
    **options: Unpack[Where],
) -> np.float32: ...
@overload
def logsumexp(
    x: Singles,
    axis: Axes = -1,
    *,
    b: None = None,
    keepdims: bool = False,
    return_sign: Literal[False] = False,
    **options: Unpack[Where],
) -> NDArray[np.float32]: ...
@overload
def logsumexp(
    x: Singles,
    axis: Axes = -1,
    *,
    b: None = None,
    keepdims: bool = False,
    return_sign: Literal[True],
    **options: Unpack[Where],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
@overload
def logsumexp(
    x: Doubles,
    axis: None,
    *,
    b: None = None,
    keepdims: Literal[False] = False,
    return_sign: Literal[False] = False,
    **options: Unpack[Where],
) -> np.float64: ...
@overload
def logsumexp(
    x: Doubles,
    axis: Axes = -1,
    *,
    b: None = None,
    keepdims: bool = False,
    return_sign: Literal[False] = False,
    **options: Unpack[Where],
) -> NDArray[np.float64]: ...
@overload
def logsumexp(
    x: Doubles,
    axis: Axes = -1,
    *,
    b: None = None,
    keepdims: bool = False,
    return_sign: Literal[True],
    **options: Unpack[Where],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def logsumexp(
    x: ArrayLike,
    axis: Axes | None = -1,
    *,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
    **options: Unpack[Where],
) -> Any: ...
@overload
def softmax_grad(
    grad_output: ArrayLike, probs: NDArray[F], axis: Axes | None = -1, *, out: Out = None
) -> NDArray[F]: ...
@overload
def softmax_grad(
    grad_output: ArrayLike, probs: Doubles, axis: Axes | None = -1, *, out: Out = None
) -> NDArray[np.float64]: ...
@overload
def softmax_grad(
    grad_output: ArrayLike, probs: ArrayLike, axis: Axes | None = -1, *, out: Out = None
) -> Any: ...
@overload
def log_softmax_grad(
    grad_output: ArrayLike,
    log_probs: NDArray[F],
    axis: Axes | None = -1,
    *,
    out: Out = None,
) -> NDArray[F]: ...
@overload
def log_softmax_grad(
    grad_output: ArrayLike, log_probs: Doubles, axis: Axes | None = -1, *, out: Out = None
) -> NDArray[np.float64]: ...
@overload
def log_softmax_grad(
    grad_output: ArrayLike, log_probs: ArrayLike, axis: Axes | None = -1, *, out: Out = None
) -> Any: ...
@overload
def sigmoid(x: NDArray[F], *, out: Out = None) -> NDArray[F]: ...
@overload
def sigmoid(x: Doubles, *, out: Out = None) -> NDArray[np.float64]: ...
@overload
def sigmoid(x: ArrayLike, *, out: Out = None) -> Any: ...
@overload
def log_sigmoid(x: NDArray[F], *, out: Out = None) -> NDArray[F]: ...
@overload
def log_sigmoid(x: Doubles, *, out: Out = None) -> NDArray[np.float64]: ...
@overload
def log_sigmoid(x: ArrayLike, *, out: Out = None) -> Any: ...
