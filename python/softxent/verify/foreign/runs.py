"""The float64 runs of a graph: of all of it, and of what follows the runtime's own logits."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from softxent.verify.arithmetic import Array
from softxent.verify.body import NotUnderstood
from softxent.verify.body.evaluation import Evaluation, Graph
from softxent.verify.foreign.feeding import Piece
from softxent.verify.foreign.subject import Classifier
from softxent.verify.missing import Missing

#: How the comparisons are called in a report.
FLOAT64, TAIL = "float64 run", "float64 run from its logits"


class Runs:
    """Evaluates a graph piece by piece.

    Parameters
    ----------
    subject : Classifier
        The model.
    referenced : bool
        Whether outputs are held against another model, which needs bounds of all.

    Attributes
    ----------
    missing : list of Missing
        Why there is no run, if there is none.
    """

    def __init__(self, subject: Classifier, referenced: bool) -> None:
        z, model = subject.logits, subject.exposed
        behind = _descendants(model, z.name) if z is not None else set()
        # Where a choice is in doubt, and what a softmax rounds that is written out.
        following = [head for head in subject.heads if head.output in behind]
        helped = [
            head.output
            for head in following
            if head.role in ("prediction", "label") or (head.role != "loss" and not head.plain)
        ]
        self._z = z
        self._judged = {
            FLOAT64: ([z.name] if z is not None else [])
            + [name for name in subject.others if name not in behind],
            TAIL: [name for name in subject.others if name in behind],
        }
        wanted = list(self._judged[FLOAT64])
        if referenced:
            losses = {head.output for head in subject.losses}
            wanted += [name for name in subject.outputs if name not in losses]
        self.missing: list[Missing] = []
        self._estimates: dict[str, tuple[str, ...]] = {}
        self._whole = Graph(model, wanted)
        self._tail = None if z is None else Graph(model, [*self._judged[TAIL], *helped])

    def judged_by(self, against: str) -> list[str]:
        """Outputs that a run judges."""
        return self._judged[against]

    def is_body(self, output: str) -> bool:
        """Whether an output is the logits."""
        return self._z is not None and output == self._z.name

    def estimates(self, against: str) -> tuple[str, ...]:
        """Nodes without a rule behind the bounds of a comparison."""
        if against.startswith(("native", "torch")):
            return ()
        return self._estimates.get(TAIL if against == TAIL else FLOAT64, ())

    def memory(self, piece: Piece) -> int:
        """Bytes that the run of a piece takes."""
        found = self.whole(piece)
        return 0 if found is None else found.nbytes

    def whole(self, piece: Piece) -> Evaluation | None:
        """Evaluate all of the graph; None where that is not possible."""
        return self._evaluate(FLOAT64, self._whole, piece, {})

    def tail(self, piece: Piece, got: Mapping[str, Array]) -> Evaluation | None:
        """Evaluate what follows the logits that the runtime put out."""
        if self._tail is None or self._z is None or not self._tail.wanted:
            return None
        return self._evaluate(TAIL, self._tail, piece, {self._z.name: got[self._z.name]})

    def _evaluate(
        self, kind: str, graph: Graph, piece: Piece, known: Mapping[str, Array]
    ) -> Evaluation | None:
        try:
            found = graph.evaluate(piece.feeds, known)
        except NotUnderstood as error:
            self._note(kind, str(error))
            return None
        self._estimates[kind] = found.estimates
        return found

    def _note(self, kind: str, reason: str) -> None:
        what = "what follows the logits" if kind == TAIL else "the body"
        missing = Missing(f"{what} is not judged: {reason}")
        if missing not in self.missing:
            self.missing.append(missing)


def _descendants(model: onnx.ModelProto, value: str) -> set[str]:
    """Values that are computed from one."""
    found = {value}
    for node in model.graph.node:
        if found & set(node.input):
            found.update(filter(None, node.output))
    return found - {value}
