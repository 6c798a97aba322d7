"""NaN, infinities, empty batches, ignored rows and single classes: exactly as docs/semantics.md."""

from __future__ import annotations

import numpy as np
import pytest

import softxent as sx
from reference.dtypes import BFLOAT16, DTYPES, loss_dtype

INF, NAN = np.inf, np.nan


def same(got: object, want: object) -> bool:
    return np.array_equal(np.asarray(got, np.float64), np.asarray(want, np.float64), equal_nan=True)


# row, softmax, log_softmax, logsumexp
ROWS = [
    ([NAN, 1, 2], [NAN] * 3, [NAN] * 3, NAN),
    ([NAN, INF, 2], [NAN] * 3, [NAN] * 3, NAN),
    ([NAN, -INF, -INF], [NAN] * 3, [NAN] * 3, NAN),
    ([-INF, -INF, -INF], [NAN] * 3, [NAN] * 3, -INF),
    ([INF, 0, 1], [NAN] * 3, [NAN] * 3, INF),
    ([INF, INF, -INF], [NAN] * 3, [NAN] * 3, INF),
    ([-INF, 0, -INF], [0, 1, 0], [-INF, 0, -INF], 0),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("row", "probs", "log_probs", "lse"), ROWS, ids=lambda v: str(v))
@pytest.mark.parametrize("repeat", [1, 23])
def test_softmax_family_of_special_rows(row, probs, log_probs, lse, dtype, repeat) -> None:
    """Short rows and rows of several vectors, whose special entries are far apart."""
    pad = [-INF] * (3 * (repeat - 1))
    x = np.array([*row[:2], *pad, row[2], -INF], dtype)

    def spread(values: list[float], filler: float) -> list[float]:
        filler = NAN if np.isnan(values[0]) else filler
        return [*values[:2], *[filler] * len(pad), values[2], filler]

    assert same(sx.softmax(x), spread(probs, 0))
    assert same(sx.log_softmax(x), spread(log_probs, -INF))
    assert same(sx.logsumexp(x), lse)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("special", [NAN, INF, -INF])
