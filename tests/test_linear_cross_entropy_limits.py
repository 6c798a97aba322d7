"""linear_cross_entropy: what it refuses, and the memory that it takes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import softxent as sx


def layer(rng: np.random.Generator, rows: int = 11):
    """Random (hidden, weight, bias) of four features and seven classes."""
    shapes = (rows, 4), (7, 4), (7,)
    return tuple(rng.normal(size=shape) for shape in shapes)


def test_errors_name_the_values(rng) -> None:
    hidden, weight, bias = layer(rng)
    target = np.zeros(11, int)
    call = sx.linear_cross_entropy_and_grad
    with pytest.raises(ValueError, match=r"\(11, 4\).*\(7, 3\)"):
        call(hidden, weight[:, :3], target)
    with pytest.raises(ValueError, match=r"\(4,\).*\(C, H\)"):
        call(hidden, weight[0], target)
    with pytest.raises(ValueError, match=r"hidden.*\(\)"):
        call(1.0, weight, 0)
    with pytest.raises(ValueError, match=r"bias.*\(6,\).*\(7,\)"):
        call(hidden, weight, target, bias=bias[:6])
    with pytest.raises(ValueError, match=r"class_weight.*\(6,\).*\(7,\)"):
        call(hidden, weight, target, class_weight=np.ones(6))
    with pytest.raises(ValueError, match=r"target.*\(10,\).*\(11,\)"):
        call(hidden, weight, target[:10])
    with pytest.raises(ValueError, match=r"target.*\(11, 6\).*\(11, 7\)"):
        call(hidden, weight, np.ones((11, 6)))
    with pytest.raises(ValueError, match=r"no element"):
        call(hidden, weight[:0], target)
    with pytest.raises(ValueError, match=r"ignore_index is 2"):
        call(hidden, weight, np.ones((11, 7)), ignore_index=2)
    with pytest.raises(ValueError, match=r"softcap is -1"):
        call(hidden, weight, target, softcap=-1)
    with pytest.raises(ValueError, match=r"reduction is 'total'"):
        call(hidden, weight, target, reduction="total")
    with pytest.raises(TypeError, match="complex128"):
        call(hidden.astype(complex), weight, target)
    with pytest.raises(TypeError, match="bool"):
        call(hidden, weight, target.astype(bool))


@pytest.mark.parametrize("label", [-1, 7, -100, 2**63])
def test_label_out_of_range_is_an_error_with_its_position(label: int, rng) -> None:
    hidden, weight, _ = layer(rng, rows=6)
    target = np.zeros((2, 3), np.uint64 if label > 7 else np.int64)
    target[1, 2] = label
    with pytest.raises(IndexError, match=rf"{label} at index \(1, 2\).*\[0, 7\)"):
        sx.linear_cross_entropy(hidden.reshape(2, 3, 4), weight, target, ignore_index=None)


def test_floating_point_flags_do_not_leak(rng) -> None:
    hidden, weight, _ = layer(rng)
    hidden[0], hidden[1, 0], hidden[2, 0] = 1e308, np.nan, np.inf
    with np.errstate(all="raise"):
        sx.linear_cross_entropy_and_grad(hidden, weight, np.arange(11) % 7, softcap=5.0)
        sx.linear_cross_entropy_and_grad(hidden, weight.astype(np.float32), np.ones((11, 7)))


def test_peak_memory_of_a_large_vocabulary() -> None:
    """At most 5 % of the full logits beyond arguments and gradients, with room for the BLAS."""
    rows, classes = 4096, 128_000
    hidden, weight = np.ones((rows, 2), np.float32), np.ones((classes, 2), np.float32)
    target = np.zeros(rows, int)
    tracemalloc.start()
    try:
        loss, grads = sx.linear_cross_entropy_and_grad(hidden, weight, target)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert loss == pytest.approx(np.log(classes), rel=1e-6)
    results = sum(gradient.nbytes for gradient in grads if gradient is not None)
    assert peak - results <= 0.035 * rows * classes * hidden.itemsize
