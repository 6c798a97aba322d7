"""A user's own tables through the command line: right or refused at each step."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from softxent import models
from softxent.cli import main

pytest.importorskip("onnxruntime")

KINDS = ("ant", "bee", "cat")
NAMES = ("legs", "weight", "length", "age")


def rows(count: int, kinds: tuple[str, ...] = KINDS, seed: int = 0) -> list[dict[str, object]]:
    """Samples that a small net can tell apart."""
    rng = np.random.default_rng(seed)
    found = []
    for at in range(count):
        kind = kinds[at % len(kinds)]
        values = rng.normal(size=4) + 4 * KINDS.index(kind)
        row = {name: round(float(value), 4) for name, value in zip(NAMES, values, strict=True)}
        found.append({**row, "kind": kind})
    return found


def write(path: Path, samples: list[dict], columns: tuple[str, ...], **dialect: str) -> Path:
    """Write some columns of samples."""
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", **dialect)
        writer.writeheader()
        writer.writerows(samples)
    return path


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, dict, str]:
    """Run a command with --json; return status, result and what was said on stderr."""
    capsys.readouterr()
    status = main([*map(str, argv), "--json"])
    captured = capsys.readouterr()
    return status, json.loads(captured.out), captured.err


@pytest.fixture
def net(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A net trained on a table of ant, bee and cat."""
    data = write(tmp_path / "animals.csv", rows(90), (*NAMES, "kind"))
    path = tmp_path / "animals.npz"
    argv = ("train", "--data", data, "--out", path, "--epochs", 30, "--hidden", 8)
    assert run(capsys, *argv, "--learning-rate", 0.1)[0] == 0
    return path


