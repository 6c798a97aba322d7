"""The command line when something is wrong: status 2, one line on stderr, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from softxent import models
from softxent.cli import _data, _main, _nets, main
from softxent.cli._console import plain, table
from softxent.cli._errors import describe, is_user_error
from softxent.models import History


def fails(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    """Run a command that must fail with status 2; return its one line on stderr."""
    assert main([*map(str, argv)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1 and captured.err.endswith("\n")
    assert captured.err.startswith("softxent")
    return captured.err


@pytest.fixture
def net_file(tmp_path: Path) -> Path:
    path = tmp_path / "net.npz"
    models.NeuralNet2(784, 4, 10, seed=0).save(path)
    return path


def test_no_command_is_a_usage_error(capsys):
    assert "COMMAND" in fails(capsys)


def test_unknown_command_is_a_usage_error(capsys):
    assert "'fly'" in fails(capsys, "fly")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--lerning-rate", "1", "--epoch=2"], "--epoch=2; did you mean --learning-rate and --ep"),
        (["--quiet"], "unrecognized arguments: --quiet (see softxent train --help)"),
        (["more"], "unrecognized arguments: more (see softxent train --help)"),
    ],
)
def test_unknown_arguments_are_told_by_their_command(given, says, tmp_path, capsys):
    message = fails(capsys, "train", "--out", tmp_path / "n.npz", *given)
    assert message.startswith("softxent train: error: ") and says in message


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--epochs", "0"),
        ("--epochs", "many"),
        ("--batch-size", "-3"),
        ("--learning-rate", "nan"),
        ("--label-smoothing", "1.5"),
        ("--test-fraction", "1"),
        ("--momentum", "1"),
        ("--seed", "-1"),
        ("--optimizer", "lbfgs"),
    ],
)
def test_bad_option_value_is_named(option, value, tmp_path, capsys):
    message = fails(capsys, "train", "--out", tmp_path / "n.npz", option, value)
    assert option in message and value in message
    assert not (tmp_path / "n.npz").exists()


def test_missing_data_file_is_named(tmp_path, capsys):
    message = fails(capsys, "train", "--data", "absent.csv", "--out", tmp_path / "n.npz")
    assert "absent.csv" in message


@pytest.mark.parametrize(
    ("labels", "says"), [("xx", "has 1 class"), ("xy", "has 2 samples, too few to keep 0.2")]
)
def test_too_little_data_is_told(labels, says, tmp_path, capsys):
    path = tmp_path / "d.csv"
    path.write_text("a,label\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels)))
    message = fails(capsys, "train", "--data", path, "--out", tmp_path / "n.npz")
    assert says in message and path.name in message


def test_missing_label_column_is_named(tmp_path, capsys):
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,0\n2,1\n")
    argv = ("train", "--data", data, "--labels", "species", "--out", tmp_path / "n.npz")
    assert "species" in fails(capsys, *argv)


def test_damaged_model_is_named(tmp_path, capsys):
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK not really")
    assert "broken.npz" in fails(capsys, "predict", broken, "--data", "digits")


def test_wrong_number_of_features_is_told(tmp_path, net_file, capsys):
    data = tmp_path / "data.csv"
    data.write_text("1,2,3\n4,5,6\n")
    message = fails(capsys, "predict", net_file, "--data", data)
    assert "784" in message and "3" in message


def test_wrong_number_of_class_weights_is_told(tmp_path, capsys):
    message = fails(capsys, "train", "--class-weights", "1,2", "--out", tmp_path / "n.npz")
    assert "10" in message and "2" in message


def test_output_folder_must_exist(net_file, tmp_path, capsys):
    pytest.importorskip("onnx")
    out = tmp_path / "absent" / "m.onnx"
    assert str(out.parent) in fails(capsys, "export", net_file, "--out", out)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("export NET --out m.txt", ".onnx"),
        ("export NET --logits z --out m.onnx", "--attach-loss"),
        ("export NET --from-torch a.pt --out m.onnx", "not allowed"),
        ("export NET --label-smoothing 0.1 --out m.onnx", "--label-smoothing 0.1"),
        ("export NET --rename --out m.onnx", "--attach-loss"),
        ("export --attach-loss a.onnx --logits z --opset 17 --out m.onnx", "--opset"),
        ("predict NET --data digits --out p.txt", ".npz"),
        ("verify m.onnx --expect label_smoothing", "OPTION=VALUE"),
    ],
)
def test_contradicting_options_are_refused(options, word, net_file, tmp_path, capsys, monkeypatch):
    pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    message = fails(capsys, *options.replace("NET", net_file.name).split())
    assert word in message
    assert sorted(tmp_path.iterdir()) == before


def test_program_prints_no_traceback(tmp_path):
    done = _run(tmp_path, "train", "--data", "absent.npz", "--out", "n.npz")
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert "absent.npz" in done.stderr and "Traceback" not in done.stderr


def test_bug_keeps_its_traceback(monkeypatch):
    def buggy(args):
        np.zeros(3).reshape(2, 2)

    monkeypatch.setattr(_main.info, "run", buggy)
    with pytest.raises(ValueError, match="reshape"):
        main(["info"])


def test_missing_extra_is_an_error_of_the_user():
    from softxent._machine.optional import require

    with pytest.raises(ImportError) as caught:
        require("softxent_missing_package", "onnx", "softxent.onnx")
    assert is_user_error(caught.value)
    assert "pip install 'softxent[onnx]'" in describe(caught.value)


def test_message_is_one_line():
    assert describe(ValueError("a\n  b")) == "error: a b"
    assert describe(KeyError("no column 'x'")) == "error: no column 'x'"
    assert describe(FileNotFoundError(2, "No such file", "x.npz")) == "error: x.npz: No such file"


def test_interrupt_is_told_and_has_its_status(monkeypatch, capsys):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(_main.info, "run", interrupted)
    assert main(["info"]) == 130
    assert capsys.readouterr().err == "softxent info: interrupted\n"


def interrupted_fit(epochs):
    """Stand-in for a training that Ctrl-C ends after some epochs."""
    records = [{"loss": 0.5, "val_loss": 0.5, "val_accuracy": 0.5, "learning_rate": 0.1}] * epochs
    return lambda net, *args, **options: History(records, interrupted=True)


def test_interrupted_training_keeps_the_net_and_has_its_status(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(models.NeuralNet2, "fit", interrupted_fit(3))
    assert main(["train", "--out", str(tmp_path / "n.npz")]) == 130
    assert "interrupted: the net is that of epoch 1" in capsys.readouterr().out
    assert models.load(tmp_path / "n.npz").num_classes == 10


def test_training_interrupted_before_its_first_epoch_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(models.NeuralNet2, "fit", interrupted_fit(0))
    assert main(["train", "--out", str(tmp_path / "n.npz")]) == 130
    assert capsys.readouterr().err.endswith("softxent train: interrupted\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("train --out absent/n.npz", "absent"),
        ("train --out n.txt", ".npz or .safetensors"),
        ("verify NET --html absent/r.html", "absent"),
        ("predict NET --data digits --out absent/p.csv", "absent"),
    ],
)
def test_output_is_refused_before_the_work(command, word, tmp_path, monkeypatch, capsys):
    def too_late(*args, **options):
        raise AssertionError("the work was begun")

    monkeypatch.chdir(tmp_path)
    for module, name in ((models.NeuralNet2, "fit"), (_nets, "load"), (_data, "load")):
        monkeypatch.setattr(module, name, too_late)
    assert word in fails(capsys, *command.replace("NET", "net.onnx").split())


def test_closed_pipe_is_silent(net_file, tmp_path):
    program = [sys.executable, "-m", "softxent", "predict", str(net_file), "--data", "digits"]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout.readline().startswith("prediction,")
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=60) == 141
    assert "Traceback" not in errors and "BrokenPipe" not in errors


def test_table_aligns_numbers_to_the_right():
    assert table([("a", 1), ("bcd", 20)], header=("x", "n")).splitlines() == [
        "x     n",
        "───────",
        "a     1",
        "bcd  20",
    ]


def test_plain_holds_only_what_json_knows():
    assert plain({"a": np.float32(0.5), "b": (np.array([1, 2]), float("nan")), 3: None}) == {
        "a": 0.5,
        "b": [[1, 2], None],
        "3": None,
    }


def _run(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "softxent", *argv],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        check=False,
    )
