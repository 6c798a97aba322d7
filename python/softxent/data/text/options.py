"""How a text table is written, as far as the caller says."""

from __future__ import annotations

from dataclasses import dataclass

from softxent._arguments.scalars import flag, shown

__all__ = ["BLANKS", "TextOptions"]

#: The delimiter that stands for one or more blanks or tabs.
BLANKS = " "
_SEPARATORS = {"tab": "\t", "\\t": "\t", "blank": BLANKS, "blanks": BLANKS, "space": BLANKS}


@dataclass(frozen=True)
class TextOptions:
    """
    How a text table is written; what is not said is found out.

    Parameters
    ----------
    header : bool, optional
        Whether the first row names the columns.
    sep : str, optional
        The delimiter: one character, or "tab", or "blanks" for one or more blanks or tabs.
    decimal : {".", ","}
        The decimal sign.
    comment : str, optional
        The character that starts a comment.

    Raises
    ------
    ValueError
        If one of them is not allowed, or two are the same character.
    """

    header: bool | None = None
    sep: str | None = None
    decimal: str = "."
    comment: str | None = None

    def __post_init__(self) -> None:
        """Check, and read the names of delimiters."""
        if self.header is not None:
            object.__setattr__(self, "header", flag(self.header, "header"))
        for name in ("sep", "decimal", "comment"):
            value = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name == "decimal"):
                raise TypeError(f"{name} must be text, got {shown(value)}")
        if self.sep is not None:
            object.__setattr__(self, "sep", _SEPARATORS.get(self.sep, self.sep))
        if self.decimal not in (".", ","):
            raise ValueError(f"decimal must be '.' or ',', got {self.decimal!r}")
        signs = [self.decimal]
        for name in ("sep", "comment"):
            value = getattr(self, name)
            if value is None:
                continue
            if len(value) != 1 or value in '"\r\n+-.' or value.isalnum():
                raise ValueError(
                    f"{name} must be one character, no letter, digit, sign or quote, got {value!r}"
                )
            if value in signs:
                raise ValueError(
                    f"{name} must differ from the decimal sign and the other options, got {value!r}"
                )
            signs.append(value)
