"""linear_cross_entropy: cross-entropy of the product, whatever blocks and tiles it is cut into."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import softxent as sx
from reference.dtypes import BFLOAT16, DTYPES, FLOAT16, FLOAT32, FLOAT64, cast, loss_dtype
from softxent.functional import _linear_tiles as tiles

INF, NAN = np.inf, np.nan

# How the rows and classes are cut: limits of `_linear_tiles` that small arrays run into.
CUTS = {
    "one block": {},
    "blocks of rows": {
        "_SMALL_PROBLEM_BYTES": 0,
        "_BLOCK_BYTES": 0,
        "_BLOCK_SHARE": 0.3,
        "_FEWEST_ROWS": 1,
    },
    "tiles": {
        "_SMALL_PROBLEM_BYTES": 0,
        "_BLOCK_BYTES": 0,
        "_TILE_BYTES": 64,
        "_MOST_ROWS": 3,
        "_SHORTEST_SIDE": 2,
    },
}

OPTIONS = {
    "class_weight": np.array([0.5, 2.0, 1.0, 0.0, 1.5, 3.0, 1.0]),
    "label_smoothing": 0.125,
    "z_loss": 0.05,
    "softcap": 3.0,
}
COMBINATIONS = [
    {name: OPTIONS[name] for name in names}
    for count in (0, 1, 2, 4)
    for names in itertools.combinations(OPTIONS, count)
]


@pytest.fixture(params=CUTS)
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Cut the problem in one way or another."""
    for name, value in CUTS[request.param].items():
        monkeypatch.setattr(tiles, name, value)
    return request.param


def layer(rng: np.random.Generator, rows: int = 11, features: int = 4, classes: int = 7):
    """Random (hidden, weight, bias)."""
    shapes = (rows, features), (classes, features), (classes,)
    return tuple(rng.normal(size=shape) for shape in shapes)


def expected(hidden, weight, target, bias=None, **options):
    """Loss and gradients by way of the logits, in float64."""
    h, w = np.asarray(hidden, np.float64), np.asarray(weight, np.float64)
    logits = h @ w.T + (0 if bias is None else np.asarray(bias, np.float64))
    if "class_weight" in options:
        options["weight"] = options.pop("class_weight")
    loss, grad = sx.cross_entropy_and_grad(logits, target, **options)
    flat = grad.reshape(-1, w.shape[0])
    d_bias = None if bias is None else flat.sum(axis=0)
    return loss, (grad @ w, flat.T @ h.reshape(-1, w.shape[1]), d_bias)


def assert_close(got, want, tolerance: float = 2e-14) -> None:
    """Compare (loss, (d_hidden, d_weight, d_bias)) in units of the largest gradient."""
    assert np.allclose(got[0], want[0], rtol=tolerance, atol=tolerance, equal_nan=True)
    for mine, theirs in zip(got[1], want[1], strict=True):
        if theirs is None:
            assert mine is None
            continue
        scale = np.max(np.abs(theirs), initial=0.0, where=np.isfinite(theirs))
        mine = mine.astype(np.float64)
        assert mine.shape == theirs.shape
        assert np.allclose(mine, theirs, rtol=0, atol=tolerance * max(scale, 1), equal_nan=True)


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("kind", ["labels", "probabilities"])
@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda options: "+".join(options) or "plain")
def test_is_cross_entropy_of_the_product(options, kind: str, reduction: str, cut: str, rng) -> None:
    hidden, weight, bias = layer(rng)
    target = rng.integers(0, 7, 11)
    target[[2, 9]] = -100
    if kind == "probabilities":
        target = rng.dirichlet(np.ones(7), size=11)
        target[:, 3] = 0
    for offset in (None, bias):
        arguments = (hidden, weight, target)
        chosen = {"bias": offset, "reduction": reduction, **options}
        got = sx.linear_cross_entropy_and_grad(*arguments, **chosen)
        assert_close(got, expected(*arguments, **chosen))
        assert np.array_equal(sx.linear_cross_entropy(*arguments, **chosen), got[0])


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_rows_longer_than_a_piece(kind: str, cut: str, rng, monkeypatch) -> None:
    """The core sums a row up piece by piece; maxima and labels stand in any of them."""
    if cut == "tiles":
        monkeypatch.setattr(tiles, "_SHORTEST_SIDE", 2500)
    classes = 5000
    hidden, weight, bias = layer(rng, rows=5, classes=classes)
    bias[[0, 2047, 2048, 4999]] += 30
    target = np.array([0, 2047, 2048, 4999, 3000])
    if kind == "probabilities":
        target = rng.dirichlet(np.ones(classes), size=5)
    arguments = (hidden, weight, target)
    got = sx.linear_cross_entropy_and_grad(*arguments, bias=bias)
    assert_close(got, expected(*arguments, bias=bias))


