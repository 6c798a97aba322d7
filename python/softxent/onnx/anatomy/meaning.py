"""What the values of a graph mean.

A classifier ends in a few operators after its logits: a softmax, a logarithm, an argmax, a loss.
`softxent.onnx.anatomy.sweep` gives every value a meaning that follows from the operator that
computes it and from the meanings of its operands. Nothing is followed backwards, so that a graph
may be as deep or as broken as it likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

#: Operators whose result holds the numbers of their first operand, rounded at most.
PASSING = frozenset((
    "Identity", "Dropout", "Squeeze", "Unsqueeze", "Flatten", "Reshape", "Cast", "QuantizeLinear",
    "DequantizeLinear",
))  # fmt: skip

#: Operators of `PASSING` that change no number.
EXACT = frozenset(("Identity", "Dropout", "Squeeze", "Unsqueeze", "Flatten", "Reshape"))

#: How the names of operators begin whose results are integers that stand for real numbers.
_INTEGERS = ("QLinear", "QGemm", "QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger")

#: Operators after the logits beyond which a value is not followed: no classifier has so many.
_LONGEST_PATH = 200

#: Operators that choose a class by scores of their own.
CLASSIFIERS = ("LinearClassifier", "TreeEnsembleClassifier")

#: Meanings that a softmax, a logistic function or their logarithms have left their mark on.
NORMALISED = frozenset(("probabilities", "log_probabilities", "complement", "derived"))

#: Meanings of values that a softmax may be taken of: all but results of one, and classes.
PLAIN = frozenset((
    "body", "input", "opaque", "max", "shifted", "exp", "sum_exp", "sum", "log_sum_exp", "negated",
    "signed",
))  # fmt: skip


@dataclass(frozen=True)
class Meaning:
    """What one value is.

    Attributes
    ----------
    role : str
        "input", "constant", "body" (anything that may hold logits), "opaque" (of an operator that
        is not known), "derived" (computed from probabilities in a way that is not known), the
        roles of outputs, the steps on the way to a softmax that is written out, "max", "shifted",
        "exp", "sum_exp", "sum", "log_sum_exp", "complement"; and "negated" and "signed", minus one
        logit, and minus and plus it in two columns.
    logits : str or None
        The value that it was computed from, where the role says how; None where that value is
        inside an operator, or is none.
    axis : int or None
        The axis of the classes, as the operator states it; None where it states none.
    path : tuple of str
        The operators between the logits and this value, in order.
    binary : bool
        Whether probabilities come from the logistic function.
    pair : bool
        Whether the two columns are the probabilities 1 - p and p of one logit.
    flat : bool
        Whether a reduction left out the axis that it went over, and nothing put it back.
    raw : str or None
        The output of the node inside which the logits are.
    names : tuple of str or None
        Class names that an operator states.
    chosen : str or None
        The value whose largest element an ArgMax chose.
    """

    role: str
    logits: str | None = None
    axis: int | None = None
    path: tuple[str, ...] = ()
    binary: bool = False
    pair: bool = False
    flat: bool = False
    raw: str | None = None
    names: tuple[str, ...] | None = None
    chosen: str | None = None

    def after(self, operator: str, **changes: Any) -> Meaning:
        """Return the meaning that the result of a further operator has."""
        if len(self.path) >= _LONGEST_PATH:
            return Meaning("opaque")
        return replace(self, path=(*self.path, operator), **changes)


@dataclass(frozen=True)
class LossNode:
    """A loss operator of the graph.

    Attributes
    ----------
    value : str
        Its result.
    operator : str
        SoftmaxCrossEntropyLoss or NegativeLogLikelihoodLoss.
    logits : str or None
        What the softmax is taken of; None where a NegativeLogLikelihoodLoss has an operand that is
        no log-softmax.
    target : str
        The labels, as the operator takes them.
    weight : tuple of float or None
        Class weights.
    ignore_index : int or None
    reduction : str
        "mean", "sum" or "none".
    log_probabilities : str or None
        The second output, where there is one.
    unclear : str
        Why the options are not known; empty if they are.
    """

    value: str
    operator: str
    logits: str | None
    target: str
    weight: tuple[float, ...] | None
    ignore_index: int | None
    reduction: str
    log_probabilities: str | None
    unclear: str = ""


@dataclass
class Meanings:
    """The meanings of all values of a graph, the losses in it, and which inputs a value needs."""

    opset: int
    by_name: dict[str, Meaning] = field(default_factory=dict)
    losses: list[LossNode] = field(default_factory=list)
    needs: dict[str, frozenset[str]] = field(default_factory=dict)
    producers: dict[str, onnx.NodeProto] = field(default_factory=dict)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)
    dequantised: dict[str, str] = field(default_factory=dict)

    def of(self, value: str) -> Meaning:
        """Meaning of a value; what nothing before it computes is opaque."""
        return self.by_name.get(value, Meaning("opaque"))

    def exact_source(self, value: str) -> str:
        """Follow a value back through operators that change no number."""
        seen: set[str] = set()
        while value not in seen:
            seen.add(value)
            node = self.producers.get(value)
            exact = node is not None and node.op_type in EXACT | {"ZipMap"}
            if node is None or not exact or value != node.output[0]:
                break
            value = node.input[0]
        return value

    def real(self, value: str) -> str | None:
        """A value, or what it is dequantised to if it is integers; None if nothing is."""
        source = self.exact_source(value)
        node = self.producers.get(source)
        if node is None or not node.op_type.startswith(_INTEGERS):
            return value
        return self.dequantised.get(source)

    def identity(self, value: str) -> str:
        """What two values have in common if they hold the same numbers.

        Integers and what they are dequantised to are the same logits, and so are the scores of two
        classifier nodes of the same operands and parameters, whatever the nodes make of them.
        """
        source = self.exact_source(value)
        node = self.producers.get(source)
        if node is not None and node.op_type == "DequantizeLinear":
            source = self.exact_source(node.input[0])
            node = self.producers.get(source)
        if node is not None and node.op_type == "Gather" and len(node.input) == 2:
            column = self.constant(node.input[1])
            if column is not None and column.size == 1 and int(column.reshape(())) == 1:
                node = self.producers.get(node.input[0])
        if node is None or node.op_type not in CLASSIFIERS or source in node.output[:1]:
            return source
        parameters = [
            attribute.SerializeToString(deterministic=True)
            for attribute in node.attribute
            if attribute.name != "post_transform"
        ]
        text = b"".join([*(name.encode() + b" " for name in node.input), *sorted(parameters)])
        return f"{node.op_type} {sha256(text).hexdigest()}"

    def normalised(self, value: str) -> str | None:
        """Say that a value comes from a softmax or the like, naming the logits; else None."""
        meaning = self.of(value)
        if meaning.role not in NORMALISED | {"signed"}:
            return None
        kinds = {"log_probabilities": "log-probabilities", "derived": "computed from probabilities"}
        kinds["signed"] = "minus and plus one logit"
        front = ""
        if meaning.raw is not None:
            front = f"; the logits are inside the node that computes {meaning.raw!r}"
        elif meaning.logits is not None:
            front = f"; the logits in front are {meaning.logits!r}"
        what = kinds.get(meaning.role, "probabilities")
        return f"{value!r} is {what} already, by {', '.join(meaning.path)}{front}"

    def constant(self, value: str) -> NDArray[Any] | None:
        """Contents of a value that is stored in the file."""
        tensor = self.constants.get(value)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def scalar(self, value: str) -> float | None:
        """A stored number, if a value is one."""
        tensor = self.constants.get(value)
        if tensor is None or any(size != 1 for size in tensor.dims):
            return None
        array = numpy_helper.to_array(tensor)
        return float(array.reshape(())) if array.dtype.kind in "fiu" else None


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """All attributes of a node by name; texts are str, tensors and graphs stay what they are."""
    found: dict[str, Any] = {}
    for item in node.attribute:
        value = helper.get_attribute_value(item)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        found[item.name] = value
    return found


def names_of(labels: Sequence[Any] | NDArray[Any]) -> tuple[str, ...]:
    """Class labels as text."""
    return tuple(
        label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
        for label in labels
    )
