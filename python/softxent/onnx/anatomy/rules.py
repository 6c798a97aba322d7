"""The operators that classifiers end in, and what their results mean.

A rule takes the node and gives the meanings of its results by position; results without one are
judged by `softxent.onnx.anatomy.sweep`.
"""

from __future__ import annotations

from dataclasses import replace

import onnx
from onnx import numpy_helper

from softxent.onnx.anatomy import estimators
from softxent.onnx.anatomy.estimators import Results, Rule
from softxent.onnx.anatomy.meaning import (
    NORMALISED,
    PASSING,
    PLAIN,
    LossNode,
    Meaning,
    Meanings,
    attributes,
    names_of,
)

#: First opset in which Softmax and LogSoftmax work along one axis, -1 by default.
_ONE_AXIS = 13


def apply(found: Meanings, node: onnx.NodeProto) -> Results:
    """Meanings of the results of a node that a rule knows."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    if not node.input or not node.output:
        return {}
    if domain == "" and node.op_type in PASSING:
        return _passing(found, node)
    rule = _RULES.get((domain, node.op_type))
    return {} if rule is None else rule(found, node)


def _passing(found: Meanings, node: onnx.NodeProto) -> Results:
    """Identity, Cast, Reshape and the like: the meaning stays, but body values start anew."""
    meaning = found.of(node.input[0])
    if meaning.role in ("body", "input", "constant", "opaque"):
        return {}
    if node.op_type in ("Unsqueeze", "Reshape"):
        meaning = replace(meaning, flat=False)
    # A Cast of probabilities to integers tells only which are 1.
    if node.op_type == "Cast" and meaning.role in NORMALISED:
        target = attributes(node).get("to")
        if target not in _FLOATS:
            return {0: Meaning("derived", meaning.logits, path=(*meaning.path, "Cast"))}
    return {0: meaning.after(node.op_type)}


def _normalising(role: str, operator: str) -> Rule:
    """Softmax and LogSoftmax."""

    def rule(found: Meanings, node: onnx.NodeProto) -> Results:
        operand, source = node.input[0], found.of(node.input[0])
        if source.role not in PLAIN:
            return {}
        default = -1 if found.opset >= _ONE_AXIS or node.domain else 1
        axis = int(attributes(node).get("axis", default))
        logits = source.logits if source.role == "shifted" else operand
        return {0: Meaning(role, logits, axis, (operator,))}

    return rule


def _sigmoid(found: Meanings, node: onnx.NodeProto) -> Results:
    if found.of(node.input[0]).role not in PLAIN:
        return {}
    return {0: Meaning("probabilities", node.input[0], None, ("Sigmoid",), binary=True)}


def _quantised(found: Meanings, node: onnx.NodeProto) -> Results:
    """A softmax or logistic function from integers to integers, of what they are dequantised to."""
    operand, operator = node.input[0], node.op_type
    if found.of(operand).role not in PLAIN:
        return {}
    if operator == "QLinearSigmoid":
        return {0: Meaning("probabilities", operand, None, (operator,), binary=True)}
    given = attributes(node)
    axis = int(given.get("axis", -1 if int(given.get("opset", 13)) >= _ONE_AXIS else 1))
    return {0: Meaning("probabilities", operand, axis, (operator,))}


def _log(found: Meanings, node: onnx.NodeProto) -> Results:
    meaning = found.of(node.input[0])
    if meaning.role == "probabilities" and not meaning.pair:
        return {0: meaning.after("Log", role="log_probabilities")}
    if meaning.role == "sum_exp":
        return {0: meaning.after("Log", role="log_sum_exp")}
    return {}


def _exp(found: Meanings, node: onnx.NodeProto) -> Results:
    meaning = found.of(node.input[0])
    if meaning.role == "log_probabilities":
        return {0: meaning.after("Exp", role="probabilities")}
    if meaning.role in PLAIN:
        logits = meaning.logits if meaning.role == "shifted" else node.input[0]
        return {0: Meaning("exp", logits, None, ("Exp",))}
    return {}


def _reduction(role: str) -> Rule:
    """ReduceMax, ReduceSum and ReduceLogSumExp over one axis."""

    def rule(found: Meanings, node: onnx.NodeProto) -> Results:
        source, axis = found.of(node.input[0]), _reduced_axis(found, node)
        if axis is None or source.role not in PLAIN | ({"derived"} if role == "sum" else set()):
            return {}
        logits = node.input[0]
        if (role, source.role) == ("sum", "exp"):
            return {0: source.after(node.op_type, role="sum_exp", axis=axis, flat=_flat(node))}
        return {0: Meaning(role, logits, axis, (node.op_type,), flat=_flat(node))}

    return rule


def _flat(node: onnx.NodeProto) -> bool:
    return not attributes(node).get("keepdims", 1)


def _reduced_axis(found: Meanings, node: onnx.NodeProto) -> int | None:
    """The one axis that a reduction goes over."""
    axes = attributes(node).get("axes")
    if axes is None and len(node.input) > 1:
        stored = found.constant(node.input[1])
        axes = None if stored is None else stored.reshape(-1).tolist()
    return int(axes[0]) if axes is not None and len(axes) == 1 else None


def _subtract(found: Meanings, node: onnx.NodeProto) -> Results:
    """z - max z, z - logsumexp z, and 1 - p."""
    first, second = (found.of(name) for name in node.input[:2])
    minuend = first.logits if first.role == "shifted" else node.input[0]
    if second.role == "max" and second.logits == node.input[0] and not second.flat:
        return {0: second.after("Sub", role="shifted")}
    if second.role == "log_sum_exp" and second.logits == minuend and not second.flat:
        return {0: second.after("Sub", role="log_probabilities")}
    one = found.scalar(node.input[0]) == 1.0
    if one and second.role == "probabilities" and second.binary and not second.pair:
        return {0: second.after("Sub", role="complement")}
    return {}


def _divide(found: Meanings, node: onnx.NodeProto) -> Results:
    """exp z / sum exp z, and the shares v / sum v, which are probabilities if none is negative."""
    first, second = (found.of(name) for name in node.input[:2])
    same = first.role == "exp" and second.role == "sum_exp" and first.logits == second.logits
    if same and not second.flat:
        return {0: second.after("Div", role="probabilities")}
    if second.role == "sum" and second.logits == node.input[0] and not second.flat:
        return {0: second.after("Div", role="probabilities", logits=None)}
    return {}


def _negate(found: Meanings, node: onnx.NodeProto) -> Results:
    """-z, also as a product with -1."""
    varying = [name for name in node.input if found.of(name).role in PLAIN]
    factors = [found.scalar(name) for name in node.input if name not in varying]
    if len(varying) != 1 or factors != [-1.0] * (node.op_type == "Mul"):
        return {}
    return {0: Meaning("negated", varying[0], None, (node.op_type,))}


def _concat(found: Meanings, node: onnx.NodeProto) -> Results:
    """The probabilities 1 - p and p side by side, or the logits -z and z."""
    if len(node.input) != 2:
        return {}
    first, second = (found.of(name) for name in node.input)
    if first.role == "negated" and first.logits == node.input[1]:
        return {0: first.after("Concat", role="signed", binary=True)}
    pair = first.role == "complement" and second.role == "probabilities" and second.binary
    if not pair or second.pair or first.logits != second.logits:
        return {}
    axis = int(attributes(node).get("axis", -1))
    return {0: second.after("Concat", pair=True, axis=axis)}


def _argmax(found: Meanings, node: onnx.NodeProto) -> Results:
    """The class of the largest value, of logits or of what follows from them."""
    meaning, given = found.of(node.input[0]), attributes(node)
    axis = int(given.get("axis", 0))
    single = meaning.binary and not meaning.pair and meaning.role != "signed"
    if given.get("select_last_index", 0) or single:
        return {0: Meaning("derived", path=("ArgMax",))}
    stated = axis if meaning.axis is None else meaning.axis
    if meaning.role in ("probabilities", "log_probabilities"):
        if stated != axis and (stated < 0) == (axis < 0):
            return {0: Meaning("derived", path=("ArgMax",))}
    elif meaning.role == "derived":
        choice = replace(meaning, logits=None, raw=None, axis=axis, chosen=node.input[0])
        return {0: choice.after("ArgMax", role="choice")}
    elif meaning.role == "signed":
        meaning, stated = replace(meaning, path=()), axis
    elif meaning.role in PLAIN:
        meaning, stated = Meaning("body", node.input[0]), axis
    else:
        return {}
    return {0: meaning.after("ArgMax", role="prediction", axis=stated, chosen=node.input[0])}


def _greater(found: Meanings, node: onnx.NodeProto) -> Results:
    """p > 1/2 and z > 0; with another threshold the graph chooses in a way of its own."""
    meaning, threshold = found.of(node.input[0]), found.scalar(node.input[1])
    operator = node.op_type
    if meaning.role == "probabilities" and meaning.binary and threshold == 0.5:
        return {0: meaning.after(operator, role="prediction")}
    if meaning.role in PLAIN and threshold == 0.0:
        return {0: Meaning("prediction", node.input[0], None, (operator,), binary=True)}
    if meaning.role in PLAIN | {"probabilities"} and threshold is not None:
        return {0: Meaning("choice", path=(operator,))}
    return {}


def _select(found: Meanings, node: onnx.NodeProto) -> Results:
    """A table of class labels, indexed by the prediction."""
    table, index = found.constants.get(node.input[0]), found.of(node.input[1])
    chosen = index.role in ("prediction", "choice")
    if table is None or not chosen or sum(size != 1 for size in table.dims) > 1:
        return {}
    names = names_of(numpy_helper.to_array(table).reshape(-1).tolist())
    role = "label" if index.role == "prediction" else "choice"
    return {0: index.after(node.op_type, role=role, names=names)}


def _softmax_loss(found: Meanings, node: onnx.NodeProto) -> Results:
    source = found.of(node.input[0])
    logits = node.input[0] if source.role in PLAIN else None
    found.losses.append(_loss_node(found, node, logits))
    if logits is None:
        return {i: Meaning("derived", path=(node.op_type,)) for i in range(2)}
    path = (node.op_type,)
    log_p = Meaning("log_probabilities", logits, 1, path)
    return {0: Meaning("loss", logits, 1, path), 1: log_p}


def _likelihood_loss(found: Meanings, node: onnx.NodeProto) -> Results:
    source = found.of(node.input[0])
    known = source.role == "log_probabilities" and not source.binary
    found.losses.append(_loss_node(found, node, source.logits if known else None))
    if not known:
        return {0: Meaning("derived", path=(node.op_type,))}
    return {0: source.after(node.op_type, role="loss")}


def _loss_node(found: Meanings, node: onnx.NodeProto, logits: str | None) -> LossNode:
    given, unclear, weight = attributes(node), "", None
    if len(node.input) > 2 and node.input[2]:
        stored = found.constant(node.input[2])
        if stored is None:
            unclear = f"the class weights {node.input[2]!r} are computed, not stored"
        else:
            weight = tuple(float(w) for w in stored.reshape(-1))
    if logits is None:
        unclear = f"{node.input[0]!r} is not what {node.op_type} takes"
    index = given.get("ignore_index")
    extra = node.output[1] if len(node.output) > 1 and node.output[1] else None
    return LossNode(
        node.output[0],
        node.op_type,
        logits,
        node.input[1] if len(node.input) > 1 else "",
        weight,
        None if index is None else int(index),
        str(given.get("reduction", "mean")),
        extra,
        unclear,
    )


def _floats() -> frozenset[int]:
    kinds = onnx.TensorProto
    return frozenset((kinds.FLOAT, kinds.FLOAT16, kinds.DOUBLE, kinds.BFLOAT16))


_FLOATS = _floats()
_RULES: dict[tuple[str, str], Rule] = {
    ("", "Softmax"): _normalising("probabilities", "Softmax"),
    ("", "LogSoftmax"): _normalising("log_probabilities", "LogSoftmax"),
    ("com.microsoft", "QLinearSoftmax"): _quantised,
    ("", "Sigmoid"): _sigmoid,
    ("com.microsoft", "QLinearSigmoid"): _quantised,
    ("", "Log"): _log,
    ("", "Exp"): _exp,
    ("", "ReduceMax"): _reduction("max"),
    ("", "ReduceSum"): _reduction("sum"),
    ("", "ReduceLogSumExp"): _reduction("log_sum_exp"),
    ("", "Sub"): _subtract,
    ("", "Div"): _divide,
    ("", "Concat"): _concat,
    ("", "Neg"): _negate,
    ("", "Mul"): _negate,
    ("", "ArgMax"): _argmax,
    ("", "Greater"): _greater,
    ("", "GreaterOrEqual"): _greater,
    ("", "Gather"): _select,
    ("ai.onnx.ml", "ArrayFeatureExtractor"): _select,
    ("", "SoftmaxCrossEntropyLoss"): _softmax_loss,
    ("", "NegativeLogLikelihoodLoss"): _likelihood_loss,
    **{("ai.onnx.ml", operator): rule for operator, rule in estimators.RULES.items()},
}
