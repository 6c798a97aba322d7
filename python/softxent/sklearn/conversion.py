"""The converter of `MLPSoftmaxClassifier` for skl2onnx."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["register", "register_where_loaded"]

_ALIAS = "SoftxentMLPSoftmaxClassifier"
_OPERATORS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "identity": "Identity"}
_registered: list[str] = []
_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [True, False],
}


def register(classifier: type) -> None:
    """
    Register the converter of a class.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    """
    import skl2onnx

    skl2onnx.update_registered_converter(
        classifier,
        _ALIAS,
        _shapes,
        _convert,
        overwrite=True,
        options=_OPTIONS,
    )
    _registered.append(_ALIAS)


def register_where_loaded(classifier: type) -> None:
    """Register the converter of a class, once, if skl2onnx has been imported."""
    if "skl2onnx" in sys.modules and not _registered:
        register(classifier)


def _shapes(operator: Any) -> None:
    """Tell the types of the outputs, after a look at what no file can hold."""
    from skl2onnx.common import shape_calculator

    model = operator.raw_operator
    options = operator.scope_inst.get_options(model, {"nocl": False, "output_class_labels": False})
    _check_classes(model.classes_, options["nocl"], options["output_class_labels"])
    shape_calculator.calculate_linear_classifier_output_shapes(operator)


def _check_classes(classes: np.ndarray, indices: bool, listed: bool) -> None:
    """ValueError for classes beyond int64, and for those of which skl2onnx writes no list."""
    if classes.dtype.kind in "uf" and not indices:
        for label in classes.tolist():
            if not -(2**63) <= label < 2**63:
                raise ValueError(
                    f"class {label} is beyond int64, in which ONNX files hold numbers: train with "
                    "labels of text, or convert with the option nocl=True, which gives indices"
                )
    # skl2onnx writes the list itself, and of no other classes of scikit-learn's own classifiers.
    numbers, booleans = classes.dtype.kind in "biuf", classes.dtype.kind == "b"
    if not listed or classes.dtype in (np.int32, np.int64) or (booleans and indices):
        return
    if numbers:
        raise ValueError(
            "output_class_labels: skl2onnx lists classes of int32, int64 and text, got "
            f"{classes.dtype}: train with labels of one of these types"
        )
    if indices:
        raise ValueError(
            "output_class_labels: skl2onnx cannot list the indices of classes of text: leave out "
            "nocl or output_class_labels"
        )


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Write linear layers, softmax, and the label of the largest logit."""
    import onnx
    from skl2onnx.common.data_types import guess_proto_type

    model, proto = operator.raw_operator, onnx.TensorProto
    dtype = guess_proto_type(operator.inputs[0].type)
    if dtype != proto.DOUBLE:
        dtype = proto.FLOAT

    def node(kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        output = output or scope.get_unique_variable_name(kind.lower())
        name = scope.get_unique_operator_name(kind)
        container.add_node(kind, inputs, output, name=name, **attributes)
        return output

    def constant(name: str, kind: int, value: np.ndarray) -> str:
        name = scope.get_unique_variable_name(name)
        container.add_initializer(name, kind, value.shape, value.ravel().tolist())
        return name

    value = node("Cast", [operator.inputs[0].full_name], to=dtype, op_version=13)
    layers = list(zip(model.coefs_, model.intercepts_, strict=True))
    if model.n_outputs_ == 1:
        # Softmax of 0 and z is the sigmoid of -z and z.
        weight, bias = layers[-1]
        layers[-1] = np.pad(weight, ((0, 0), (1, 0))), np.pad(bias, (1, 0))
    for depth, (weight, bias) in enumerate(layers, 1):
        inputs = [value, constant("weight", dtype, weight), constant("bias", dtype, bias)]
        value = node("Gemm", inputs, op_version=13)
        if depth < len(layers):
            value = node(_OPERATORS[model.net_.layers.activation], [value])
    node("Softmax", [value], operator.outputs[1].full_name, axis=1, op_version=13)
    index = node("ArgMax", [value], axis=1, keepdims=0, op_version=13)
    if container.get_options(model, {"nocl": False})["nocl"]:
        classes = constant("classes", proto.INT64, np.arange(len(model.classes_)))
    elif model.classes_.dtype.kind in "biuf":
        classes = constant("classes", proto.INT64, model.classes_.astype(np.int64))
    else:
        text = np.array([str(label).encode() for label in model.classes_], object)
        classes = constant("classes", proto.STRING, text)
    node("Gather", [classes, index], operator.outputs[0].full_name, axis=0, op_version=13)
