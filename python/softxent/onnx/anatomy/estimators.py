"""The operators of ai.onnx.ml that scikit-learn's classifiers end in, and what results mean.

Rules as in `softxent.onnx.anatomy.rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from softxent.onnx.anatomy.meaning import Meaning, Meanings, attributes, names_of

Results = dict[int, Meaning]
Rule = Callable[[Meanings, onnx.NodeProto], Results]


def _classifier(found: Meanings, node: onnx.NodeProto) -> Results:
    """LinearClassifier and TreeEnsembleClassifier: labels, and scores after a transformation."""
    given, operator = attributes(node), node.op_type
    names, transform = _labels(given), str(given.get("post_transform", "NONE"))
    scores = node.output[1] if len(node.output) > 1 and node.output[1] else None
    label = Meaning("label", None, 1, (operator,), names=names)
    if scores is None:
        return {0: label}
    one_logit = _one_logit(node, given, len(names))
    if transform == "LOGISTIC" and one_logit:
        p = Meaning("probabilities", None, 1, ("Sigmoid",), binary=True, raw=scores, names=names)
        return {0: label, 1: replace(p, pair=True)}
    if transform == "SOFTMAX" and _one_score_per_class(node, given, names):
        p = Meaning("probabilities", None, 1, ("Softmax",), raw=scores, names=names)
        return {0: label, 1: p}
    if transform != "NONE" or (operator, _leaves(given)) == ("TreeEnsembleClassifier", "positive"):
        return {0: label, 1: Meaning("probabilities", None, 1, (operator,), names=names)}
    label = replace(label, chosen=scores)
    if one_logit:
        signed = Meaning("signed", None, 1, (operator,), binary=True, raw=scores, names=names)
        return {0: replace(label, raw=scores, binary=True), 1: signed}
    if _one_score_per_class(node, given, names):
        return {0: replace(label, logits=scores), 1: Meaning("body")}
    return {0: label, 1: Meaning("opaque", names=names)}


def _one_score_per_class(
    node: onnx.NodeProto, given: dict[str, Any], names: tuple[str, ...]
) -> bool:
    """Whether the scores are one independent number per class, so that a softmax is one of them."""
    if node.op_type == "LinearClassifier":
        return len(given.get("intercepts", ())) == len(names) > 1
    return node.op_type == "TreeEnsembleClassifier" and len(names) > 2


def _one_logit(node: onnx.NodeProto, given: dict[str, Any], classes: int) -> bool:
    """Whether the second of two classes has the score z of a single logit."""
    if node.op_type != "LinearClassifier" or classes != 2:
        return False
    coefficients = np.asarray(given.get("coefficients", ()), np.float32)
    intercepts = np.asarray(given.get("intercepts", ()), np.float32)
    if len(intercepts) == 1:
        return True
    if len(intercepts) != 2 or coefficients.size % 2:
        return False
    first, second = coefficients.reshape(2, -1)
    return bool((first == -second).all() and intercepts[0] == -intercepts[1])


def _leaves(given: dict[str, Any]) -> str:
    """Sign of the leaves of trees: forests vote with shares, boosted trees add up margins."""
    weights = np.asarray(given.get("class_weights", ()), np.float64)
    return "positive" if weights.size and (weights >= 0).all() else "any"


def _vector_machine(found: Meanings, node: onnx.NodeProto) -> Results:
    """SVMClassifier: Platt's probabilities, or decision values of pairs of classes."""
    given = attributes(node)
    names = _labels(given)
    label = Meaning("label", None, 1, (node.op_type,), names=names)
    if given.get("prob_a"):
        return {0: label, 1: Meaning("probabilities", None, 1, (node.op_type,), names=names)}
    return {0: label, 1: Meaning("opaque", names=names)}


def _normalizer(found: Meanings, node: onnx.NodeProto) -> Results:
    """Division by a sum that is 1 already; other numbers become shares, as by Div."""
    meaning = found.of(node.input[0])
    if attributes(node).get("norm", "MAX") != "L1":
        return {}
    if meaning.role != "probabilities":
        return {0: Meaning("probabilities", path=("Normalizer",), names=meaning.names)}
    return {0: meaning.after("Normalizer")}


def _zipmap(found: Meanings, node: onnx.NodeProto) -> Results:
    given, meaning = attributes(node), found.of(node.input[0])
    names = _labels(given)
    if meaning.role not in ("probabilities", "log_probabilities"):
        return {0: Meaning("opaque", names=names)}
    return {0: meaning.after("ZipMap", names=names or meaning.names)}


def _labels(given: dict[str, Any]) -> tuple[str, ...]:
    """Class labels in the attributes of an operator."""
    kinds = ("classlabels_strings", "classlabels_ints", "classlabels_int64s")
    return names_of(next((given[kind] for kind in kinds if given.get(kind)), ()))


def _label_encoder(found: Meanings, node: onnx.NodeProto) -> Results:
    """Class indices turned into names."""
    given, meaning = attributes(node), found.of(node.input[0])
    keys, values = given.get("keys_int64s") or (), given.get("values_strings") or ()
    if meaning.role != "prediction" or not keys or list(keys) != list(range(len(values))):
        return {}
    return {0: meaning.after(node.op_type, role="label", names=names_of(values))}


#: By operator.
RULES: dict[str, Rule] = {
    "LinearClassifier": _classifier,
    "TreeEnsembleClassifier": _classifier,
    "SVMClassifier": _vector_machine,
    "Normalizer": _normalizer,
    "ZipMap": _zipmap,
    "LabelEncoder": _label_encoder,
}
