"""One verification of a classifier of other origin in progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike

from softxent._arguments.arrays import as_array
from softxent._machine.optional import available
from softxent.data.frames import plain_labels
from softxent.data.matching import matched_features, matched_labels
from softxent.onnx.metadata import Metadata
from softxent.verify import onnx_reference, torch_reference
from softxent.verify.checks import Check
from softxent.verify.facts import facts
from softxent.verify.foreign.accuracy import accuracy
from softxent.verify.foreign.comparing import Comparing, RunFailed, first_line
from softxent.verify.foreign.feeding import Samples, feed
from softxent.verify.foreign.probes import (
    check_wrong_labels,
    every_class,
    stress_samples,
    wrong_labels,
)
from softxent.verify.foreign.references import Reference
from softxent.verify.foreign.runs import Runs
from softxent.verify.foreign.subject import Classifier, read_classifier, unknown_parts
from softxent.verify.missing import telling_samples
from softxent.verify.report import Report
from softxent.verify.runtime import ProviderUnavailable, Session, describe, machine, placement
from softxent.verify.timing import Timing, measure, thread_limit

#: Memory that the values of a float64 run may take at a time.
BUDGET = 2**28

#: Memory that the values of all float64 runs of a batch may take in sum: a minute or two of time.
TOTAL = 2**30

#: Rows of the first piece, which shows how much memory a row takes; and of any.
FIRST, MOST = 16, 4096


class ForeignVerification:
    """See `softxent.verify.verify` for the arguments."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: onnx.ModelProto,
        about: Metadata | None,
        X: ArrayLike | None,
        y: ArrayLike | None,
        *,
        inputs: Mapping[str, ArrayLike],
        against: Sequence[str],
        reference: Any,
        expect: dict[str, Any],
        logits: str | None,
        on_step: Callable[[str], object],
    ) -> None:
        subject = self._subject = read_classifier(path, model, about, expect, logits)
        X, y, told = _matched(subject, X, y)
        indices = [head.options.ignore_index for head in subject.losses]
        self._ignored = [index for index in indices if index is not None]
        fed = feed(subject.parts, X, y, inputs, self._ignored if subject.losses else None)
        self._data, self._missing = fed.samples, [*unknown_parts(subject.parts), *fed.missing]
        self._size, self._fixed = fed.batch or 0, fed.batch is not None
        self._labels = None if told is None else as_array(told, "y")
        other = None if reference is None else Reference(reference, subject)
        self._runs = Runs(subject, other is not None)
        unfit = _unfit(subject, against)
        names = [name for name in dict.fromkeys(against) if name not in unfit]
        self._comparing = Comparing(subject, self._runs, names, other)
        self._left_out = self._comparing.left_out
        self._left_out |= unfit
        self._on_step = on_step
        self._sessions: dict[str, Session] = {}
        self._providers: list[str] = []
        self._timings: list[Timing] = []
        self._accuracies: dict[str, float] = {}
        self._checks = [Check("structure", False, problem) for problem in subject.problems]
        if not subject.problems:
            self._checks = [Check("structure", True, f"the graph is {subject.claim}")]

    def run(self, provider: str, *, stress: bool) -> None:
        """Run all samples on one provider."""
        self._providers.append(provider)
        if self._data is None:
            return
        try:
            session = Session(self._subject.exposed, provider)
        except ProviderUnavailable as error:
            self._add("provider", False, str(error))
            return
        self._sessions[provider] = session
        self._add("provider", True, describe(provider))
        self._find_size(session, self._data)
        self._compare(self._data, session)
        z = self._subject.logits
        classes = None if z is None else z.num_classes
        probe = every_class(self._data, classes, self._ignored)
        if probe is not None:
            self._compare(probe, session)
        wrong = wrong_labels(self._data, classes, self._ignored)
        if wrong and self._subject.losses and not (self._fixed and self._size == 1):
            output, size = self._subject.losses[0].output, self._size if self._fixed else 2
            required = stress or self._subject.about is not None
            self._checks.append(
                check_wrong_labels(session, output, self._data, wrong, size, required=required)
            )
        if provider != "CPUExecutionProvider":
            given = dict(next(self._data.pieces(self._size, self._fixed)).feeds)
            self._add("placement", *placement(self._subject.model, provider, given))
        if stress:
            many = self._size if self._fixed else min(MOST, 8 * self._size)
            for samples in stress_samples(self._data, classes, self._ignored, many):
                self._compare(samples, session)

    def time(self, batch_sizes: Sequence[int]) -> None:
        """Time the model, on one thread, for batches of the sizes that it takes."""
        if not self._sessions or self._data is None:
            return
        sizes = sorted({*batch_sizes, self._size} if self._fixed else batch_sizes)
        runners = {}
        for provider in self._sessions:
            session = Session(self._subject.model, provider, threads=thread_limit())
            name = f"onnxruntime {provider.removesuffix('ExecutionProvider')}"
            runners[name] = _timed(session, self._data)
        fitting = [size for size in sizes if self._can_run(runners, size)]
        self._on_step(f"timing batches of {', '.join(map(str, fitting))}")
        self._timings = measure(runners, fitting)

    def report(self) -> Report:
        """Everything found so far."""
        subject, rows = self._subject, None if self._data is None else self._data.rows
        if self._comparing.refused:
            self._add("reference", False, self._comparing.refused)
        return Report(
            facts(subject.path, subject.model, subject.claim, subject.options, rows)
            | machine(self._providers),
            self._checks,
            self._comparing.comparisons,
            self._left_out,
            self._comparing.scatters,
            self._timings,
            self._accuracies,
            [
                *self._missing,
                *self._runs.missing,
                *self._comparing.missing,
                *telling_samples(self._comparing.comparisons),
            ],
        )

    def _find_size(self, session: Session, data: Samples) -> None:
        """Find out how many rows fit at a time, on the first of them."""
        first = self._size or min(FIRST, data.rows)
        piece = next(data.pieces(first, self._fixed))
        try:
            session.run(dict(piece.feeds))
        except Exception as error:  # onnxruntime has no common class for them
            self._take_single_rows(session, data, error)
            piece = next(data.pieces(1, True))
        nbytes = self._runs.memory(piece)
        per_row = max(nbytes, 1) / piece.rows
        self._comparing.most_rows = max(TOTAL / per_row, FIRST)
        if not self._fixed:
            self._size = int(np.clip(BUDGET / per_row, 1, MOST))

    def _take_single_rows(self, session: Session, data: Samples, error: Exception) -> None:
        """Feed row by row a graph that takes no more, whatever it declares.

        Raises
        ------
        ValueError
            If it takes none.
        """
        refused = ValueError(f"{session.provider} cannot run the model on X: {first_line(error)}")
        if self._fixed or data.rows == 1:
            raise refused from error
        try:
            session.run(dict(next(data.pieces(1, True)).feeds))
        except Exception:
            raise refused from error
        self._size, self._fixed = 1, True
        self._left_out["several rows at a time"] = first_line(error)

    def _compare(self, samples: Samples, session: Session) -> None:
        """Compare every output of some samples with everything that is known about it."""
        self._on_step(f"{session.provider}: {samples.name}")
        is_data = samples is self._data
        try:
            outputs = self._comparing.run(samples, session, self._size, self._fixed)
        except RunFailed as error:
            if samples.name.endswith(("row", "rows")):
                self._left_out[f"batch {samples.name!r}"] = str(error)
            else:
                text = f"{session.provider} fails on the batch {samples.name!r}: {error}"
                self._add("run", False, text)
            return
        self._comparing.judge(outputs, samples, session.provider, is_data=is_data)
        if is_data:
            names = self._subject.parts.class_names
            share = accuracy(self._labels, outputs.decisions, outputs.labels, names)
            if share is not None:
                self._accuracies[session.provider] = share

    def _can_run(
        self, runners: Mapping[str, Callable[[int], Callable[[], object]]], size: int
    ) -> bool:
        """Whether all sessions take a batch of this size; if not, the reason is kept."""
        try:
            for prepare in runners.values():
                prepare(size)()
        except Exception as error:  # onnxruntime has no common class for them
            self._left_out[f"time of {size} rows"] = first_line(error)
            return False
        return True

    def _add(self, name: str, passed: bool, detail: str) -> None:
        """Add a check of the whole graph; a failure spoils its first output and all others."""
        text = detail if passed else f"{self._subject.outputs[0]}: {detail}"
        self._checks.append(Check(name, passed, text))