@pytest.mark.parametrize("dtypes", [*itertools.product(DTYPES, repeat=2)], ids=str)
def test_every_pair_of_dtypes(dtypes, cut: str, rng) -> None:
    hidden, weight, bias = layer(rng)
    h, w, b = cast(hidden, dtypes[0]), cast(weight, dtypes[1]), cast(bias, dtypes[1])
    target = rng.integers(0, 7, 11)
    got = sx.linear_cross_entropy_and_grad(h, w, target, bias=b)
    common = FLOAT64 if FLOAT64 in dtypes else FLOAT32
    assert got[0].dtype == common
    assert [gradient.dtype for gradient in got[1]] == [dtypes[0], dtypes[1], dtypes[1]]
    eps = {FLOAT16: 2.0**-11, BFLOAT16: 2.0**-8, FLOAT32: 2.0**-22, FLOAT64: 2.0**-50}
    want = expected(h, w, target, bias=b)
    assert np.isclose(got[0], want[0], rtol=eps[common], atol=0)
    for dtype, mine, theirs in zip((*dtypes, dtypes[1]), got[1], want[1], strict=True):
        assert np.allclose(mine.astype(np.float64), theirs, rtol=0, atol=eps[dtype])


def test_integers_are_computed_as_float64(rng) -> None:
    hidden, weight = rng.integers(-3, 4, size=(5, 4)), rng.integers(-3, 4, size=(7, 4))
    target = rng.integers(0, 7, 5)
    loss, (d_hidden, d_weight, _) = sx.linear_cross_entropy_and_grad(hidden, weight, target)
    assert loss.dtype == d_hidden.dtype == d_weight.dtype == np.float64
    assert_close((loss, (d_hidden, d_weight, None)), expected(hidden, weight, target))


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
def test_confident_right_answer_keeps_its_gradient(dtype: np.dtype) -> None:
    hidden, weight = np.array([[20.0]], dtype), np.array([[1.0], [0.0], [0.0]], dtype)
    loss, (_, d_weight, _) = sx.linear_cross_entropy_and_grad(hidden, weight, [0])
    assert loss == pytest.approx(4.1223072448771157e-09, rel=1e-6)
    assert d_weight[0, 0] == pytest.approx(-20 * 4.1223072448771157e-09, rel=1e-6)
    loss, (_, same, _) = sx.linear_cross_entropy_and_grad(hidden, weight, [[1.0, 0.0, 0.0]])
    assert loss == pytest.approx(4.1223072448771157e-09, rel=1e-6)
    assert np.allclose(same, d_weight, rtol=1e-6, atol=0)


@pytest.mark.parametrize("gap", [1.0, 16.0, 17.5, 40.0, 80.0])
def test_saturated_softcap_keeps_its_gradient(gap: float) -> None:
    """tanh is 1 to the last bit here, and its slope is not 0."""
    hidden, weight = np.array([[gap]]), np.array([[2.0], [1.0], [0.5]])
    options = {"softcap": 2.0, "reduction": "sum"}
    got = sx.linear_cross_entropy_and_grad(hidden, weight, [0], **options)
    u = hidden @ weight.T
    decay = np.exp(-u)
    slope = 4 * decay / (1 + decay) ** 2
    p = sx.softmax(2 * np.tanh(u / 2))
    p[0, 0] -= 1
    assert np.allclose(got[1][1], (p * slope).T @ hidden, rtol=1e-12, atol=0)


@pytest.mark.parametrize("offset", [1e5, 1e6, -1e6, 1e15])
def test_huge_logits(offset: float, cut: str, rng) -> None:
    hidden, weight, bias = layer(rng)
    target = rng.integers(0, 7, 11)
    bias = np.round(bias * 4) + offset
    weight, hidden = np.round(weight), np.round(hidden)  # products and sums are exact
    for kind in (target, np.eye(7)[target]):
        got = sx.linear_cross_entropy_and_grad(hidden, weight, kind, bias=bias)
        want = sx.linear_cross_entropy_and_grad(hidden, weight, kind, bias=bias - offset)
        assert np.isclose(got[0], want[0], rtol=1e-13, atol=0)
        assert_close((0, got[1]), (0, want[1]))


