"""``softxent predict`` with classifiers of other origin, and its exit status 3."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import softxent
from foreign_models import classifier, from_sklearn, from_torch, iris, residual_net
from softxent import models
from softxent.cli import main
from softxent.cli._names import Names

FLOAT = TensorProto.FLOAT
SCORES = helper.make_node("MatMul", ["x", "w"], ["z"])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Four features without a header."""
    path = tmp_path / "x.csv"
    np.savetxt(path, np.random.default_rng(0).standard_normal((5, 4)), delimiter=",")
    return path


def saved(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def predicted(capsys: pytest.CaptureFixture[str], *argv: object) -> dict:
    """Run predict with --json; it must succeed."""
    capsys.readouterr()
    status = main(["predict", *map(str, argv), "--json"])
    out, err = capsys.readouterr()
    assert status == 0, out + err
    return json.loads(out)


def refused(capsys: pytest.CaptureFixture[str], status: int, *argv: object) -> str:
    """Run predict; it must end with this status and one line on stderr, which is returned."""
    capsys.readouterr()
    assert main(["predict", *map(str, argv)]) == status
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1
    return err


def test_a_net_of_three_layers_and_normalisation(table, tmp_path, capsys):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    net = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 3)
    ).eval()
    X = np.loadtxt(table, delimiter=",").astype(np.float32)
    path = from_torch(net, tmp_path / "net.onnx", torch.from_numpy(X), dynamo=False)
    got = predicted(capsys, path, "--data", table)
    expected = torch.softmax(net(torch.from_numpy(X)), 1).detach().numpy()
    np.testing.assert_allclose(got["probabilities"], expected, atol=1e-5)
    assert got["predictions"] == [str(label) for label in expected.argmax(axis=1)]
    capsys.readouterr()
    assert main(["predict", str(path), "--data", str(table)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("prediction,p(0),p(1),p(2)\n") and out.count("\n") == 6
    assert "is taken for the logits" in err


def test_flat_images_for_a_convolutional_net_of_a_fixed_batch(tmp_path, capsys):
    torch = pytest.importorskip("torch")
    net, images = residual_net(), np.random.default_rng(0).integers(0, 255, (5, 6, 6), np.uint8)
    np.save(tmp_path / "images.npy", images)
    sample = torch.zeros(2, 1, 6, 6)
    path = from_torch(net, tmp_path / "net.onnx", sample, dynamo=False, free_batch=False)
    got = predicted(capsys, path, "--data", tmp_path / "images.npy")
    scaled = torch.from_numpy(images[:, None].astype(np.float32) / 255)
    expected = torch.softmax(net(scaled), 1).detach().numpy()
    np.testing.assert_allclose(got["probabilities"], expected, atol=1e-5)


def test_whole_numbers_are_not_scaled_for_a_model_that_takes_them(tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 255, (5, 2, 2), np.uint8)
    np.save(tmp_path / "images.npy", images)
    nodes = [helper.make_node("Cast", ["u"], ["f"], to=FLOAT)]
    nodes += [helper.make_node("Flatten", ["f"], ["x"]), SCORES]
    inputs = [("u", TensorProto.UINT8, ("n", 1, 2, 2))]
    model = classifier(nodes, [("z", FLOAT, ("n", 3))], inputs=inputs)
    got = predicted(capsys, saved(model, tmp_path / "m.onnx"), "--data", tmp_path / "images.npy")
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0])
    expected = softxent.softmax(images.reshape(5, 4).astype(np.float32) @ weight)
    np.testing.assert_allclose(got["probabilities"], expected, rtol=1e-4)


def test_names_of_classes_are_those_of_the_model(tmp_path, capsys):
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = iris()
    estimator = linear.LogisticRegression(max_iter=500)
    path = saved(from_sklearn(estimator, X, y), tmp_path / "iris.onnx")
    lines = [",".join([*map(str, row), name]) for row, name in zip(X[40:60], y[40:60], strict=True)]
    (tmp_path / "two.csv").write_text("a,b,c,d,kind\n" + "\n".join(lines) + "\n")
    got = predicted(capsys, path, "--data", tmp_path / "two.csv", "--labels", "kind")
    assert got["predictions"] == estimator.predict(X[40:60]).tolist()
    assert got["accuracy"] == estimator.score(X[40:60], y[40:60])


def test_scores_without_probabilities_are_explained(tmp_path, capsys):
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = iris()
    path = saved(from_sklearn(linear.RidgeClassifier(), X, y), tmp_path / "m.onnx")
    np.savetxt(tmp_path / "x.csv", X[:3], delimiter=",")
    assert main(["predict", str(path), "--data", str(tmp_path / "x.csv")]) == 0
    out, err = capsys.readouterr()
    assert out == "prediction\n" + "setosa\n" * 3
    assert "no probabilities; --logits " in err


def test_names_of_a_file_are_found_in_its_graph(tmp_path):
    """What verify looks labels up in."""
    linear = pytest.importorskip("sklearn.linear_model")
    model = from_sklearn(linear.LogisticRegression(max_iter=500), *iris())
    names = Names.of_file(str(saved(model, tmp_path / "iris.onnx")))
    assert names.classes == ("setosa", "versicolor", "virginica") and names.features is None


