"""Trains, exports, verifies and writes it all down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from softxent._files.atomic import make_folder
from softxent._machine.optional import require_all
from softxent.data import load_digits
from softxent.demo.result import Result
from softxent.demo.settings import HIDDEN, LABEL_SMOOTHING, TRAINING
from softxent.models import NeuralNet2

if TYPE_CHECKING:
    from softxent.verify.report import Report


def run(
    folder: str | PathLike[str],
    *,
    seed: int = 0,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Result:
    """
    Run the demo.

    Parameters
    ----------
    folder : path-like
        Where to write; made if it does not exist. Gets ``digits.npz``, ``digits.onnx``,
        ``digits-loss.onnx``, ``report.html`` and ``report.json``.
    seed : int
        Seed of the split, of the first parameters and of the order of the samples.
    progress : bool
        Show a progress bar.
    say : callable
        Told in one line what comes next.

    Returns
    -------
    Result
        Accuracy, verdict and everything measured.

    Raises
    ------
    ImportError
        If some of onnx, onnxruntime, matplotlib and jinja2 are not installed; before the training.
    OSError
        If the folder cannot be written to.
    """
    require_all(("onnx", "onnxruntime", "matplotlib", "jinja2"), "demo", "softxent demo")
    folder = make_folder(folder)
    say("1/4  training a 784-64-10 net on handwritten digits")
    result = _train(folder, seed, progress)
    say("2/4  exporting it to ONNX, with probabilities and with the loss")
    with _timed(result.seconds, "export"):
        models = _export(result.net, folder)
    say("3/4  running the exported models in onnxruntime and comparing")
    with _timed(result.seconds, "verification"):
        result.reports = {path.name: _verify(path, result) for path in models}
    say(f"4/4  writing the report to {folder}")
    from softxent.demo.writing import write

    write(result)
    return result


def _train(folder: Path, seed: int, progress: bool) -> Result:
    train, test = load_digits().split(seed=seed)
    net = NeuralNet2(
        train.X.shape[1], HIDDEN, train.num_classes, seed=seed, class_names=train.class_names
    )
    seconds: dict[str, float] = {}
    with _timed(seconds, "training"):
        history = net.fit(
            train.X,
            train.y,
            validation=(test.X, test.y),
            progress=progress,
            **TRAINING,
        )
    if history.interrupted:
        raise KeyboardInterrupt
    net.save(folder / "digits.npz")
    return Result(folder, train, test, net, history, seconds=seconds)


def _export(net: NeuralNet2, folder: Path) -> list[Path]:
    from softxent import onnx

    probabilities, loss = folder / "digits.onnx", folder / "digits-loss.onnx"
    onnx.export(net, probabilities, head="probabilities")
    onnx.export(net, loss, head="loss", label_smoothing=LABEL_SMOOTHING)
    return [probabilities, loss]


def _verify(model: Path, result: Result) -> Report:
    from softxent import verify

    return verify.verify(model, result.test.X, result.test.y, reference=result.net)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started
