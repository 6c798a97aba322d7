"""Every output of some samples against everything that is known about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from softxent.verify import native, onnx_reference, torch_reference
from softxent.verify.arithmetic import Array, Estimate
from softxent.verify.body.evaluation import Evaluation
from softxent.verify.compare import Comparison, Label, compare, compare_choices
from softxent.verify.diagnose import explain_values
from softxent.verify.findings import Scatter
from softxent.verify.foreign import heads, reasons
from softxent.verify.foreign.feeding import Piece, Samples
from softxent.verify.foreign.pieces import Joined, as_values
from softxent.verify.foreign.references import NAME as REFERENCE
from softxent.verify.foreign.references import OtherSizes, Reference
from softxent.verify.foreign.runs import FLOAT64, TAIL, Runs
from softxent.verify.foreign.subject import Classifier
from softxent.verify.missing import Missing
from softxent.verify.runtime import Session

#: The functions that judge heads, by the names of the references.
HEADS = {native.NAME: native, torch_reference.NAME: torch_reference}


class RunFailed(Exception):
    """The runtime could not compute a piece."""


@dataclass
class Outputs:
    """What the runtime put out for some samples, and what it should have been.

    Attributes
    ----------
    judged : dict of (str, str) to Joined
        By output and reference.
    decisions : list of Rows or None
        Logits of the samples, piece by piece.
    labels : list of ndarray
        Classes as the model itself chose them, where it has no logits.
    """

    judged: dict[tuple[str, str], Joined] = field(default_factory=dict)
    decisions: list[heads.Rows | None] = field(default_factory=list)
    labels: list[Array] = field(default_factory=list)


class Comparing:
    """Runs samples piece by piece and compares.

    Parameters
    ----------
    subject : Classifier
        The model.
    runs : Runs
        Its float64 runs.
    against : sequence of str
        Which of `HEADS` judge, "native" standing for the float64 runs too, and "onnx-reference".
    reference : Reference or None
        Another model that it must equal.

    Attributes
    ----------
    most_rows : float
        Rows of a batch, at most, whose body is run in float64.
    refused : str
        Why the other model cannot be the same; empty if it can.
    comparisons, scatters, left_out, missing
        For the report.
    """

    def __init__(
        self,
        subject: Classifier,
        runs: Runs,
        against: Sequence[str],
        reference: Reference | None,
    ) -> None:
        self._subject, self._runs = subject, runs
        self._against, self._reference = against, reference
        self.most_rows, self.refused = np.inf, ""
        self.comparisons: list[Comparison] = []
        self.scatters: list[Scatter] = []
        self.left_out: dict[str, str] = {}
        self.missing: list[Missing] = []

    def run(self, samples: Samples, session: Session, size: int, fixed: bool) -> Outputs:
        """Run some samples, and compute what must come out.

        Raises
        ------
        RunFailed
            With the message of the runtime.
        """
        outputs, z = Outputs(), self._subject.logits
        chosen = [] if z is not None else self._chosen()
        judged_rows = size * np.ceil(self.most_rows / size)
        if judged_rows < samples.rows:
            rows = f"{FLOAT64}, batch {samples.name!r}, rows from {judged_rows:.0f} on"
            self.left_out[rows] = "it would take minutes; what follows the logits is judged"
        for number, piece in enumerate(samples.pieces(size, fixed)):
            got, with_body = self._run(session, piece), number * size < judged_rows
            for output, against, value, bound in self._expected(piece, got, with_body):
                joined = outputs.judged.setdefault((output, against), Joined())
                joined.add(piece, got[output], value, bound)
            outputs.decisions.append(self._decisions(piece, got))
            outputs.labels += [got[name][: piece.kept] for name in chosen]
        return outputs

    def judge(self, outputs: Outputs, samples: Samples, provider: str, *, is_data: bool) -> None:
        """Compare what came out with what must."""
        for (output, against), joined in outputs.judged.items():
            self._record(Label(samples.name, output, provider, against, ""), joined, is_data)

    def _run(self, session: Session, piece: Piece) -> dict[str, Array]:
        try:
            got = session.run(dict(piece.feeds))
        except Exception as error:  # onnxruntime has no common class for them
            raise RunFailed(first_line(error)) from error
        return {name: as_values(v, self._subject.keys_of(name)) for name, v in got.items()}

    def _expected(
        self, piece: Piece, got: Mapping[str, Array], with_body: bool
    ) -> Iterator[tuple[str, str, Array, Estimate]]:
        """Everything that outputs of a piece must be: output, by whom, value, bound."""
        tail = self._runs.tail(piece, got)
        yield from self._by_functions(piece, got, tail)
        whole = self._runs.whole(piece) if with_body else None
        if native.NAME in self._against:
            for against, run in ((TAIL, tail), (FLOAT64, whole)):
                for output in self._runs.judged_by(against):
                    if run is not None and output in run.values:
                        found = run.values[output]
                        yield output, against, found.value, found.estimate()
        if onnx_reference.NAME in self._against and whole is not None:
            yield from self._by_onnx(piece, whole)
        if self._reference is not None and whole is not None and not self.refused:
            for output, array in self._by_reference(piece).items():
                if output in whole.values:
                    bound = whole.values[output].estimate()
                    # One logit per sample may have an axis of its own or not.
                    if array.size == bound.value.size:
                        array = array.reshape(bound.value.shape)
                    yield output, REFERENCE, array, bound

    def _by_reference(self, piece: Piece) -> dict[str, Array]:
        """Outputs of the other model; none if it is of other sizes."""
        assert self._reference is not None
        try:
            return self._reference.outputs(piece.feeds)
        except OtherSizes as error:
            self.refused = str(error)
            return {}

    def _by_functions(
        self, piece: Piece, got: Mapping[str, Array], tail: Evaluation | None
    ) -> Iterator[tuple[str, str, Array, Estimate]]:
        """Heads as functions of the logits that the runtime put out."""
        z, names = self._subject.logits, self._subject.parts.class_names
        if z is None:
            return
        rows = heads.Rows.of(got[z.name], z)
        for head in self._subject.heads:
            for name in self._against:
                if name not in HEADS:
                    continue
                own, found = got[head.output], tail.values.get(head.output) if tail else None
                written = None if found is None else found.estimate()
                value = heads.expected(head, rows, piece.target, HEADS[name], names, own, written)
                if value is None:
                    self.left_out[head.output] = "the labels have the total weight 0"
                    continue
                bound = value.bound or _doubt(head.output, tail, value.value)
                yield head.output, f"{name} from its logits", value.value, bound

    def _by_onnx(
        self, piece: Piece, whole: Evaluation
    ) -> Iterator[tuple[str, str, Array, Estimate]]:
        """The logits as onnx's own evaluator computes them, where it can."""
        z, name = self._subject.logits, onnx_reference.NAME
        if z is None or name in self.left_out or z.name not in whole.values:
            return
        try:
            values = onnx_reference.outputs(self._subject.exposed, dict(piece.feeds))
        except Exception as error:  # it raises whatever its NumPy code raises
            self.left_out[name] = f"onnx.reference fails: {first_line(error)}"
            return
        yield z.name, name, values[z.name], whole.values[z.name].estimate()

    def _record(self, label: Label, joined: Joined, is_data: bool) -> None:
        """Compare one output with one reference."""
        got, wanted, bound = joined.joined()
        output, against = label.output, label.against
        choice, estimates = got.dtype.kind != "f", self._runs.estimates(against)
        label = replace(label, reason=self._reason(output, against, choice))
        if choice:
            result = compare_choices(label, got, wanted, bound.error)
        else:
            result = compare(label, got, wanted, bound)
            if is_data and not against.startswith(torch_reference.NAME):
                self.scatters.append(Scatter.of(label, got, wanted, bound))
            if result.problem:
                role = next((h.role for h in self._subject.heads if h.output == output), "logits")
                hint = explain_values(role, got, {role: wanted})
                result = replace(result, problem="; ".join(filter(None, (result.problem, hint))))
            if is_data and against in (FLOAT64, TAIL):
                self._note_blindness(output, wanted, bound)
        part = "head" if _is_from_logits(against) else "body"
        if not self._runs.is_body(output) and part == "body":
            part = "whole"
        self.comparisons.append(replace(result, part=part, estimate=bool(estimates)))

    def _reason(self, output: str, against: str, choice: bool) -> str:
        own = _is_from_logits(against)
        if choice:
            return reasons.of_choice(tail=own)
        options = {head.output: head.options for head in self._subject.heads}
        if own and against != TAIL:
            return reasons.of_head(options[output])
        estimates = self._runs.estimates(against)
        return reasons.of_run(estimates, self._subject.options.dtype, tail=own)

    def _note_blindness(self, output: str, wanted: Array, bound: Estimate) -> None:
        """Say so if a bound is wider than what the values of an output tell apart."""
        if bound.typical is None or not wanted.size:
            return
        finite = wanted[np.isfinite(wanted)]
        spread = float(np.std(finite)) if finite.size else 0.0
        typical = 2 * float(np.sqrt(np.mean(np.square(bound.typical))))
        if spread > 0 and not typical < spread / 2:
            self.missing.append(Missing(
                f"the bound of {output!r} is {typical:.3g} in the mean square, and its values are "
                f"only {spread:.3g} apart: they are not judged"
            ))  # fmt: skip

    def _decisions(self, piece: Piece, got: Mapping[str, Array]) -> heads.Rows | None:
        z = self._subject.logits
        if z is None or len(got[z.name]) != piece.rows:
            return None
        return heads.Rows.of(got[z.name][: piece.kept], z)

    def _chosen(self) -> list[str]:
        """The first output that is a class."""
        roles = ("label", "prediction")
        return [o.name for o in self._subject.parts.outputs if o.role in roles][:1]


def first_line(error: Exception) -> str:
    """The first line of a message."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _is_from_logits(against: str) -> bool:
    return against.endswith(" from its logits")


def _doubt(output: str, tail: Evaluation | None, value: Array) -> Estimate:
    """Where a choice may differ: where the run from the logits says so."""
    zero = np.zeros(value.shape)
    found = None if tail is None else tail.values.get(output)
    if found is None or found.error is None:
        return Estimate(zero, zero)
    return Estimate(zero, found.error.reshape(value.shape))