@pytest.fixture(params=[".npz", ".safetensors", ".onnx"])
def model(request, net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The same net in every kind of file."""
    path = tmp_path / f"model{request.param}"
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
        models.load(net).save(path)
    elif request.param == ".onnx":
        assert run(capsys, "export", net, "--out", path)[0] == 0
    return net if request.param == ".npz" else path


def test_a_model_keeps_the_names_of_its_data(net):
    loaded = models.load(net)
    assert (loaded.class_names, loaded.feature_names) == (KINDS, NAMES)


@pytest.mark.parametrize("kinds", [KINDS, ("bee", "cat"), ("cat",)])
@pytest.mark.parametrize("columns", [(*NAMES, "kind"), ("kind", *NAMES[::-1]), ("id", *NAMES)])
def test_predict_is_right_for_absent_classes_and_shuffled_columns(
    model, tmp_path, capsys, kinds, columns
):
    samples = rows(30, kinds, seed=1)
    data = write(tmp_path / "new.csv", samples, columns)
    labels = ("--labels", "kind") if "kind" in columns else ()
    drop = ("--drop", "id") if "id" in columns else ()
    status, result, said = run(capsys, "predict", model, "--data", data, *labels, *drop)
    assert status == 0
    assert result["predictions"] == [sample["kind"] for sample in samples]
    assert said == ""
    if labels:
        assert result["accuracy"] == 1.0


def test_predict_says_what_it_ignores(model, tmp_path, capsys):
    data = write(tmp_path / "new.csv", rows(6), ("kind", *NAMES[::-1], "id"))
    status, result, said = run(capsys, "predict", model, "--data", data)
    assert status == 0 and len(result["predictions"]) == 6
    assert said == f"{data}: columns that are no features of the network are ignored: kind, id\n"


def test_predict_refuses_a_table_without_a_feature(model, tmp_path, capsys):
    data = write(tmp_path / "new.csv", rows(6), ("age", "kind", "legs", "weight"))
    status, result, _ = run(capsys, "predict", model, "--data", data)
    assert status == 2
    assert "the network has features that the table lacks: length" in result["error"]


@pytest.mark.parametrize("head", ["probabilities", "loss"])
@pytest.mark.parametrize("kinds", [KINDS, ("bee", "cat")])
def test_verify_is_right_for_absent_classes_and_shuffled_columns(
    net, tmp_path, capsys, head, kinds
):
    model = tmp_path / "k.onnx"
    assert run(capsys, "export", net, "--head", head, "--out", model)[0] == 0
    for columns in ((*NAMES, "kind"), ("kind", *NAMES[::-1])):
        data = write(tmp_path / "two.csv", rows(30, kinds, seed=1), columns)
        for options in ((), ("--labels", "kind"), ("--reference", net)):
            argv = ("verify", model, "--data", data, *options)
            status, result, _ = run(capsys, *argv)
            assert status == 0
            assert set(result["accuracies"].values()) == {1.0}


@pytest.mark.parametrize("command", ["verify", "predict"])
def test_a_label_that_is_no_class_is_refused_with_the_list(net, tmp_path, capsys, command):
    model = tmp_path / "k.onnx"
    assert run(capsys, "export", net, "--head", "loss", "--out", model)[0] == 0
    data = write(tmp_path / "t.csv", [*rows(5), {**rows(1)[0], "kind": "tulip"}], (*NAMES, "kind"))
    status, result, _ = run(capsys, command, model, "--data", data, "--labels", "kind")
    assert status == 2
    assert "label 'tulip' of line 7, column kind: the classes are ant, bee, cat" in result["error"]


@pytest.mark.parametrize("labels", [(1, 2, 3), (3, 7, 10), (90001, 90002, 90003), (-1, 0, 1)])
def test_labels_that_do_not_count_from_0_keep_their_names(tmp_path, capsys, labels):
    samples = [{**row, "kind": labels[KINDS.index(row["kind"])]} for row in rows(90)]
    data = write(tmp_path / "mine.csv", samples, (*NAMES, "kind"))
    net, model = tmp_path / "n.npz", tmp_path / "n.onnx"
    argv = ("train", "--data", data, "--out", net, "--epochs", 30, "--learning-rate", 0.1)
    status, result, said = run(capsys, *argv)
    assert status == 0 and result["test_accuracy"] == 1.0
    assert f"they are the names of the classes, {', '.join(map(str, labels))}" in said
    assert "--classes C takes whole numbers" in said and said.count("\n") == 1
    assert models.load(net).class_names == tuple(map(str, labels))
    assert run(capsys, "export", net, "--head", "loss", "--out", model)[0] == 0
    two = write(tmp_path / "two.csv", [s for s in samples if s["kind"] != labels[0]], samples[0])
    status, result, _ = run(capsys, "verify", model, "--data", two)
    assert status == 0 and set(result["accuracies"].values()) == {1.0}
    status, result, _ = run(capsys, "predict", model, "--data", two, "--labels", "kind")
    assert status == 0 and result["accuracy"] == 1.0
    assert set(result["predictions"]) == {str(label) for label in labels[1:]}


def test_classes_keeps_whole_numbers_as_indices(tmp_path, capsys):
    samples = [{**row, "kind": 1 + KINDS.index(row["kind"])} for row in rows(90)]
    data = write(tmp_path / "mine.csv", samples, (*NAMES, "kind"))
    argv = ("train", "--data", data, "--out", tmp_path / "n.npz", "--epochs", 1, "--classes", 5)
    status, _, said = run(capsys, *argv)
    assert (status, said) == (0, "")
    assert models.load(tmp_path / "n.npz").class_names == tuple("01234")


def test_predict_copies_identifiers_and_keeps_the_order(net, tmp_path, capsys):
    samples = [{**row, "id": f"x{at}, y"} for at, row in enumerate(rows(20, seed=2))]
    data = write(tmp_path / "new.csv", samples, ("age", "id", *NAMES[:3]))
    out = tmp_path / "p.csv"
    assert run(capsys, "predict", net, "--data", data, "--id", "id", "--out", out)[0] == 0
    with open(out, newline="") as stream:
        found = list(csv.DictReader(stream))
    assert list(found[0]) == ["id", "prediction", "p(ant)", "p(bee)", "p(cat)"]
    assert [row["id"] for row in found] == [row["id"] for row in samples]
    assert [row["prediction"] for row in found] == [row["kind"] for row in samples]
    result = run(capsys, "predict", net, "--data", data, "--id", "id")[1]
    assert result["id"] == [row["id"] for row in samples]
    out = tmp_path / "p.npz"
    assert run(capsys, "predict", net, "--data", data, "--id", "id", "--out", out)[0] == 0
    with np.load(out) as saved:
        assert saved["id"].tolist() == result["id"]


def test_predict_refuses_what_would_not_be_a_row_for_a_row(net, tmp_path, capsys):
    data = write(tmp_path / "new.csv", rows(3), (*NAMES, "kind"))
    status, result, _ = run(capsys, "predict", net, "--data", data, "--missing", "drop")
    assert status == 2 and "--missing: invalid choice: 'drop'" in result["error"]
    write(data, [{**row, "prediction": 1} for row in rows(3)], (*NAMES, "prediction"))
    status, result, _ = run(capsys, "predict", net, "--data", data, "--id", "prediction")
    assert status == 2 and "--id prediction: the output has a column" in result["error"]


def test_predict_fills_missing_values_where_it_is_asked_to(net, tmp_path, capsys):
    samples = rows(9)
    samples[4]["age"] = ""
    data = write(tmp_path / "new.csv", samples, NAMES)
    status, result, _ = run(capsys, "predict", net, "--data", data)
    assert status == 2
    assert (
        "line 6, column age: '' is not a number but a missing value; --missing mean"
        in (result["error"])
    )
    status, result, said = run(capsys, "predict", net, "--data", data, "--missing", "mean")
    assert status == 0 and len(result["predictions"]) == 9
    assert "replaced by the mean of their column: 1 in 1 columns" in said


def test_standard_input_is_read(net, tmp_path, capsys, monkeypatch):
    data = write(tmp_path / "new.csv", rows(6, seed=3), NAMES, delimiter=";")
    with open(data) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        status, result, _ = run(capsys, "predict", net, "--data", "-")
    assert status == 0
    assert result["predictions"] == [row["kind"] for row in rows(6, seed=3)]


def test_an_unclosed_quote_is_never_a_short_training(tmp_path, capsys):
    data = write(tmp_path / "mine.csv", rows(60), (*NAMES, "kind"))
    lines = data.read_text().splitlines()
    lines[8] = lines[8].replace("cat", '"cat').replace("bee", '"bee').replace("ant", '"ant')
    data.write_text("\n".join(lines) + "\n")
    status, result, _ = run(capsys, "train", "--data", data, "--out", tmp_path / "n.npz")
    assert status == 2
    assert "line 9: the quote that opens in this line is never closed" in result["error"]
    assert not (tmp_path / "n.npz").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# made by hand\n1,2,0\n3,4,1\n", "if it is a comment, pass --comment #"),
        ("a;b;y\n1,5;2;0\n", "'1,5' is not a number; --decimal , reads decimal commas"),
        ("0,1,2\n1,2,a\n", "header"),
        ("a,b,y\n1,2,\n", "line 2, column y: the label is empty"),
        ("a,b\n1,0\n2,1\n", "no column 'species'"),
    ],
)
def test_errors_name_the_option_that_helps(tmp_path, capsys, text, message):
    data = tmp_path / "mine.csv"
    data.write_text(text)
    labels = ("--labels", "species") if "species" in message else ()
    argv = ("train", "--data", data, "--out", tmp_path / "n.npz", *labels)
    status, result, said = run(capsys, *argv)
    assert status == 2
    assert message in result["error"] or message in said
    assert "header=" not in said and "comment=" not in said


def test_labels_that_all_differ_are_told(tmp_path, capsys):
    samples = [{**row, "id": f"x{at}"} for at, row in enumerate(rows(20))]
    data = write(tmp_path / "mine.csv", samples, (*NAMES, "id"))
    status, result, _ = run(capsys, "train", "--data", data, "--out", tmp_path / "n.npz")
    assert status == 2
    assert "every label occurs once: pass --labels NAME" in result["error"]


def test_the_index_of_pandas_is_no_feature(tmp_path, capsys):
    pandas = pytest.importorskip("pandas")
    data = tmp_path / "mine.csv"
    pandas.DataFrame(rows(90)).to_csv(data)
    argv = ("train", "--data", data, "--out", tmp_path / "n.npz", "--epochs", 1)
    status, _, said = run(capsys, *argv)
    assert status == 0
    assert said == f"{data}: column '' counts the rows, as the index of pandas: left out\n"
    assert models.load(tmp_path / "n.npz").feature_names == NAMES


@pytest.mark.parametrize(
    "option", ["--drop a", "--labels y", "--classes 3", "--no-header", "--decimal ,", "--sep tab"]
)
def test_options_for_files_are_refused_with_built_in_data(tmp_path, capsys, option):
    argv = ("train", "--data", "digits", "--out", tmp_path / "n.npz", *option.split())
    status, result, _ = run(capsys, *argv)
    assert status == 2
    shown = option.split()[0].replace("--no-", "--")
    assert result["error"] == f"{shown} is for files, 'digits' comes with the package"


def test_built_in_data_are_matched_with_the_classes_of_the_model(tmp_path, capsys):
    from softxent.data import load_breast_cancer

    cancer = load_breast_cancer()
    net = models.NeuralNet1(30, 4, seed=0, class_names=["benign", "malignant"])
    net.save(tmp_path / "n.npz")
    expected = float((net.predict(cancer.X) == 1 - cancer.y).mean())
    result = run(capsys, "predict", tmp_path / "n.npz", "--data", "breast-cancer")[1]
    assert result["accuracy"] == expected
