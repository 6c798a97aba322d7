"""softxent.dask.linear_cross_entropy: a layer in chunks against the whole layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import softxent as sx
from dask_tools import assert_same, cut

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
sxd = pytest.importorskip("softxent.dask")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("shape", [(30,), (5, 6), ()])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_chunks_of_rows_and_classes(shape: tuple[int, ...], reduction: str, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    hidden = rng.normal(size=(*shape, 7)).astype(dtype)
    weight, bias = rng.normal(size=(40, 7)).astype(dtype), rng.normal(size=40).astype(dtype)
    target = np.where(rng.random(shape) < 0.2, -100, rng.integers(0, 40, shape))
    for given in ({}, {"bias": bias, "class_weight": rng.random(40), "label_smoothing": 0.1}):
        for more in ({"z_loss": 0.01}, {"softcap": 20.0}):
            call = {"reduction": reduction, **given, **more}
            loss, expected = sx.linear_cross_entropy_and_grad(hidden, weight, target, **call)
            lazy = sxd.linear_cross_entropy_and_grad(
                da.from_array(hidden, chunks=(*cut(rng, shape), (7,))),
                da.from_array(weight, chunks=(cut(rng, (40,))[0], (7,))),
                target,
                **call,
            )
            found = dask.compute(lazy[0], *lazy[1])
            eps = 4 * np.finfo(np.float32 if dtype == np.float16 else dtype).eps
            np.testing.assert_allclose(found[0], loss, rtol=20 * eps, atol=20 * eps)
            assert found[0].dtype == loss.dtype
            for one, other in zip(found[1:], expected, strict=True):
                if other is None:
                    assert one is None
                    continue
                assert (one.shape, one.dtype) == (other.shape, other.dtype)
                scale = 20 * max(eps, 2 * np.finfo(dtype).eps) * max(1.0, abs(other).max())
                np.testing.assert_allclose(one, other, rtol=0, atol=scale)


def test_the_loss_has_the_bits_of_its_logits() -> None:
    rng = np.random.default_rng(2)
    hidden, weight = rng.normal(size=(20, 5)), rng.normal(size=(30, 5))
    lazy = da.from_array(weight, chunks=(7, 5))
    target = rng.integers(0, 30, 20)
    logits = np.concatenate([hidden @ weight[k : k + 7].T for k in range(0, 30, 7)], axis=1)
    found = sxd.linear_cross_entropy(hidden, lazy, target).compute()
    assert_same(found, sx.cross_entropy(logits, target))


@pytest.mark.parametrize(
    ("kind", "message", "hidden", "weight"),
    [
        (TypeError, "expected a dask array", np.ones((4, 3)), np.ones((5, 3))),
        (ValueError, "expected \\(C, H\\)", da.ones((4, 3)), np.ones(3)),
        (ValueError, "expected hidden of shape", da.ones((4, 3)), np.ones((5, 2))),
        (
            ValueError,
            "hidden has 3 chunks along H; expected one: pass hidden.rechunk\\(\\{1: -1\\}\\)",
            da.ones((4, 3), chunks=1),
            np.ones((5, 3)),
        ),
        (TypeError, "weight has dtype object", da.ones((4, 3)), np.ones((5, 3), object)),
    ],
)
def test_errors(kind: type[Exception], message: str, hidden: Any, weight: Any) -> None:
    with pytest.raises(kind, match=message):
        sxd.linear_cross_entropy(hidden, weight, np.zeros(4, int))


def test_a_bad_label_is_named_with_its_place() -> None:
    weight = da.ones((5, 3), chunks=(2, 3))
    with pytest.raises(IndexError, match=r"label 5 at index \(3,\) is not in \[0, 5\)"):
        sxd.linear_cross_entropy(da.ones((4, 3), chunks=(2, 3)), weight, [0, 1, 2, 5]).compute()


def test_class_weights_are_told_by_their_own_name() -> None:
    hidden, weight = da.zeros((4, 3), chunks=(2, 3)), np.zeros((5, 3))
    for name in ("linear_cross_entropy", "linear_cross_entropy_and_grad"):
        for given, message in (
            (np.ones(3), r"class_weight has shape \(3,\); expected \(5,\)"),
            (da.ones(3), r"class_weight has shape \(3,\); expected \(5,\)"),
            ([1, 1, -1, 1, 1], r"class_weight\[2\] is -1.0"),
        ):
            with pytest.raises(ValueError, match=message):
                getattr(sxd, name)(hidden, weight, np.zeros(4, int), class_weight=given)
    loss = sxd.linear_cross_entropy(hidden, weight, np.zeros(4, int), class_weight=-da.ones(5))
    with pytest.raises(ValueError, match=r"class_weight\[0\] is -1.0"):
        loss.compute()
