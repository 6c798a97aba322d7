"""What tests of `softxent.onnx.Classifier` share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from softxent.onnx import Classifier

SCORES = helper.make_node("MatMul", ["x", "w"], ["z"])


def node(op_type: str, operands: str, results: str, **attributes: object) -> onnx.NodeProto:
    """A node whose operands and results are separated by blanks."""
    return helper.make_node(op_type, operands.split(), results.split(), **attributes)


def opened(model: onnx.ModelProto, path: Path, **options: Any) -> Classifier:
    path.write_bytes(model.SerializeToString())
    return Classifier(path, **options)


def features(rng: np.random.Generator, rows: int = 6) -> np.ndarray:
    return rng.standard_normal((rows, 4)).astype(np.float32)


def check(found: Classifier, X: np.ndarray, expected: np.ndarray, tolerance: float = 1e-6) -> None:
    """Compare probabilities and classes with probabilities known otherwise."""
    np.testing.assert_allclose(found.predict_proba(X), expected, atol=tolerance)
    assert (found.predict(X) == expected.argmax(axis=1)).all()