@pytest.mark.parametrize("classes", [1, 2, 5, 16, 17, 33, 64, 65, 130, 1000])
def test_special_rows_do_not_touch_their_neighbours(dtype, special, classes, rng) -> None:
    x = rng.normal(size=(9, classes)).astype(dtype)
    clean = sx.softmax(x)
    x[4, classes // 2] = special
    result = sx.softmax(x)
    others = np.arange(9) != 4
    assert np.array_equal(result[others], clean[others])
    poisoned = special != -INF or classes == 1
    assert np.isnan(result[4].astype(np.float64)).all() == poisoned


def test_nan_results_are_one_canonical_nan() -> None:
    payload = np.array([0x7FC12345, 0xFFC54321], np.uint32).view(np.float32)
    x = np.stack([payload, [np.float32(INF), np.float32(-INF)]])
    for function in (sx.softmax, sx.log_softmax):
        assert np.unique(function(x[0]).view(np.uint32)).tolist() == [0x7FC00000]
        assert np.unique(function(x[1]).view(np.uint32)).tolist() == [0x7FC00000]


LABEL, SOFT = np.array([0]), np.ones((1, 2), np.float32)
LOSS_CALLS = {
    "cross_entropy": sx.cross_entropy_and_grad,
    "cross_entropy of probabilities": lambda x, t, **o: sx.cross_entropy_and_grad(
        x, t, from_logits=False, **o
    ),
    "nll_loss": sx.nll_loss_and_grad,
    "linear_cross_entropy": lambda x, t, **o: sx.linear_cross_entropy_and_grad(
        x, np.eye(2, dtype=np.float32), t, **o
    ),
    "binary_cross_entropy": lambda x, t, **o: sx.binary_cross_entropy_and_grad(
        x, x if t.dtype == np.float32 else np.ones((1, 2), int), **o
    ),
}


def nans(result: object) -> set[str]:
    """The NaNs in a result and the arrays inside it, as bits."""
    if isinstance(result, tuple):
        return set().union(*map(nans, result))
    array = np.ravel(np.float32(0) if result is None else result)
    return {value.tobytes()[::-1].hex() for value in array[np.isnan(array)]}


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("target", [LABEL, SOFT], ids=["label", "soft"])
@pytest.mark.parametrize("call", LOSS_CALLS)
def test_nan_losses_are_one_canonical_nan(call: str, target, reduction: str) -> None:
    x = np.array([[0xFFC54321, 0x7FC12345]], np.uint32).view(np.float32)
    assert nans(LOSS_CALLS[call](x, target, reduction=reduction)) == {"7fc00000"}


@pytest.mark.parametrize("call", LOSS_CALLS)
def test_nan_mean_of_nothing_is_the_canonical_nan(call: str) -> None:
    x = np.zeros((0, 2), np.float32)
    assert nans(LOSS_CALLS[call](x, LABEL[:0] if "binary" not in call else x)) == {"7fc00000"}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_where_all_false_row_is_padding(dtype: np.dtype) -> None:
    x = np.array([[1, NAN, INF], [1, 2, 3]], dtype)
    mask = np.array([[False, False, False], [True, True, True]])
    assert same(sx.softmax(x, where=mask)[0], [0, 0, 0])
    assert same(sx.log_softmax(x, where=mask)[0], [-INF] * 3)
    assert same(sx.logsumexp(x, where=mask)[0], -INF)
    assert np.array_equal(sx.softmax(x, where=mask)[1], sx.softmax(x[1]))


def test_where_hides_special_values() -> None:
    x = np.array([NAN, 1.0, INF, 1.0])
    mask = np.array([False, True, False, True])
    assert same(sx.softmax(x, where=mask), [0, 0.5, 0, 0.5])
    assert sx.logsumexp(x, where=mask) == 1 + np.log(2)


# row, label, loss, gradient
LOSSES = [
    ([NAN, 1, 2], 1, NAN, [NAN] * 3),
    ([INF, 1, 2], 0, NAN, [NAN] * 3),
    ([-INF, -INF, -INF], 0, NAN, [NAN] * 3),
    ([-INF, 0, -INF], 1, 0, [0, 0, 0]),
    ([-INF, 0, -INF], 0, INF, [-1, 1, 0]),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("row", "label", "loss", "grad"), LOSSES, ids=lambda v: str(v))
def test_cross_entropy_of_special_rows(row, label, loss, grad, dtype) -> None:
    x = np.array([row, [0, 0, 0]], dtype)
    losses, grads = sx.cross_entropy_and_grad(x, [label, 0], reduction="none")
    assert same(losses[0], loss)
    assert same(grads[0], grad)
    assert losses[1] == pytest.approx(np.log(3), rel=1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cross_entropy_zero_coefficient_contributes_nothing(dtype: np.dtype) -> None:
    """0 * (-inf) is 0 here, NaN in PyTorch."""
    x = np.array([[-INF, 0, 0]], dtype)
    soft = np.array([[0, 0.5, 0.5]], dtype)
    assert sx.cross_entropy(x, soft) == pytest.approx(np.log(2), rel=1e-6)
    weight = np.array([0, 1, 1])
    assert sx.cross_entropy(x, [0], weight=weight, reduction="none")[0] == 0
    smoothed = sx.cross_entropy(x, [1], weight=weight, label_smoothing=0.5, reduction="none")
    assert np.isfinite(smoothed).all()


def test_cross_entropy_nan_in_probability_targets_gives_nan() -> None:
    loss, grad = sx.cross_entropy_and_grad([[0.0, 1.0]], [[NAN, 1.0]])
    assert np.isnan(loss)
    assert np.isnan(grad).all()


def test_cross_entropy_unnormalised_targets() -> None:
    loss, grad = sx.cross_entropy_and_grad([[0.0, 0.0]], [[2.0, 1.0]])
    assert loss == pytest.approx(3 * np.log(2), rel=1e-15)
    assert same(grad, [[-0.5, 0.5]])


def test_cross_entropy_of_probabilities_at_the_edges() -> None:
    probs = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert same(sx.cross_entropy(probs, [0, 0], from_logits=False, reduction="none"), [0, INF])
    soft = sx.cross_entropy(probs, probs, from_logits=False, reduction="none")
    assert same(soft, [0, 0])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(0, 3), (4, 3)])
