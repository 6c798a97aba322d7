"""One verification in progress: a subject, its references, and what was found so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike

from softxent._arguments.arrays import as_array
from softxent.models import MLP
from softxent.onnx.architecture import State, converted
from softxent.onnx.sources import as_net
from softxent.verify import native, probes, stages
from softxent.verify.arithmetic import Array, Estimate
from softxent.verify.batches import Batch, data_batch, feeds
from softxent.verify.bounds import estimates, reason
from softxent.verify.checks import (
    Check,
    check_claims,
    check_empty_batch,
    check_parameters,
    check_wrong_targets,
)
from softxent.verify.compare import Comparison, Label, compare, compare_classes
from softxent.verify.diagnose import explain
from softxent.verify.findings import Scatter
from softxent.verify.missing import telling_samples
from softxent.verify.naming import by_name
from softxent.verify.references import References
from softxent.verify.report import Report
from softxent.verify.runtime import ProviderUnavailable, Session, describe, machine, placement
from softxent.verify.subject import ROLES, Subject
from softxent.verify.timing import Timing, measure, thread_limit


class Verification:
    """See `softxent.verify.verify` for the arguments."""

    def __init__(
        self,
        subject: Subject,
        X: ArrayLike,
        y: ArrayLike | None,
        *,
        against: Sequence[str],
        reference: Any,
        on_step: Callable[[str], object],
    ) -> None:
        self.subject = subject
        net = None if reference is None else as_net(reference)
        X, y = by_name(subject.about, net, X, y)
        self._state = parameters_of(subject, net)
        self._labels = None if y is None else as_array(y, "y")
        activation = _activation(subject, net)
        self._data = data_batch(subject, X, y, self._state, activation)
        self._references = References(subject, against)
        self._on_step = on_step
        self._sessions: dict[str, Session] = {}
        self._providers: list[str] = []
        self._comparisons: list[Comparison] = []
        self._scatters: list[Scatter] = []
        self._timings: list[Timing] = []
        self._accuracies: dict[str, float] = {}
        self._checks = check_claims(subject)
        if net is not None and subject.network is not None:
            self._checks.append(check_parameters(subject, net))

    def run(self, provider: str, *, stress: bool) -> None:
        """Run all batches on one provider."""
        self._providers.append(provider)
        if self._state is None:
            return
        try:
            session = self._sessions[provider] = Session(self.subject.model, provider)
        except ProviderUnavailable as error:
            self._add("provider", False, str(error))
            return
        self._add("provider", True, describe(provider))
        self._compare(self._data, session, self.subject.model)
        probe = probes.option_probe(self.subject, self._data)
        if probe is not None:
            self._compare(probe, session, self.subject.model)
        wrong = probes.wrong_targets(self.subject, self._data)
        if wrong and self._has_loss:
            self._checks.append(check_wrong_targets(self.subject, session, self._data, wrong))
        if provider != "CPUExecutionProvider":
            given = feeds(self.subject, self._data)
            self._add("placement", *placement(self.subject.model, provider, given))
        if stress:
            self._stress(session)

    def time(self, batch_sizes: Sequence[int]) -> None:
        """Time the model and the references, on one thread each, where the model takes the size."""
        batch_sizes = [size for size in batch_sizes if self._can_run(size)]
        runners: dict[str, Callable[[int], Callable[[], object]]] = {
            f"onnxruntime {provider.removesuffix('ExecutionProvider')}": partial(
                _prepare,
                self.subject,
                Session(self.subject.model, provider, threads=thread_limit()),
                self._data,
            )
            for provider in self._sessions
        }
        if runners:
            runners |= self._references.timed(self._data)
        self._on_step(f"timing batches of {', '.join(map(str, batch_sizes))}")
        self._timings = measure(runners, batch_sizes)

    def _can_run(self, size: int) -> bool:
        """Whether all sessions take a batch of this size; if not, the reason is kept."""
        try:
            for session in self._sessions.values():
                _prepare(self.subject, session, self._data, size)()
        except Exception as error:  # onnxruntime has no common class for them
            self._references.left_out[f"time of {size} rows"] = str(error)
            return False
        return True

    def report(self) -> Report:
        """Everything found so far."""
        return Report(
            self.subject.facts(len(self._data)) | machine(self._providers),
            self._checks,
            self._comparisons,
            self._references.left_out,
            self._scatters,
            self._timings,
            self._accuracies,
            telling_samples(self._comparisons),
        )

    @property
    def _has_loss(self) -> bool:
        return "loss" in self.subject.roles.values()

    def _stress(self, session: Session) -> None:
        for batch in probes.stress_batches(self.subject, self._data):
            model, runner = self.subject.model, session
            if batch.state is not self._state and self.subject.options.head != "train_step":
                assert batch.state is not None
                model = self.subject.with_state(batch.state)
                runner = Session(model, session.provider)
            self._compare(batch, runner, model)
        if self._data.target is not None and self._has_loss:
            self._checks.append(check_empty_batch(self.subject, session, self._data))

    def _compare(self, batch: Batch, session: Session, model: onnx.ModelProto) -> None:
        """Compare every output of one batch with every reference."""
        self._on_step(f"{session.provider}: {batch.name}")
        given = feeds(self.subject, batch)
        try:
            got = session.run(given)
        except Exception as error:  # onnxruntime has no common class for them
            text = f"{session.provider} fails on the batch {batch.name!r}: {error}"
            self._add("run", False, text)
            return
        bounds = estimates(batch, self.subject.options)
        for name in self._references.names:
            expected = self._references.outputs(name, batch, model, given)
            for output, role in self.subject.roles.items():
                if role in expected and self._references.judges(name, output, batch, bounds):
                    why = reason(role, batch, self.subject.options)
                    label = Label(batch.name, output, session.provider, name, why)
                    self._record(label, batch, got, expected, bounds)
        if native.NAME in self._references.names:
            self._compare_stages(batch, session.provider, got)
        if batch is self._data:
            self._note_accuracy(session.provider, got)

    def _compare_stages(self, batch: Batch, provider: str, got: dict[str, Array]) -> None:
        """Compare outputs with what follows from other outputs."""
        own = {role: got[output] for output, role in self.subject.roles.items()}
        for stage in stages.of(batch, self.subject.options, own):
            for output, role in self.subject.roles.items():
                bounded = role in stage.bounds or role == "prediction"
                if role in stage.expected and bounded:
                    label = Label(batch.name, output, provider, stage.name, stage.reason)
                    self._record(label, batch, got, stage.expected, stage.bounds)

    def _record(
        self,
        label: Label,
        batch: Batch,
        got: dict[str, Array],
        expected: dict[str, Array],
        bounds: dict[str, Estimate],
    ) -> None:
        """Compare one output with one reference."""
        role, value = self.subject.roles[label.output], got[label.output]
        if role == "prediction":
            result = compare_classes(label, value, expected[role], bounds["logits"])
        else:
            result = compare(label, value, expected[role], bounds[role])
            if role not in ROLES:
                # The rows of a gradient are no samples that have a largest class.
                result = replace(result, agreement=None)
        if label.against == native.NAME and batch is self._data and role != "prediction":
            self._scatters.append(Scatter.of(label, value, expected[role], bounds[role]))
        if result.problem and label.against.startswith(native.NAME):
            own = {role: got[output] for output, role in self.subject.roles.items()}
            logits = stages.own_logits(batch, own)
            options = self.subject.options
            hint = explain(role, value, expected, batch, options, logits)
            result = replace(result, problem="; ".join(filter(None, (result.problem, hint))))
        part = "head" if label.against not in self._references.names else "whole"
        self._comparisons.append(replace(result, part=part))

    def _note_accuracy(self, provider: str, got: dict[str, Array]) -> None:
        """Share of right predictions, if y are labels."""
        labels = self._labels
        if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iub":
            return
        outputs = [name for name, role in self.subject.roles.items() if role == "logits"]
        if not outputs:
            return
        z = got[outputs[0]]
        if z.size == labels.size:
            self._accuracies[provider] = float(((z.reshape(-1) > 0) == labels).mean())
        elif z.ndim == 2:
            self._accuracies[provider] = float((z.argmax(axis=1) == labels).mean())

    def _add(self, name: str, passed: bool, detail: str) -> None:
        """Add a check of the whole graph; a failure spoils its first output and all others."""
        text = detail if passed else f"{self.subject.outputs[0]}: {detail}"
        self._checks.append(Check(name, passed, text))


def parameters_of(subject: Subject, net: MLP | None) -> State | None:
    """
    Parameters that the model should have: the reference's, its own, or any for its inputs.

    None where no network is recognised, and for a reference of other sizes: nothing can be compared
    with these.
    """
    options, network = subject.options, subject.network
    if net is not None:
        state = converted(net.state_dict(), options.dtype)
        shapes = {name: array.shape for name, array in state.items()}
        same = network is None or network.architecture.shapes == shapes
        return state if same else None
    if network is None or network.state is not None:
        return None if network is None else network.state
    rng = np.random.default_rng(0)
    drawn = {
        name: rng.standard_normal(shape) / np.sqrt(shape[-1])
        for name, shape in network.architecture.shapes.items()
    }
    return converted(drawn, options.dtype)


def _activation(subject: Subject, net: MLP | None) -> str:
    """What stands between the layers that the parameters belong to."""
    if net is not None:
        return net.activation
    return subject.network.architecture.layers.activation if subject.network else "identity"


def _prepare(subject: Subject, session: Session, data: Batch, size: int) -> Callable[[], object]:
    """One call of a session on a batch of some size."""
    return partial(session.run, feeds(subject, data.repeated(size)))
