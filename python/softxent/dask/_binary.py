"""Binary cross-entropy."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np

from softxent import binary_cross_entropy as local_binary_cross_entropy
from softxent._arguments.arrays import as_float, loss_dtype
from softxent._arguments.calls import binary_call
from softxent._core import binding

from . import _inputs
from ._checks import check_binary_targets, check_weights
from ._graphs import Blocks, Graph
from ._loss_tasks import add_sums

__all__ = ["binary_cross_entropy"]


def binary_cross_entropy(
    logits: Any,
    target: Any,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    reduction: str = "mean",
    from_logits: bool = True,
) -> da.Array:
    r"""
    Binary cross-entropy of dask arrays, lazily, with the bits of `softxent.binary_cross_entropy`.

    .. math:: L = -w \, \big(q \, t \log \sigma(x) + (1 - t) \log(1 - \sigma(x))\big)

    Parameters
    ----------
    logits : dask.array.Array
        Logits x, or probabilities with ``from_logits=False``: float16, bfloat16, float32 or
        float64, chunked as they may be. Integers and bools are computed as float64.
    target : array_like or dask array
        Targets t in the shape of `logits`; rechunked to the chunks of `logits` where it has others.
    weight, pos_weight : array_like or dask array, optional
        Factors w and q, broadcast to the shape of `logits`.
    reduction, from_logits
        As in `softxent.binary_cross_entropy`.

    Returns
    -------
    dask.array.Array
        The loss, of shape (); with ``reduction="none"`` that of each element. float64 for float64
        logits, otherwise float32.

    Raises
    ------
    TypeError
        If `logits` is no dask array, or as `softxent.binary_cross_entropy`.
    ValueError
        If a chunk has no known size, or as `softxent.binary_cross_entropy`: options and shapes at
        once, values in chunks when they are computed, by their position in the whole array.

    Notes
    -----
    The bounds of `softxent.binary_cross_entropy` hold; sums are exact and rounded once.

    Examples
    --------
    >>> import dask.array as da
    >>> import softxent.dask
    >>> logits = da.from_array([2.0, -1.0], chunks=1)
    >>> print(f"{softxent.dask.binary_cross_entropy(logits, [1, 0]).compute():.6f}")
    0.220095
    """
    x = _inputs.logits(logits, "logits", "binary_cross_entropy")
    t = _inputs.value(target, "target")
    if t.shape != x.shape:
        raise ValueError(f"target has shape {t.shape}; expected the logits' shape {x.shape}")
    factors = []
    for name, given in (("weight", weight), ("pos_weight", pos_weight)):
        array = None if given is None else _inputs.value(given, name)
        if isinstance(array, np.ndarray):
            _try(np.zeros(0, x.dtype), None, reduction, from_logits)
            check_weights(as_float(array, name), name, (0,) * array.ndim)
        elif array is not None:
            as_float(np.empty(0, array.dtype), name)
        factors.append(None if array is None else _inputs.broadcast_like(array, name, x))
    _try(np.zeros(0, x.dtype), t.dtype, reduction, from_logits)
    t = _inputs.follow(t, x.chunks)
    names = [None if a is None else a.name for a in (x, t, *factors)]
    graph = Graph("binary_cross_entropy", names, reduction, from_logits)
    blocks = Blocks(x, ())
    dtype = loss_dtype(as_float(np.empty(0, x.dtype), "logits").dtype)
    keys = {}
    for index in blocks.rows():
        chunks = [graph.chunk(a, index) for a in (x, t, *factors)]
        keys[index] = graph.task(
            "piece", index, _piece, blocks.start(index), *chunks, reduction, from_logits
        )
    if reduction == "none":
        return graph.array("losses", keys, x.chunks, dtype)
    total = graph.merged("total", (), add_sums, list(keys.values()))
    count = float(x.size) if reduction == "mean" else 1.0
    key = graph.task("loss", (), _reduced, total, count, dtype)
    return graph.array("value", {(): key}, (), dtype)


def _try(x: np.ndarray, target: np.dtype | None, reduction: str, from_logits: bool) -> None:
    """The local function on nothing: it raises what it has against types and options."""
    local_binary_cross_entropy(
        x, np.zeros(0, target or x.dtype), reduction=reduction, from_logits=from_logits
    )


def _piece(
    start: tuple[int, ...],
    x: Any,
    target: Any,
    weight: Any,
    pos_weight: Any,
    reduction: str,
    from_logits: bool,
) -> Any:
    """Losses of a chunk, or their sum."""
    check_binary_targets(target, start)
    check_weights(weight, "weight", start)
    check_weights(pos_weight, "pos_weight", start)
    call = binary_call(
        x, target, weight=weight, pos_weight=pos_weight, reduction=reduction,
        from_logits=from_logits,
    )  # fmt: skip
    if reduction == "none":
        return np.asarray(binding.call_binary("binary_cross_entropy", call))
    total = binding.sum_new(1)
    binding.call_binary("binary_cross_entropy", call, 0.0, total)
    return total


def _reduced(total: np.ndarray, count: float, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(binding.sum_over(np.array(total), count)).astype(dtype)
