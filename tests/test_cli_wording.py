"""Errors of the command line speak of its options and files; with ``--json`` they are JSON too."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from softxent import models
from softxent._files import atomic
from softxent.cli import _main, main
from softxent.cli._errors import describe
from softxent.cli._wording import in_options

OPTIONS = {
    "label_smoothing": "--label-smoothing",
    "head": "--head",
    "weight": "--class-weights",
    "hidden": "--hidden",
    "header": "--header",
    "threads": "--threads",
    "labels": "--labels",
    "logits": "--logits",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table and nets, into which the command line goes."""
    monkeypatch.chdir(tmp_path)
    kinds = ("ant", "bee", "cat")
    lines = [f"{i % 7},{i % 5},{kinds[i % 3]}" for i in range(30)]
    Path("k.csv").write_text("\n".join(["a,b,kind", *lines]) + "\n")
    models.NeuralNet2(2, 4, 3, seed=0, class_names=kinds).save("k.npz")
    models.NeuralNet2(784, 4, 10, seed=0).save("digits.npz")
    return tmp_path


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("label_smoothing=0.1 has no meaning", "--label-smoothing 0.1 has no meaning"),
        ("head='loss' needs it", "--head loss needs it"),
        ("weight must have 3 entries", "--class-weights must have 3 entries"),
        ("hidden_size must be at least 1", "--hidden must be at least 1"),
        ("pass header=True if it is one", "pass --header if it is one"),
        ("with header=False", "with --no-header"),
        ("X must have shape (n, 2)", "the data must have shape (n, 2)"),
        (
            "y must have one entry per row of X",
            "the labels must have one entry per row of the data",
        ),
        ("y is needed: there is a loss", "the labels are needed: there is a loss"),
        ("y has text labels", "the labels have text labels"),
        ("the number of threads is 0", "the number of threads is 0"),
        ("label_smoothing.npz: no such file", "label_smoothing.npz: no such file"),
        ("no column 'weight'", "no column 'weight'"),
        ("a.csv: labels must be whole numbers", "a.csv: labels must be whole numbers"),
        ("logits is taken for the logits", "logits is taken for the logits"),
        ("logits='b' says which it is", "--logits b says which it is"),
        ("a.npz: header=… is not for npz files", "a.npz: --header is not for npz files"),
        ("a/weight=1/b.npz is damaged", "a/weight=1/b.npz is damaged"),
    ],
)
def test_parameters_become_options(message: str, expected: str) -> None:
    assert in_options(message, OPTIONS) == expected


# A command line, and the option or file that its error must name.
MISTAKES = [
    ("train --data k.csv --hidden 99999999999999999999999 --out n.npz", "--hidden"),
    ("train --data k.csv --epochs 99999999999999999999999 --out n.npz", "--epochs"),
    ("train --data k.csv --optimizer adam --momentum 0.9 --out n.npz", "--momentum 0.9"),
    (f"train --data k.csv --seed {10**60} --out n.npz", "--seed"),
    ("train --data k.csv --hidden 99999999999999 --out n.npz", "not enough memory"),
    ("train --data k.csv --out /proc/n.npz", "/proc/n.npz"),
    ("train --data k.csv --out k.csv/n.npz", "k.csv"),
    ("export k.npz --label-smoothing 0.1 --out m.onnx", "--label-smoothing 0.1"),
    ("export k.npz --head loss --class-weights 1,2 --out m.onnx", "--class-weights"),
    ("export k.npz --head loss --class-weights 1,-2,3 --out m.onnx", "--class-weights"),
    ("export k.npz --opset 99 --out m.onnx", "--opset"),
    ("export k.npz --head train_step --reduction none --out m.onnx", "--reduction"),
    ("export k.npz --head loss --target probabilities --ignore-index 1 --out m.onnx", "--target"),
    ("export k.npz --head loss --ignore-index 99999999999999999999 --out m.onnx", "--ignore-index"),
    ("export k.npz --momentum 0.9 --out m.onnx", "--momentum 0.9"),
    ("export k.npz --out /proc/m.onnx", "/proc/m.onnx"),
    ("predict digits.npz --data k.csv --labels kind", "class names"),
    ("predict k.npz --data k.csv --labels kind --out /proc/p.csv", "/proc/p.csv"),
    ("train --data k.csv --class-weights 0,0,0 --out n.npz", "--class-weights gives 0"),
    (f"train --data k.csv --epochs {'9' * 5000} --out n.npz", "--epochs"),
    ("verify loss.onnx --data k.csv --expect weight=[1]", "expected 3, got 1"),
    ("verify loss.onnx --data k.csv --expect weight=abc", "weight has dtype <U3"),
    ("bench --only (", "--only"),
    ("bench --threads 99999999999999999", "threads"),
    ("tour --out k.csv", "k.csv"),
]