@pytest.mark.parametrize("gap", [700.0, 710.0, 1e3, 1e5, 3e5, 1e300])
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
def test_wrong_answers_by_any_margin(dtype: np.dtype, gap: float, cut: str) -> None:
    """The loss is the margin, also where its exponential is no number."""
    gap = min(gap, float(np.finfo(dtype).max) / 4)
    hidden, weight = np.ones((1, 1), dtype), np.array([[0], [gap], [-gap]], dtype)
    for label, margin in ((0, gap), (2, 2 * gap)):
        loss, (_, d_weight, _) = sx.linear_cross_entropy_and_grad(hidden, weight, [label])
        assert loss == pytest.approx(margin, rel=1e-6)
        limit = np.array([0, 1, 0]) - (np.arange(3) == label)
        # A probability next to 1 is within the 3 ULP of a gradient, as everywhere.
        assert np.allclose(d_weight[:, 0], limit, rtol=1.5 * np.finfo(dtype).eps, atol=1e-300)
    hidden, weight = np.ones((1, 1)), np.array([[1.7e308], [-1.7e308]])
    assert sx.linear_cross_entropy(hidden, weight, [1]) == INF


def test_unlikely_label_of_weight_zero_keeps_its_gradient(cut: str) -> None:
    """What pulls at its logit is its tiny probability alone."""
    hidden, weight = np.ones((1, 1)), np.array([[0.0], [0.0], [-30.0]])
    options = {"class_weight": [1, 1, 0], "label_smoothing": 0.5, "reduction": "sum"}
    _, (_, d_weight, _) = sx.linear_cross_entropy_and_grad(hidden, weight, [2], **options)
    expected = sx.softmax(weight[:, 0])[2] / 3  # the smoothed targets of the others sum to 1 / 3
    assert d_weight[2, 0] == pytest.approx(expected, rel=1e-15)


def test_one_class(cut: str, rng) -> None:
    hidden, weight, bias = layer(rng, classes=1)
    loss, grads = sx.linear_cross_entropy_and_grad(hidden, weight, np.zeros(11, int), bias=bias)
    assert loss == 0
    assert not any(np.any(gradient) for gradient in grads)


def test_no_features() -> None:
    loss, grads = sx.linear_cross_entropy_and_grad(np.zeros((3, 0)), np.zeros((4, 0)), [0, 1, 2])
    assert loss == pytest.approx(np.log(4), rel=1e-15)
    assert [gradient.shape for gradient in grads[:2]] == [(3, 0), (4, 0)]


# -- rows that do not count, and special values ----------------------------------------------------


def test_ignored_rows_are_absent_whatever_they_hold(cut: str, rng) -> None:
    hidden, weight, bias = layer(rng)
    target = rng.integers(0, 7, 11)
    target[[0, 4]] = 3
    kept = target != 3
    spoiled = hidden.copy()
    spoiled[~kept] = NAN
    options = {"bias": bias, "ignore_index": 3}
    loss, grads = sx.linear_cross_entropy_and_grad(spoiled, weight, target, **options)
    want = sx.linear_cross_entropy_and_grad(hidden[kept], weight, target[kept], bias=bias)
    assert loss == pytest.approx(want[0], rel=1e-14)
    assert not np.any(grads[0][~kept])
    assert_close((0, (grads[0][kept], *grads[1:])), (0, want[1]))
    rows = sx.linear_cross_entropy(spoiled, weight, target, reduction="none", **options)
    assert not np.any(rows[~kept])


@pytest.mark.parametrize("rows", [0, 3])
def test_nothing_to_average(rows: int, cut: str, rng) -> None:
    hidden, weight, bias = layer(rng, rows=rows)
    target = np.full(rows, -100)
    for reduction, value in (("mean", NAN), ("sum", 0.0)):
        options = {"bias": bias, "reduction": reduction, "z_loss": 0.1, "label_smoothing": 0.1}
        loss, grads = sx.linear_cross_entropy_and_grad(hidden, weight, target, **options)
        assert np.array_equal(loss, value, equal_nan=True)
        assert [gradient.shape for gradient in grads] == [(rows, 4), (7, 4), (7,)]
        assert not any(np.any(gradient) for gradient in grads)
    assert sx.linear_cross_entropy(hidden, weight, target, reduction="none").shape == (rows,)


