"""Cross-entropy of a linear layer whose weight lies in shards of its classes."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np

from softxent._arguments.arrays import as_float, loss_dtype

from . import _inputs
from ._fit_tasks import one_blas_thread
from ._graphs import Graph, Key
from ._losses import built

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
) -> da.Array:
    r"""
    Cross-entropy of ``hidden @ weight.T + bias`` of dask arrays, lazily.

    .. math:: z = h W^\top + b, \qquad L = -\sum_c w_c y'_c \log p_c + \lambda \, \mathrm{lse}(z)^2

    The weight may be chunked along its classes, so that each worker has some of them, and hidden
    along its rows: a task multiplies one chunk of each.

    Parameters
    ----------
    hidden : dask.array.Array or array_like
        Inputs h of the linear layer, (..., H), H in one chunk: float16, bfloat16, float32 or
        float64. Integers and bools are computed as float64.
    weight : dask.array.Array or array_like
        Weights W of the linear layer, (C, H), H in one chunk. It or `hidden` is a dask array.
    target : array_like or dask array
        Integers: class indices of the shape (...). Floats: class probabilities (..., C).
    bias : array_like or dask array, optional
        Bias b of the linear layer, (C,).
    class_weight : array_like or dask array, optional
        Class weights, the `weight` of `cross_entropy`.
    ignore_index, label_smoothing, reduction, z_loss, softcap
        As in `softxent.cross_entropy`.

    Returns
    -------
    dask.array.Array
        As `cross_entropy`: float64 if `hidden` or `weight` is float64, otherwise float32.

    Raises
    ------
    IndexError
        When it is computed, if a label is neither in [0, C) nor `ignore_index`; with the label and
        its position in the whole array.
    TypeError
        If neither `hidden` nor `weight` is a dask array, or as `cross_entropy`.
    ValueError
        If shapes do not go together, H lies in several chunks, or as `cross_entropy`.

    See Also
    --------
    softxent.linear_cross_entropy : the same for arrays that are there, whose logits are never held.

    Notes
    -----
    The error is that of the BLAS behind NumPy plus the bounds of `cross_entropy`. A product is one
    row chunk times one class chunk on one thread of the BLAS: equal chunks give equal bits, on any
    number of workers. Logits are held chunk by chunk, those of a block of rows together, spread
    over the workers.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> import softxent.dask
    >>> hidden = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> weight = da.from_array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], chunks=(2, 2))
    >>> print(f"{softxent.dask.linear_cross_entropy(hidden, weight, [0, 1]).compute():.4f}")
    0.8103
    """
    layer = _Layer("linear_cross_entropy", hidden, weight, bias)
    return built(
        layer.logits(), target, -1, class_weight, None, ignore_index, label_smoothing, reduction,
        True, z_loss, 1.0, softcap, 0.0, "linear_cross_entropy", "class_weight",
    ).loss()  # fmt: skip


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
) -> tuple[da.Array, tuple[da.Array, da.Array, da.Array | None]]:
    r"""
    Loss of `linear_cross_entropy` and its gradients in hidden, weight and bias, lazily.

    .. math::

        \frac{\partial L}{\partial h} = G W, \qquad
        \frac{\partial L}{\partial W} = G^\top h, \qquad
        \frac{\partial L}{\partial b} = \sum_{\mathrm{rows}} G

    Parameters
    ----------
    hidden, weight, target, bias, class_weight, ignore_index, label_smoothing, reduction, z_loss, \
    softcap
        As in `linear_cross_entropy`.

    Returns
    -------
    loss : dask.array.Array
        As `linear_cross_entropy`.
    gradients : tuple
        ``(d_hidden, d_weight, d_bias)``, each in the shape, chunks and dtype of its argument;
        d_bias is None without bias. With ``reduction="none"`` they are those of the sum. Compute
        all together, ``dask.compute(loss, *gradients)``: they share their work.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `linear_cross_entropy`.

    Notes
    -----
    The errors are those of the products plus the bounds of `cross_entropy_and_grad`. Products of
    chunks are added in a tree of fixed order.

    Examples
    --------
    >>> import dask
    >>> import dask.array as da
    >>> import softxent.dask
    >>> hidden = da.from_array([[1.0, 0.0], [0.0, 2.0]], chunks=(1, 2))
    >>> weight = da.zeros((2, 2), chunks=(1, 2))
    >>> loss, gradients = softxent.dask.linear_cross_entropy_and_grad(hidden, weight, [0, 1])
    >>> gradients[1].compute()
    array([[-0.25,  0.5 ],
           [ 0.25, -0.5 ]])
    """
    layer = _Layer("linear_cross_entropy_and_grad", hidden, weight, bias)
    loss, grad = built(
        layer.logits(), target, -1, class_weight, None, ignore_index, label_smoothing, reduction,
        True, z_loss, 1.0, softcap, 0.0, "linear_cross_entropy_and_grad", "class_weight",
    ).loss_and_grad()  # fmt: skip
    return loss, layer.gradients(grad)


class _Layer:
    """A linear layer in chunks: of rows, and of classes."""

    def __init__(self, name: str, hidden: Any, weight: Any, bias: Any) -> None:
        for value, what in ((hidden, "hidden"), (weight, "weight")):
            _inputs.refuse_collection(value, what, "an array of Dask or NumPy")
        if not isinstance(hidden, da.Array) and not isinstance(weight, da.Array):
            raise TypeError(
                f"hidden is a {type(hidden).__name__} and weight a {type(weight).__name__}; "
                f"expected a dask array: softxent.{name} takes arrays"
            )
        self.hidden, self.weight = _operand(hidden, "hidden"), _operand(weight, "weight")
        if self.weight.ndim != 2:
            raise ValueError(f"weight has shape {self.weight.shape}; expected (C, H)")
        if self.hidden.ndim == 0 or self.hidden.shape[-1] != self.weight.shape[1]:
            raise ValueError(
                f"hidden has shape {self.hidden.shape} and weight {self.weight.shape}; "
                f"expected hidden of shape (..., {self.weight.shape[1]})"
            )
        for operand, what in ((self.hidden, "hidden"), (self.weight, "weight")):
            if operand.numblocks[-1] > 1:
                raise ValueError(
                    f"{what} has {operand.numblocks[-1]} chunks along H; expected one: pass "
                    f"{what}.rechunk({{{operand.ndim - 1}: -1}})"
                )
        self.bias = None if bias is None else _operand(bias, "bias")
        if self.bias is not None:
            if self.bias.shape != self.weight.shape[:1]:
                raise ValueError(
                    f"bias has shape {self.bias.shape}; expected {self.weight.shape[:1]}"
                )
            self.bias = self.bias.rechunk((self.weight.chunks[0],))
        wide = self.weight.dtype.itemsize == 8 or self.hidden.dtype.itemsize == 8
        self.dtype = np.dtype(np.float64) if wide else loss_dtype(self.hidden.dtype)
        names = [None if a is None else a.name for a in (self.hidden, self.weight, self.bias)]
        self._token = (names, self.dtype.name)

    def _blocks(self) -> tuple[list[tuple[int, ...]], range]:
        rows = list(np.ndindex(*self.hidden.numblocks[:-1]))
        return rows, range(self.weight.numblocks[0])

    def logits(self) -> da.Array:
        """The product, a task for each chunk."""
        graph, keys = Graph("linear", *self._token), {}
        rows, shards = self._blocks()
        for r in rows:
            for c in shards:
                keys[(*r, c)] = graph.task(
                    "product", (*r, c), _product, self.dtype,
                    graph.chunk(self.hidden, (*r, 0)), graph.chunk(self.weight, (c, 0)),
                    graph.chunk(self.bias, (c,)),
                )  # fmt: skip
        chunks = (*self.hidden.chunks[:-1], self.weight.chunks[0])
        return graph.array("logits", keys, chunks, self.dtype)

    def gradients(self, grad: da.Array) -> tuple[da.Array, da.Array, da.Array | None]:
        """From the gradient in the logits to those of the layer."""
        graph = Graph("linear-grad", grad.name, *self._token)
        rows, shards = self._blocks()
        hidden = {
            (*r, 0): self._sum(
                graph, "hidden", (*r, 0), self.hidden.dtype,
                [
                    graph.task(
                        "hidden-part", (*r, c), _hidden_part, graph.chunk(grad, (*r, c)),
                        graph.chunk(self.weight, (c, 0)),
                    )
                    for c in shards
                ],
            )
            for r in rows
        }  # fmt: skip
        weight = {
            (c, 0): self._sum(
                graph, "weight", (c, 0), self.weight.dtype,
                [
                    graph.task(
                        "weight-part", (*r, c), _weight_part, graph.chunk(grad, (*r, c)),
                        graph.chunk(self.hidden, (*r, 0)),
                    )
                    for r in rows
                ],
            )
            for c in shards
        }  # fmt: skip
        results = (
            graph.array("d-hidden", hidden, self.hidden.chunks, self.hidden.dtype),
            graph.array("d-weight", weight, self.weight.chunks, self.weight.dtype),
        )
        return (*results, None if self.bias is None else self._bias(grad))

    def _bias(self, grad: da.Array) -> da.Array:
        assert self.bias is not None
        graph = Graph("linear-bias", grad.name, *self._token)
        rows, shards = self._blocks()
        keys = {
            (c,): self._sum(
                graph, "bias", (c,), self.bias.dtype,
                [
                    graph.task("bias-part", (*r, c), _bias_part, graph.chunk(grad, (*r, c)))
                    for r in rows
                ],
            )
            for c in shards
        }  # fmt: skip
        return graph.array("d-bias", keys, self.bias.chunks, self.bias.dtype)

    def _sum(
        self, graph: Graph, kind: str, index: tuple[int, ...], dtype: np.dtype, parts: list[Key]
    ) -> Key:
        total = graph.merged(f"{kind}-sum", index, _add, parts)
        return graph.task(f"{kind}-as", index, _as, total, dtype)


def _operand(value: Any, name: str) -> da.Array:
    _inputs.refuse_collection(value, name, "an array of Dask or NumPy")
    if isinstance(value, da.Array):
        array = _inputs.logits(value, name, "linear_cross_entropy")
    else:
        array = da.from_array(as_float(value, name), chunks=-1)
    dtype = as_float(np.empty(0, array.dtype), name).dtype
    return array if array.dtype == dtype else array.astype(dtype)


def _flat(array: Any, dtype: np.dtype) -> np.ndarray:
    wide = np.asarray(array).astype(dtype, copy=False)
    return np.ascontiguousarray(wide.reshape(-1, wide.shape[-1]))


def _product(dtype: np.dtype, hidden: Any, weight: Any, bias: Any) -> np.ndarray:
    with one_blas_thread(), np.errstate(all="ignore"):
        logits = _flat(hidden, dtype) @ _flat(weight, dtype).T
        if bias is not None:
            logits += np.asarray(bias).astype(dtype, copy=False)
    return logits.reshape(*np.shape(hidden)[:-1], len(weight))


def _hidden_part(grad: np.ndarray, weight: Any) -> np.ndarray:
    with one_blas_thread(), np.errstate(all="ignore"):
        part = _flat(grad, grad.dtype) @ _flat(weight, grad.dtype)
    return part.reshape(*grad.shape[:-1], np.shape(weight)[1])


def _weight_part(grad: np.ndarray, hidden: Any) -> np.ndarray:
    with one_blas_thread(), np.errstate(all="ignore"):
        part: np.ndarray = _flat(grad, grad.dtype).T @ _flat(hidden, grad.dtype)
    return part


def _bias_part(grad: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(_flat(grad, grad.dtype).sum(axis=0))


def _add(parts: list[np.ndarray]) -> np.ndarray:
    total = np.array(parts[0])
    with np.errstate(all="ignore"):
        for part in parts[1:]:
            total += part
    return total


def _as(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(array).astype(dtype, copy=False)
