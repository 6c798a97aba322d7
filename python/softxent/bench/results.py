"""What a run found, as values that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from softxent.bench import ours, peers
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
    note : str
        "not built" if softxent lacks the function, else empty.
    """

    case: Case
    seconds: dict[str, float]
    speedup: dict[str, float] = field(default_factory=dict)
    threads: int = 1
    rounds: int = 0
    note: str = ""

    @property
    def ours(self) -> float | None:
        """Seconds of our call, None if it is not built."""
        return self.seconds.get(ours.NAME)

    @property
    def best_peer(self) -> float | None:
        """The time of the fastest other library over ours, None without one."""
        ratios = (self.speedup[name] for name in peers.names() if name in self.speedup)
        return min(ratios, default=None)

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return {"name": self.case.name, **asdict(self)}


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
    """

    environment: dict[str, Any]
    absent: tuple[str, ...]
    rows: list[Row]

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return {
            "environment": self.environment,
            "absent": list(self.absent),
            "rows": [row.to_dict() for row in self.rows],
        }
