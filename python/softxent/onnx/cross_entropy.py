"""Cross-entropy of logits as nodes, by the rules of `softxent.cross_entropy`.

Every variant is one formula. With q_ic the coefficient of class c in row i,

    q_ic = w_c ((1 - e) y_ic + e / C),    loss_i = -sum_c q_ic log p_ic,

y being the one-hot form of a label or the probabilities given, w the class weights and e the label
smoothing. An ignored row has q = 0, and a coefficient 0 contributes 0 whatever the logit. A label
that is neither a class nor ignored makes its row NaN, because runtimes differ in what they do with
it: some raise, some read another class. With a focal_gamma the loss of a label t has the factor
(1 - p_it)^gamma besides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from softxent.onnx.graph import Graph
from softxent.onnx.options import Options

#: Label that the loss operator is told to ignore where the options name none.
_NO_CLASS = -1


@dataclass(frozen=True)
class Targets:
    """Names of the values that stand for the targets.

    `y` is (n, C): one-hot or probabilities, 0 in rows that do not count. `kept` and `wrong` are
    (n,) and boolean; None with probabilities, where every row counts.
    """

    y: str
    kept: str | None = None
    wrong: str | None = None


def targets(g: Graph, target: str, num_classes: int, options: Options) -> Targets:
    """Bring either kind of target into one form."""
    if options.target == "probabilities":
        return Targets(g.widened(target))
    kept, wrong = check_labels(g, target, num_classes, options.ignore_index)
    classes = g.integer(np.arange(num_classes))
    is_label = g.op("Equal", g.column(target), classes)
    one_hot = g.op("And", is_label, g.column(kept))
    return Targets(g.cast(one_hot, g.wide), kept, wrong)


def check_labels(
    g: Graph, target: str, num_classes: int, ignore_index: int | None
) -> tuple[str, str]:
    """Tell the labels that are classes to keep, and those that are neither class nor ignored."""
    negative = g.op("Less", target, g.integer(0))
    below_end = g.op("Less", target, g.integer(num_classes))
    is_class = g.op("And", g.op("Not", negative), below_end)
    if ignore_index is None:
        return is_class, g.op("Not", is_class)
    ignored = g.op("Equal", target, g.integer(ignore_index))
    kept = g.op("And", is_class, g.op("Not", ignored))
    return kept, g.op("Not", g.op("Or", is_class, ignored))


def coefficients(g: Graph, t: Targets, num_classes: int, options: Options) -> str:
    """q of the formula above, (n, C)."""
    smoothing, q = options.label_smoothing, t.y
    if smoothing:
        q = g.op("Mul", q, g.real(1.0 - smoothing))
        q = g.op("Add", q, g.real(smoothing / num_classes))
    if options.weight is not None:
        q = g.op("Mul", q, g.real(options.weight))
    if smoothing and t.kept is not None:
        q = g.op("Where", g.column(t.kept), q, g.real(0))
    return q


def row_losses(g: Graph, q: str, log_p: str) -> str:
    """-sum_c q_ic log p_ic, (n,); q may have one row for all."""
    zero = g.real(0)
    products = g.op("Where", g.op("Equal", q, zero), zero, g.op("Mul", q, log_p))
    return g.op("Neg", g.total(products, axis=1))


def divisor(g: Graph, t: Targets, options: Options) -> str:
    """What the mean divides by: the weights of the labels kept, or the number of rows."""
    if t.kept is None:
        rows = g.op("Gather", g.op("Shape", t.y), g.integer(0), axis=0)
        return g.cast(rows, g.wide)
    if options.weight is None:
        return g.total(g.cast(t.kept, g.wide))
    return g.total(g.op("Mul", t.y, g.real(options.weight)))


def nothing_kept(
    g: Graph, by: str, value: str, instead: float, t: Targets, options: Options
) -> str:
    """Put a number in the place of what was divided by 0, where all labels kept may weigh 0."""
    if t.kept is None or 0.0 not in (options.weight or ()):
        return value
    return g.op("Where", g.op("Equal", by, g.real(0)), g.real(instead), value)


def reduced(g: Graph, rows: str, t: Targets, options: Options) -> str:
    """Reduce the losses of the rows."""
    if t.wrong is not None:
        rows = g.op("Where", t.wrong, g.real(np.nan), rows)
    if options.reduction == "none":
        return rows
    if options.reduction == "sum":
        return g.total(rows)
    mean, by = g.total(rows), divisor(g, t, options)
    if options.label_smoothing:  # which may leave something to be divided by 0
        return nothing_kept(g, by, g.op("Div", mean, by), np.nan, t, options)
    return g.op("Div", mean, by)


def loss(g: Graph, logits: str, log_p: str, target: str, num_classes: int, options: Options) -> str:
    """Append the loss, with the loss operator unless `primitive` or probabilities forbid it.

    `logits` and `log_p` have the type of the losses.
    """
    if options.focal_gamma:
        return _focal(g, logits, log_p, target, num_classes, options)
    if options.primitive or options.target == "probabilities":
        t = targets(g, target, num_classes, options)
        q = coefficients(g, t, num_classes, options)
        return reduced(g, row_losses(g, q, log_p), t, options)
    if options.label_smoothing:
        return _smoothed_operator(g, logits, log_p, target, num_classes, options)
    kept, wrong = check_labels(g, target, num_classes, options.ignore_index)
    plain = _operator(g, logits, target, kept, options, options.reduction)
    if options.reduction != "none":
        number_wrong = g.total(g.cast(wrong, g.wide))
        wrong = g.op("Greater", number_wrong, g.real(0))
    return g.op("Where", wrong, g.real(np.nan), plain)


def _focal(
    g: Graph, logits: str, log_p: str, target: str, num_classes: int, options: Options
) -> str:
    """(1 - p)^gamma times the loss of the label, 1 - p being the sum of the other probabilities."""
    t = targets(g, target, num_classes, options)
    assert t.kept is not None
    if options.primitive:
        rows = row_losses(g, coefficients(g, t, num_classes, options), log_p)
    else:
        rows = _operator(g, logits, target, t.kept, options, "none")
    p = g.op("Softmax", logits, axis=-1)
    others = g.total(g.op("Mul", p, g.op("Sub", g.real(1), t.y)), axis=1)
    factor = g.op("Pow", others, g.real(options.focal_gamma))
    return reduced(g, g.op("Mul", factor, rows), t, options)


def _smoothed_operator(
    g: Graph, logits: str, log_p: str, target: str, num_classes: int, options: Options
) -> str:
    """(1 - e) times the operator's loss plus e times the loss of the uniform distribution."""
    smoothing = options.label_smoothing
    t = targets(g, target, num_classes, options)
    assert t.kept is not None
    weight = np.ones(num_classes) if options.weight is None else np.asarray(options.weight)
    uniform = g.real(smoothing / num_classes * weight[np.newaxis])
    rows = g.op("Where", t.kept, row_losses(g, uniform, log_p), g.real(0))
    if smoothing < 1.0:
        hard = _operator(g, logits, target, t.kept, options, "none")
        rows = g.op("Add", g.op("Mul", hard, g.real(1.0 - smoothing)), rows)
    return reduced(g, rows, t, options)


