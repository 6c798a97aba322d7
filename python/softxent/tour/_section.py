"""A section of the tour: prose, code that runs, and the figure that belongs to it."""

from __future__ import annotations

import contextlib
import inspect
import io
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Section:
    """
    One step of the tour.

    Parameters
    ----------
    name : str
        File name of the figure, without its suffix.
    title : str
        Heading of the section.
    prose : str
        Markdown before the code.
    example : callable
        A function without arguments whose body is shown as code and run for its output.
    draw : callable
        Makes the figure.
    caption : str
        What the figure shows; also its alternative text.
    """

    name: str
    title: str
    prose: str
    example: Callable[[], None]
    draw: Callable[[], Figure]
    caption: str

    def code(self) -> str:
        """Give the body of the example, as a reader would type it."""
        lines = inspect.getsource(self.example).splitlines()
        body = lines.index(next(line for line in lines if line.startswith("def "))) + 1
        return textwrap.dedent("\n".join(lines[body:])).strip()

    def output(self) -> str:
        """Run the example and give what it prints."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.example()
        return printed.getvalue().strip()

    def markdown(self, figures: str) -> str:
        """Write the section; `figures` is the folder of the figures as a reader's link."""
        return "\n\n".join(
            (
                f"## {self.title}",
                textwrap.dedent(self.prose).strip(),
                f"```python\n{self.code()}\n```",
                f"```text\n{self.output()}\n```",
                f"![{self.caption}]({figures}/{self.name}.svg)",
                f"*{self.caption}*",
            )
        )
