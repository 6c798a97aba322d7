"""The command line: what each command does, prints and returns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import softxent
from softxent import models
from softxent.cli import _console, main

pytest.importorskip("onnxruntime")

COMMANDS = ("train", "export", "verify", "predict", "bench", "info", "demo", "tour")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A csv file with three classes that a small net can tell apart."""
    rng = np.random.default_rng(1)
    names = ["ant", "bee", "cow"]
    labels = np.arange(90) % 3
    features = rng.normal(size=(90, 4)) * [1, 10, 100, 1] + 5 * labels[:, None] * [1, 10, 100, 1]
    lines = [
        ",".join([*(f"{value:.4f}" for value in row), names[label]])
        for row, label in zip(features, labels, strict=True)
    ]
    path = tmp_path / "animals.csv"
    path.write_text("a,b,c,d,animal\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def net_file(table: Path, tmp_path: Path) -> Path:
    """A net trained on the table through the command line."""
    path = tmp_path / "animals.npz"
    argv = ["train", "--data", table, "--out", path, "--epochs", 15, "--hidden", 8, "--json"]
    assert main([*map(str, argv), "--learning-rate", "0.1", "--batch-size", "16"]) == 0
    return path


def run_json(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, dict]:
    """Run a command with --json; return its status and what it printed."""
    capsys.readouterr()
    status = main([*map(str, argv), "--json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_the_command_with_examples(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"examples:\n  softxent {command}" in text
    assert "--json" in text


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n    {command} " in text for command in COMMANDS)


def test_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"softxent {softxent.__version__}\n"


def test_info_shows_the_configuration(capsys):
    status, result = run_json(capsys, "info")
    assert status == 0
    assert result["softxent"] == softxent.get_config()
    assert result["packages"]["onnx"] is not None
    assert main(["info"]) == 0
    assert f"isa          {softxent.get_config()['isa']}" in capsys.readouterr().out


def test_train_learns_and_saves_a_net_for_raw_features(table, tmp_path, capsys):
    out = tmp_path / "net.npz"
    status, result = run_json(
        capsys, "train", "--data", table, "--epochs", 30, "--learning-rate", 0.1, "--out", out
    )
    assert status == 0
    assert result["net"] == "NeuralNet2" and result["epochs"] == 30
    assert result["test_accuracy"] > 0.9
    assert result["history"]["loss"][-1] < result["history"]["loss"][0]
    net = models.load(out)
    raw = np.loadtxt(table, delimiter=",", skiprows=1, usecols=range(4))
    assert net.class_names == ("ant", "bee", "cow")
    assert (net.predict(raw) == np.arange(90) % 3).mean() > 0.9


def test_train_chooses_one_logit_for_two_classes(tmp_path, capsys):
    out = tmp_path / "cancer.npz"
    status, result = run_json(
        capsys, "train", "--data", "breast-cancer", "--epochs", 5, "--out", out
    )
    assert status == 0 and result["net"] == "NeuralNet1"
    assert result["test_accuracy"] > 0.9


def test_train_passes_its_options_on(table, tmp_path, monkeypatch, capsys):
    given = {}
    fit = models.NeuralNet2.fit

    def spy(self, X, y, **options):
        given.update(options)
        return fit(self, X, y, **options)

    monkeypatch.setattr(models.NeuralNet2, "fit", spy)
    checkpoint = tmp_path / "checkpoint.npz"
    options = {
        "--data": table,
        "--out": tmp_path / "net.npz",
        "--checkpoint": checkpoint,
        "--epochs": 2,
        "--batch-size": 7,
        "--learning-rate": 0.2,
        "--optimizer": "sgd",
        "--momentum": 0.5,
        "--weight-decay": 0.01,
        "--label-smoothing": 0.1,
        "--schedule": "cosine",
        "--early-stopping": 9,
        "--seed": 3,
        "--class-weights": "1,2,3",
    }
    status, _ = run_json(capsys, "train", *(word for pair in options.items() for word in pair))
    assert status == 0 and checkpoint.exists()
    validation, weight = given.pop("validation"), given.pop("weight")
    assert len(validation[0]) == len(validation[1]) == 18
    assert weight.tolist() == [1, 2, 3]
    assert given == {
        "epochs": 2,
        "batch_size": 7,
        "learning_rate": 0.2,
        "optimizer": "sgd",
        "momentum": 0.5,
        "weight_decay": 0.01,
        "schedule": "cosine",
        "label_smoothing": 0.1,
        "early_stopping": 9,
        "checkpoint": str(checkpoint),
        "seed": 3,
        "progress": False,
    }


def test_balanced_class_weights_make_up_for_counts():
    from softxent.cli._weights import class_weights

    weights = class_weights("balanced", np.array([0, 0, 0, 1]), 2)
    assert weights.tolist() == [4 / 6, 2.0]
    with pytest.raises(ValueError, match="class 2 has no training sample"):
        class_weights("balanced", np.array([0, 1]), 3)


def test_predict_writes_csv_and_npz(net_file, table, tmp_path, capsys):
    csv_file, npz_file = tmp_path / "p.csv", tmp_path / "p.npz"
    argv = ("predict", net_file, "--data", table, "--labels", "animal", "--out")
    status, result = run_json(capsys, *argv, csv_file)
    assert status == 0 and result["samples"] == 90 and result["accuracy"] > 0.9
    lines = csv_file.read_text().splitlines()
    assert lines[0] == "prediction,p(ant),p(bee),p(cow)" and len(lines) == 91
    assert run_json(capsys, *argv, npz_file)[0] == 0
    with np.load(npz_file) as saved:
        names = saved["class_names"]
        np.testing.assert_allclose(saved["probabilities"].sum(axis=1), 1, rtol=1e-6)
        assert [line.split(",")[0] for line in lines[1:]] == list(names[saved["prediction"]])


def test_predict_without_labels_prints_csv(net_file, tmp_path, capsys):
    unlabelled = tmp_path / "new.csv"
    unlabelled.write_text("a,b,c,d\n0,0,0,0\n10,100,1000,10\n")
    capsys.readouterr()
    assert main(["predict", str(net_file), "--data", str(unlabelled)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["prediction", "ant", "cow"]


def test_predict_gives_both_probabilities_of_two_classes(tmp_path, capsys):
    net = models.NeuralNet1(30, 2, seed=0)
    net.save(tmp_path / "n.npz")
    status, result = run_json(capsys, "predict", tmp_path / "n.npz", "--data", "breast-cancer")
    assert status == 0
    np.testing.assert_allclose(np.sum(result["probabilities"], axis=1), 1, rtol=1e-6)


def test_predict_keeps_small_probabilities_of_the_first_of_two_classes(tmp_path, capsys):
    net = models.NeuralNet1(1, 1, seed=0)
    net.load_state_dict(
        {
            "linear1.weight": [[1.0]],
            "linear1.bias": [0.0],
            "linear2.weight": [[1.0]],
            "linear2.bias": [0.0],
        }
    )
    net.save(tmp_path / "n.npz")
    (tmp_path / "x.csv").write_text("a\n30\n")
    _, result = run_json(capsys, "predict", tmp_path / "n.npz", "--data", tmp_path / "x.csv")
    assert result["probabilities"][0][0] == pytest.approx(np.exp(-30), rel=1e-6)


def test_predict_says_what_to_do_about_labels_among_the_features(table, tmp_path, capsys):
    models.NeuralNet2(4, 2, 3, seed=0).save(tmp_path / "nameless.npz")
    assert main(["predict", str(tmp_path / "nameless.npz"), "--data", str(table)]) == 2
    assert "'ant' is not a number (--labels says where" in capsys.readouterr().err


def test_exported_model_predicts_as_the_net_does(net_file, table, tmp_path, capsys):
    model = tmp_path / "animals.onnx"
    status, result = run_json(capsys, "export", net_file, "--out", model)
    assert status == 0 and result["bytes"] == model.stat().st_size
    argv = ("--data", table, "--labels", "animal")
    native = run_json(capsys, "predict", net_file, *argv)[1]
    exported = run_json(capsys, "predict", model, *argv)[1]
    assert exported["predictions"] == native["predictions"]


def test_verify_accepts_the_export_and_writes_html(net_file, table, tmp_path, capsys):
    model, page = tmp_path / "animals.onnx", tmp_path / "report.html"
    argv = ["export", net_file, "--head", "loss", "--label-smoothing", 0.1, "--out", model]
    assert run_json(capsys, *argv)[0] == 0
    argv = ["verify", model, "--data", table, "--reference", net_file, "--html", page]
    status, result = run_json(capsys, *argv)
    assert status == 0 and result["passed"] is True
    assert "<html" in page.read_text()
    assert main([*map(str, argv)]) == 0
    assert "loss" in capsys.readouterr().out


def test_verify_shows_its_progress_on_a_terminal(net_file, table, tmp_path, monkeypatch, capsys):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(_console, "on_terminal", lambda: True)
    model = tmp_path / "animals.onnx"
    assert main(["export", str(net_file), "--out", str(model)]) == 0
    assert main(["verify", str(model), "--data", str(table)]) == 0
    assert "CPUExecutionProvider: data" in capsys.readouterr().err
    assert main(["verify", str(model), "--data", str(table), "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_verify_returns_1_for_another_net(net_file, table, tmp_path, capsys):
    other, model = tmp_path / "other.npz", tmp_path / "animals.onnx"
    models.NeuralNet2(4, 8, 3, seed=9).save(other)
    assert run_json(capsys, "export", other, "--out", model)[0] == 0
    status, result = run_json(capsys, "verify", model, "--data", table, "--reference", net_file)
    assert status == 1 and result["passed"] is False


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "identity"])
def test_export_from_torch_asks_for_the_activation_and_uses_it(activation, tmp_path, capsys):
    torch = pytest.importorskip("torch")
    between = [torch.nn.Identity() if activation == "identity" else getattr(torch, activation)]
    first, last = torch.nn.Linear(4, 5), torch.nn.Linear(5, 3)
    torch.save(torch.nn.Sequential(first, torch.nn.ReLU(), last).state_dict(), tmp_path / "net.pt")
    model = tmp_path / "net.onnx"
    argv = ("export", "--from-torch", tmp_path / "net.pt", "--out", model)
    assert main([str(word) for word in argv]) == 2
    message = capsys.readouterr().err
    assert "net.pt does not say what stands between its linear layers: give --activation" in message
    assert "activation=" not in message
    assert not model.exists()
    assert run_json(capsys, *argv, "--activation", activation)[0] == 0
    X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    expected = last(between[0](first(torch.from_numpy(X)))).detach().numpy()
    np.testing.assert_allclose(softxent.onnx.load(model).forward(X), expected, rtol=1e-5, atol=1e-6)


def test_export_from_torch_without_a_hidden_layer_needs_no_activation(tmp_path, capsys):
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(4, 3).state_dict(), tmp_path / "net.pt")
    model = tmp_path / "net.onnx"
    argv = ("export", "--from-torch", tmp_path / "net.pt", "--out", model)
    assert run_json(capsys, *argv)[0] == 0
    assert softxent.onnx.load(model).hidden_sizes == ()


def test_export_attaches_the_loss(net_file, table, tmp_path, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    logits, loss = tmp_path / "logits.onnx", tmp_path / "loss.onnx"
    assert run_json(capsys, "export", net_file, "--head", "logits", "--out", logits)[0] == 0
    argv = ("export", "--attach-loss", logits, "--logits", "logits", "--out", loss)
    assert run_json(capsys, *argv)[0] == 0
    X, y = np.ones((3, 4), np.float32), np.array([0, 1, 2])
    session = onnxruntime.InferenceSession(str(loss), providers=["CPUExecutionProvider"])
    (found,) = session.run(["loss"], {"x": X, "target": y})
    assert found == pytest.approx(models.load(net_file).loss(X, y), rel=1e-5)


def test_tour_writes_a_page_with_its_figures(tmp_path, capsys):
    status, result = run_json(capsys, "tour", "--out", tmp_path)
    assert status == 0
    page = (tmp_path / "tour.md").read_text()
    figures = sorted((tmp_path / "tour").iterdir())
    assert len(figures) == 9 and all(f"](tour/{path.name})" in page for path in figures)
    assert sorted(result["written"]) == sorted(map(str, [*figures, tmp_path / "tour.md"]))


def test_bench_measures_the_rows_asked_for(tmp_path, capsys):
    status, result = run_json(
        capsys, "bench", "--quick", "--only", "softmax 1x10", "--threads", 1, "--out", tmp_path
    )
    assert status == 0 and result["rows"]
    assert json.loads((tmp_path / "bench.json").read_text()) == result
    assert list(tmp_path.glob("*.png"))


def test_predict_help_says_what_predict_does(tmp_path, monkeypatch, capsys):
    """Without --labels every column is a feature, and what is written has the columns named."""
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "--help"]) == 0
    page = " ".join(capsys.readouterr().out.split())
    labels = page[page.index("--labels WHERE", page.index("data:")) :]
    assert "(default: there are none;" in labels and "the last" not in labels
    models.NeuralNet2(2, 3, 3, seed=0, class_names=["a", "b", "c"]).save("net.npz")
    Path("x.csv").write_text("1,2\n3,4\n")
    assert main(["predict", "net.npz", "--data", "x.csv"]) == 0
    assert (
        "--missing {error,mean}" in page
        and "left out" not in page[page.index("--missing {error") :]
    )
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "prediction,p(a),p(b),p(c)" and len(rows) == 2
    assert "prediction and p(CLASS)" in page
    assert main(["predict", "net.npz", "--data", "x.csv", "--out", "p.npz"]) == 0
    assert set(np.load("p.npz")) == {"prediction", "probabilities", "class_names"}
    assert "prediction, probabilities and class_names" in page
