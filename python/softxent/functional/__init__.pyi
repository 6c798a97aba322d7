"""
Types of the public functions: which dtype comes back for which, and where a scalar does.

Results follow the logits: float16 and float32 stay what they are, everything else that Python or
NumPy calls a number becomes float64; losses and sums of 16 bits are float32. Under "mean" and "sum"
a loss is a scalar, under "none" an array. What cannot be told from the types (tensors, bfloat16, an
array of any dtype, a reduction that is no literal) is Any. A row alone gives scalars where these
types say array, as NumPy's reductions do.
"""

# NumPy's widths of numbers are subclasses of each other, so that every pair of these overlaps.
# mypy: disable-error-code="overload-overlap"

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._streaming import LogSumExp as LogSumExp

__all__ = [
    "LogSumExp",
    "binary_cross_entropy",
    "binary_cross_entropy_and_grad",
    "binary_cross_entropy_grad_hess",
    "cross_entropy",
    "cross_entropy_and_grad",
    "cross_entropy_grad",
    "cross_entropy_grad_hess",
    "linear_cross_entropy",
    "linear_cross_entropy_and_grad",
    "log_sigmoid",
    "log_softmax",
    "log_softmax_grad",
    "logsumexp",
    "nll_loss",
    "nll_loss_and_grad",
    "sigmoid",
    "softmax",
    "softmax_grad",
]

_F = TypeVar("_F", np.float16, np.float32)

_Numbers: TypeAlias = float | Sequence[_Numbers]
_Singles: TypeAlias = NDArray[np.float16 | np.float32]
_Doubles: TypeAlias = NDArray[np.float64 | np.integer[Any] | np.bool_] | _Numbers
_Axes: TypeAlias = int | tuple[int, ...]
_Scalar: TypeAlias = Literal["mean", "sum"]
_Out: TypeAlias = NDArray[Any] | None
_LinearGradients: TypeAlias = tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]

class _Where(TypedDict, total=False):
    where: ArrayLike | None
    out: _Out

class _Loss(TypedDict, total=False):
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

class _LossOut(_Loss, total=False):
    out: _Out

class _Nll(TypedDict, total=False):
    axis: int
    weight: ArrayLike | None
    ignore_index: int | None

class _NllOut(_Nll, total=False):
    out: _Out

class _Binary(TypedDict, total=False):
    weight: ArrayLike | None
    pos_weight: ArrayLike | None
    from_logits: bool

class _BinaryOut(_Binary, total=False):
    out: _Out

class _Linear(TypedDict, total=False):
    bias: ArrayLike | None
    class_weight: ArrayLike | None
    ignore_index: int | None
    label_smoothing: float
    z_loss: float
    softcap: float | None

