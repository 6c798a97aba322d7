"""The argument parser of all commands, and the types of their arguments."""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias, TypeVar

from softxent._arguments.scalars import shown

Number = TypeVar("Number", int, float)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that keeps line breaks in examples and reports errors in one line."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.prog, f"{message} (see {self.prog} --help)")

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Report arguments that no option takes, with options of similar names."""
        known = [text for text in self._option_string_actions if text.startswith("--")]
        given = [text.partition("=")[0] for text in unknown if text.startswith("--")]
        similar = dict.fromkeys(
            match for text in given for match in difflib.get_close_matches(text, known, 1, 0.75)
        )
        meant = f"; did you mean {' and '.join(similar)}?" if similar else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")

    def options(self) -> dict[str, str]:
        """Give the options by the names of what they are parsed into."""
        return {
            action.dest: next(text for text in action.option_strings if text.startswith("--"))
            for action in self._actions
            if action.option_strings
        }


class UsageError(Exception):
    """Arguments that cannot be parsed: the program or command, and what is wrong."""

    def __init__(self, prog: str, message: str) -> None:
        super().__init__(message)
        self.prog = prog


#: What ``add_subparsers`` returns; argparse has no public name for it.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    summary: str,
    examples: str,
) -> Parser:
    """
    Add a command to the command line.

    Parameters
    ----------
    commands : argparse subparsers action
        Where the command goes.
    name : str
        What the user types.
    run : callable
        Takes the parsed arguments, returns the exit status.
    summary : str
        One sentence for both help pages.
    examples : str
        Command lines for the end of the help page, one a line.

    Returns
    -------
    Parser
        The command's parser, with ``--json`` on it.
    """
    lines = "\n".join("  " + line.strip() for line in examples.strip().splitlines())
    parser = commands.add_parser(
        name, help=summary, description=summary, epilog=f"examples:\n{lines}"
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument(
        "--json", action="store_true", help="print the result, or the error, as JSON on stdout"
    )
    return parser


def positive_int(text: str) -> int:
    """Parse an integer of at least 1."""
    return _parse(text, int, lambda value: value >= 1, "an integer of at least 1")


def non_negative_int(text: str) -> int:
    """Parse an integer of at least 0."""
    return _parse(text, int, lambda value: value >= 0, "an integer of at least 0")


def positive_float(text: str) -> float:
    """Parse a finite number above 0."""
    return _parse(text, float, lambda value: 0 < value < math.inf, "a finite number above 0")


def non_negative_float(text: str) -> float:
    """Parse a finite number of at least 0."""
    return _parse(text, float, lambda value: 0 <= value < math.inf, "a finite number of at least 0")


def unit_float(text: str) -> float:
    """Parse a number in [0, 1]."""
    return _parse(text, float, lambda value: 0 <= value <= 1, "a number in [0, 1]")


def fraction(text: str) -> float:
    """Parse a number strictly between 0 and 1."""
    return _parse(text, float, lambda value: 0 < value < 1, "a number strictly between 0 and 1")


def momentum(text: str) -> float:
    """Parse a number in [0, 1)."""
    return _parse(text, float, lambda value: 0 <= value < 1, "a number in [0, 1)")


def layer_sizes(text: str) -> tuple[int, ...]:
    """Parse sizes of hidden layers separated by commas; 0 and none are no layer."""
    if text.strip().lower() in ("0", "none"):
        return ()
    expected = "sizes such as 64 or 64,32, or 0 for no hidden layer"
    try:
        return tuple(positive_int(part) for part in text.split(","))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}") from None


def float_list(text: str) -> list[float]:
    """Parse finite numbers separated by commas."""
    return [
        _parse(part, float, math.isfinite, "finite numbers separated by commas")
        for part in text.split(",")
    ]


def _parse(
    text: str, convert: Callable[[str], Number], valid: Callable[[Number], bool], expected: str
) -> Number:
    try:
        value = convert(text)
        if valid(value):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected {expected}, got {shown(text)}")
