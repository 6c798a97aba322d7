"""Networks of any depth through the command line, from training to predictions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from softxent import data, models
from softxent.cli import main

pytest.importorskip("onnxruntime")

FAST = ("--data", "breast-cancer", "--epochs", "4", "--optimizer", "adam", "--json")


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    status = main([str(word) for word in argv])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize(
    ("options", "kind", "layers"),
    [
        ((), "NeuralNet1", "30-64-1"),
        (("--hidden", "8"), "NeuralNet1", "30-8-1"),
        (("--hidden", "8", "--net", "2"), "NeuralNet2", "30-8-2"),
        (("--hidden", "8,6"), "MLP", "30-8-6-1"),
        (("--hidden", "8,6", "--net", "2"), "MLP", "30-8-6-2"),
        (("--hidden", "8", "--activation", "tanh"), "MLP", "30-8-1, tanh"),
        (("--hidden", "8", "--no-bias"), "MLP", "30-8-1, no biases"),
        (("--hidden", "0"), "MLP", "30-1"),
        (("--hidden", "none", "--net", "2", "--no-bias"), "MLP", "30-2, no biases"),
    ],
)
def test_a_net_is_trained_exported_verified_and_predicts(options, kind, layers, tmp_path, capsys):
    net, model, table = (tmp_path / name for name in ("net.npz", "net.onnx", "out.csv"))
    status, out, _ = run(capsys, "train", *FAST, *options, "--out", net)
    assert status == 0
    result = json.loads(out)
    assert (result["net"], result["layers"]) == (kind, layers)
    assert result["test_accuracy"] > 0.85
    trained = models.load(net)
    assert type(trained).__name__ == kind

    for head in ("probabilities", "loss", "train_step"):
        assert run(capsys, "export", net, "--head", head, "--out", model)[0] == 0
        argv = ("verify", model, "--data", "breast-cancer", "--reference", net, "--stress")
        status, out, err = run(capsys, *argv)
        assert status == 0, out + err

    assert run(capsys, "export", net, "--out", model)[0] == 0
    argv = ("predict", model, "--data", "breast-cancer", "--out", table)
    assert run(capsys, *argv)[0] == 0
    cancer = data.load_breast_cancer()
    expected = [cancer.class_names[label] for label in trained.predict(cancer.X)]
    with table.open(newline="") as stream:
        assert [row["prediction"] for row in csv.DictReader(stream)] == expected


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--hidden", "8,0"), "--hidden: expected sizes such as 64 or 64,32, or 0 for no"),
        (("--hidden", "8,"), "--hidden: expected sizes such as"),
        (("--hidden", "-3"), "--hidden: expected sizes such as"),
        (("--hidden", "many"), "got 'many'"),
        (("--activation", "gelu"), "--activation: invalid choice: 'gelu'"),
        (("--data", "digits", "--net", "1"), "--net 1 is for two classes"),
    ],
)
def test_bad_layers_are_refused_before_anything_is_written(options, says, tmp_path, capsys):
    status, _, err = run(capsys, "train", *options, "--out", tmp_path / "net.npz")
    assert status == 2
    assert says in err
    assert not list(tmp_path.iterdir())


def test_activation_of_a_file_that_says_it_is_refused(tmp_path, capsys):
    models.MLP(3, (4,), 2, activation="tanh").save(tmp_path / "net.npz")
    argv = ("export", tmp_path / "net.npz", "--activation", "relu", "--out", tmp_path / "net.onnx")
    status, _, err = run(capsys, *argv)
    assert status == 2
    assert "--activation goes with --from-torch" in err


@pytest.mark.parametrize("command", ["predict", "export"])
def test_a_file_that_does_not_say_its_activation_is_refused(command, tmp_path, capsys):
    safetensors = pytest.importorskip("safetensors.numpy")
    state = models.MLP(2, (4,), 2, seed=0).state_dict()
    safetensors.save_file(state, tmp_path / "net.safetensors")
    (tmp_path / "new.csv").write_text("a,b\n1,2\n")
    rest = {
        "predict": ("--data", tmp_path / "new.csv"),
        "export": ("--out", tmp_path / "net.onnx"),
    }
    status, out, err = run(capsys, command, tmp_path / "net.safetensors", *rest[command])
    assert status == 2
    assert "--activation" in err
    assert "--from-torch" in err
    assert out == ""
    argv = ("export", "--from-torch", tmp_path / "net.safetensors", "--activation", "tanh")
    assert run(capsys, *argv, "--out", tmp_path / "net.onnx")[0] == 0
    status, out, _ = run(capsys, "predict", tmp_path / "net.onnx", *rest["predict"])
    net = models.MLP(2, (4,), 2, activation="tanh", seed=0)
    assert status == 0
    found = np.array(out.splitlines()[1].split(",")[1:], float)
    np.testing.assert_allclose(found, net.predict_proba([[1.0, 2.0]])[0], rtol=1e-5)


def test_a_standardizer_without_biases_is_a_scale(tmp_path: Path, capsys):
    """The saved net takes raw features, whatever their size."""
    assert run(capsys, "train", *FAST, "--no-bias", "--out", tmp_path / "net.npz")[0] == 0
    cancer = data.load_breast_cancer()
    net = models.load(tmp_path / "net.npz")
    assert not net.bias
    assert (net.predict(cancer.X) == cancer.y).mean() > 0.85


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_deep_network_of_other_origin_is_verified_and_predicts(activation, tmp_path, capsys):
    """A file that says nothing of itself: three layers are no reason to fail it."""
    onnx = pytest.importorskip("onnx")
    cancer = data.load_breast_cancer()
    net = models.MLP(30, (8, 6), 2, activation=activation, seed=0)
    net.save(tmp_path / "net.npz")
    path, table = tmp_path / "net.onnx", tmp_path / "out.csv"
    assert run(capsys, "export", tmp_path / "net.npz", "--out", path)[0] == 0
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    for more in ((), ("--reference", tmp_path / "net.npz")):
        status, out, err = run(capsys, "verify", path, "--data", "breast-cancer", *more)
        assert status == 0, out + err
        assert "further layer" not in out
    argv = ("predict", path, "--data", "breast-cancer", "--out", table)
    assert run(capsys, *argv)[0] == 0
    with table.open(newline="") as stream:
        found = [int(row["prediction"]) for row in csv.DictReader(stream)]
    np.testing.assert_array_equal(found, net.predict(cancer.X))
    other = models.MLP(30, (8, 6), 2, activation=activation, seed=1)
    other.save(tmp_path / "other.npz")
    argv = ("verify", path, "--data", "breast-cancer", "--reference", tmp_path / "other.npz")
    status, out, _ = run(capsys, *argv)
    assert status == 1
    assert "logits" in out
