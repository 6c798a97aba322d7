"""Lines of docstrings that end in a backslash go on in the next, also where the string is raw."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def join(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    joined: list[str] = []
    for line in lines:
        if joined and joined[-1].endswith("\\"):
            joined[-1] = joined[-1][:-1] + line.lstrip()
        else:
            joined.append(line)
    lines[:] = joined


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", join, priority=100)  # numpydoc's is 500
    return {"parallel_read_safe": True, "parallel_write_safe": True}