def test_cross_entropy_with_nothing_kept(shape: tuple[int, int], dtype: np.dtype) -> None:
    """An empty batch and a batch of ignored rows: mean NaN, sum 0, gradient 0."""
    x, target = np.full(shape, NAN, dtype), np.full(shape[0], -100)
    for reduction, expected in (("mean", NAN), ("sum", 0), ("none", np.zeros(shape[0]))):
        for z_loss in (0.0, 0.1):
            options = {"reduction": reduction, "z_loss": z_loss}
            loss, grad = sx.cross_entropy_and_grad(x, target, **options)
            assert same(loss, expected)
            assert same(sx.cross_entropy(x, target, **options), expected)
            assert same(grad, np.zeros(shape))


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_mean_over_labels_of_weight_zero(smoothing: float) -> None:
    """Divided by 0 it is NaN, also where smoothing leaves a loss above the fraction line."""
    x, weight = np.array([[1.0, 2.0, 3.0]]), [0, 1, 1]
    loss, grad = sx.cross_entropy_and_grad(x, [0], weight=weight, label_smoothing=smoothing)
    options = {"class_weight": weight, "label_smoothing": smoothing}
    linear, linear_grads = sx.linear_cross_entropy_and_grad(x, np.eye(3), [0], **options)
    assert same(loss, NAN)
    assert same(linear, NAN)
    assert not np.any(grad)
    assert not any(np.any(gradient) for gradient in linear_grads[:2])
    if smoothing == 0:
        loss, grad = sx.nll_loss_and_grad(x, [0], weight=weight)
        assert same(loss, NAN)
        assert not np.any(grad)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cross_entropy_of_one_class(dtype: np.dtype) -> None:
    x = np.array([[3], [-40]], dtype)
    loss, grad = sx.cross_entropy_and_grad(x, [0, 0])
    assert loss == 0
    assert same(grad, [[0], [0]])
    assert same(sx.softmax(x), [[1], [1]])
    assert same(sx.log_softmax(x), [[0], [0]])


@pytest.mark.parametrize("function", [sx.softmax, sx.log_softmax])
def test_softmax_zero_size(function) -> None:
    assert function(np.zeros((0, 3))).shape == (0, 3)
    assert function(np.zeros((3, 0, 4)), axis=-1).shape == (3, 0, 4)
    with pytest.raises(ValueError, match=r"empty|no element"):
        function(np.zeros((3, 0)))


def test_logsumexp_zero_size() -> None:
    assert sx.logsumexp(np.zeros(0)) == -INF
    assert same(sx.logsumexp(np.zeros((3, 0))), [-INF] * 3)
    assert sx.logsumexp(np.zeros((0, 3))).shape == (0,)
    assert sx.logsumexp(np.zeros((0, 3)), axis=None) == -INF


MULTICLASS = [
    sx.cross_entropy,
    sx.cross_entropy_and_grad,
    sx.cross_entropy_grad,
    sx.cross_entropy_grad_hess,
    sx.nll_loss,
    sx.nll_loss_and_grad,
]


@pytest.mark.parametrize("shape", [(3, 0), (0, 0), (0,)])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("function", MULTICLASS)
def test_losses_without_classes_are_an_error(function, soft: bool, shape: tuple[int, ...]) -> None:
    target = np.zeros(shape) if soft else np.zeros(shape[:-1], int)
    with pytest.raises(ValueError, match=rf"{function.__name__}: .*no element"):
        function(np.zeros(shape), target)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("function", MULTICLASS)
