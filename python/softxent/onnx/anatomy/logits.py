"""Which value of a graph the classes are decided by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import onnx

from softxent.onnx.anatomy.meaning import CLASSIFIERS, NORMALISED, PASSING, PLAIN, Meaning, Meanings
from softxent.onnx.anatomy.values import Shape, ValueType

#: What computes logits that no operator at the end of a graph shows to be such.
_PRESUMED = frozenset((
    "Gemm", "MatMul", "Conv", "Einsum", "BatchNormalization", "GlobalAveragePool", "AveragePool",
    "ReduceMean", "QGemm", "QLinearMatMul", "QLinearConv", "QLinearAdd", "QLinearMul",
    "MatMulInteger", "ConvInteger", "FusedMatMul", "FusedGemm", "FusedConv",
    "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "MatMulNBits", "QLinearGlobalAveragePool",
    "QLinearAveragePool",
))  # fmt: skip

#: What moves or scales such values: its first operand decides.
_MOVING = PASSING | {"Transpose", "Gather", "Slice", "Concat", "Add", "Sub", "Mul", "Div"}

#: Meanings of outputs that tell what they are computed from.
_TELLING = ("probabilities", "log_probabilities", "prediction", "label", "loss")

#: First operators of paths that make probabilities of logits.
_NORMALISING = ("Softmax", "LogSoftmax", "Sigmoid", "Exp", "ReduceLogSumExp")

_FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Logits:
    """The value that the classes are decided by.

    Attributes
    ----------
    name : str
        Its name. Where `raw` is given there is no such value yet: `softxent.onnx.exposing` adds it.
    kind : {"classes", "binary", "multilabel"}
        One logit per class; one logit, whose logistic function is the probability of the second of
        two classes; or a logistic function of each of several columns.
    axis : int or None
        The axis of the classes, from the front where the number of axes is known; None for one
        logit per sample.
    num_classes : int or None
        C; 2 for one logit; None where the graph does not say it.
    dtype : str
    shape : tuple of int, str or None, or None
    raw : str or None
        The scores after the transformation inside the operator that holds the logits.
    presumed : bool
        Whether only their place, as the one output or before an ArgMax, says that they are logits.
    """

    name: str
    kind: str
    axis: int | None
    num_classes: int | None
    dtype: str
    shape: Shape | None
    raw: str | None = None
    presumed: bool = False

    @property
    def origin(self) -> str:
        """The value of the graph that stands for the logits: themselves, or `raw`."""
        return self.raw or self.name

    def is_origin(self, value: str, found: Meanings) -> bool:
        """Whether a value holds the same numbers."""
        return found.identity(value) == found.identity(self.origin)


@dataclass(frozen=True)
class Search:
    """The logits; or why they are not known, what may be them, and the option that says it.

    `only` says that they are taken for logits because nothing else comes out of the graph.
    """

    logits: Logits | None
    reason: str = ""
    candidates: tuple[str, ...] = ()
    option: str | None = "logits"
    only: bool = False


def find_logits(
    model: onnx.ModelProto,
    found: Meanings,
    types: dict[str, ValueType],
    given: str | None,
    *,
    one_logit: bool = False,
) -> Search:
    """Find the logits of a graph; see `softxent.onnx.anatomy.anatomy` for `one_logit`.

    Raises
    ------
    ValueError
        If `given` is no value that can be the logits.
    """
    known = (found.of(output.name) for output in model.graph.output)
    ends = [meaning if meaning.role in _TELLING else Meaning("body") for meaning in known]
    if given is not None:
        _check_given(given, model, found)
        return Search(_described(given, ends, found, types))
    stated = _stated(ends, found)
    if len(stated) == 1:
        name, meaning = next(iter(stated.items()))
        shown = _shown(model, meaning, found)
        if meaning.raw is not None and shown is None:
            return Search(_inside(meaning, found, types, model))
        name = shown or name
        return Search(_described(name, ends, found, types))
    if stated:
        names = tuple(stated)
        reason = f"the outputs are computed from several values: {', '.join(names)}"
        return Search(None, reason, names)
    search = _presumed(model, ends, found, types)
    if search.logits is None or search.logits.kind != "binary" or one_logit or not search.only:
        return search
    name = search.logits.name
    reason = f"the output {name!r} is one number per sample, a logit or that of a regression"
    return Search(None, reason, (name,), search.option)


def _check_given(given: str, model: onnx.ModelProto, found: Meanings) -> None:
    if given not in found.producers:
        known = ", ".join(output.name for output in model.graph.output)
        raise ValueError(f"the graph computes no value {given!r}; its outputs are {known}")
    problem = found.normalised(given)
    if problem is not None:
        raise ValueError(f"logits: {problem}")
    real = found.real(given)
    if real != given:
        front = f"; it stands for {real!r}" if real is not None else ""
        raise ValueError(f"logits: {given!r} holds integers{front}")
    if found.of(given).role in ("prediction", "label", "loss"):
        raise ValueError(f"logits: {given!r} is a {found.of(given).role}, not logits")


def _stated(ends: list[Meaning], found: Meanings) -> dict[str, Meaning]:
    """The values that operators at the end of the graph are computed from, each once."""
    origins: dict[str, tuple[str, Meaning]] = {}
    losses = [Meaning("loss", loss.logits, 1) for loss in found.losses]
    for meaning in [*ends, *losses]:
        origin = meaning.raw or meaning.logits
        if origin is None or _chosen(meaning):
            continue
        key = found.identity(origin)
        if key not in origins or (origins[key][1].raw is not None and meaning.raw is None):
            origins[key] = origin, meaning
    return dict(origins.values())


def _shown(model: onnx.ModelProto, meaning: Meaning, found: Meanings) -> str | None:
    """An output that shows the logits inside an operator, by a second node without a softmax."""
    if meaning.raw is None:
        return None
    key = found.identity(meaning.raw)
    for output in model.graph.output:
        plain = found.of(output.name).role in PLAIN - {"signed"}
        if plain and found.identity(output.name) == key:
            return str(output.name)
    return None


def _chosen(meaning: Meaning) -> bool:
    """Whether a value is a class that was chosen, which does not say by what kind of number."""
    return meaning.role in ("prediction", "label") and meaning.path[0] not in _NORMALISING


def _described(
    name: str, ends: list[Meaning], found: Meanings, types: dict[str, ValueType]
) -> Logits:
    """Kind, axis and number of classes of logits, by what is computed from them."""
    kind = types.get(name, ValueType("", None))
    key = found.identity(name)
    losses = [Meaning("loss", loss.logits, 1) for loss in found.losses]
    uses = [
        meaning
        for meaning in [*ends, *losses]
        if (origin := meaning.raw or meaning.logits) is not None and found.identity(origin) == key
    ]
    rank = None if kind.shape is None else len(kind.shape)
    if any(meaning.binary for meaning in uses) or (not uses and _single(kind.shape)):
        return _binary(name, kind, uses)
    axis = next((meaning.axis for meaning in uses if meaning.axis is not None), None)
    if axis is None:
        axis = 1 if rank in (None, 2) else -1
    if rank is not None and -rank <= axis < rank:
        axis %= rank
    classes = _size(kind.shape, axis)
    if classes is None:
        classes = next((len(meaning.names) for meaning in uses if meaning.names), None)
    return Logits(name, "classes", axis, classes, kind.dtype, kind.shape)


def _single(shape: Shape | None) -> bool:
    """Whether a shape is that of one number per sample."""
    return shape is not None and (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))


def _binary(name: str, kind: ValueType, uses: list[Meaning]) -> Logits:
    shape = kind.shape
    if shape is not None and not _single(shape) and not any(meaning.pair for meaning in uses):
        columns = _size(shape, -1)
        if columns != 1:
            return Logits(name, "multilabel", len(shape) - 1, columns, kind.dtype, shape)
    return Logits(name, "binary", None, 2, kind.dtype, shape)


def _size(shape: Shape | None, axis: int) -> int | None:
    if shape is None or not -len(shape) <= axis < len(shape):
        return None
    size = shape[axis]
    return size if isinstance(size, int) else None


def _inside(
    meaning: Meaning, found: Meanings, types: dict[str, ValueType], model: onnx.ModelProto
) -> Logits:
    """Logits inside an operator of ai.onnx.ml, under the name that they will get."""
    assert meaning.raw is not None
    taken = set(found.by_name) | {value.name for value in model.graph.output}
    name = f"{meaning.raw}_logits"
    while name in taken:
        name += "_"
    shape = types.get(meaning.raw, ValueType("", None)).shape
    first = shape[0] if shape else None
    classes = len(meaning.names or ())
    if meaning.binary:
        return Logits(name, "binary", None, 2, "float32", (first, 1), meaning.raw)
    return Logits(name, "classes", 1, classes, "float32", (first, classes), meaning.raw)


def _presumed(
    model: onnx.ModelProto, ends: list[Meaning], found: Meanings, types: dict[str, ValueType]
) -> Search:
    """Take what an ArgMax chooses from, or the only output, if its operator can compute logits."""
    outputs = [output.name for output in model.graph.output]
    compared = {
        found.identity(origin): (origin, meaning)
        for meaning in ends
        if _chosen(meaning) and (origin := meaning.raw or meaning.logits) is not None
    }
    if len(compared) == 1:
        ((name, meaning),) = compared.values()
        if meaning.raw is not None:
            return Search(replace(_inside(meaning, found, types, model), presumed=True))
        if meaning.path[0] in CLASSIFIERS or _operator(name, found) in _PRESUMED:
            return Search(replace(_described(name, ends, found, types), presumed=True))
    for name, meaning in zip(outputs, ends, strict=True):
        if meaning.role == "probabilities":
            by = ", ".join(meaning.path)
            reason = f"the probabilities {name!r} are computed by {by}, from no logits"
            return Search(None, reason, option=None)
    floats = tuple(name for name in outputs if _may_be_logits(name, found, types))
    if len(floats) > 1:
        return Search(None, f"any of the outputs {', '.join(floats)} may be the logits", floats)
    # Where the graph itself chooses the class nobody has to say which value it is chosen from.
    roles = {found.of(name).role for name in outputs}
    option = None if roles & {"prediction", "label", "choice"} else "logits"
    if not floats:
        return Search(None, _nothing(outputs, found), option=option)
    (name,) = floats
    operator = _operator(name, found)
    if operator not in _PRESUMED:
        by = operator or "no node"
        reason = f"the output {name!r} is computed by {by}: is it the logits?"
        return Search(None, reason, floats, option)
    logits = replace(_described(name, [], found, types), presumed=True)
    return Search(logits, option=option, only=True)


def _may_be_logits(name: str, found: Meanings, types: dict[str, ValueType]) -> bool:
    """Whether a value has a floating type, an axis for samples, and is no probability."""
    kind = types.get(name, ValueType("", None))
    return kind.dtype in _FLOATS and kind.shape != () and found.of(name).role not in NORMALISED


def _nothing(outputs: list[str], found: Meanings) -> str:
    derived = [name for name in outputs if found.of(name).role == "derived"]
    if derived:
        by = found.of(derived[0]).path[-1]
        return f"the output {derived[0]!r} is computed from probabilities or a loss by {by}"
    return f"none of the outputs {', '.join(outputs)} holds floating numbers that may be logits"


def _operator(name: str, found: Meanings) -> str:
    """The operator that a value comes from, behind those that move, scale and add: a linear one.

    Of several operands one is enough; where none is, it is the operator of the first.
    """
    waiting, seen, first = [name], {name}, ""
    while waiting:
        node = found.producers.get(waiting.pop())
        if node is None:
            continue
        varying = [value for value in node.input if value and found.of(value).role != "constant"]
        if node.op_type not in _MOVING or not varying:
            if node.op_type in _PRESUMED:
                return str(node.op_type)
            first = first or str(node.op_type)
            continue
        several = node.op_type in ("Add", "Sub")
        for value in reversed(varying if several else varying[:1]):
            if value not in seen:
                seen.add(value)
                waiting.append(value)
    return first
