"""Trains, exports, verifies and writes it all down."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import softxent
from softxent._files.atomic import make_folder
from softxent._machine.optional import require_all
from softxent.data import Dataset, load_digits
from softxent.demo.settings import HIDDEN, LABEL_SMOOTHING, REQUIRED_ACCURACY, TRAINING
from softxent.models import History, NeuralNet2

if TYPE_CHECKING:
    from softxent.verify.report import Report


@dataclass
class Result:
    """
    What the demo found.

    Attributes
    ----------
    folder : Path
        Where the files are.
    train, test : Dataset
        The digits learned from and the digits held back.
    net : NeuralNet2
        The trained net.
    history : History
        Loss and accuracy of every epoch.
    reports : dict of str to softxent.verify.report.Report
        The verification of each ONNX file, by file name.
    seconds : dict of str to float
        Duration of each step.
    """

    folder: Path
    train: Dataset
    test: Dataset
    net: NeuralNet2
    history: History
    reports: dict[str, Report] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def test_accuracy(self) -> float:
        """Part of the held-out digits that the net gets right."""
        return float((self.net.predict(self.test.X) == self.test.y).mean())

    @property
    def passed(self) -> bool:
        """Whether the net is accurate enough and every ONNX file agrees with it."""
        verified = bool(self.reports) and all(report.passed for report in self.reports.values())
        return verified and self.test_accuracy >= REQUIRED_ACCURACY

    @property
    def largest_difference(self) -> float:
        """The largest difference of an exported model's probability from the native net's."""
        return max(
            comparison.max_abs or 0.0
            for comparison in self.reports["digits.onnx"].comparisons
            if comparison.output == "probabilities" and comparison.against == "native"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the arrays, in values that JSON can hold."""
        return {
            "passed": self.passed,
            "test_accuracy": self.test_accuracy,
            "required_accuracy": REQUIRED_ACCURACY,
            "samples": {"train": len(self.train), "test": len(self.test)},
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "settings": {"hidden": HIDDEN, **TRAINING},
            "versions": _versions(),
            "config": dict(softxent.get_config()),
            "history": self.history.to_dict(),
            "verification": {name: report.to_dict() for name, report in self.reports.items()},
        }

    def __str__(self) -> str:
        """Give what was found in a few lines; the details are in the report."""
        from softxent.demo.writing import summary

        return summary(self)


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
    from softxent.demo import writing

    writing.write(result)
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


def _versions() -> dict[str, str]:
    """Give the versions of what took part."""
    found = {name: metadata.version(name) for name in ("numpy", "onnx", "onnxruntime")}
    return {"softxent": softxent.__version__, "python": platform.python_version(), **found}


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started
