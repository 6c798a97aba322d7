"""Files of any origin: element types, functions, graphs inside nodes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from foreign_models import classifier, outputs
from softxent.onnx import ModelError
from softxent.onnx.anatomy import anatomy
from softxent.onnx.foreign import read_foreign

FLOAT = TensorProto.FLOAT
SCORES = helper.make_node("MatMul", ["x", "w"], ["z"])
SMALL = ["INT8", "UINT8", "INT16", "UINT16", "UINT32", "UINT64", "BFLOAT16", "INT4", "UINT4"]
SMALL += ["FLOAT8E4M3FN", "FLOAT8E5M2", "FLOAT4E2M1", "INT2"]


def saved(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def tensor(kind: str, raw: bool, size: int = 5) -> onnx.TensorProto:
    """A stored tensor of an odd number of small values."""
    code = TensorProto.DataType.Value(kind)
    values = np.ones(size, np.float32).astype(helper.tensor_dtype_to_np_dtype(code))
    stored = numpy_helper.from_array(values, "extra")
    if not raw:
        stored = helper.make_tensor("extra", code, [size], values)
    return stored


def with_tensor(stored: onnx.TensorProto) -> onnx.ModelProto:
    model = classifier([SCORES], [("z", FLOAT, ("n", 3))], ir_version=11)
    model.graph.initializer.append(stored)
    return model


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "field"])
@pytest.mark.parametrize("kind", SMALL)
def test_element_types_of_classifiers_are_read_and_measured(kind, raw, tmp_path):
    stored = tensor(kind, raw)
    read_foreign(saved(with_tensor(stored), tmp_path / "model.onnx"))
    stored.dims[0] = 9
    with pytest.raises(ModelError, match=r"'extra' of shape \(9,\) should hold"):
        read_foreign(saved(with_tensor(stored), tmp_path / "model.onnx"))


@pytest.mark.parametrize("kind", ["INT8", "INT4", "BFLOAT16"])
def test_external_data_of_small_types_is_read(kind, tmp_path):
    stored = tensor(kind, True)
    data = stored.raw_data
    (tmp_path / "data").write_bytes(data)
    stored.ClearField("raw_data")
    stored.data_location = TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="data")
    model = read_foreign(saved(with_tensor(stored), tmp_path / "model.onnx"))
    assert model.graph.initializer[1].raw_data == data
    (tmp_path / "data").write_bytes(data[:-1])
    with pytest.raises(ModelError, match=f"needs {len(data)} bytes of external data"):
        read_foreign(tmp_path / "model.onnx")


def test_texts_have_no_raw_data(tmp_path):
    stored = helper.make_tensor("extra", TensorProto.STRING, [2], [b"a", b"b"])
    read_foreign(saved(with_tensor(stored), tmp_path / "model.onnx"))
    stored.raw_data = b"ab"
    with pytest.raises(ModelError, match="STRING, which is no raw data"):
        read_foreign(saved(with_tensor(stored), tmp_path / "model.onnx"))


def function(name: str, called: str, times: int = 1) -> onnx.FunctionProto:
    """A function of one operand that calls another operator, one or more times."""
    domain = "" if called in ("Softmax", "Identity") else "mine"
    names = ["a", *(f"v{i}" for i in range(times - 1)), "b"]
    nodes = [
        helper.make_node(called, [names[i]], [names[i + 1]], domain=domain) for i in range(times)
    ]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    return helper.make_function("mine", name, ["a"], ["b"], nodes, opsets)


def calling(*functions: onnx.FunctionProto) -> onnx.ModelProto:
    call = helper.make_node(functions[0].name, ["z"], ["p"], domain="mine")
    model = classifier([SCORES, call], [("p", FLOAT, ("n", 3))], domains={"mine": 1})
    model.functions.extend(functions)
    return model


def test_functions_are_taken_apart(tmp_path):
    model = calling(function("Outer", "Inner"), function("Inner", "Softmax"))
    read = read_foreign(saved(model, tmp_path / "model.onnx"))
    assert not read.functions
    assert [output.role for output in anatomy(read).outputs] == ["probabilities"]
    x = np.ones((2, 4), np.float32)
    assert (outputs(read, x=x)["p"] == outputs(model, x=x)["p"]).all()


def test_functions_that_never_end_or_explode_are_refused(tmp_path):
    circle = calling(function("A", "B"), function("B", "A"))
    with pytest.raises(ModelError, match="functions A, B of the model call each other"):
        read_foreign(saved(circle, tmp_path / "model.onnx"))
    chain = [function(f"F{i}", f"F{i + 1}", 4) for i in range(20)]
    with pytest.raises(ModelError, match=f"make {4**20 + 1} nodes"):
        read_foreign(saved(calling(*chain, function("F20", "Identity")), tmp_path / "model.onnx"))


def test_nodes_out_of_order_are_sorted(tmp_path, rng):
    """As onnxruntime's converter to float16 leaves them."""
    nodes = [helper.make_node("Softmax", ["b"], ["p"]), helper.make_node("Neg", ["a"], ["b"])]
    nodes += [helper.make_node("Relu", ["z"], ["a"]), SCORES]
    model = classifier(nodes, [("p", FLOAT, ("n", 3))])
    read = read_foreign(saved(model, tmp_path / "model.onnx"))
    assert [node.op_type for node in read.graph.node] == ["MatMul", "Relu", "Neg", "Softmax"]
    assert anatomy(read).logits.name == "b"
    x = rng.standard_normal((2, 4)).astype(np.float32)
    assert (outputs(read, x=x)["p"] == outputs(model, x=x)["p"]).all()
    model.graph.node[3].input[0] = "b"
    with pytest.raises(ModelError, match="cyclic or out of order"):
        read_foreign(saved(model, tmp_path / "model.onnx"))


def test_graphs_inside_nodes_are_not_understood_but_read(tmp_path):
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(operator, ["z"], [name])],
            name,
            [],
            [helper.make_tensor_value_info(name, FLOAT, ("n", 3))],
        )
        for name, operator in (("then", "Softmax"), ("else", "Identity"))
    }
    nodes = [SCORES, helper.make_node("If", ["condition"], ["out"], **branches)]
    model = classifier(nodes, [("out", FLOAT, ("n", 3))], stored={"condition": np.array(True)})
    found = anatomy(read_foreign(saved(model, tmp_path / "model.onnx")))
    assert found.logits is None and found.gaps[0].option == "logits"


def test_damage_is_refused(tmp_path, rng):
    whole = calling(function("Outer", "Softmax")).SerializeToString()
    path = tmp_path / "model.onnx"
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 5)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            anatomy(read_foreign(path))
        except ModelError:
            continue
