"""Right files of scikit-learn's estimators are verified or not understood, never called wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foreign_models import from_sklearn, iris
from softxent.verify import verify

pytest.importorskip("skl2onnx")

from estimators import WITH, WITHOUT

#: Estimators whose graph holds what has no rule: steps that amplify every rounding, a search for
#: neighbours, and Platt's probabilities, which onnx's implementation computes otherwise.
NOT_UNDERSTOOD = {
    *("adaptive boosting", "neighbours", "Platt-scaled", "vector machine"),
    *("calibrated", "logistic sgd"),
}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", [*WITH, *WITHOUT])
def test_right_files_are_not_called_wrong(name, classes, tmp_path: Path):
    X, y = iris()
    X, y = X[-50 * classes :], y[-50 * classes :]
    model = from_sklearn({**WITH, **WITHOUT}[name](), X, y, zipmap=False)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    report = verify(tmp_path / "model.onnx", X[::10], y[::10], batch_sizes=())
    allowed = {"verified"} | ({"not understood"} if name in NOT_UNDERSTOOD else set())
    assert report.outcome in allowed, str(report)
    assert report.outcome == "verified" or not np.any([c.problem for c in report.comparisons])
