"""`out=`: refused when it does not fit, shared with the input when it does."""

from __future__ import annotations

import numpy as np
import pytest

import softxent as sx
from reference.dtypes import DTYPES, cast

X = np.random.default_rng(7).normal(size=(4, 3, 5))
LABELS = np.array([[0, 1, 2], [4, 3, 2], [1, 1, 0], [2, 0, 4]])


def read_only() -> np.ndarray:
    out = X.copy()
    out.flags.writeable = False
    return out


WRONG_OUT = {
    "shape": (lambda: np.zeros((4, 3, 6)), ValueError, r"\(4, 3, 6\).*\(4, 3, 5\)"),
    "dtype": (lambda: np.zeros(X.shape, np.float32), TypeError, "float32.*float64"),
    "read-only": (read_only, ValueError, "read-only"),
    "list": (lambda: X.tolist(), TypeError, "list"),
    "masked": (lambda: np.ma.zeros(X.shape), TypeError, "(?i)masked"),
}

OUT_CALLS = {
    "softmax": lambda out: sx.softmax(X, out=out),
    "log_softmax": lambda out: sx.log_softmax(X, out=out),
    "sigmoid": lambda out: sx.sigmoid(X, out=out),
    "log_sigmoid": lambda out: sx.log_sigmoid(X, out=out),
    "softmax_grad": lambda out: sx.softmax_grad(X, X, out=out),
    "log_softmax_grad": lambda out: sx.log_softmax_grad(X, X, out=out),
    "cross_entropy_and_grad": lambda out: sx.cross_entropy_and_grad(X, LABELS, out=out),
    "cross_entropy_grad": lambda out: sx.cross_entropy_grad(X, LABELS, out=out),
    "binary_cross_entropy": lambda out: sx.binary_cross_entropy_and_grad(X, X > 0, out=out),
}


@pytest.mark.parametrize("wrong", WRONG_OUT)
@pytest.mark.parametrize("call", OUT_CALLS)
def test_wrong_out_is_refused(call: str, wrong: str) -> None:
    make, error, pattern = WRONG_OUT[wrong]
    with pytest.raises(error, match=pattern):
        OUT_CALLS[call](make())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("function", [sx.softmax, sx.log_softmax, sx.sigmoid, sx.log_sigmoid])
def test_in_place_and_overlapping_out(function, dtype: np.dtype) -> None:
    x = cast(X, dtype)
    expected = function(x)
    own = x.copy()
    assert function(own, out=own) is own
    assert np.array_equal(own, expected)
    buffer = np.zeros(2 * x.size, dtype)
    for shift in (1, 3, 5, 7, x.size):
        source = buffer[: x.size].reshape(x.shape)
        source[...] = x
        target = buffer[shift : shift + x.size].reshape(x.shape)
        function(source, out=target)
        assert np.array_equal(target, expected), f"out shifted by {shift} elements"
    reverse = x.copy()
    function(reverse, out=reverse[::-1])
    assert np.array_equal(reverse[::-1], expected)


def test_cross_entropy_in_place_gradient() -> None:
    expected = sx.cross_entropy_grad(X, LABELS)
    own = X.copy()
    loss, grad = sx.cross_entropy_and_grad(own, LABELS, out=own)
    assert grad is own
    assert np.array_equal(own, expected)
    assert loss == sx.cross_entropy(X, LABELS)


WEIGHTS = np.linspace(0.5, 2.0, 521)
IN_PLACE_OPTIONS = {
    "plain": {},
    "smoothing": {"label_smoothing": 0.1},
    "weighted smoothing": {"label_smoothing": 0.1, "weight": WEIGHTS},
    "z_loss": {"z_loss": 0.01},
    "scale": {"logit_scale": 3.7},
    "scale, smoothing": {"logit_scale": 0.3, "label_smoothing": 0.2},
    "softcap": {"softcap": 20.0, "label_smoothing": 0.1},
    "focal": {"focal_gamma": 2.0},
    "focal, scale": {"focal_gamma": 0.5, "logit_scale": 0.3},
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("options", IN_PLACE_OPTIONS)
@pytest.mark.parametrize("classes", [7, 300, 521])
def test_gradient_in_place_of_the_logits_under_options(options, classes, dtype) -> None:
    generator = np.random.default_rng(classes)
    x = cast(generator.normal(size=(9, classes)), dtype)
    labels = generator.integers(0, classes, 9)
    chosen = dict(IN_PLACE_OPTIONS[options])
    if "weight" in chosen:
        chosen["weight"] = WEIGHTS[:classes]
    loss, grad = sx.cross_entropy_and_grad(x, labels, reduction="none", **chosen)
    own = x.copy()
    loss_in_place, _ = sx.cross_entropy_and_grad(own, labels, reduction="none", out=own, **chosen)
    assert loss_in_place.tobytes() == loss.tobytes()
    assert own.tobytes() == grad.tobytes()


def test_cross_entropy_gradient_over_its_targets() -> None:
    probs = sx.softmax(X[::-1])
    expected = sx.cross_entropy_grad(X, probs)
    assert np.array_equal(sx.cross_entropy_grad(X, probs, out=probs), expected)


def test_logsumexp_out() -> None:
    out = np.zeros((4, 3))
    assert sx.logsumexp(X, out=out) is out
    assert np.array_equal(out, sx.logsumexp(X))
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(4, 3, 1\)"):
        sx.logsumexp(X, keepdims=True, out=out)
