"""The public function `attach_loss`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from softxent._optional import require
from softxent.onnx.errors import ModelError
from softxent.onnx.options import OPSETS, Options

if TYPE_CHECKING:
    import onnx

    from softxent.onnx.graph import Graph

_FLOATS = ("float16", "float32", "float64")


def attach_loss(
    model_path: str | os.PathLike[str],
    logits_name: str,
    out_path: str | os.PathLike[str],
    *,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    primitive: bool = False,
    target: str = "index",
    num_classes: int | None = None,
    class_names: Sequence[str] | None = None,
) -> None:
    """Add the loss of `softxent.cross_entropy` to any ONNX graph that computes logits.

    The new file has the inputs and outputs of the old one, an input ``target``, and the outputs
    ``loss``, ``log_probabilities`` and, if it was no output before, the logits under their own
    name. Data that was outside the file is taken into it.

    Parameters
    ----------
    model_path : path-like
        The model, of opset 13 or newer.
    logits_name : str
        The value of the graph that holds the logits: an output or an intermediate value, (n, C).
    out_path : path-like
        The file to write.
    weight, ignore_index, label_smoothing, reduction, primitive, target
        As for `export`.
    num_classes : int, optional
        C, where the graph does not say it.
    class_names : sequence of str, optional
        Stored in the file.

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError, ValueError
        If an option is out of range, or there is no such value of that shape in the graph; before
        anything is written.
    ModelError
        If the model is damaged or unsafe to read.
    OSError
        If a file cannot be read or written.
    """
    require("onnx", "onnx", "softxent.onnx")
    from softxent.onnx.files import read_model, write_model

    model = read_model(model_path)
    opset = _opset(model)
    inferred = _inferred(model, model_path)
    dtype, batch, classes = _logits(inferred, model, logits_name, num_classes)
    options = Options(
        head="loss",
        opset=min(opset, OPSETS.stop - 1),
        dtype=dtype,
        primitive=primitive,
        weight=weight,  # type: ignore[arg-type]  # normalised to a tuple
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
        target=target,
    )
    options.check_classes(classes)
    _append(model, logits_name, batch, classes, options)
    _describe(model, logits_name, classes, options, class_names)
    write_model(model, out_path)


def _opset(model: onnx.ModelProto) -> int:
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    if not versions or versions[0] < OPSETS.start:
        given = versions[0] if versions else "none"
        raise ModelError(f"the model must have opset {OPSETS.start} or newer, got {given}")
    return versions[0]


def _inferred(model: onnx.ModelProto, path: str | os.PathLike[str]) -> onnx.GraphProto:
    """Return the graph of a model with the types and shapes that follow for its values."""
    from onnx import shape_inference

    try:
        return shape_inference.infer_shapes(model, data_prop=True).graph
    except shape_inference.InferenceError as error:
        raise ModelError(f"{os.fspath(path)}: onnx refuses the model: {error}") from error


def _logits(
    inferred: onnx.GraphProto, model: onnx.ModelProto, name: str, num_classes: int | None
) -> tuple[str, int | str, int]:
    """Type, batch dimension and number of classes of the logits."""
    from onnx import helper

    computed = {value for node in model.graph.node for value in node.output}
    if name not in computed:
        known = ", ".join(output.name for output in model.graph.output)
        raise ValueError(f"the graph computes no value {name!r}; its outputs are {known}")
    values = {v.name: v.type.tensor_type for v in [*inferred.value_info, *inferred.output]}
    if name not in values or not values[name].elem_type:
        raise ValueError(f"onnx cannot infer type and shape of {name!r}")
    dtype = helper.tensor_dtype_to_np_dtype(values[name].elem_type).name
    if dtype not in _FLOATS:
        raise ValueError(f"logits must be {', '.join(_FLOATS)}, but {name!r} is {dtype}")
    shape = values[name].shape.dim
    if values[name].HasField("shape") and len(shape) != 2:
        raise ValueError(f"logits must have shape (n, C), but {name!r} has {len(shape)} axes")
    stated = shape[1].dim_value if shape else 0
    if stated and num_classes not in (None, stated):
        raise ValueError(f"num_classes={num_classes}, but {name!r} has {stated} classes")
    if not stated and num_classes is None:
        raise ValueError(f"the graph does not say how many classes {name!r} has: give num_classes")
    if stated == 1 or num_classes == 1:
        raise ValueError(
            f"{name!r} has 1 class, of which the cross-entropy is always 0: it needs 2 or more"
        )
    batch = shape[0].dim_value or shape[0].dim_param if shape else ""
    return dtype, batch or "batch", stated or int(num_classes or 0)


def _append(
    model: onnx.ModelProto, logits: str, batch: int | str, classes: int, options: Options
) -> None:
    """Append the nodes of the loss to the graph of the model."""
    import numpy as np

    from softxent.onnx import cross_entropy
    from softxent.onnx.graph import Graph

    g = Graph(options.dtype, options.loss_dtype, taken=_names(model.graph))
    if options.target == "index":
        g.input("target", np.int64, (batch,))
    else:
        g.input("target", g.dtype, (batch, classes))
    x = g.widened(logits)
    log_p = g.op("LogSoftmax", x, axis=-1)
    loss = cross_entropy.loss(g, x, log_p, "target", classes, options)
    narrow = g.narrowed(log_p)
    g.output("loss", loss, g.wide, (batch,) if options.reduction == "none" else ())
    g.output("log_probabilities", narrow, g.dtype, (batch, classes))
    outputs = list(g.outputs)
    if logits not in {output.name for output in model.graph.output}:
        outputs.append(_value_info(g, logits, (batch, classes)))
    model.graph.node.extend(g.nodes)
    model.graph.initializer.extend(g.initializers)
    model.graph.input.extend(g.inputs)
    model.graph.output.extend(outputs)


def _value_info(g: Graph, name: str, shape: tuple[int | str, int]) -> onnx.ValueInfoProto:
    from onnx import helper

    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(g.dtype), shape)


def _names(graph: onnx.GraphProto) -> set[str]:
    values = {name for node in graph.node for name in [*node.input, *node.output]}
    return values | {i.name for i in graph.input} | {t.name for t in graph.initializer}


def _describe(
    model: onnx.ModelProto,
    logits: str,
    classes: int,
    options: Options,
    class_names: Sequence[str] | None,
) -> None:
    """Add our metadata to that of the model."""
    from onnx import helper

    from softxent.models import _checks
    from softxent.onnx.metadata import Metadata

    names = _checks.class_names(class_names, classes)
    props = {prop.key: prop.value for prop in model.metadata_props}
    props |= Metadata("attached", options, names, logits=logits).props()
    del model.metadata_props[:]
    helper.set_model_props(model, props)