@pytest.mark.parametrize("special", [NAN, INF])
def test_special_rows_are_nan_and_leave_others_alone(special: float, cut: str, rng) -> None:
    hidden, weight, bias = layer(rng)
    weight = np.abs(weight)
    hidden[4, 1] = special
    target = rng.integers(0, 7, 11)
    others = np.arange(11) != 4
    for kind in (target, np.eye(7)[target]):
        options = {"bias": bias, "reduction": "none"}
        losses, grads = sx.linear_cross_entropy_and_grad(hidden, weight, kind, **options)
        want, want_grads = expected(hidden[others], weight, kind[others], **options)
        assert np.isnan(losses[4])
        assert np.all(np.isnan(grads[0][4]))
        assert np.allclose(losses[others], want, rtol=1e-14)
        assert np.allclose(grads[0][others], want_grads[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", ["labels", "probabilities", "smoothed"])
def test_logits_of_minus_infinity(kind: str, cut: str, rng) -> None:
    hidden, weight, bias = layer(rng)
    bias[[1, 5]] = -INF
    target = np.array([0, 2, 3, 4, 6, 0, 2, 3, 4, 6, 1])
    options = {"bias": bias, "reduction": "none"}
    if kind == "smoothed":
        options |= {"label_smoothing": 0.1, "class_weight": [1, 0, 1, 1, 1, 0, 1]}
    if kind == "probabilities":
        target = np.eye(7)[target]
    losses, grads = sx.linear_cross_entropy_and_grad(hidden, weight, target, **options)
    want, want_grads = expected(hidden, weight, target, **options)
    assert np.isinf(want[-1]) or kind == "smoothed"
    assert np.allclose(losses, want, rtol=1e-14)
    assert_close((0, grads), (0, want_grads))


def test_nan_targets_make_their_rows_nan(cut: str, rng) -> None:
    hidden, weight, _ = layer(rng)
    target = rng.dirichlet(np.ones(7), size=11)
    target[3, 6] = NAN
    losses = sx.linear_cross_entropy(hidden, weight, target, reduction="none")
    assert np.array_equal(np.isnan(losses), np.arange(11) == 3)


def test_weights_of_zero(cut: str, rng) -> None:
    hidden, weight, _ = layer(rng)
    options = {"class_weight": np.zeros(7), "reduction": "sum"}
    loss, grads = sx.linear_cross_entropy_and_grad(hidden, weight, np.arange(11) % 7, **options)
    assert loss == 0
    assert not any(np.any(gradient) for gradient in grads[:2])


# -- arrays of any kind ----------------------------------------------------------------------------


def test_shapes_of_hidden(cut: str, rng) -> None:
    hidden, weight, bias = layer(rng, rows=12)
    target = rng.integers(0, 7, 12)
    flat = sx.linear_cross_entropy_and_grad(hidden, weight, target, bias=bias, reduction="none")
    shaped = sx.linear_cross_entropy_and_grad(
        hidden.reshape(2, 3, 2, 4), weight, target.reshape(2, 3, 2), bias=bias, reduction="none"
    )
    assert np.array_equal(shaped[0], flat[0].reshape(2, 3, 2))
    assert np.array_equal(shaped[1][0], flat[1][0].reshape(2, 3, 2, 4))
    assert np.array_equal(shaped[1][1], flat[1][1])
    single = sx.linear_cross_entropy_and_grad(hidden[0], weight, target[0], bias=bias)
    assert single[0] == pytest.approx(flat[0][0], rel=1e-14)
    assert single[1][0].shape == (4,)
    soft = sx.linear_cross_entropy(hidden[0], weight, np.eye(7)[target[0]], bias=bias)
    assert soft == pytest.approx(flat[0][0], rel=1e-14)


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
def test_any_layout(dtype: np.dtype, cut: str, rng) -> None:
    hidden, weight, bias = (array.astype(dtype) for array in layer(rng, rows=12))
    target = rng.dirichlet(np.ones(7), size=12).astype(dtype)
    want = sx.linear_cross_entropy_and_grad(hidden, weight, target, bias=bias)
    for array in (hidden, weight, bias, target):
        array.flags.writeable = False
    wide = np.zeros((24, 8), dtype)
    wide[::2, ::2] = hidden
    views = [
        (np.asfortranarray(hidden), np.asfortranarray(weight), np.asfortranarray(target)),
        (wide[::2, ::2], weight[::-1][::-1], target[::-1, ::-1].copy()[::-1, ::-1]),
        (hidden.astype(dtype.newbyteorder()), weight.astype(dtype.newbyteorder()), target),
        (hidden, weight[:, ::-1].copy()[:, ::-1], target.astype(FLOAT64)),
    ]
    tolerance = 1e-5 if dtype == FLOAT32 else 2e-14
    for view in views:
        got = sx.linear_cross_entropy_and_grad(*view, bias=bias[::-1].copy()[::-1])
        assert_close(got, want, tolerance)


def test_number_of_threads_does_not_change_a_bit(restore_threads, rng) -> None:
    hidden, weight, bias = layer(rng, rows=64, classes=3000)
    target = rng.integers(0, 3000, 64)
    results = []
    for threads in (1, 2, 5):
        sx.set_num_threads(threads)
        results.append(sx.linear_cross_entropy_and_grad(hidden, weight, target, bias=bias))
    for loss, grads in results[1:]:
        assert loss == results[0][0]
        assert all(np.array_equal(a, b) for a, b in zip(grads, results[0][1], strict=True))


def test_loss_dtype_follows_the_layer() -> None:
    for dtype in DTYPES:
        loss = sx.linear_cross_entropy(np.zeros((1, 1), dtype), np.zeros((2, 1), dtype), [0])
        assert loss.dtype == loss_dtype(dtype)
