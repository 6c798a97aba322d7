"""A tour of softmax and cross-entropy: text, code that runs, and figures, all made by `write`."""

from __future__ import annotations

import base64
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from softxent._files.atomic import atomic_write, make_folder
from softxent._machine.optional import require_all
from softxent.report import figure_uri
from softxent.tour import (
    argmax,
    cost_curves,
    good_and_bad,
    overflow,
    reduction,
    softmax,
    squared_error,
    targets,
    training,
)

__all__ = ["SECTIONS", "write"]

#: The sections in reading order.
SECTIONS = tuple(
    module.SECTION
    for module in (
        softmax,
        good_and_bad,
        cost_curves,
        targets,
        reduction,
        argmax,
        training,
        squared_error,
        overflow,
    )
)

_INTRODUCTION = """\
# A tour of softmax and cross-entropy

What the two functions are, in pictures, with code to type along. `softxent tour` (in a checkout:
`make tour`) runs every piece of code below, writes down what it printed and draws the figures; this
page is its output.
"""


def write(
    folder: str | PathLike[str], *, on_figure: Callable[[str], None] = lambda name: None
) -> list[Path]:
    """
    Write the tour: ``tour.md`` in `folder` and its figures in ``tour/`` beside it.

    Parameters
    ----------
    folder : path-like
        Where to write; made if it does not exist.
    on_figure : callable, optional
        Called with the name of each section when its figure is written.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    OSError
        If the folder cannot be written to.
    """
    require_all(("matplotlib",), "plot", "softxent tour")
    folder = Path(folder)
    figures = folder / "tour"
    make_folder(figures)
    written = []
    for section in SECTIONS:
        written.append(figures / f"{section.name}.svg")
        encoded = figure_uri(section.draw()).partition("base64,")[2]
        atomic_write(written[-1], base64.b64decode(encoded))
        on_figure(section.name)
    written.append(folder / "tour.md")
    sections = "\n\n".join(section.markdown(figures.name) for section in SECTIONS)
    atomic_write(written[-1], f"{_INTRODUCTION}\n{sections}\n")
    return written
