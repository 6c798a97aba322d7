"""LogSumExp: chunks and partial results in any order give the log-sum-exp of everything."""

from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest

import softxent as sx
from reference.bounds import BOUNDS
from reference.dtypes import BFLOAT16, DTYPES, FLOAT16, FLOAT32, FLOAT64, cast, loss_dtype
from reference.rows import FAMILIES, LONG_FAMILIES
from reference.softmax import Exact, logsumexp

INF, NAN = np.inf, np.nan


def streamed(x: np.ndarray, pieces: int, rng: np.random.Generator) -> sx.LogSumExp:
    """Columns in random chunks, spread over a few streams that are merged in random order."""
    cuts = np.sort(rng.integers(0, x.shape[1] + 1, pieces - 1))
    streams = [sx.LogSumExp(shape=(len(x),)) for _ in range(max(pieces // 3, 1))]
    chunks = np.split(x, cuts, axis=1)
    for k in rng.permutation(pieces):
        streams[rng.integers(len(streams))].update(chunks[k], axis=1)
    while len(streams) > 1:
        other = streams.pop(rng.integers(len(streams)))
        streams[rng.integers(len(streams))].merge(other)
    return streams[0]


def assert_within_bound(result: np.ndarray, exact: Exact, dtype: np.dtype) -> None:
    assert np.max(exact.error(result)) <= BOUNDS["logsumexp"].of(dtype)


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_chunks_in_any_order(dtype: np.dtype, family: str, rng) -> None:
    x = FAMILIES[family](dtype, rng)
    exact, _ = logsumexp(x)
    for pieces in (1, 2, 5, 12):
        result = streamed(x, pieces, rng).result()
        assert result.dtype == loss_dtype(dtype)
        assert_within_bound(result, exact, dtype)


@pytest.mark.parametrize("family", LONG_FAMILIES)
def test_long_rows_in_chunks(family: str, rng) -> None:
    x = LONG_FAMILIES[family](FLOAT64, rng)
    exact, _ = logsumexp(x)
    for pieces in (1, 3, 40):
        assert_within_bound(streamed(x, pieces, rng).result(), exact, FLOAT64)


@pytest.mark.parametrize("order", ["given", "ascending", "descending"])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e5, 1e20])
def test_one_number_at_a_time(scale: float, order: str, rng) -> None:
    """Thousands of additions leave no trace, nor do maxima that keep moving."""
    x = rng.normal(size=(3, 2000)) * scale + scale
    x = {"given": x, "ascending": np.sort(x), "descending": -np.sort(-x)}[order]
    stream = sx.LogSumExp(shape=(3,))
    for column in x.T:
        stream.update(column[:, None])
    assert_within_bound(stream.result(), logsumexp(x)[0], FLOAT64)


def test_merging_in_any_grouping_gives_the_same_number(rng) -> None:
    x = rng.normal(size=(6, 50)) * 30
    exact, _ = logsumexp(x.reshape(1, -1))
    for order in itertools.permutations(range(4)):
        parts = [sx.LogSumExp() for _ in range(4)]
        for part, rows in zip(parts, np.array_split(x, 4), strict=True):
            part.update(rows, axis=None)
        a, b, c, d = (parts[k] for k in order)
        a.merge(b)
        c.merge(d)
        a.merge(c)
        assert_within_bound(np.array([a.result()]), exact, FLOAT64)


def test_merge_commutes_to_the_last_bit(rng) -> None:
    x = rng.normal(size=(2, 100, 7)) * np.geomspace(1e-3, 1e7, 100)[:, None]
    left, right = sx.LogSumExp(shape=(100,)), sx.LogSumExp(shape=(100,))
    left.update(x[0])
    right.update(x[1])
    there, back = copy.copy(left), copy.copy(right)
    there.merge(right)
    back.merge(left)
    assert np.array_equal(there.result(), back.result())


def test_merging_with_itself_doubles(rng) -> None:
    stream = sx.LogSumExp(shape=(2,))
    stream.update(np.zeros((2, 3)))
    stream.merge(stream)
    assert np.allclose(stream.result(), np.log(6), rtol=1e-15)


def test_next_to_zero_every_digit_counts() -> None:
    stream = sx.LogSumExp()
    stream.update([0.0])
    stream.update([-50.0])
    assert stream.result() == pytest.approx(np.exp(-50), rel=1e-15)
    stream = sx.LogSumExp()
    for value in (1e-20, -50.0):
        stream.update([value])
    assert stream.result() == pytest.approx(1e-20 + np.exp(-50), rel=1e-15)


@pytest.mark.parametrize("far", [1e5, 2e5, 1e8, 1e300])
def test_terms_far_below_vanish(far: float) -> None:
    for order in ([far, -far, far - 1], [-far, far - 1, far]):
        stream = sx.LogSumExp()
        for value in order:
            stream.update([value])
        assert stream.result() == pytest.approx(sx.logsumexp([far, far - 1]), rel=4e-16)


@pytest.mark.parametrize("base", [131072.0, -131072.0])
def test_across_the_point_where_sums_are_shifted(base: float, rng) -> None:
    """Sums are kept relative to 0 up to 2^17 in absolute value and to their maximum beyond."""
    x = base + rng.integers(-40, 41, size=(4, 30)) / 8
    assert_within_bound(streamed(x, 12, rng).result(), logsumexp(x)[0], FLOAT64)


# -- special values and empty chunks ---------------------------------------------------------------


def test_before_anything_came_in() -> None:
    stream = sx.LogSumExp(shape=(2, 3))
    assert stream.shape == (2, 3)
    assert np.array_equal(stream.result(), np.full((2, 3), -INF))
    assert sx.LogSumExp().result() == -INF
    assert sx.LogSumExp(4).result().shape == (4,)
    assert sx.LogSumExp((0,)).result().shape == (0,)


def test_empty_chunks_add_nothing() -> None:
    stream = sx.LogSumExp(shape=(2,))
    stream.update(np.zeros((2, 0)))
    stream.merge(sx.LogSumExp(shape=(2,)))
    assert np.array_equal(stream.result(), [-INF, -INF])
    stream.update([[1.0], [-INF]])
    stream.update(np.zeros((2, 0), np.float32))
    assert np.array_equal(stream.result(), [1.0, -INF])


@pytest.mark.parametrize("order", [*itertools.permutations([0.0, -INF, INF, NAN])], ids=str)
def test_special_values_in_any_order(order) -> None:
    stream, seen = sx.LogSumExp(), []
    for value in order:
        part = sx.LogSumExp()
        part.update([value])
        stream.merge(part)
        seen.append(value)
        assert np.array_equal(stream.result(), sx.logsumexp(seen), equal_nan=True)


# -- types, shapes, layouts ------------------------------------------------------------------------


def test_dtype_of_the_result() -> None:
    for chunks in itertools.product(DTYPES, repeat=2):
        stream, other = sx.LogSumExp(), sx.LogSumExp()
        stream.update(np.zeros(3, chunks[0]))
        other.update(np.zeros(3, chunks[1]))
        assert stream.dtype == loss_dtype(chunks[0])
        stream.merge(other)
        want = FLOAT64 if FLOAT64 in chunks else FLOAT32
        assert stream.dtype == stream.result().dtype == want
    assert sx.LogSumExp().dtype == FLOAT64
    integers = sx.LogSumExp()
    integers.update([1, 2])
    assert integers.result().dtype == FLOAT64


def test_narrow_chunks_are_summed_in_double(rng) -> None:
    """The type of a result depends on the last chunk too, so no chunk may cost digits."""
    for dtype in (FLOAT16, BFLOAT16, FLOAT32):
        x = cast(rng.normal(size=(5, 300)) * 5, dtype)
        stream = sx.LogSumExp(shape=(5,))
        stream.update(x)
        stream.update(np.full((5, 1), -INF))
        assert_within_bound(stream.result(), logsumexp(x)[0], FLOAT64)


@pytest.mark.parametrize("axis", [0, 1, 2, -2, (0, 2), (2, 1), None])
def test_axes(axis, rng) -> None:
    x = rng.normal(size=(3, 4, 5)) * 10
    want = sx.logsumexp(x, axis=axis)
    views = (x, np.asfortranarray(x), x[::-1, ::-1][::-1, ::-1], x.astype(">f8"))
    for view in views:
        stream = sx.LogSumExp(shape=want.shape)
        stream.update(view, axis=axis)
        assert np.allclose(stream.result(), want, rtol=4e-16, atol=0)


def test_scalar_chunk() -> None:
    stream = sx.LogSumExp()
    stream.update(2.5)
    assert stream.result() == 2.5
    assert isinstance(stream.result(), np.float64)


def test_misaligned_and_read_only_chunks(rng) -> None:
    x = rng.normal(size=(4, 33))
    shifted = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    shifted[...] = x
    shifted.flags.writeable = False
    stream = sx.LogSumExp(shape=(4,))
    stream.update(shifted)
    assert np.allclose(stream.result(), sx.logsumexp(x), rtol=4e-16, atol=0)


# -- objects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_objects_go_on(protocol: int, rng) -> None:
    x = rng.normal(size=(3, 40)).astype(np.float32) * 30
    stream = sx.LogSumExp(shape=(3,))
    stream.update(x[:, :20])
    other = pickle.loads(pickle.dumps(stream, protocol))
    for each in (stream, other):
        each.update(x[:, 20:])
    assert other.shape == (3,)
    assert other.dtype == np.float32
    assert np.array_equal(other.result(), stream.result())


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_copies_do_not_share_what_comes_in(make) -> None:
    stream = sx.LogSumExp(shape=(2,))
    stream.update([[0.0], [1.0]])
    other = make(stream)
    other.update([[5.0], [5.0]])
    other.merge(stream)
    assert np.array_equal(stream.result(), [0.0, 1.0])


def test_results_are_independent_arrays() -> None:
    stream = sx.LogSumExp(shape=(2,))
    stream.update(np.zeros((2, 1)))
    stream.result()[...] = 7
    assert np.array_equal(stream.result(), [0, 0])


def test_repr_shows_the_result() -> None:
    stream = sx.LogSumExp(shape=(2,))
    stream.update(np.zeros((2, 1)))
    assert repr(stream) == "LogSumExp(shape=(2,), result=array([0., 0.]))"


# -- errors ----------------------------------------------------------------------------------------


def test_errors_name_the_values_and_change_nothing() -> None:
    stream = sx.LogSumExp(shape=(2,))
    with pytest.raises(ValueError, match=r"\(3, 4\).*\(3,\).*\(2,\)"):
        stream.update(np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"\(2, 4\).*\(4,\).*\(2,\)"):
        stream.update(np.zeros((2, 4)), axis=0)
    with pytest.raises(np.exceptions.AxisError):
        stream.update(np.zeros((2, 4)), axis=2)
    with pytest.raises(TypeError, match="complex128"):
        stream.update(np.zeros((2, 4), complex))
    with pytest.raises(TypeError, match="masked"):
        stream.update(np.ma.masked_array(np.zeros((2, 4))))
    with pytest.raises(TypeError, match="ndarray"):
        stream.merge(np.zeros(2))
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        stream.merge(sx.LogSumExp(shape=(3,)))
    with pytest.raises(TypeError, match=r"1\.5"):
        sx.LogSumExp(shape=1.5)
    with pytest.raises(ValueError, match="-1"):
        sx.LogSumExp(shape=(2, -1))
    assert np.array_equal(stream.result(), [-INF, -INF])


# -- several processes -----------------------------------------------------------------------------

_WORKER = """
import pickle
import numpy as np
import softxent as sx
x = np.random.default_rng(5).normal(size=(4, 900)) * 30
stream = sx.LogSumExp(shape=(4,))
stream.update(np.array_split(x, 3, axis=1)[{k}])
print(pickle.dumps(stream).hex())
"""


def test_partial_results_of_other_processes(run_python) -> None:
    parts = [pickle.loads(bytes.fromhex(run_python(_WORKER.format(k=k)))) for k in range(3)]
    x = np.random.default_rng(5).normal(size=(4, 900)) * 30
    for order in itertools.permutations(range(3)):
        total = sx.LogSumExp(shape=(4,))
        for k in order:
            total.merge(parts[k])
        assert_within_bound(total.result(), logsumexp(x)[0], FLOAT64)


# -- the same bits ---------------------------------------------------------------------------------

_BITS = """
import sys
import numpy as np
import softxent as sx
rng = np.random.default_rng(0)
digits = []
for dtype in (np.float16, np.float32, np.float64):
    for scale in (1.0, 1e4):
        x = (rng.integers(-2**20, 2**20, size=(3, 70001)) * (scale / 2**20)).astype(dtype)
        for threads in (1, 2, 5):
            with sx.num_threads(threads):
                stream = sx.LogSumExp(shape=(3,))
                stream.update(x[:, :7])
                stream.update(x[:, 7:])
                total = sx.LogSumExp()
                total.update(np.asfortranarray(x).ravel())
            digits.append(stream.result().tobytes().hex() + total.result().tobytes().hex())
    assert len(set(digits[-6:])) == 2
print(digits)
"""


def test_threads_and_instruction_sets_do_not_change_a_bit(run_python) -> None:
    outputs = {isa: run_python(_BITS, SOFTXENT_ISA=isa) for isa in sx.get_config()["isas"]}
    assert len(set(outputs.values())) == 1, outputs
