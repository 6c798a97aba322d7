"""What a verdict lacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from softxent.verify.compare import Comparison


@dataclass(frozen=True)
class Missing:
    """What is missing for a verdict.

    Attributes
    ----------
    what : str
        A sentence.
    option : str or None
        The argument of `verify` that supplies it; None where none does.
    flag : str or None
        The same on the command line.
    """

    what: str
    option: str | None = None
    flag: str | None = None

    def __str__(self) -> str:
        """Return the sentence with the remedy."""
        return f"{self.what} ({self.flag} supplies it)" if self.flag else self.what

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return asdict(self)


def telling_samples(comparisons: Iterable[Comparison]) -> list[Missing]:
    """Say so if no number was compared with another: of NaN any model makes NaN."""
    told = [c.told for c in comparisons if c.batch == "data" and c.told is not None and c.shape]
    if not told or any(told):
        return []
    what = "every number that was compared is NaN, or has no finite bound, which tells nothing"
    return [Missing(f"{what} of the model", "X", "--data")]
