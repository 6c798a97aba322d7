"""Batches in pieces and rows in shards: the bits of the whole, for every cut and order of merging.

Everything of `softxent.dask` stands on this; here it is without Dask, and with all options.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import softxent as sx
from softxent._arguments.calls import cross_entropy_call
from softxent._core import binding
from softxent._core.structs import ShardCall

DTYPES = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
CLASSES = (1, 2, 5, 30, 100, 230, 700, 2000)
KINDS = ("moderate", "ties", "wide", "holes", "infinite", "nan", "huge", "tiny", "empty")
DEFAULTS: dict[str, Any] = {
    "axis": -1,
    "weight": None,
    "sample_weight": None,
    "ignore_index": -100,
    "label_smoothing": 0.0,
    "from_logits": True,
    "z_loss": 0.0,
    "logit_scale": 1.0,
    "softcap": None,
    "focal_gamma": 0.0,
}


def logits(rng: np.random.Generator, rows: int, classes: int, dtype: Any) -> np.ndarray:
    kind, shape = rng.choice(KINDS), (rows, classes)
    x = rng.normal(0, 3, shape)
    special = {"holes": (-np.inf, 0.3), "infinite": (np.inf, 0.02), "nan": (np.nan, 0.02)}
    if kind in special:
        value, share = special[kind]
        x[rng.random(shape) < share] = value
    if kind == "ties":
        x = np.round(x)
    if kind == "empty":
        x[:] = -np.inf
    with np.errstate(all="ignore"):
        return (x * {"wide": 100, "huge": 1e30, "tiny": 1e-6}.get(kind, 1)).astype(dtype)


def borders(rng: np.random.Generator, n: int) -> list[slice]:
    """A cut into pieces, some of them empty."""
    at = sorted([0, n, *rng.integers(0, n + 1, rng.integers(0, 5)).tolist()])
    return [slice(a, b) for a, b in pairwise(at)]


def merged(
    rng: np.random.Generator, call: Callable[..., ShardCall], shards: list[slice], rows: int
) -> np.ndarray:
    """Records after all steps, each merged in a random order."""
    records = binding.shard_rows(rows)
    for step in binding.shard_steps(call(shards[0])):
        parts = []
        for shard in shards:
            part = records.copy()
            binding.shard_step(call(shard), step, part)
            parts.append(part)
        rng.shuffle(parts)
        records = parts[0]
        for part in parts[1:]:
            binding.shard_merge(step, records, part)
    return records


def kept_terms(
    rng: np.random.Generator, call: Callable[..., ShardCall], shards: list[slice]
) -> dict[int, np.ndarray]:
    """Memory for the terms of each shard, full of other things; none where a call has none."""
    terms = {}
    for s in shards:
        dtype = binding.shard_terms(call(s))
        if dtype is not None:
            x = call(s).x if call(s).loss is None else call(s).loss.logits
            order = str(rng.choice(["C", "F"]))
            terms[s.start, s.stop] = np.full(x.shape, 7.0, dtype, order=order)
    return terms


def assert_same(found: Any, expected: Any) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("seed", range(8))
def test_softmax_family_in_shards(seed: int) -> None:
    rng = np.random.default_rng(seed)
    functions = (sx.softmax, sx.log_softmax, sx.logsumexp)
    for _ in range(30):
        rows, classes = int(rng.integers(0, 40)), int(rng.choice(CLASSES))
        x = logits(rng, rows, classes, rng.choice(DTYPES))
        where = None if rng.random() < 0.6 else rng.random(x.shape) < rng.choice([0.05, 0.5, 0.9])
        kind, shards = int(rng.integers(3)), borders(rng, classes)

        def call(
            s: slice, out: Any = None, x: Any = x, kind: int = kind, where: Any = where
        ) -> ShardCall:
            mask = None if where is None else where[:, s]
            return ShardCall(kind, x.shape[1], s.start, x[:, s], 2, mask, out=out)

        terms = kept_terms(rng, call, shards)
        assert bool(terms) == (kind == 0)

        def keeping(s: slice, call: Any = call, terms: Any = terms) -> ShardCall:
            return call(s)._replace(terms=terms.get((s.start, s.stop)))

        records = merged(rng, keeping, shards, rows)
        expected = functions[kind](x, where=where)
        found = np.empty_like(expected)
        if kind == 2:
            binding.shard_finish(call(shards[0]), records, found, None)
        else:
            for s in shards:
                binding.shard_step(call(s, found[:, s]), 16, records)
        assert_same(found, expected)
        for s in shards if terms else ():
            found[:, s] = 5
            unseen = call(s, found[:, s], np.full_like(x, np.nan))
            binding.shard_step(unseen._replace(terms=keeping(s).terms), 16, records)
        assert_same(found, expected)


def options(rng: np.random.Generator, rows: int, classes: int, labels: bool) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if rng.random() < 0.4:
        spread = 10.0 ** rng.integers(-10, 10, classes) if rng.random() < 0.2 else 1.0
        given["weight"] = rng.random(classes) * (rng.random(classes) < 0.9) * spread
    if rng.random() < 0.3:
        given["sample_weight"] = rng.random(rows) * (rng.random(rows) < 0.8)
    if rng.random() < 0.3:
        given["logit_scale"] = float(rng.choice([0.5, 3.0, -2.0, 1e-30]))
    if labels and rng.random() < 0.2:
        return given | {"focal_gamma": 2.0}
    if rng.random() < 0.4:
        given["label_smoothing"] = float(rng.choice([0.1, 1.0, 0.5]))
    if rng.random() < 0.3:
        given["z_loss"] = 0.01
    if rng.random() < 0.2:
        given["softcap"] = float(rng.choice([1.0, 30.0]))
    return given


def targets(rng: np.random.Generator, x: np.ndarray, labels: bool) -> np.ndarray:
    rows, classes = x.shape
    if labels:
        return np.where(rng.random(rows) < 0.1, -100, rng.integers(0, classes, rows))
    t = rng.random(x.shape) * (rng.random(x.shape) < 0.7)
    if rng.random() < 0.5:
        t /= np.maximum(t.sum(-1, keepdims=True), 1e-9)
    if rng.random() < 0.1:
        t[rng.random(x.shape) < 0.01] = np.nan
    return t.astype(x.dtype)


def of_rows(arguments: dict[str, Any], rows: slice) -> dict[str, Any]:
    weights = arguments["sample_weight"]
    return arguments | {"sample_weight": None if weights is None else weights[rows]}


def divisors(x: np.ndarray, t: np.ndarray, arguments: dict[str, Any], cut: list[slice]) -> Any:
    sums = binding.sum_new(2)
    for s in cut:
        call = cross_entropy_call(x[s], t[s], **of_rows(arguments, s), reduction="mean")
        binding.sum_merge(sums, binding.cross_entropy_divisors("pieces", call))
    return np.array([binding.sum_over(part, 1.0) for part in sums])


def reduced(sums: np.ndarray, divisors: np.ndarray, z_loss: bool, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.array(binding.cross_entropy_of_sums(sums, divisors, z_loss)).astype(dtype)


@pytest.mark.parametrize("seed", range(10))
def test_losses_in_pieces_and_shards(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(25):
        rows, classes = int(rng.integers(1, 40)), int(rng.choice(CLASSES))
        x = logits(rng, rows, classes, rng.choice(DTYPES))
        labels = bool(rng.random() < 0.6)
        t, reduction = targets(rng, x, labels), str(rng.choice(["mean", "sum", "none"]))
        arguments = DEFAULTS | options(rng, rows, classes, labels)
        with np.errstate(all="ignore"):
            loss, grad = sx.cross_entropy_and_grad(x, t, **arguments, reduction=reduction)
        pieces, shards = borders(rng, rows), borders(rng, classes)
        two = divisors(x, t, arguments, pieces) if reduction == "mean" else None
        z_loss = arguments["z_loss"] != 0
        sums, found = binding.sum_new(2), np.empty_like(x)
        for s in pieces if reduction != "none" else ():
            call = cross_entropy_call(
                x[s], t[s], **of_rows(arguments, s), reduction=reduction, grad=True, out=found[s]
            )
            binding.sum_merge(sums, binding.cross_entropy_sums("pieces", call, two))
        over = np.ones(2) if two is None else two
        if reduction != "none":
            assert_same(reduced(sums, over, z_loss, loss.dtype), loss)
            assert_same(found, grad)
        weight = cross_entropy_call(x, t, **arguments, reduction=reduction).weight

        def shard_call(
            s: slice,
            out: Any = None,
            x: Any = x,
            t: Any = t if not labels else None,
            label: Any = t,
            a: Any = arguments | {"weight": None, "reduction": reduction},
            weight: Any = weight,
            two: Any = two,
        ) -> ShardCall:
            target = label if t is None else t[:, s]
            part = cross_entropy_call(x[:, s], target, **a)._replace(weight=weight)
            return ShardCall(3, x.shape[1], s.start, loss=part, divisors=two, out=out)

        terms = kept_terms(rng, shard_call, shards)
        assert bool(terms) == (arguments["softcap"] is None)

        def keeping(s: slice, call: Any = shard_call, terms: Any = terms) -> ShardCall:
            return call(s)._replace(terms=terms.get((s.start, s.stop)))

        records = merged(rng, keeping, shards, rows)
        for s in shards:
            binding.shard_step(shard_call(s, found[:, s]), 16, records)
        assert_same(found, grad)
        for s in shards if terms else ():
            found[:, s] = 5
            unseen = shard_call(s, found[:, s], np.full_like(x, np.nan))
            binding.shard_step(unseen._replace(terms=keeping(s).terms), 16, records)
        assert_same(found, grad)
        if reduction == "none":
            values = np.empty(rows, loss.dtype)
            binding.shard_finish(shard_call(shards[0]), records, values, None)
            assert_same(values, loss)
        else:
            sums = binding.sum_new(2)
            binding.shard_finish(shard_call(shards[0]), records, None, sums)
            assert_same(reduced(sums, over, z_loss, loss.dtype), loss)


@pytest.mark.parametrize("rows", [2, 100, 5000, 100_000])
def test_reduced_losses_are_exact_sums(rows: int) -> None:
    rng = np.random.default_rng(rows)
    x, t = rng.normal(0, 5, (rows, 7)), rng.integers(0, 7, rows)
    exact = sum(map(Fraction, sx.cross_entropy(x, t, reduction="none").tolist()))
    assert sx.cross_entropy(x, t, reduction="sum") == float(exact)
    assert sx.cross_entropy(x, t) == float(exact) / rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("from_logits", [True, False])
def test_the_order_of_the_rows_does_not_matter(dtype: Any, from_logits: bool) -> None:
    rng = np.random.default_rng(0)
    x, t = rng.random((9000, 11)).astype(dtype), rng.integers(0, 11, 9000)
    weights = rng.random(9000) * 10.0 ** rng.integers(-20, 20, 9000)
    order = rng.permutation(9000)
    first = sx.cross_entropy(x, t, sample_weight=weights, from_logits=from_logits)
    other = sx.cross_entropy(
        x[order], t[order], sample_weight=weights[order], from_logits=from_logits
    )
    assert first == other


def test_sums_of_pieces_are_those_of_fractions() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=3000) * 2.0 ** rng.integers(-300, 300, 3000)
    total = binding.sum_new(1)
    for s in borders(rng, len(values)):
        part = binding.sum_new(1)
        binding.sum_add(part, values[s])
        binding.sum_merge(total, part)
    assert binding.sum_over(total, 1.0) == float(sum(map(Fraction, values.tolist())))
    assert binding.sum_over(total, 0.0) != binding.sum_over(total, 0.0)


def test_sums_and_records_from_elsewhere_may_be_read_only() -> None:
    total, part = binding.sum_new(1), binding.sum_new(1)
    binding.sum_add(part, np.array([0.5]))
    part.flags.writeable = False
    binding.sum_merge(total, part)
    assert binding.sum_over(part, 1.0) == binding.sum_over(total, 1.0) == 0.5
    with pytest.raises(ValueError, match="writeable"):
        binding.sum_merge(part, total)
    call = ShardCall(0, 3, 0, np.zeros((2, 3)), 2, out=np.empty((2, 3)))
    records = merged(np.random.default_rng(0), lambda _: call, [slice(0, 3)], 2)
    records.flags.writeable = False
    binding.shard_step(call, 16, records)
    assert_same(call.out, sx.softmax(np.zeros((2, 3))))
    with pytest.raises(ValueError, match="writeable"):
        binding.shard_step(call, 2, records)
