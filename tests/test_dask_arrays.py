"""softxent.dask: the bits of the local functions for every chunking, lazily, in linear graphs."""

from __future__ import annotations

import doctest
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import softxent as sx
from dask_tools import assert_same, cut
from test_shards import DTYPES, logits, options, targets

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
sxd = pytest.importorskip("softxent.dask")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("seed", range(6))
def test_softmax_family(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(12):
        shape = tuple(rng.integers(1, 9, rng.integers(1, 4)).tolist())
        x = rng.normal(0, 4, shape).astype(rng.choice([np.float16, np.float32, np.float64, int]))
        axes = (-1, 0, None, tuple(range(len(shape)))[: int(rng.integers(1, len(shape) + 1))])
        axis = axes[rng.integers(len(axes))]
        where = None if rng.random() < 0.5 else rng.random(shape[-1:]) < 0.6
        lazy = da.from_array(x, chunks=cut(rng, shape))
        for name in ("softmax", "log_softmax"):
            found = getattr(sxd, name)(lazy, axis, where=where)
            assert found.chunks == lazy.chunks
            assert_same(found.compute(), getattr(sx, name)(x, axis, where=where))
        keep = bool(rng.random() < 0.5)
        given = {"axis": axis, "where": where, "keepdims": keep, "return_sign": True}
        for one, other in zip(sxd.logsumexp(lazy, **given), sx.logsumexp(x, **given), strict=True):
            assert_same(one.compute(), other)
        assert_same(sxd.logsumexp(lazy, axis).compute(), sx.logsumexp(x, axis))


def arranged(rows: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Rows of classes, or values of rows, as an array of that shape."""
    if rows.ndim == 1:
        return rows.reshape(shape[:axis] + shape[axis + 1 :])
    return np.moveaxis(rows.reshape(*shape[:axis], *shape[axis + 1 :], -1), -1, axis)


@pytest.mark.parametrize("seed", range(8))
def test_cross_entropy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(12):
        shape = rng.integers(1, 7, rng.integers(1, 4)).tolist()
        axis = int(rng.integers(0, len(shape)))
        shape[axis] = classes = int(rng.choice([1, 2, 5, 40, 300]))
        rows, dtype = int(np.prod(shape)) // classes, rng.choice(DTYPES)
        labels = bool(rng.random() < 0.6)
        flat = logits(rng, rows, classes, dtype)
        x = arranged(flat, tuple(shape), axis)
        y = arranged(targets(rng, flat, labels), tuple(shape), axis)
        given = options(rng, rows, classes, labels)
        if "sample_weight" in given:
            given["sample_weight"] = arranged(given["sample_weight"], tuple(shape), axis)
        given |= {"axis": axis, "reduction": str(rng.choice(["mean", "sum", "none"]))}
        lazy = {
            name: da.from_array(value, chunks=cut(rng, value.shape))
            for name, value in given.items()
            if isinstance(value, np.ndarray) and rng.random() < 0.5
        }
        x_lazy = da.from_array(x, chunks=cut(rng, x.shape))
        y_lazy = da.from_array(y, chunks=cut(rng, y.shape)) if rng.random() < 0.7 else y
        with np.errstate(all="ignore"):
            loss, grad = sx.cross_entropy_and_grad(x, y, **given)
        both = sxd.cross_entropy_and_grad(x_lazy, y_lazy, **(given | lazy))
        assert both[1].chunks == x_lazy.chunks
        found = dask.compute(*both)
        assert_same(found[0], loss)
        assert_same(found[1], grad)
        assert_same(sxd.cross_entropy(x_lazy, y_lazy, **(given | lazy)).compute(), loss)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("from_logits", [True, False])
def test_binary_cross_entropy(reduction: str, from_logits: bool) -> None:
    rng = np.random.default_rng(3)
    for dtype in DTYPES:
        x = rng.random((7, 6)).astype(dtype)
        for y in (rng.integers(0, 2, x.shape), rng.random(x.shape).astype(dtype)):
            given: dict[str, Any] = {"weight": rng.random(6), "pos_weight": rng.random((7, 1))}
            call = {"reduction": reduction, "from_logits": from_logits}
            lazy = da.from_array(x, chunks=cut(rng, x.shape))
            found = sxd.binary_cross_entropy(lazy, da.from_array(y, chunks=3), **given, **call)
            assert_same(found.compute(), sx.binary_cross_entropy(x, y, **given, **call))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("labels", [True, False])
def test_probabilities(reduction: str, labels: bool) -> None:
    rng = np.random.default_rng(4)
    for dtype in DTYPES:
        p = (rng.random((9, 30)) * (rng.random((9, 30)) < 0.9)).astype(dtype)
        y = targets(rng, p, labels)
        for given in ({}, {"weight": rng.random(30), "label_smoothing": 0.1}):
            call = {"from_logits": False, "reduction": reduction, **given}
            call["sample_weight"] = rng.random(9)
            with np.errstate(all="ignore"):
                expected = sx.cross_entropy_and_grad(p, y, **call)
            lazy = da.from_array(p, chunks=cut(rng, p.shape))
            for one, other in zip(
                dask.compute(*sxd.cross_entropy_and_grad(lazy, y, **call)), expected, strict=True
            ):
                assert_same(one, other)
            assert_same(sxd.cross_entropy(lazy, y, **call).compute(), expected[0])


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_logsumexp_with_factors(signed: bool, dtype: Any) -> None:
    rng = np.random.default_rng(4)
    for axis in (0, 1, None):
        far = rng.normal(size=30) * 2.0 ** rng.integers(-900, 900)
        plain = rng.normal(size=(9, 30)).astype(np.float32)
        for factors in (2, -0.5, rng.normal(size=30), plain, far):
            x = logits(rng, 9, 30, dtype)
            where = rng.random(x.shape) < rng.choice([0.1, 0.9, 1.0])
            call = {"b": factors, "axis": axis, "where": where, "return_sign": signed}
            expected = sx.logsumexp(x, **call)
            found = sxd.logsumexp(da.from_array(x, chunks=cut(rng, x.shape)), **call)
            if signed:
                assert_same(found[0].compute(), expected[0])
                assert_same(found[1].compute(), expected[1])
            else:
                assert found.dtype == expected.dtype
                assert_same(found.compute(), expected)


def test_empty_batches() -> None:
    x, y = np.empty((0, 4), np.float32), np.empty(0, int)
    lazy = da.from_array(x, chunks=(1, 2))
    assert np.isnan(sxd.cross_entropy(lazy, y).compute())
    assert sxd.cross_entropy(lazy, y, reduction="sum").compute() == 0
    assert sxd.softmax(lazy).compute().shape == (0, 4)
    wide = da.zeros((3, 0))
    assert_same(sxd.logsumexp(wide).compute(), sx.logsumexp(np.zeros((3, 0))))
    with pytest.raises(ValueError, match=r"softmax: the reduced axes .* hold no element"):
        sxd.softmax(wide)


# -- graphs ----------------------------------------------------------------------------------------


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    touched: list[int] = []

    def chunk(block: np.ndarray) -> np.ndarray:
        touched.append(1)
        return block

    x = da.zeros((8, 8), chunks=(2, 4)).map_blocks(chunk, dtype=float)
    y = da.zeros(8, dtype=int, chunks=8).map_blocks(chunk, dtype=int)
    touched.clear()
    results = (
        sxd.softmax(x),
        sxd.logsumexp(x),
        *sxd.cross_entropy_and_grad(x, y),
        sxd.binary_cross_entropy(x, x),
    )
    assert not touched
    assert len(results) == 5


@pytest.mark.parametrize("chunks", [(2, 8), (2, 2)])
def test_each_chunk_is_loaded_once(chunks: tuple[int, int]) -> None:
    loads: Counter[tuple[int, ...]] = Counter()

    def load(block: np.ndarray, block_info: Any = None) -> np.ndarray:
        if block_info:
            loads[block_info[None]["chunk-location"]] += 1
        return block + 0.5

    x = da.zeros((8, 8), chunks=chunks).map_blocks(load, dtype=float)
    y = da.zeros(8, dtype=int, chunks=8)
    for results in ([sxd.softmax(x)], sxd.cross_entropy_and_grad(x, y), [sxd.log_softmax(x, 0)]):
        loads.clear()
        dask.compute(*results)
        assert set(loads.values()) == {1}
        assert len(loads) == x.npartitions


def looks(x: Any, *results: Any) -> set[int]:
    """How many tasks look at each chunk of an array, for all results together."""
    graph = {key: value for result in results for key, value in dict(result.dask).items()}
    found = Counter[Any]()
    for key, needs in dask.core.get_deps(graph)[0].items():
        if key[0] != x.name:
            found.update(need for need in needs if need[0] == x.name)
    return {found[key] for key in dask.core.flatten(x.__dask_keys__())}


SHARDED = da.zeros((8, 8), chunks=(3, 3), dtype=np.float32) + 1
PROBABILITIES = np.full((8, 8), 0.125, np.float32)
GENERAL = {"sample_weight": np.arange(8.0), "logit_scale": 0.5}


@pytest.mark.parametrize(
    ("expected", "call"),
    [
        (2, lambda x: [sxd.softmax(x)]),
        (2, lambda x: [sxd.softmax(x, None, where=np.arange(8) > 2)]),
        (3, lambda x: [sxd.log_softmax(x)]),
        (2, lambda x: sxd.logsumexp(x, return_sign=True)),
        (3, lambda x: [sxd.logsumexp(x, b=2.0)]),
        (2, lambda x: [sxd.cross_entropy(x, range(8))]),
        (2, lambda x: sxd.cross_entropy_and_grad(x, range(8))),
        (2, lambda x: sxd.cross_entropy_and_grad(x, range(8), focal_gamma=1.0, reduction="none")),
        (2, lambda x: sxd.cross_entropy_and_grad(x, range(8), label_smoothing=0.1, z_loss=0.1)),
        (2, lambda x: [sxd.cross_entropy(x, range(8), softcap=9.0)]),
        (3, lambda x: sxd.cross_entropy_and_grad(x, range(8), softcap=9.0)),
        (3, lambda x: [sxd.cross_entropy(x, PROBABILITIES)]),
        (3, lambda x: sxd.cross_entropy_and_grad(x, PROBABILITIES)),
        (3, lambda x: sxd.cross_entropy_and_grad(x, range(8), **GENERAL)),
        (4, lambda x: sxd.cross_entropy_and_grad(x, PROBABILITIES, **GENERAL)),
        (4, lambda x: sxd.cross_entropy_and_grad(x, PROBABILITIES, softcap=9.0)),
        (1, lambda x: sxd.cross_entropy_and_grad(x, range(8), from_logits=False)),
        (1, lambda x: sxd.cross_entropy_and_grad(x, PROBABILITIES, from_logits=False)),
    ],
)
def test_looks_at_a_chunk(expected: int, call: Any) -> None:
    """Those that docs/distributed.md promises where the classes are chunked."""
    assert looks(SHARDED, *call(SHARDED)) == {expected}


def test_rows_in_one_chunk_are_looked_at_once() -> None:
    x = da.zeros((8, 8), chunks=(3, 8), dtype=np.float32)
    for results in (
        [sxd.softmax(x)],
        [sxd.log_softmax(x)],
        [sxd.logsumexp(x, b=2.0)],
        sxd.cross_entropy_and_grad(x, range(8), softcap=9.0),
        sxd.cross_entropy_and_grad(x, PROBABILITIES, **GENERAL),
    ):
        assert looks(x, *results) == {1}


def tasks(array: Any) -> int:
    return len(dict(array.__dask_graph__()))


@pytest.mark.parametrize("axis", [0, 1])
def test_graphs_grow_with_the_chunks(axis: int) -> None:
    counts = []
    for pieces in (8, 16, 32, 64):
        shape = [16, 16]
        shape[axis] = pieces
        x = da.zeros(shape, chunks=(16, 1) if axis else (1, 16))
        grad = sxd.cross_entropy_and_grad(x, da.zeros(shape[0], dtype=int, chunks=-1))[1]
        counts.append(tasks(grad) + tasks(sxd.softmax(x)))
    growth = np.diff(counts) / np.diff([8, 16, 32, 64])
    assert growth.max() <= 1.2 * growth.min()
    assert growth.max() < 16


def test_logits_are_never_rechunked() -> None:
    x = da.zeros((12, 12), chunks=(4, 5))
    y = da.zeros(12, dtype=int, chunks=7)
    loss, grad = sxd.cross_entropy_and_grad(x, y, weight=np.ones(12))
    for array in (loss, grad, sxd.softmax(x)):
        for layer, needs in array.__dask_graph__().dependencies.items():
            assert not (layer.startswith("rechunk") and x.name in needs)
    sizes = [v.shape for v in dask.compute(*grad.to_delayed().ravel())]
    assert sorted(sizes) == sorted(b.shape for b in dask.compute(*x.to_delayed().ravel()))


# -- errors ----------------------------------------------------------------------------------------


def test_a_bad_label_is_named_with_its_place_in_the_whole_array() -> None:
    y = np.zeros((6, 10), int)
    y[4, 7] = 5
    for chunks in ((2, 3, 5), (2, 3, 2), (6, 10, 1)):
        x = da.zeros((6, 10, 5), chunks=chunks)
        for reduction in ("mean", "none"):
            with pytest.raises(IndexError, match=r"label 5 at index \(4, 7\) is not in \[0, 5\)"):
                sxd.cross_entropy(x, da.from_array(y, chunks=3), reduction=reduction).compute()
        sxd.cross_entropy(x, y, ignore_index=5).compute()


def test_bad_weights_are_named_with_their_place() -> None:
    x, weights = da.zeros((6, 4), chunks=(2, 2)), np.ones(6)
    weights[5] = -1
    with pytest.raises(ValueError, match=r"sample_weight\[5\] is -1.0; expected a finite number"):
        sxd.cross_entropy(x, np.zeros(6, int), sample_weight=weights).compute()
    with pytest.raises(ValueError, match=r"target 2 at index \(3, 1\) is not 0 or 1"):
        y = np.zeros((6, 4), int)
        y[3, 1] = 2
        sxd.binary_cross_entropy(x, y).compute()
    with pytest.raises(ValueError, match=r"pos_weight\[2\] is nan"):
        sxd.binary_cross_entropy(x, np.zeros((6, 4)), pos_weight=[1, 1, np.nan, 1])


X = da.zeros((6, 4), chunks=(2, 2))
LABELS = np.zeros(6, int)
TEXT = da.from_array(np.array(["1", "2", "3", "4"]))


@pytest.mark.parametrize(
    ("kind", "message", "call"),
    [
        (TypeError, "x is a ndarray; expected a dask array", lambda: sxd.softmax(np.zeros(3))),
        (TypeError, "x is a list; expected a dask array", lambda: sxd.softmax([1.0])),
        (TypeError, "x has dtype object", lambda: sxd.softmax(X.astype(object))),
        (TypeError, "logits has dtype complex128", lambda: sxd.cross_entropy(X * 1j, LABELS)),
        (ValueError, "unknown size along axis 0", lambda: sxd.softmax(X[X[:, 0] > 0])),
        (TypeError, "x is a masked", lambda: sxd.softmax(da.ma.masked_array(X, X > 0))),
        (TypeError, "from_delayed", lambda: sxd.softmax(dask.delayed(np.zeros)(3))),
        (TypeError, "target is a .*from_delayed", lambda: sxd.cross_entropy(X, dask.delayed(1))),
        (
            ValueError,
            "target has chunks of unknown size",
            lambda: sxd.cross_entropy(X, da.zeros(6, dtype=int)[da.zeros(6) == 0]),
        ),
        (ValueError, "expected \\(6,\\)", lambda: sxd.cross_entropy(X, np.zeros(5, int))),
        (ValueError, "\\(class indices must be", lambda: sxd.cross_entropy(X, np.zeros(6))),
        (TypeError, "target has dtype bool", lambda: sxd.cross_entropy(X, np.zeros(6, bool))),
        (ValueError, "reduction is 'men'", lambda: sxd.cross_entropy(X, LABELS, reduction="men")),
        (ValueError, "weight has shape", lambda: sxd.cross_entropy(X, LABELS, weight=np.ones(3))),
        (
            ValueError,
            "weight.0. is -1.0",
            lambda: sxd.cross_entropy(X, LABELS, weight=[-1.0, 1, 1, 1]),
        ),
        (ValueError, r"shape \(6, 0\) hold no", lambda: sxd.cross_entropy(X[:, :0], LABELS)),
        (TypeError, "weight has dtype <U", lambda: sxd.cross_entropy(X, LABELS, weight=TEXT)),
        (TypeError, "weight has dtype <U", lambda: sxd.binary_cross_entropy(X, X, weight=TEXT)),
        (
            ValueError,
            "pos_weight is -1.0",
            lambda: sxd.binary_cross_entropy(X, X, pos_weight=-1.0),
        ),
        (ValueError, "softcap is 0", lambda: sxd.cross_entropy(X, LABELS, softcap=0.0)),
        (np.exceptions.AxisError, "axis 2", lambda: sxd.cross_entropy(X, LABELS, axis=2)),
        (np.exceptions.AxisError, "axis 2", lambda: sxd.softmax(X, 2)),
        (TypeError, "where has dtype int64", lambda: sxd.softmax(X, where=np.ones(4, int))),
        (ValueError, "does not broadcast", lambda: sxd.softmax(X, where=np.ones(3, bool))),
    ],
)
def test_errors_at_once(kind: type[Exception], message: str, call: Any) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    "target",
    [
        np.zeros((4, 1), int),
        np.eye(5, dtype=int)[:4],
        np.zeros(4),
        np.zeros(5, int),
        np.array([0, np.nan, 1, 2]),
    ],
    ids=["a column", "one-hot", "floats", "another axis", "missing"],
)
def test_almost_right_targets_are_refused_with_what_to_pass_instead(target: np.ndarray) -> None:
    x = np.zeros((4, 5))
    with pytest.raises(ValueError) as local:
        sx.cross_entropy(x, target)
    with pytest.raises(ValueError) as found:
        sxd.cross_entropy(da.from_array(x, chunks=2), target)
    assert str(found.value) == str(local.value)


def test_chunks_that_are_not_what_they_claim() -> None:
    x = da.zeros((4, 4), chunks=2).map_blocks(lambda b: b.astype(object), dtype=float, meta=X._meta)
    for result in (sxd.softmax(x), sxd.cross_entropy(x, np.zeros(4, int))):
        with pytest.raises(TypeError, match="has dtype object"):
            result.compute()
    x = da.zeros((4, 4), chunks=2, dtype="f4").map_blocks(lambda b: b.astype("f8"), dtype="f4")
    for result in (sxd.softmax(x), sxd.logsumexp(x), sxd.cross_entropy(x, np.zeros(4, int))):
        with pytest.raises(TypeError, match="has dtype float64 in a chunk; expected float32"):
            result.compute()


@pytest.mark.parametrize("name", sxd.__all__)
def test_docstring_examples(name: str) -> None:
    examples = doctest.DocTestFinder(recurse=False).find(getattr(sxd, name), name, globs={})
    results = doctest.DocTestRunner().run(examples[0])
    assert results.attempted and not results.failed
