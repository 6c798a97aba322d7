"""What a verdict lacks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


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