def _matched(
    subject: Classifier, X: ArrayLike | None, y: ArrayLike | None
) -> tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None]:
    """Samples and labels by the names of the model; and labels to count right predictions with.

    A model that names its classes without logits puts out these names, which labels must be too.
    """
    about, parts = subject.about, subject.parts
    columns = tuple(item.name for item in parts.columns)
    features = (about.feature_names if about is not None else None) or columns or None
    x = None if X is None else matched_features(X, features)
    if y is None:
        return x, None, None
    matched = matched_labels(y, parts.class_names)
    return x, matched, matched if parts.logits is not None else plain_labels(y)


def _unfit(subject: Classifier, against: Sequence[str]) -> dict[str, str]:
    """References that cannot be asked, and why."""
    found = {}
    if torch_reference.NAME in against and not available("torch"):
        found[torch_reference.NAME] = "torch is not installed: nothing was compared with it"
    if onnx_reference.NAME in against:
        why = "there are no logits for it to compute"
        if subject.logits is not None:
            why = onnx_reference.unfit_for_graph(subject.model, subject.logits.dtype) or ""
        if why:
            found[onnx_reference.NAME] = why
    return found


def _timed(session: Session, data: Samples) -> Callable[[int], Callable[[], object]]:
    """Prepare a call for a batch size."""

    def prepare(size: int) -> Callable[[], object]:
        feeds = dict(next(data.repeated(size, "time").pieces(size, True)).feeds)
        return lambda: session.run(feeds)

    return prepare