def test_columns_as_inputs_are_matched_by_name(tmp_path, capsys):
    names = ["age", "height", "weight", "shoe"]
    inputs = [(name, FLOAT, ("n", 1)) for name in names]
    nodes = [helper.make_node("Concat", names, ["x"], axis=1), SCORES]
    path = saved(classifier(nodes, [("z", FLOAT, ("n", 3))], inputs=inputs), tmp_path / "m.onnx")
    X = np.random.default_rng(0).standard_normal((5, 4))
    got = []
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        table = tmp_path / "t.csv"
        header = ",".join(names[i] for i in order)
        np.savetxt(table, X[:, order], delimiter=",", header=header, comments="")
        got.append(predicted(capsys, path, "--data", table)["probabilities"])
    assert got[0] == got[1]


def test_further_inputs_come_from_files(table, tmp_path, capsys):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"])]
    nodes += [helper.make_node("Mul", ["a", "scale"], ["b"])]
    nodes += [helper.make_node("Add", ["b", "shift"], ["z"])]
    inputs = [("x", FLOAT, ("n", 4)), ("scale", FLOAT, ()), ("shift", FLOAT, ("n", 3))]
    path = saved(classifier(nodes, [("z", FLOAT, ("n", 3))], inputs=inputs), tmp_path / "m.onnx")
    np.save(tmp_path / "scale.npy", np.array(2.0))
    np.savetxt(tmp_path / "shift.csv", np.ones((5, 3)) * [0, 10, 0], delimiter=",")
    argv = (path, "--data", table, "--input", f"scale={tmp_path / 'scale.npy'}")
    message = refused(capsys, 3, *argv)
    assert "inputs x, shift" in message and "--input must give the others" in message
    got = predicted(capsys, *argv, "--input", f"shift={tmp_path / 'shift.csv'}")
    assert got["predictions"].count("1") >= 4
    assert "NAME=FILE" in refused(capsys, 2, *argv, "--input", "shift")
    missing = refused(capsys, 2, *argv, "--input", f"shift={tmp_path / 'none.npy'}")
    assert "none.npy: No such file" in missing


def test_what_is_missing_is_said_with_its_option_and_status_3(table, tmp_path, capsys):
    nodes = [SCORES, helper.make_node("MatMul", ["x", "w"], ["y"])]
    wanted = [("z", FLOAT, ("n", 3)), ("y", FLOAT, ("n", 3))]
    path = saved(classifier(nodes, wanted), tmp_path / "two.onnx")
    message = refused(capsys, 3, path, "--data", table)
    assert "--logits z or --logits y says which value" in message
    assert predicted(capsys, path, "--data", table, "--logits", "y")["samples"] == 5
    capsys.readouterr()
    assert main(["predict", str(path), "--data", str(table), "--json"]) == 3
    assert "--logits z" in json.dumps(json.loads(capsys.readouterr().out))


def test_given_probabilities_are_taken(table, tmp_path, capsys):
    nodes = [SCORES, helper.make_node("Softmax", ["z"], ["p"])]
    nodes.append(helper.make_node("Clip", ["p", "low", "high"], ["out"]))
    stored = {"low": np.array(0, np.float32), "high": np.array(1, np.float32)}
    path = saved(classifier(nodes, [("out", FLOAT, ("n", 3))], stored=stored), tmp_path / "m.onnx")
    assert "computed from probabilities" in refused(capsys, 3, path, "--data", table)
    got = predicted(capsys, path, "--data", table, "--probabilities", "out")
    np.testing.assert_allclose(np.sum(got["probabilities"], axis=1), 1, rtol=1e-6)


def test_classes_without_probabilities(table, tmp_path, capsys):
    nodes = [SCORES, helper.make_node("Softmax", ["z"], ["p"])]
    nodes.append(helper.make_node("Mul", ["p", "weight"], ["q"]))
    nodes.append(helper.make_node("ArgMax", ["q"], ["class"], axis=1, keepdims=0))
    stored = {"weight": np.array([1, 2, 3], np.float32)}
    model = classifier(nodes, [("class", TensorProto.INT64, ("n",))], stored=stored)
    path = saved(model, tmp_path / "m.onnx")
    got = predicted(capsys, path, "--data", table)
    assert got["probabilities"] is None and len(got["predictions"]) == 5
    for ending in ("csv", "npz"):
        out = tmp_path / f"p.{ending}"
        predicted(capsys, path, "--data", table, "--out", out)
    assert (tmp_path / "p.csv").read_text().splitlines()[0] == "prediction"
    with np.load(tmp_path / "p.npz") as arrays:
        assert sorted(arrays) == ["class_names", "prediction"]


def test_options_for_other_origins_do_not_go_with_nets(table, tmp_path, capsys):
    models.NeuralNet2(4, 3, 3, seed=0).save(tmp_path / "n.npz")
    message = refused(capsys, 2, tmp_path / "n.npz", "--data", table, "--logits", "z")
    assert "--logits goes with an .onnx file" in message


def test_damaged_files_have_status_2(table, tmp_path, capsys):
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    assert "not an ONNX file" in refused(capsys, 2, tmp_path / "m.onnx", "--data", table)