@overload
def softmax(x: NDArray[_F], axis: _Axes | None = -1, **options: Unpack[_Where]) -> NDArray[_F]: ...
@overload
def softmax(
    x: _Doubles, axis: _Axes | None = -1, **options: Unpack[_Where]
) -> NDArray[np.float64]: ...
@overload
def softmax(x: ArrayLike, axis: _Axes | None = -1, **options: Unpack[_Where]) -> Any: ...
@overload
def log_softmax(
    x: NDArray[_F], axis: _Axes | None = -1, **options: Unpack[_Where]
) -> NDArray[_F]: ...
@overload
def log_softmax(
    x: _Doubles, axis: _Axes | None = -1, **options: Unpack[_Where]
) -> NDArray[np.float64]: ...
@overload
def log_softmax(x: ArrayLike, axis: _Axes | None = -1, **options: Unpack[_Where]) -> Any: ...
@overload
def logsumexp(
    x: _Singles,
    axis: None,
    *,
    b: None = None,
    keepdims: Literal[False] = False,
    return_sign: Literal[False] = False,
    **options: Unpack[_Where],
) -> np.float32: ...
@overload
def logsumexp(
    x: _Singles,
    axis: _Axes = -1,
    *,
    b: None = None,
    keepdims: bool = False,
    return_sign: Literal[False] = False,
    **options: Unpack[_Where],
) -> NDArray[np.float32]: ...
@overload
def logsumexp(
    x: _Singles,
    axis: _Axes = -1,
    *,
    b: None = None,
    keepdims: bool = False,
    return_sign: Literal[True],
    **options: Unpack[_Where],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
@overload
def logsumexp(
    x: _Doubles,
    axis: None,
    *,
    b: None = None,
    keepdims: Literal[False] = False,
    return_sign: Literal[False] = False,
    **options: Unpack[_Where],
) -> np.float64: ...
@overload
def logsumexp(
    x: _Doubles,
    axis: _Axes = -1,
    *,
    b: None = None,
    keepdims: bool = False,
    return_sign: Literal[False] = False,
    **options: Unpack[_Where],
) -> NDArray[np.float64]: ...
@overload
def logsumexp(
    x: _Doubles,
    axis: _Axes = -1,
    *,
    b: None = None,
    keepdims: bool = False,
    return_sign: Literal[True],
    **options: Unpack[_Where],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def logsumexp(
    x: ArrayLike,
    axis: _Axes | None = -1,
    *,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
    **options: Unpack[_Where],
) -> Any: ...
@overload
def softmax_grad(
    grad_output: ArrayLike, probs: NDArray[_F], axis: _Axes | None = -1, *, out: _Out = None
) -> NDArray[_F]: ...
@overload
def softmax_grad(
    grad_output: ArrayLike, probs: _Doubles, axis: _Axes | None = -1, *, out: _Out = None
) -> NDArray[np.float64]: ...
@overload
def softmax_grad(
    grad_output: ArrayLike, probs: ArrayLike, axis: _Axes | None = -1, *, out: _Out = None
) -> Any: ...
@overload
def log_softmax_grad(
    grad_output: ArrayLike,
    log_probs: NDArray[_F],
    axis: _Axes | None = -1,
    *,
    out: _Out = None,
) -> NDArray[_F]: ...
@overload
def log_softmax_grad(
    grad_output: ArrayLike, log_probs: _Doubles, axis: _Axes | None = -1, *, out: _Out = None
) -> NDArray[np.float64]: ...
@overload
def log_softmax_grad(
    grad_output: ArrayLike, log_probs: ArrayLike, axis: _Axes | None = -1, *, out: _Out = None
) -> Any: ...
@overload
def sigmoid(x: NDArray[_F], *, out: _Out = None) -> NDArray[_F]: ...
@overload
def sigmoid(x: _Doubles, *, out: _Out = None) -> NDArray[np.float64]: ...
@overload
def sigmoid(x: ArrayLike, *, out: _Out = None) -> Any: ...
@overload
def log_sigmoid(x: NDArray[_F], *, out: _Out = None) -> NDArray[_F]: ...
@overload
def log_sigmoid(x: _Doubles, *, out: _Out = None) -> NDArray[np.float64]: ...
@overload
def log_sigmoid(x: ArrayLike, *, out: _Out = None) -> Any: ...
@overload
def cross_entropy(
    logits: _Singles, target: ArrayLike, *, reduction: _Scalar = "mean", **options: Unpack[_Loss]
) -> np.float32: ...
@overload
def cross_entropy(
    logits: _Singles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[_Loss]
) -> NDArray[np.float32]: ...
@overload
def cross_entropy(
    logits: _Doubles, target: ArrayLike, *, reduction: _Scalar = "mean", **options: Unpack[_Loss]
) -> np.float64: ...
@overload
def cross_entropy(
    logits: _Doubles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[_Loss]
) -> NDArray[np.float64]: ...
@overload
def cross_entropy(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[_Loss]
) -> Any: ...
@overload
def cross_entropy_and_grad(
    logits: NDArray[_F],
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_LossOut],
) -> tuple[np.float32, NDArray[_F]]: ...
@overload
def cross_entropy_and_grad(
    logits: NDArray[_F],
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_LossOut],
) -> tuple[NDArray[np.float32], NDArray[_F]]: ...
@overload
def cross_entropy_and_grad(
    logits: _Doubles, target: ArrayLike, *, reduction: _Scalar = "mean", **options: Unpack[_LossOut]
) -> tuple[np.float64, NDArray[np.float64]]: ...
@overload
def cross_entropy_and_grad(
    logits: _Doubles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[_LossOut]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def cross_entropy_and_grad(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[_LossOut]
) -> tuple[Any, NDArray[Any]]: ...
@overload
def cross_entropy_grad(
    logits: NDArray[_F],
    target: ArrayLike,
    grad_output: ArrayLike = 1.0,
    *,
    reduction: str = "mean",
    **options: Unpack[_LossOut],
) -> NDArray[_F]: ...
@overload
def cross_entropy_grad(
    logits: _Doubles,
    target: ArrayLike,
    grad_output: ArrayLike = 1.0,
    *,
    reduction: str = "mean",
    **options: Unpack[_LossOut],
) -> NDArray[np.float64]: ...
@overload
def cross_entropy_grad(
    logits: ArrayLike,
    target: ArrayLike,
    grad_output: ArrayLike = 1.0,
    *,
    reduction: str = "mean",
    **options: Unpack[_LossOut],
) -> NDArray[Any]: ...
@overload
def cross_entropy_grad_hess(
    logits: NDArray[_F], target: ArrayLike, *, reduction: str = "none", **options: Unpack[_Loss]
) -> tuple[NDArray[_F], NDArray[_F]]: ...
@overload
def cross_entropy_grad_hess(
    logits: _Doubles, target: ArrayLike, *, reduction: str = "none", **options: Unpack[_Loss]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def cross_entropy_grad_hess(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "none", **options: Unpack[_Loss]
) -> tuple[NDArray[Any], NDArray[Any]]: ...
@overload
def nll_loss(
    log_probs: _Singles, target: ArrayLike, *, reduction: _Scalar = "mean", **options: Unpack[_Nll]
) -> np.float32: ...
@overload
def nll_loss(
    log_probs: _Singles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[_Nll]
) -> NDArray[np.float32]: ...
@overload
def nll_loss(
    log_probs: _Doubles, target: ArrayLike, *, reduction: _Scalar = "mean", **options: Unpack[_Nll]
) -> np.float64: ...
@overload
def nll_loss(
    log_probs: _Doubles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[_Nll]
) -> NDArray[np.float64]: ...
@overload
def nll_loss(
    log_probs: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[_Nll]
) -> Any: ...
@overload
def nll_loss_and_grad(
    log_probs: NDArray[_F],
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_NllOut],
) -> tuple[np.float32, NDArray[_F]]: ...
@overload
def nll_loss_and_grad(
    log_probs: NDArray[_F],
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_NllOut],
) -> tuple[NDArray[np.float32], NDArray[_F]]: ...
@overload
def nll_loss_and_grad(
    log_probs: _Doubles,
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_NllOut],
) -> tuple[np.float64, NDArray[np.float64]]: ...
@overload
def nll_loss_and_grad(
    log_probs: _Doubles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_NllOut],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def nll_loss_and_grad(
    log_probs: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[_NllOut]
) -> tuple[Any, NDArray[Any]]: ...
@overload
def binary_cross_entropy(
    logits: _Singles, target: ArrayLike, *, reduction: _Scalar = "mean", **options: Unpack[_Binary]
) -> np.float32: ...
@overload
def binary_cross_entropy(
    logits: _Singles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[_Binary]
) -> NDArray[np.float32]: ...
@overload
def binary_cross_entropy(
    logits: _Doubles, target: ArrayLike, *, reduction: _Scalar = "mean", **options: Unpack[_Binary]
) -> np.float64: ...
@overload
def binary_cross_entropy(
    logits: _Doubles, target: ArrayLike, *, reduction: Literal["none"], **options: Unpack[_Binary]
) -> NDArray[np.float64]: ...
@overload
def binary_cross_entropy(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[_Binary]
) -> Any: ...
@overload
def binary_cross_entropy_and_grad(
    logits: NDArray[_F],
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_BinaryOut],
) -> tuple[np.float32, NDArray[_F]]: ...
@overload
def binary_cross_entropy_and_grad(
    logits: NDArray[_F],
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_BinaryOut],
) -> tuple[NDArray[np.float32], NDArray[_F]]: ...
@overload
def binary_cross_entropy_and_grad(
    logits: _Doubles,
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_BinaryOut],
) -> tuple[np.float64, NDArray[np.float64]]: ...
@overload
def binary_cross_entropy_and_grad(
    logits: _Doubles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_BinaryOut],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def binary_cross_entropy_and_grad(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "mean", **options: Unpack[_BinaryOut]
) -> tuple[Any, NDArray[Any]]: ...
@overload
def binary_cross_entropy_grad_hess(
    logits: NDArray[_F], target: ArrayLike, *, reduction: str = "none", **options: Unpack[_Binary]
) -> tuple[NDArray[_F], NDArray[_F]]: ...
@overload
def binary_cross_entropy_grad_hess(
    logits: _Doubles, target: ArrayLike, *, reduction: str = "none", **options: Unpack[_Binary]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
@overload
def binary_cross_entropy_grad_hess(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "none", **options: Unpack[_Binary]
) -> tuple[NDArray[Any], NDArray[Any]]: ...
@overload
def linear_cross_entropy(
    hidden: _Singles,
    weight: _Singles,
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_Linear],
) -> np.float32: ...
@overload
def linear_cross_entropy(
    hidden: _Singles,
    weight: _Singles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_Linear],
) -> NDArray[np.float32]: ...
@overload
def linear_cross_entropy(
    hidden: _Doubles,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_Linear],
) -> np.float64: ...
@overload
def linear_cross_entropy(
    hidden: _Doubles,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_Linear],
) -> NDArray[np.float64]: ...
@overload
def linear_cross_entropy(
    hidden: _Singles,
    weight: _Doubles,
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_Linear],
) -> np.float64: ...
@overload
def linear_cross_entropy(
    hidden: _Singles,
    weight: _Doubles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_Linear],
) -> NDArray[np.float64]: ...
@overload
def linear_cross_entropy(
    hidden: ArrayLike,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    **options: Unpack[_Linear],
) -> Any: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: _Singles,
    weight: _Singles,
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_Linear],
) -> tuple[np.float32, _LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: _Singles,
    weight: _Singles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_Linear],
) -> tuple[NDArray[np.float32], _LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: _Doubles,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_Linear],
) -> tuple[np.float64, _LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: _Doubles,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_Linear],
) -> tuple[NDArray[np.float64], _LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: _Singles,
    weight: _Doubles,
    target: ArrayLike,
    *,
    reduction: _Scalar = "mean",
    **options: Unpack[_Linear],
) -> tuple[np.float64, _LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: _Singles,
    weight: _Doubles,
    target: ArrayLike,
    *,
    reduction: Literal["none"],
    **options: Unpack[_Linear],
) -> tuple[NDArray[np.float64], _LinearGradients]: ...
@overload
def linear_cross_entropy_and_grad(
    hidden: ArrayLike,
    weight: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    **options: Unpack[_Linear],
) -> tuple[Any, _LinearGradients]: ...
