from typing import Any

from numpy.typing import ArrayLike, NDArray

from ._arguments.calls import BinaryCall, CrossEntropyCall
from .functional._linear_tiles import LinearTile

VERSION: str
COMPILER: str

def softmax(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = -1,
    *,
    where: ArrayLike | None = None,
    out: NDArray[Any] | None = None,
) -> Any: ...
def log_softmax(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = -1,
    *,
    where: ArrayLike | None = None,
    out: NDArray[Any] | None = None,
) -> Any: ...
def logsumexp(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = -1,
    *,
    b: ArrayLike | None = None,
    where: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
    out: NDArray[Any] | None = None,
) -> Any: ...
def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: int = -1,
    weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    from_logits: bool = True,
    z_loss: float = 0.0,
    logit_scale: float = 1.0,
    softcap: float | None = None,
) -> Any: ...
def cross_entropy_and_grad(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: int = -1,
    weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    from_logits: bool = True,
    z_loss: float = 0.0,
    logit_scale: float = 1.0,
    softcap: float | None = None,
    out: NDArray[Any] | None = None,
) -> tuple[Any, NDArray[Any]]: ...
def call_softmax_grad(g: NDArray[Any], p: NDArray[Any], axes: int, out: NDArray[Any]) -> None: ...
def call_log_softmax_grad(
    g: NDArray[Any], p: NDArray[Any], axes: int, out: NDArray[Any]
) -> None: ...
def call_sigmoid(x: NDArray[Any], out: NDArray[Any]) -> None: ...
def call_log_sigmoid(x: NDArray[Any], out: NDArray[Any]) -> None: ...
def call_cross_entropy(name: str, call: CrossEntropyCall) -> Any: ...
def call_binary(name: str, call: BinaryCall) -> Any: ...
def exp_sum_update(sums: NDArray[Any], x: NDArray[Any], axes: int) -> None: ...
def exp_sum_merge(sums: NDArray[Any], others: NDArray[Any]) -> None: ...
def exp_sum_log(sums: NDArray[Any]) -> NDArray[Any]: ...
def linear_rows(n: int, labels: NDArray[Any] | None) -> NDArray[Any]: ...
def linear_add(tile: LinearTile, rows: NDArray[Any]) -> None: ...
def linear_finish(
    rows: NDArray[Any],
    share: NDArray[Any] | None,
    z_loss: float,
    grad_scale: float,
    z_scale: float,
) -> tuple[NDArray[Any], NDArray[Any]]: ...
def linear_gradient(tile: LinearTile, rows: NDArray[Any]) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(n: int) -> bool: ...
def isa() -> str: ...
def usable_isas() -> list[str]: ...
def select_isa(name: str) -> bool: ...
