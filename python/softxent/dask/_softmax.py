"""Softmax, log-softmax and log-sum-exp."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np

from softxent._arguments.arrays import as_float, axis_mask, remaining_shape
from softxent._arguments.scalars import flag, has_no_dtype
from softxent._arguments.sums import sum_call
from softxent._core.errors import no_class_error

from . import _inputs, _row_tasks
from ._graphs import Blocks, Graph, Key
from ._outputs import placed

__all__ = ["log_softmax", "logsumexp", "softmax"]

Axis = int | tuple[int, ...] | None


def softmax(x: Any, axis: Axis = -1, *, where: Any = None, out: da.Array | None = None) -> da.Array:
    r"""
    Probabilities of a dask array, lazily: `softxent.softmax` with the same bits.

    .. math:: p_c = \frac{e^{x_c}}{\sum_k e^{x_k}}

    Parameters
    ----------
    x : dask.array.Array
        Logits, chunked along any axes: float16, bfloat16, float32 or float64. Integers and bools
        are computed as float64.
    axis : int, tuple of int or None, default -1
        The axes along which the probabilities add up to 1; None is all of them.
    where : array_like of bool or dask array, optional
        Elements that are False are left out and get 0; broadcast to the shape of `x`.
    out : dask.array.Array, optional
        Becomes the result, as in Dask's own functions, chunks included; of the shape and dtype of
        `x`, which it may be. Nothing is written into what it stood for.

    Returns
    -------
    dask.array.Array
        In the shape, chunks and dtype of `x`; `out` if it is given.

    Raises
    ------
    TypeError
        If `x` is no dask array or has another dtype or other chunks than NumPy's, or `out` is no
        dask array or has another dtype than the result.
    ValueError
        If a chunk has no known size, `where` does not fit, there is no class, or `out` has another
        shape.
    numpy.exceptions.AxisError
        If `x` has no such axis.

    See Also
    --------
    softxent.softmax : the same for arrays that are there.

    Notes
    -----
    The error is at most 2 ULP (float32), 2.5 (float64) or 1 (16 bit), and the bits are those of
    `softxent.softmax` of the whole array, for every chunking. Where the axes are chunked, each
    chunk is looked at twice, for the maximum and for the sum, which keeps the exponentials, float32
    or float64 in the shape of the chunk; the output is made of these. The chunks of a row are
    needed together. What moves between them is 192 bytes per row and chunk; sums are integers on a
    grid that the row's maximum gives, so that their order does not matter.

    Examples
    --------
    >>> import dask.array as da
    >>> import softxent.dask
    >>> x = da.zeros((4, 6), chunks=(2, 3))
    >>> float(softxent.dask.softmax(x).sum().compute().round(12))
    4.0
    """
    return placed(out, _elementwise("softmax", 0, x, axis, where))


def log_softmax(
    x: Any, axis: Axis = -1, *, where: Any = None, out: da.Array | None = None
) -> da.Array:
    r"""
    Log-probabilities of a dask array, lazily: `softxent.log_softmax` with the same bits.

    .. math:: \log p_c = x_c - \log \sum_k e^{x_k}

    Parameters
    ----------
    x, axis
        As in `softmax`.
    where : array_like of bool or dask array, optional
        Elements that are False are left out and get -inf.
    out : dask.array.Array, optional
        As in `softmax`.

    Returns
    -------
    dask.array.Array
        In the shape, chunks and dtype of `x`; `out` if it is given.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As `softmax`.

    Notes
    -----
    The error is at most 1 ULP (float32 and 16 bit) or 2 (float64); chunks as in `softmax`, but
    looked at a third time, since the output is made of the elements themselves.

    Examples
    --------
    >>> import dask.array as da
    >>> import softxent.dask
    >>> float(softxent.dask.log_softmax(da.zeros(4, chunks=2))[0].compute().round(4))
    -1.3863
    """
    return placed(out, _elementwise("log_softmax", 1, x, axis, where))


def logsumexp(
    x: Any,
    axis: Axis = -1,
    *,
    b: Any = None,
    where: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
    out: da.Array | None = None,
) -> Any:
    r"""
    Log-sum-exp of a dask array, lazily: `softxent.logsumexp` with the same bits.

    .. math:: \log \sum_c b_c e^{x_c}

    Parameters
    ----------
    x, axis
        As in `softmax`.
    b : array_like or dask array, optional
        Factors, broadcast to the shape of `x`.
    where : array_like of bool or dask array, optional
        Elements that are False are left out.
    keepdims : bool, default False
        Keep the axes, with length 1.
    return_sign : bool, default False
        Return the sign of the sum too.
    out : dask.array.Array, optional
        Becomes the result, but for the sign, as in `softmax`; of its shape and dtype.

    Returns
    -------
    dask.array.Array
        One value per row: float64 for float64 input, else float32; with `b` by NumPy's promotion;
        `out` if it is given. With ``return_sign=True`` a pair of such arrays.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As `softmax`; no element to sum gives -inf.

    Notes
    -----
    Without `b` the error is at most 1 ULP (float32) or 2 (float64) of the larger of the result and
    the maximum, in absolute value. Where the axes are chunked, each chunk is looked at twice; with
    `b` three times, and what moves between chunks is 592 bytes per row and chunk.

    Examples
    --------
    >>> import dask.array as da
    >>> import softxent.dask
    >>> float(softxent.dask.logsumexp(da.zeros(8, chunks=3)).compute().round(4))
    2.0794
    """
    array = _inputs.logits(x, "x", "logsumexp")
    axes = _axes(axis, array)
    keep, signed = flag(keepdims, "keepdims"), flag(return_sign, "return_sign")
    mask = _mask(where, array)
    if has_no_dtype(b):  # which does not take part in the promotion
        b = np.asarray(b, as_float(np.empty(0, array.dtype), "x").dtype)
    factors = None if b is None else _inputs.broadcast_like(b, "b", array)
    meta = None if factors is None else np.empty(0, factors.dtype)
    dtype = sum_call(np.empty(0, array.dtype), -1, meta, None, False, False, None).result.dtype
    blocks = Blocks(array, axes)
    graph = Graph("logsumexp", array.name, axes, _name(mask), _name(factors), keep, signed)
    results: dict[tuple[int, ...], Key] = {}
    signs: dict[tuple[int, ...], Key] = {}
    for rows in blocks.rows():
        if len(blocks.shards) == 1 or blocks.classes == 0:
            index = blocks.index(rows, blocks.shards[0])
            chunk, keys = (
                graph.chunk(array, index),
                (graph.chunk(mask, index), graph.chunk(factors, index)),
            )
            pair = graph.task(
                "whole", rows, _row_tasks.whole_sums, axes, chunk, *keys, keep, signed
            )
        elif factors is not None:
            shape = _kept_shape(blocks, rows, keep)
            records = _factor_records(graph, blocks, axes, mask, factors, rows)
            pair = graph.task(
                "finish", rows, _row_tasks.finish_factors, shape, dtype, signed, records
            )
        else:
            computed = as_float(np.empty(0, array.dtype), "x").dtype
            spec = _row_tasks.RowSpec(2, blocks.classes, axes, computed)
            records, _ = _records(graph, blocks, spec, mask, rows)
            shape = _kept_shape(blocks, rows, keep)
            pair = graph.task(
                "finish", rows, _row_tasks.finish, spec, shape, np.dtype(array.dtype), records
            )
        where_to = _kept_index(blocks, rows) if keep else rows
        results[where_to] = graph.task("result", rows, _row_tasks.item, pair, 0)
        if signed:
            signs[where_to] = graph.task("signs", rows, _row_tasks.item, pair, 1)
    chunks = tuple((1,) if k in axes else array.chunks[k] for k in range(array.ndim))
    chunks = chunks if keep else blocks.row_chunks
    sign = graph.array("sign", signs, chunks, dtype) if signed else None
    logs = placed(out, graph.array("logs", results, chunks, dtype))
    return (logs, sign) if signed else logs


def _elementwise(name: str, kind: int, x: Any, axis: Axis, where: Any) -> da.Array:
    array = _inputs.logits(x, "x", name)
    axes = _axes(axis, array)
    mask = _mask(where, array)
    blocks = Blocks(array, axes)
    rows_shape = remaining_shape(array.shape, axis_mask(axis, array.ndim))
    if blocks.classes == 0 and 0 not in rows_shape:
        raise no_class_error(name, array.shape)
    graph = Graph(name, array.name, axes, _name(mask))
    dtype = as_float(np.empty(0, array.dtype), "x").dtype
    spec = _row_tasks.RowSpec(kind, blocks.classes, axes, dtype)
    results: dict[tuple[int, ...], Key] = {}
    for rows in blocks.rows():
        whole = len(blocks.shards) == 1 or blocks.classes == 0
        records, kept = (None, {}) if whole else _records(graph, blocks, spec, mask, rows)
        for shard in blocks.shards:
            index = blocks.index(rows, shard)
            masked = graph.chunk(mask, index)
            if whole:
                key = graph.task(
                    "whole", index, _row_tasks.whole_rows, spec, graph.chunk(array, index), masked
                )
            elif kept:
                key = graph.task(
                    "write", index, _row_tasks.write_terms, spec, shard.first, dtype,
                    kept[index], masked, records,
                )  # fmt: skip
            else:
                key = graph.task(
                    "write", index, _row_tasks.write, spec, shard.first,
                    graph.chunk(array, index), masked, records,
                )  # fmt: skip
            results[index] = key
    return graph.array("result", results, array.chunks, dtype)


def _records(
    graph: Graph,
    blocks: Blocks,
    spec: _row_tasks.RowSpec,
    mask: da.Array | None,
    rows: tuple[int, ...],
) -> tuple[Key, dict[tuple[int, ...], Key]]:
    """
    Records of a block of rows after all steps, each over all shards and merged.

    And what the last step kept with them of each chunk, where an output is made of that.
    """
    records: Key | None = None
    kept = {}
    for step in _row_tasks.STEPS:
        parts = []
        for shard in blocks.shards:
            index = blocks.index(rows, shard)
            chunk, masked = graph.chunk(blocks.array, index), graph.chunk(mask, index)
            if step == _row_tasks.SUM and spec.keeps_terms:
                kept[index] = graph.task(
                    "terms", index, _row_tasks.sum_step, spec, shard.first, chunk, masked, records
                )
                key = graph.task(f"step{step}", index, _row_tasks.item, kept[index], 0)
            else:
                key = graph.task(
                    f"step{step}", index, _row_tasks.step, spec, step, shard.first, chunk, masked,
                    records,
                )  # fmt: skip
            parts.append(key)
        records = graph.merged(f"merge{step}-", rows, _row_tasks.MERGES[step], parts)
    assert records is not None
    return records, kept


def _factor_records(
    graph: Graph,
    blocks: Blocks,
    axes: tuple[int, ...],
    mask: da.Array | None,
    factors: da.Array,
    rows: tuple[int, ...],
) -> Key:
    """The same of sums with factors."""
    records: Key | None = None
    for step, merge in _row_tasks.FACTOR_MERGES.items():
        parts = []
        for shard in blocks.shards:
            index = blocks.index(rows, shard)
            chunks = [graph.chunk(a, index) for a in (blocks.array, mask, factors)]
            parts.append(
                graph.task(
                    f"factors{step}", index, _row_tasks.factor_step, step, axes, *chunks, records
                )
            )
        records = graph.merged(f"factors{step}-sum", rows, merge, parts)
    assert records is not None
    return records


def _axes(axis: Axis, array: da.Array) -> tuple[int, ...]:
    bits = axis_mask(axis, array.ndim)
    return tuple(k for k in range(array.ndim) if bits >> k & 1)


def _mask(where: Any, array: da.Array) -> da.Array | None:
    if where is None:
        return None
    mask = _inputs.value(where, "where")
    if mask.dtype != np.bool_:
        raise TypeError(f"where has dtype {mask.dtype}; expected bool")
    return _inputs.broadcast_like(mask, "where", array)


def _name(array: da.Array | None) -> str | None:
    return None if array is None else array.name


def _kept_shape(blocks: Blocks, rows: tuple[int, ...], keep: bool) -> tuple[int, ...]:
    shape = iter(blocks.shape(rows))
    if not keep:
        return tuple(shape)
    return tuple(1 if k in blocks.axes else next(shape) for k in range(blocks.array.ndim))


def _kept_index(blocks: Blocks, rows: tuple[int, ...]) -> tuple[int, ...]:
    index = iter(rows)
    return tuple(0 if k in blocks.axes else next(index) for k in range(blocks.array.ndim))
