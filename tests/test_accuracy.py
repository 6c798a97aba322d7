"""Every output of every function stays within the one table of bounds, on adversarial rows."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import softxent
from reference.cases import CASES
from reference.dtypes import DTYPES, FLOAT32, FLOAT64
from reference.rows import FAMILIES, LONG_FAMILIES, million, widths

# What depends on the length of a row are its sums; these cases hold every kind of sum.
SUMS = (
    "softmax",
    "log_softmax",
    "logsumexp",
    "softmax_grad",
    "cross_entropy",
    "cross_entropy probability targets",
    "cross_entropy every option",
)


def assert_within_bounds(case: str, x: np.ndarray, rng: np.random.Generator) -> None:
    outcomes = list(CASES[case](softxent, x, rng))
    assert outcomes, f"{case} measured nothing"
    for outcome in outcomes:
        limit = outcome.limit(x.dtype)
        assert outcome.worst <= limit, f"{outcome.describe_worst()}, bound {limit}"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("case", CASES)
def test_error_within_bound(case: str, dtype: np.dtype, family: str, rng) -> None:
    assert_within_bounds(case, FAMILIES[family](dtype, rng), rng)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("case", SUMS)
def test_error_within_bound_at_every_width(case: str, dtype: np.dtype, rng) -> None:
    for x in widths(dtype, rng):
        assert_within_bounds(case, x, rng)


def naive_log_softmax(x: np.ndarray) -> np.ndarray:
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


NAIVE = SimpleNamespace(
    softmax=lambda x: np.exp(naive_log_softmax(x)), log_softmax=naive_log_softmax
)


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("case", ["softmax", "log_softmax"])
@pytest.mark.parametrize("family", ["scale 20", "one dominating class"])
def test_bounds_refuse_the_textbook_formula(family: str, case: str, dtype: np.dtype, rng) -> None:
    """A suite that would accept exp(x - max) / sum in the input's own precision proves nothing."""
    (outcome,) = CASES[case](NAIVE, FAMILIES[family](dtype, rng), rng)
    assert outcome.worst > 2 * outcome.limit(dtype)


@pytest.mark.parametrize("family", LONG_FAMILIES)
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("case", SUMS)
def test_error_within_bound_on_long_rows(case: str, dtype: np.dtype, family: str, rng) -> None:
    assert_within_bounds(case, LONG_FAMILIES[family](dtype, rng), rng)


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("case", ["softmax", "logsumexp", "cross_entropy"])
def test_error_within_bound_on_a_row_of_a_million(case: str, dtype: np.dtype, rng) -> None:
    assert_within_bounds(case, million(dtype, rng), rng)
