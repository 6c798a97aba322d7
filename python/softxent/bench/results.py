"""What a run found, as values that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from softxent.bench import limits, ours
from softxent.bench.goals import Verdict
from softxent.bench.shapes import Case

NOT_BUILT = "not built"


@dataclass(frozen=True)
class Row:
    """
    The measurements of one case.

    Parameters
    ----------
    case : Case
        What was measured.
    seconds : dict of str to float
        Median time of a call, by candidate.
    speedup : dict of str to float
        Candidate's time over ours, the median of the ratios within rounds.
    threads : int
        How many threads softxent had.
    rounds : int
        How often every candidate had its turn.
    peak_share : float or None
        Peak memory over inputs and gradients as part of the full logits (linear layer only, with
        the shape `LINEAR_MEMORY_SHAPE`).
    note : str
        "not built" if softxent lacks the function, else empty.
    verdicts : list of Verdict
        The goals for this row.
    """

    case: Case
    seconds: dict[str, float]
    speedup: dict[str, float] = field(default_factory=dict)
    threads: int = 1
    rounds: int = 0
    peak_share: float | None = None
    note: str = ""
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def ours(self) -> float | None:
        """Seconds of our call, None if it is not built."""
        return self.seconds.get(ours.NAME)

    @property
    def over_copy(self) -> float | None:
        """Our time over that of a copy of the logits."""
        return 1 / self.speedup[limits.COPY] if limits.COPY in self.speedup else None

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return {"name": self.case.name, **asdict(self), "over_copy": self.over_copy}


@dataclass(frozen=True)
class Result:
    """
    A whole run.

    Parameters
    ----------
    environment : dict
        Configuration of softxent, versions of the peers, threads, whether it was a quick run.
    absent : tuple of str
        Peers that are not installed.
    rows : list of Row
        In the order of measurement.
    sweeps : list of Verdict
        The goals that concern a whole sweep.
    """

    environment: dict[str, Any]
    absent: tuple[str, ...]
    rows: list[Row]
    sweeps: list[Verdict]

    @property
    def verdicts(self) -> list[Verdict]:
        """The goals of all rows and sweeps."""
        return [verdict for row in self.rows for verdict in row.verdicts] + self.sweeps

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return {
            "environment": self.environment,
            "absent": list(self.absent),
            "rows": [row.to_dict() for row in self.rows],
            "sweeps": [asdict(verdict) for verdict in self.sweeps],
        }
