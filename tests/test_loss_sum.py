"""LossSum: a batch in pieces has the bits of the whole."""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import softxent as sx

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"weight": [0.5, 1.0, 0.0, 3.0, 1.5], "label_smoothing": 0.1},
    {"z_loss": 0.01, "softcap": 20.0},
    {"logit_scale": 0.5, "focal_gamma": 2.0, "ignore_index": 3},
)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_pieces_have_the_bits_of_the_batch(options: dict[str, Any], dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x, t = rng.normal(0, 4, (500, 5)).astype(dtype), rng.integers(0, 5, 500)
    weights = rng.random(500)
    for cut in ([0, 500], [0, 1, 7, 7, 300, 500]):
        parts = []
        for begin, end in pairwise(cut):
            part = sx.LossSum(**options)
            part.update(x[begin:end], t[begin:end], weights[begin:end])
            parts.append(pickle.loads(pickle.dumps(part)))
        total = sx.LossSum(**options)
        for part in reversed(parts):
            total.merge(part)
        for reduction in ("mean", "sum"):
            whole = sx.cross_entropy(x, t, sample_weight=weights, reduction=reduction, **options)
            found = total.result(reduction)
            assert (found, found.dtype) == (whole, whole.dtype)


def test_nothing_has_the_mean_nan() -> None:
    assert np.isnan(sx.LossSum().result())
    assert sx.LossSum().result("sum") == 0
    assert sx.LossSum().dtype == np.float64


def test_errors_leave_it_as_it_was() -> None:
    total = sx.LossSum(weight=[1.0, 2.0])
    total.update(np.zeros((3, 2)), [0, 1, 1])
    before = total.result()
    with pytest.raises(IndexError, match="label 2 at index"):
        total.update(np.zeros((3, 2)), [0, 1, 2])
    with pytest.raises(ValueError, match="weight has shape"):
        total.update(np.zeros((3, 4)), [0, 1, 2])
    with pytest.raises(ValueError, match="other has weight="):
        total.merge(sx.LossSum())
    with pytest.raises(TypeError, match="other is a int"):
        total.merge(1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected 'sum' or 'mean'"):
        total.result("none")
    with pytest.raises(ValueError, match="label_smoothing is 2"):
        sx.LossSum(label_smoothing=2)
    assert total.result() == before