def _operator(
    g: Graph, logits: str, target: str, kept: str, options: Options, reduction: str
) -> str:
    """SoftmaxCrossEntropyLoss of the labels that are kept; the others are hidden from it."""
    attributes: dict[str, int | str] = {"reduction": reduction}
    counts, replacement = kept, 0
    if options.ignore_index is not None or 0.0 in (options.weight or ()):
        replacement = _NO_CLASS if options.ignore_index is None else options.ignore_index
        attributes["ignore_index"] = replacement
    if 0.0 in (options.weight or ()):
        counts = _and_weight_not_zero(g, target, kept, options)
    labels = g.op("Where", counts, target, g.integer(replacement))
    operands = [logits, labels]
    if options.weight is not None:
        operands.append(g.real(options.weight))
    return g.op("SoftmaxCrossEntropyLoss", *operands, **attributes)


def _and_weight_not_zero(g: Graph, target: str, kept: str, options: Options) -> str:
    """Leave out rows of weight 0, for which the operator would compute 0 * inf = NaN."""
    assert options.weight is not None
    safe = g.op("Where", kept, target, g.integer(0))
    not_zero = g.constant(np.asarray(options.weight) != 0, np.bool_)
    return g.op("And", kept, g.op("Gather", not_zero, safe, axis=0))
