"""softxent.boosting: what it refuses, in what words, without a warning; no library is needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from softxent import boosting


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: boosting.xgboost_objective(1), ValueError, "num_class must be at least 2, got 1"),
        (lambda: boosting.lightgbm_objective(3, hessian="exact"), ValueError, "got 'exact'"),
        (lambda: boosting.lightgbm_objective(3, label_smoothing=2), ValueError, "label_smoothing"),
        (lambda: boosting.lightgbm_objective(3, class_weight=[1, 2]), ValueError, r"shape \(3,\)"),
        (lambda: boosting.lightgbm_objective(3, class_weight={3: 1}), ValueError, "at most 2"),
        (
            lambda: boosting.lightgbm_objective(3, class_weight=[1, -1, 1]),
            ValueError,
            "got -1.0 for class 1",
        ),
        (
            lambda: boosting.lightgbm_objective(3)([0, 3], np.zeros((2, 3))),
            IndexError,
            "label 3",
        ),
        (
            lambda: boosting.lightgbm_objective(3)([0, 0.5], np.zeros((2, 3))),
            ValueError,
            "label 0.5 of row 1 is no whole number",
        ),
        (
            lambda: boosting.lightgbm_objective(3)([0, 1], np.zeros((2, 4))),
            ValueError,
            "4 columns; expected num_class=3",
        ),
        (
            lambda: boosting.lightgbm_objective(3)([0, 1], np.zeros(2)),
            ValueError,
            "is num_class set",
        ),
        (
            lambda: boosting.lightgbm_objective(3, targets=np.ones((4, 3)))([0], np.zeros((1, 3))),
            ValueError,
            "1 rows of scores and 4 targets",
        ),
        (
            lambda: boosting.lightgbm_objective(3)([], np.zeros((2, 3))),
            ValueError,
            "2 rows of scores and 0 targets: are the labels set",
        ),
        (
            lambda: boosting.lightgbm_objective(3)([0, np.nan], np.zeros((2, 3))),
            ValueError,
            "label nan of row 1 is no whole number",
        ),
        (
            lambda: boosting.lightgbm_objective(3)(["a", "b"], np.zeros((2, 3))),
            TypeError,
            "labels have dtype <U1; expected numbers",
        ),
        (
            lambda: boosting.lightgbm_objective(3, class_weight="balanced"),
            TypeError,
            "class_weight is 'balanced'; expected 3 numbers",
        ),
        (
            lambda: boosting.xgboost_binary_objective(hessian="diagonal")([0, 1, 2], np.zeros(3)),
            ValueError,
            r"label 2 of row 2 is not in \[0, 1\]",
        ),
        (
            lambda: boosting.lightgbm_binary_objective()([0, np.nan], np.zeros(2)),
            ValueError,
            r"label nan of row 1 is not in \[0, 1\]",
        ),
        (
            lambda: boosting.lightgbm_binary_objective()([0, 1], np.zeros((2, 3))),
            ValueError,
            "6 scores and 2 targets; expected one of each per row: is num_class set",
        ),
        (
            lambda: boosting.xgboost_metric()([-1, 1], np.zeros(2)),
            ValueError,
            r"label -1 of row 0 is not in \[0, 1\]",
        ),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with warnings.catch_warnings(), pytest.raises(error, match=message):
        warnings.simplefilter("error")
        call()
