"""Operators of the domain ai.onnx.ml, as skl2onnx writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from softxent.verify.arithmetic import Array
from softxent.verify.body.bounded import Bounded, arithmetic_of, computed, product, with_errors
from softxent.verify.body.elementwise import RULES as ELEMENTWISE
from softxent.verify.body.logic import decided
from softxent.verify.body.normalisation import divided_by_norm, softmax_of
from softxent.verify.body.operators import Call, NoRule, Rule
from softxent.verify.body.shape import concatenated, gather
from softxent.verify.body.trees import ensemble

_FLOAT32 = np.dtype(np.float32)


def _floating(x: Bounded) -> Bounded:
    """An operand as these operators take it: float64 stays, all else becomes float32."""
    dtype = x.dtype if x.dtype == np.float64 else _FLOAT32
    return Bounded(x.value.astype(np.float64), dtype, x.error, x.typical)


def scaler(call: Call, x: Bounded) -> Bounded:
    """(x − offset) · scale, by feature."""
    x = _floating(x)
    offset, scale = (np.asarray(call.attribute(name) or default, np.float64)
                     for name, default in (("offset", [0.0]), ("scale", [1.0])))  # fmt: skip
    value = (x.value - offset) * scale
    own = 2 * arithmetic_of(_FLOAT32).u * np.abs(value)
    carried = x.e * np.abs(scale), x.t * np.abs(scale)
    # The result is float32, whatever the operand was.
    return computed(value, _FLOAT32, carried, (own, own))


def normalizer(call: Call, x: Bounded) -> Bounded:
    """Rows divided by their largest magnitude, sum of magnitudes or length."""
    order = {"MAX": np.inf, "L1": 1, "L2": 2}[call.attribute("norm", "MAX")]
    x = _floating(x)
    return divided_by_norm(Bounded(x.value, _FLOAT32, x.error, x.typical), -1, order)


def linear_classifier(call: Call, x: Bounded) -> Sequence[Bounded]:
    """Labels and scores of a linear layer, transformed on request."""
    labels = class_labels(call)
    weights = np.asarray(call.attribute("coefficients"), np.float32)
    shift = call.attribute("intercepts") or [0.0] * len(labels)
    if len(weights) % len(labels) or len(shift) != len(labels):
        raise NoRule
    scores = _linear(x, weights.reshape(len(labels), -1), np.asarray(shift, np.float32))
    return _chosen(labels, scores), _transformed(call, scores)


def linear_regressor(call: Call, x: Bounded) -> Bounded:
    """A linear layer."""
    targets = call.attribute("targets", 1)
    weights = np.asarray(call.attribute("coefficients"), np.float32).reshape(targets, -1)
    shift = np.asarray(call.attribute("intercepts") or [0.0] * targets, np.float32)
    return _transformed(call, _linear(x, weights, shift))


def _linear(x: Bounded, weights: Array, shift: Array) -> Bounded:
    x = _floating(x)
    narrow = Bounded(x.value, _FLOAT32, x.error, x.typical)
    return product(
        np.matmul, narrow, Bounded.given(weights.T), weights.shape[1], Bounded.given(shift)
    )


def class_labels(call: Call) -> Array:
    """The classes of a classifier: integers or texts."""
    for name in ("classlabels_ints", "classlabels_int64s", "classlabels_strings"):
        found = call.attribute(name)
        if found:
            texts = [v.decode() if isinstance(v, bytes) else v for v in found]
            return np.array(texts, dtype=object if isinstance(texts[0], str) else np.int64)
    raise NoRule


def _chosen(labels: Array, scores: Bounded) -> Bounded:
    """Label of the largest score, in doubt where another is as large within its bound."""
    places = scores.value.argmax(axis=1)
    rows = np.arange(len(places))
    doubts = []
    for e in (scores.e, scores.t):
        error = np.broadcast_to(e, scores.value.shape)
        rivals = scores.value + error
        chosen = (scores.value - error)[rows, places]
        rivals[rows, places] = -np.inf
        doubts.append((rivals.max(axis=1) >= chosen) & (error.max(axis=1) > 0))
    value = labels[places]
    if value.dtype.kind != "O":
        return decided(value, doubts[0], doubts[1], np.inf)
    errors = [np.where(doubt, np.inf, 0.0) for doubt in doubts]
    return with_errors(value, np.dtype(object), errors[0], errors[1])


def _transformed(call: Call, scores: Bounded) -> Bounded:
    """Scores as they are, or as probabilities."""
    kind = call.attribute("post_transform", "NONE")
    if kind == "NONE":
        return scores
    if kind == "SOFTMAX":
        return softmax_of(scores)
    if kind == "LOGISTIC":
        result = ELEMENTWISE["Sigmoid"](call, scores)
        assert isinstance(result, Bounded)
        return result
    raise NoRule


def tree_classifier(call: Call, x: Bounded) -> Sequence[Bounded]:
    """Labels and scores of an ensemble of trees."""
    labels, ids = class_labels(call), set(call.attribute("class_ids") or [])
    if len(labels) == 2 and len(ids) == 1:
        scores = _both_signs(call, x, *ids)
    elif ids == set(range(len(labels))):
        scores = _ensemble(call, x, len(labels), "class")
    else:
        raise NoRule
    return _chosen(labels, scores), _transformed(call, scores)


def _both_signs(call: Call, x: Bounded, column: int) -> Bounded:
    """Scores −s and s of two classes, as onnxruntime makes them of one score with either sign."""
    if min(call.attribute("class_weights")) >= 0:
        raise NoRule
    score = _ensemble(call, x, column + 1, "class").moved(lambda a: a[:, column:])
    negated = ELEMENTWISE["Neg"](call, score)
    assert isinstance(negated, Bounded)
    return concatenated([negated, score], 1)


def tree_regressor(call: Call, x: Bounded) -> Bounded:
    """Sums over an ensemble of trees."""
    if call.attribute("aggregate_function", "SUM") != "SUM":
        raise NoRule
    return _transformed(call, _ensemble(call, x, call.attribute("n_targets", 1), "target"))


def _ensemble(call: Call, x: Bounded, targets: int, kind: str) -> Bounded:
    value, error, typical, magnitude = ensemble(call, x, targets, kind)
    arithmetic = arithmetic_of(_FLOAT32)
    terms = len(set(call.attribute("nodes_treeids") or [])) + 2
    own = arithmetic.gamma(terms) * magnitude, np.sqrt(terms) * arithmetic.u * magnitude
    return computed(value, _FLOAT32, (error, typical), own, terms)


def zip_map(call: Call, x: Bounded) -> Bounded:
    """A dictionary per row, whose values are in the order of the classes."""
    return x


def looked_up(call: Call, *operands: Bounded) -> Bounded:
    """Tables: anything where the entry is in doubt."""
    (a,) = operands
    value = a.value.astype(a.dtype) if a.floating else a.value
    found = np.asarray(call.reference(value)[0])
    wide = Bounded.given(found)
    if a.exact:
        return wide
    errors = [np.where(e > 0, np.inf, 0.0) for e in (a.e, a.t)]
    return with_errors(wide.value, wide.dtype, errors[0], errors[1])


def feature(call: Call, data: Bounded, index: Bounded) -> Bounded:
    """Columns of the last axis."""
    if data.value.ndim == 1:
        flat = Bounded(index.value.reshape(-1), index.dtype, *(
            None if e is None else np.reshape(e, -1) for e in (index.error, index.typical)
        ))  # fmt: skip
        result = gather(call, data, flat)
        return result.moved(lambda array: array.reshape(1, -1))
    if not index.exact:
        raise NoRule
    return data.moved(lambda array: np.take(array, index.value.reshape(-1), -1))


def feature_vectorizer(call: Call, *operands: Bounded) -> Bounded:
    """Columns side by side, as float32."""
    rows = len(operands[0].value)
    parts = [_floating(a).moved(lambda array: array.reshape(rows, -1)) for a in operands]
    joined = concatenated(parts, 1)
    return Bounded(joined.value, _FLOAT32, joined.error, joined.typical)


RULES: dict[str, Rule] = {
    "Scaler": scaler,
    "Normalizer": normalizer,
    "LinearClassifier": linear_classifier,
    "LinearRegressor": linear_regressor,
    "TreeEnsembleClassifier": tree_classifier,
    "TreeEnsembleRegressor": tree_regressor,
    "ZipMap": zip_map,
    "LabelEncoder": looked_up,
    "ArrayFeatureExtractor": feature,
    "FeatureVectorizer": feature_vectorizer,
}