def test_losses_of_no_rows(function, soft: bool) -> None:
    for shape, axis in (((0, 3), -1), ((3, 0), 0), ((2, 3, 0), 1)):
        target = np.zeros(shape) if soft else np.zeros(np.delete(shape, axis), int)
        results = function(np.zeros(shape), target, axis=axis)
        for result in results if isinstance(results, tuple) else (results,):
            assert np.isnan(result) if np.ndim(result) == 0 else result.shape == shape


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_zero_dimensional_input(dtype: np.dtype) -> None:
    x = np.array(2.5, dtype)
    assert same(sx.softmax(x), 1)
    assert same(sx.log_softmax(x, axis=None), 0)
    assert same(sx.logsumexp(x), 2.5)
    for result in (sx.softmax(x), sx.sigmoid(x)):
        assert isinstance(result, dtype.type)
        assert not isinstance(result, np.ndarray)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_result_dtypes(dtype: np.dtype) -> None:
    x = np.zeros((2, 3), dtype)
    for function in (sx.softmax, sx.log_softmax, sx.sigmoid, sx.log_sigmoid):
        assert function(x).dtype == dtype
    assert sx.logsumexp(x).dtype == loss_dtype(dtype)
    for reduction in ("none", "sum", "mean"):
        for target in (np.array([0, 1]), np.full((2, 3), 1 / 3)):
            loss, grad = sx.cross_entropy_and_grad(x, target, reduction=reduction)
            assert loss.dtype == loss_dtype(dtype)
            assert grad.dtype == dtype
        loss, grad = sx.binary_cross_entropy_and_grad(x, x, reduction=reduction)
        assert (loss.dtype, grad.dtype) == (loss_dtype(dtype), dtype)
        if reduction != "none":
            assert np.isscalar(loss)


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, np.int32, bool])
def test_integers_become_float64(dtype: type) -> None:
    x = np.array([[0, 1, 1]], dtype)
    assert sx.softmax(x).dtype == np.float64
    assert np.array_equal(sx.softmax(x), sx.softmax(x.astype(float)))
    assert sx.cross_entropy(x, [1]).dtype == np.float64


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_binary_special_values(dtype: np.dtype) -> None:
    x = np.array([INF, INF, -INF, -INF, NAN], dtype)
    t = np.array([1, 0, 1, 0, 1])
    loss, grad = sx.binary_cross_entropy_and_grad(x, t, reduction="none")
    assert same(loss, [0, INF, INF, 0, NAN])
    assert same(grad, [0, 1, -1, 0, NAN])
    assert same(sx.sigmoid(x), [1, 1, 0, 0, NAN])
    assert same(sx.log_sigmoid(x), [0, 0, -INF, -INF, NAN])
    soft = sx.binary_cross_entropy(x, np.full(5, 0.5, dtype), reduction="none")
    assert same(soft, [INF, INF, INF, INF, NAN])


def test_binary_cross_entropy_of_nothing() -> None:
    loss, grad = sx.binary_cross_entropy_and_grad(np.zeros((0, 2)), np.zeros((0, 2)))
    assert np.isnan(loss)
    assert grad.shape == (0, 2)
    assert sx.binary_cross_entropy(np.zeros(0), np.zeros(0), reduction="sum") == 0


@pytest.mark.parametrize("kind", [bool, int, np.uint8, np.float16, np.float64, BFLOAT16])
def test_binary_targets_of_any_dtype(kind: type) -> None:
    x = np.array([0.5, -2.0], np.float32)
    expected = sx.binary_cross_entropy(x, np.array([1.0, 0.0], np.float32))
    assert sx.binary_cross_entropy(x, np.array([1, 0]).astype(kind)) == expected


def test_LogSumExp_of_special_chunks() -> None:
    stream = sx.LogSumExp(shape=(3,))
    stream.update(np.array([[-INF, -INF], [INF, 0], [NAN, INF]]), axis=-1)
    assert same(stream.result(), [-INF, INF, NAN])
    stream.update(np.zeros((3, 1)), axis=-1)
    assert same(stream.result(), [0, INF, NAN])


def test_ignore_index_none_ignores_nothing() -> None:
    with pytest.raises(IndexError, match="-100"):
        sx.cross_entropy(np.zeros((1, 3)), [-100], ignore_index=None)


def test_ignore_index_may_be_a_valid_label() -> None:
    x = np.array([[1.0, 2.0], [0.5, -1.0]])
    assert sx.cross_entropy(x, [0, 1], ignore_index=1) == sx.cross_entropy(x[:1], [0])
