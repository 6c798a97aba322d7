"""The parts of classifiers: logits, roles of outputs, losses, inputs, names of classes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from foreign_models import classifier
from softxent.onnx import ModelError
from softxent.onnx.anatomy import anatomy

FLOAT, INT64, INT32 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32

SCORES = helper.make_node("MatMul", ["x", "w"], ["z"])


def node(op_type: str, operands: str, results: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op_type, operands.split(), results.split(), **attributes)


def roles(model: onnx.ModelProto, **options: str) -> dict[str, str]:
    return {output.name: output.role for output in anatomy(model, **options).outputs}


@pytest.mark.parametrize(
    ("nodes", "role", "path"),
    [
        ([node("Softmax", "z", "out")], "probabilities", ("Softmax",)),
        ([node("LogSoftmax", "z", "out", axis=1)], "log_probabilities", ("LogSoftmax",)),
        ([node("Softmax", "z", "p"), node("Log", "p", "out")], "log_probabilities",
         ("Softmax", "Log")),
        ([node("Softmax", "z", "p"), node("Identity", "p", "q"), node("Cast", "q", "out", to=11)],
         "probabilities", ("Softmax", "Identity", "Cast")),
        ([node("Softmax", "z", "p"), node("ArgMax", "p", "out", axis=1)], "prediction",
         ("Softmax", "ArgMax")),
        ([node("ArgMax", "z", "out", axis=-1)], "prediction", ("ArgMax",)),
        ([node("Exp", "z", "e"), node("ReduceSum", "e one", "s"), node("Div", "e s", "out")],
         "probabilities", ("Exp", "ReduceSum", "Div")),
        ([node("ReduceMax", "z", "m", axes=[1]), node("Sub", "z m", "d"), node("Exp", "d", "e"),
          node("ReduceSum", "e one", "s"), node("Div", "e s", "out")],
         "probabilities", ("Exp", "ReduceSum", "Div")),
        ([node("ReduceLogSumExp", "z", "l", axes=[1]), node("Sub", "z l", "out")],
         "log_probabilities", ("ReduceLogSumExp", "Sub")),
    ],
)  # fmt: skip
def test_logits_are_the_operand_of_what_ends_the_graph(nodes, role, path):
    kind = INT64 if role == "prediction" else FLOAT
    one = {"one": np.array([1], np.int64)}
    found = anatomy(classifier([SCORES, *nodes], [("out", kind, None)], stored=one))
    assert found.logits is not None and not found.gaps
    assert (found.logits.name, found.logits.kind) == ("z", "classes")
    assert (found.logits.axis, found.logits.num_classes) == (1, 3)
    (output,) = found.outputs
    assert (output.role, output.path) == (role, path)


def test_the_only_output_is_the_logits_and_presumed():
    found = anatomy(classifier([SCORES], [("z", FLOAT, ("n", 3))]))
    assert found.logits.name == "z" and found.logits.presumed
    assert [output.role for output in found.outputs] == ["logits"]


def test_a_softmax_inside_the_graph_is_no_end_of_it():
    """Attention: a softmax whose result a product uses."""
    nodes = [
        node("MatMul", "x k", "s"), node("Softmax", "s", "a"), node("MatMul", "a v", "h"),
        node("MatMul", "h w", "z"), node("Softmax", "z", "p"),
    ]  # fmt: skip
    square = {name: np.eye(4, dtype=np.float32) for name in "kv"}
    found = anatomy(classifier(nodes, [("p", FLOAT, ("n", 3))], stored=square))
    assert found.logits.name == "z"
    found = anatomy(classifier(nodes[:-1], [("z", FLOAT, ("n", 3))], stored=square))
    assert found.logits.name == "z" and found.logits.presumed


@pytest.mark.parametrize("columns", [1, 3])
def test_a_sigmoid_of_one_column_is_binary_of_several_is_not(columns):
    weight = {"w": np.ones((4, columns), np.float32)}
    found = anatomy(
        classifier([SCORES, node("Sigmoid", "z", "p")], [("p", FLOAT, None)], stored=weight)
    )
    assert found.logits.kind == ("binary" if columns == 1 else "multilabel")
    assert found.logits.axis == (None if columns == 1 else 1)
    assert bool(found.gaps) == (columns > 1)


def test_both_probabilities_of_one_logit_are_a_pair():
    nodes = [
        SCORES, node("Sigmoid", "z", "p"), node("Sub", "one p", "q"),
        node("Concat", "q p", "both", axis=1), node("ArgMax", "both", "label", axis=1),
    ]  # fmt: skip
    stored = {"one": np.array(1, np.float32), "w": np.ones((4, 1), np.float32)}
    wanted = [("both", FLOAT, ("n", 2)), ("label", INT64, None)]
    found = anatomy(classifier(nodes, wanted, stored=stored))
    assert found.logits.kind == "binary" and found.logits.name == "z"
    assert [(o.role, o.pair) for o in found.outputs] == [
        ("probabilities", True),
        ("prediction", False),
    ]
    nodes[3].input[:] = ["p", "q"]  # the second column is now that of the first class
    assert anatomy(classifier(nodes, wanted, stored=stored)).logits is None


def test_the_only_output_of_one_column_may_be_a_regression():
    model = classifier([SCORES], [("z", FLOAT, ("n", 1))], stored={"w": np.ones((4, 1), "f4")})
    found = anatomy(model)
    assert found.logits is None and found.candidates == ("z",)
    assert found.gaps[0].option == "logits" and "regression" in found.gaps[0].what
    assert anatomy(model, logits="z").logits.kind == "binary"


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Softmax", "z", "p"), node("Mul", "p half", "out")],
        [node("Softmax", "z", "p"), node("Softmax", "p", "out")],
        [node("Softmax", "z", "p"), node("Softmax", "y", "q"), node("Mean", "p q", "out")],
        [node("Softmax", "z", "p"), node("Clip", "p", "out")],
        [node("Sigmoid", "z", "s"), node("Softmax", "s", "out")],
        [node("Tanh", "z", "out")],
        [node("Reciprocal", "z", "out")],
    ],
)
def test_results_of_unknown_meaning_are_not_taken_for_logits(nodes):
    nodes = [SCORES, node("MatMul", "x w", "y"), *nodes]
    stored = {"half": np.array(0.5, np.float32)}
    found = anatomy(classifier(nodes, [("out", FLOAT, ("n", 3))], stored=stored))
    assert found.logits is None and found.gaps[0].option == "logits"
    assert [output.role for output in found.outputs] == ["unknown"]
    assert found.outputs[0].why


def test_several_outputs_that_may_be_logits_are_listed():
    nodes = [SCORES, node("MatMul", "x w", "y")]
    model = classifier(nodes, [("z", FLOAT, ("n", 3)), ("y", FLOAT, ("n", 3))])
    found = anatomy(model)
    assert found.logits is None and found.candidates == ("z", "y")
    assert roles(model, logits="y") == {"z": "unknown", "y": "logits"}


def test_outputs_of_two_heads_are_told_apart():
    nodes = [
        SCORES,
        node("MatMul", "x w", "y"),
        node("Softmax", "z", "p"),
        node("Softmax", "y", "q"),
    ]
    model = classifier(nodes, [("p", FLOAT, None), ("q", FLOAT, None)])
    assert anatomy(model).candidates == ("z", "y")
    assert roles(model, logits="z") == {"p": "probabilities", "q": "unknown"}


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("p", r"'p' is probabilities already, by Softmax; the logits in front are 'z'"),
        ("q", r"'q' is probabilities already, by Softmax, Reshape; the logits in front are 'z'"),
        ("half", "'half' is computed from probabilities already"),
        ("label", "'label' is a prediction"),
        ("nothing", "computes no value 'nothing'; its outputs are q, half"),
        ("x", "computes no value 'x'"),
    ],
)
def test_probabilities_given_for_logits_are_refused(name, match):
    nodes = [
        SCORES, node("Softmax", "z", "p"), node("Reshape", "p shape", "q"),
        node("ArgMax", "p", "label", axis=1), node("Mul", "p p", "half"),
    ]  # fmt: skip
    stored = {"shape": np.array([-1, 3], np.int64)}
    wanted = [("q", FLOAT, None), ("half", FLOAT, None), ("label", INT64, None)]
    with pytest.raises(ValueError, match=match):
        anatomy(classifier(nodes, wanted, stored=stored), logits=name)


@pytest.mark.parametrize("kind", [INT32, INT64])
@pytest.mark.parametrize("options", [{}, {"reduction": "none", "ignore_index": 7}], ids=str)
def test_losses_are_found_with_their_options(options, kind):
    nodes = [SCORES, node("SoftmaxCrossEntropyLoss", "z t weight", "loss log_p", **options)]
    model = classifier(
        nodes,
        [("loss", FLOAT, None), ("log_p", FLOAT, None)],
        inputs=[("x", FLOAT, ("n", 4)), ("t", kind, ("n",))],
        stored={"weight": np.array([1, 2, 0.5], np.float32)},
    )
    found = anatomy(model)
    assert roles(model) == {"loss": "loss", "log_p": "log_probabilities"}
    (loss,) = found.losses
    assert (loss.logits, loss.target, loss.log_probabilities) == ("z", "t", "log_p")
    assert loss.weight == (1, 2, 0.5)
    assert loss.reduction == options.get("reduction", "mean")
    assert loss.ignore_index == options.get("ignore_index")
    assert found.features.name == "x" and found.target.name == "t"
    assert found.target.dtype == ("int32" if kind == INT32 else "int64")


def test_a_likelihood_loss_is_one_of_the_logits():
    nodes = [
        SCORES, node("LogSoftmax", "z", "l", axis=1), node("Cast", "t", "labels", to=INT64),
        node("NegativeLogLikelihoodLoss", "l labels", "loss"),
    ]  # fmt: skip
    inputs = [("x", FLOAT, ("n", 4)), ("t", INT32, ("n",))]
    found = anatomy(classifier(nodes, [("loss", FLOAT, None)], inputs=inputs))
    assert found.logits.name == "z" and found.losses[0].logits == "z"
    assert found.target.name == "t" and not found.gaps


def test_a_loss_of_probabilities_is_not_understood():
    nodes = [SCORES, node("Softmax", "z", "p"), node("SoftmaxCrossEntropyLoss", "p t", "loss")]
    inputs = [("x", FLOAT, ("n", 4)), ("t", INT64, ("n",))]
    found = anatomy(classifier(nodes, [("loss", FLOAT, None)], inputs=inputs))
    assert found.outputs[0].role == "unknown"
    assert any("'loss'" in gap.what for gap in found.gaps)


def test_weights_that_are_computed_are_a_gap():
    nodes = [SCORES, node("SoftmaxCrossEntropyLoss", "z t v", "loss")]
    inputs = [("x", FLOAT, ("n", 4)), ("t", INT64, ("n",)), ("v", FLOAT, (3,))]
    found = anatomy(classifier(nodes, [("loss", FLOAT, None)], inputs=inputs))
    assert "class weights 'v' are computed" in found.gaps[0].what


def test_inputs_are_told_apart():
    nodes = [node("Mul", "x scale", "s"), node("MatMul", "s w", "z")]
    inputs = [("x", FLOAT, (8, 4)), ("scale", FLOAT, ()), ("unused", FLOAT, (2,))]
    model = classifier(nodes, [("z", FLOAT, (8, 3))], inputs=inputs)
    found = anatomy(model)
    assert found.features is None and found.gaps[0].option == "features"
    found = anatomy(model, features="x")
    assert [item.role for item in found.inputs] == ["features", "other", "other"]
    assert found.features.batch == 8 and found.inputs[1].shape == ()
    assert [gap.option for gap in found.gaps] == ["inputs"]
    with pytest.raises(ValueError, match="no input 'y', but x, scale, unused"):
        anatomy(model, features="y")


def test_single_columns_as_inputs_are_recognised():
    inputs = [(name, FLOAT, ("n", 1)) for name in "abcd"]
    nodes = [node("Concat", "a b c d", "x", axis=1), SCORES]
    found = anatomy(classifier(nodes, [("z", FLOAT, ("n", 3))], inputs=inputs))
    assert [item.name for item in found.columns] == list("abcd") and not found.gaps


def test_initializers_listed_as_inputs_are_none():
    inputs = [("x", FLOAT, ("n", 4)), ("w", FLOAT, (4, 3))]
    found = anatomy(classifier([SCORES], [("z", FLOAT, ("n", 3))], inputs=inputs, ir_version=3))
    assert [item.name for item in found.inputs] == ["x"] and found.features is not None


def test_an_old_softmax_has_the_default_axis_1():
    model = classifier([SCORES, node("Softmax", "z", "p")], [("p", FLOAT, ("n", 3))], opset=11)
    assert anatomy(model).logits.axis == 1


def test_an_argmax_over_another_axis_is_no_prediction():
    nodes = [SCORES, node("Softmax", "z", "p", axis=1), node("ArgMax", "p", "label", axis=0)]
    assert roles(classifier(nodes, [("label", INT64, None)])) == {"label": "unknown"}


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "not shown"])
def test_quantised_logits_are_what_they_are_dequantised_to(shown):
    """A softmax of the integers themselves would be another distribution."""
    nodes = [SCORES, node("QuantizeLinear", "z scale zero", "q")]
    nodes += [node("ArgMax", "q", "label", axis=1)]
    nodes += [node("QLinearSoftmax", "q scale zero unit zero", "s", domain="com.microsoft")]
    nodes += [node("DequantizeLinear", "s unit zero", "p")]
    nodes += [node("DequantizeLinear", "q scale zero", "d")] * shown
    stored = {"scale": np.array(0.1, np.float32), "unit": np.array(1 / 255, np.float32)}
    stored["zero"] = np.array(0, np.uint8)
    wanted = [("p", FLOAT, ("n", 3)), ("label", INT64, ("n", 1))]
    model = classifier(nodes, wanted, stored=stored, domains={"com.microsoft": 1})
    found = anatomy(model)
    assert (found.logits.name if shown else found.logits) == ("d" if shown else None)
    assert roles(model) == {"p": "probabilities", "label": "prediction"}
    with pytest.raises(ValueError, match="'q' holds integers" + "; it stands for 'd'" * shown):
        anatomy(model, logits="q")


def test_names_of_classes_come_from_a_table_of_labels():
    table = np.array(["ant", "bee", "cow"], dtype=object)
    nodes = [SCORES, node("ArgMax", "z", "i", axis=1, keepdims=0)]
    nodes.append(node("ArrayFeatureExtractor", "names i", "label", domain="ai.onnx.ml"))
    model = classifier(
        nodes, [("label", TensorProto.STRING, None)], stored={"names": table},
        domains={"ai.onnx.ml": 3},
    )  # fmt: skip
    found = anatomy(model)
    assert found.class_names == ("ant", "bee", "cow")
    assert found.outputs[0].role == "label"


def test_a_graph_inside_a_node_or_an_unknown_operator_may_hold_anything():
    domains = {"custom": 1}
    model = classifier(
        [node("Secret", "x w", "z", domain="custom")], [("z", FLOAT, ("n", 3))], domains=domains
    )
    found = anatomy(model)
    assert found.logits is None and found.candidates == ("z",)
    assert anatomy(model, logits="z").logits.name == "z"


def test_broken_graphs_do_not_hang_or_crash():
    cyclic = classifier(
        [node("Identity", "a", "b"), node("Identity", "b", "a"), node("Softmax", "a", "p")],
        [("p", FLOAT, ("n", 3))],
    )
    assert anatomy(cyclic).features is None
    deep = [node("Identity", "x" if i == 0 else f"v{i - 1}", f"v{i}") for i in range(20_000)]
    found = anatomy(classifier([*deep, node("Softmax", "v19999", "p")], [("p", FLOAT, None)]))
    assert found.logits.name == "v19999"
    after = [node("Softmax", "x", "v0")]
    after += [node("Identity", f"v{i}", f"v{i + 1}") for i in range(20_000)]
    assert anatomy(classifier(after, [("v20000", FLOAT, ("n", 4))])).logits is None
    twice = classifier([SCORES, node("Relu", "z", "z")], [("z", FLOAT, None)])
    with pytest.raises(ModelError, match="'z' is computed twice"):
        anatomy(twice)
    nothing = classifier([helper.make_node("Softmax", [], ["p"])], [("p", FLOAT, None)])
    with pytest.raises(ModelError, match="onnx refuses"):
        anatomy(nothing)
