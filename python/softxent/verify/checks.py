"""Checks that have no reference to compare with: they hold or they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from softxent.models import MLP
from softxent.onnx.architecture import Architecture, converted
from softxent.verify.arithmetic import Array
from softxent.verify.batches import Batch, feeds
from softxent.verify.runtime import Session
from softxent.verify.subject import Subject


@dataclass(frozen=True)
class Check:
    """Something that holds or does not.

    Attributes
    ----------
    name : str
        What was checked.
    passed : bool
        Whether it holds.
    detail : str
        What was found; of a failure, starting with the output that it spoils.
    required : bool
        Whether the verdict depends on it.
    """

    name: str
    passed: bool
    detail: str
    required: bool = True

    @property
    def failed(self) -> bool:
        """Whether it turns the verdict."""
        return self.required and not self.passed

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return asdict(self)


def check_claims(subject: Subject) -> list[Check]:
    """Compare what the file claims with its structure, without running anything."""
    problems = list(subject.problems)
    problems += [
        f"{output}: nothing says what it means, so it is not compared"
        for output in subject.outputs
        if output not in subject.roles
    ]
    if problems:
        return [Check("structure", False, problem) for problem in problems]
    return [Check("structure", True, f"the graph is {subject.claim}")]


def check_parameters(subject: Subject, net: MLP) -> Check:
    """Compare the parameters in the file with those of the reference, number by number."""
    network = subject.network
    assert network is not None
    state = converted(net.state_dict(), subject.options.dtype)
    sizes = Architecture.of(net)
    output = next(iter(subject.roles), "logits")
    if network.architecture != sizes:
        text = f"{output}: the file holds a {network.architecture}, the reference is a {sizes}"
        return Check("parameters", False, text)
    if network.state is None:
        return Check("parameters", True, "they are inputs of this graph, not part of the file")
    for name, wanted in state.items():
        stored = network.state[name]
        differ = ~((stored == wanted) | (np.isnan(stored) & np.isnan(wanted)))
        if differ.any():
            where = np.unravel_index(int(differ.argmax()), stored.shape)
            index = [int(i) for i in where]
            return Check(
                "parameters",
                False,
                f"{output}: {name} differs from the reference in {np.count_nonzero(differ)} of "
                f"{stored.size} numbers, first at {index}: {stored[where]!r} instead of "
                f"{wanted[where]!r}",
            )
    return Check("parameters", True, "every parameter is that of the reference, bit for bit")


def check_wrong_targets(
    subject: Subject, session: Session, data: Batch, wrong: Sequence[Array]
) -> Check:
    """Targets that are no class must make the runtime raise or the loss NaN."""
    output = next(name for name, role in subject.roles.items() if role == "loss")
    assert data.target is not None
    pair = data.take([0, 0])
    raised, finite = 0, []
    for value in wrong:
        target = np.array([data.target[0], value], dtype=data.target.dtype)
        try:
            loss = session.run(feeds(subject, pair.renamed("wrong", target=target)))[output]
        except Exception:  # raising is what is asked for, of whatever class
            raised += 1
            continue
        if not np.isnan(loss.reshape(-1)[-1]):
            finite.append((value, loss.reshape(-1)[-1]))
    if finite:
        target, loss = finite[0]
        detail = (
            f"{output}: the target {target}, which is no class, gives the loss {loss:.6g} on "
            f"{session.provider} instead of an error or NaN ({len(finite)} of {len(wrong)} tried)"
        )
        return Check("wrong targets", False, detail)
    detail = f"{len(wrong)} targets that are no class: {raised} raise, the others give NaN"
    return Check("wrong targets", True, detail)


def check_empty_batch(subject: Subject, session: Session, data: Batch) -> Check:
    """The mean of no rows is NaN and their sum 0; raising is accepted."""
    output = next(name for name, role in subject.roles.items() if role == "loss")
    try:
        loss = session.run(feeds(subject, data.take(slice(0, 0))))[output]
    except Exception as error:  # raising is accepted, of whatever class
        return Check("empty batch", True, f"the runtime raises {type(error).__name__}")
    right = {
        "mean": bool(np.isnan(loss).all()),
        "sum": bool((loss == 0).all()),
        "none": loss.size == 0,
    }[subject.options.reduction]
    detail = f"the loss is {loss.tolist()}"
    return Check("empty batch", right, detail if right else f"{output}: {detail}")