@pytest.mark.parametrize(("command", "word"), MISTAKES, ids=[command for command, _ in MISTAKES])
def test_errors_speak_of_options_and_files(
    command: str, word: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if command.startswith(("export", "verify")):
        pytest.importorskip("onnxruntime")
    if command.startswith("verify"):
        assert main(["export", "k.npz", "--head", "loss", "--out", "loss.onnx"]) == 0
    assert main(command.split()) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert word in message
    assert ".tmp" not in message and len(message) < 400
    assert not re.search(r"\b[a-z]+(_[a-z]+)+\b(?<!train_step)", message), "a parameter's name"
    assert not re.search(r"\w=['\w]", message), "a Python argument"


@pytest.mark.parametrize("command", ["tour", "tour --out t", "bench --out b", "demo --out d"])
def test_missing_plots_are_told_before_anything_is_written(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    before = sorted(folder.iterdir())
    assert main(command.split()) == 2
    assert re.search(r"needs matplotlib.*: pip install 'softxent\[", capsys.readouterr().err)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("command", ["export k.npz --out m.onnx", "verify m.onnx --data k.csv"])
def test_missing_onnx_is_told_in_words_of_the_command_line(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] in ("onnx", "onnxruntime")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(command.split()) == 2
    message = capsys.readouterr().err
    assert message.endswith("the command needs onnx: pip install 'softxent[onnx]'\n")


def test_temporary_name_is_replaced_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "k.npz"
    with pytest.raises(OSError) as caught, atomic.atomic_path(path) as temporary:
        raise OSError(errno.ENOSPC, "No space left on device", str(temporary))
    assert caught.value.filename == str(path)
    assert describe(ValueError(f"cannot parse {tmp_path}/.k.v2.0123456789ab.tmp.npz: bad")) == (
        f"error: cannot parse {tmp_path}/k.v2.npz: bad"
    )


def test_writable_is_found_out_by_writing(tmp_path: Path) -> None:
    atomic.check_writable(tmp_path / "n.npz")
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError, match=r"/proc/n\.npz"):
        atomic.check_writable("/proc/n.npz")


# ---- errors as JSON ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "name", "word"),
    [
        ("--json", None, "COMMAND"),
        ("fly --json", None, "'fly'"),
        ("train --json", "train", "--out"),
        ("train --json --out n.npz --epochs 0", "train", "--epochs"),
        ("train --out n.npz --json --nonsense", "train", "--nonsense"),
        ("train --json --data absent.csv --out n.npz", "train", "absent.csv"),
        ("predict --data k.csv absent.npz --json", "predict", "absent.npz"),
        ("export k.npz --out m.txt --json", "export", ".onnx"),
        ("verify absent.onnx --data k.csv --json", "verify", "absent.onnx"),
        ("bench --json --only zzz", "bench", "zzz"),
        ("demo --json --out k.csv", "demo", "k.csv"),
        ("tour --json --out k.csv", "tour", "k.csv"),
    ],
)
def test_error_is_json_too(
    command: str, name: str | None, word: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("onnx", "onnxruntime", "matplotlib", "jinja2"):
        pytest.importorskip(module)
    assert main(command.split()) == 2
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result.keys() == {"error", "status", "command"}
    assert (result["status"], result["command"]) == (2, name)
    assert word in result["error"] and not result["error"].startswith("error:")
    assert captured.err.count("\n") == 1 and result["error"] in captured.err


def test_error_without_json_leaves_stdout_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train"]) == 2
    assert capsys.readouterr().out == ""


def test_interruption_is_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(_main.info, "run", interrupted)
    assert main(["info", "--json"]) == 130
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"error": "interrupted", "status": 130, "command": "info"}
    assert captured.err == "softxent info: interrupted\n"


def test_bug_is_json_too_and_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def buggy(args: object) -> int:
        np.zeros(3).reshape(2, 2)
        return 0

    monkeypatch.setattr(_main.info, "run", buggy)
    with pytest.raises(ValueError, match="reshape"):
        main(["info", "--json"])
    assert json.loads(capsys.readouterr().out)["error"].startswith("ValueError: cannot reshape")


def test_signal_during_a_training_gives_json(folder: Path) -> None:
    """A real Ctrl-C, after the training has begun to write its checkpoints."""
    command = "train --data k.csv --epochs 1000000 --checkpoint c.npz --out n.npz --json"
    # A shell that starts the tests in the background would have the signal ignored.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from softxent.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    ) as process:
        deadline = time.monotonic() + 60
        while not Path("c.npz").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        try:
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    result = json.loads(out)
    assert result.get("error") == "interrupted" or result["history"]["interrupted"] is True


def test_html_report_without_its_extra_is_refused_before_the_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    for module in ("matplotlib", "jinja2"):
        monkeypatch.setitem(sys.modules, module, None)
    assert main(["verify", "k.onnx", "--data", "k.csv", "--html", "r.html"]) == 2
    message = capsys.readouterr().err
    assert "--html needs matplotlib, jinja2: pip install 'softxent[plot]'" in message
