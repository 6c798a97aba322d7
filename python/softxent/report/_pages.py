"""Templates into HTML text, and text into files."""

from __future__ import annotations

from functools import lru_cache
from os import PathLike
from typing import TYPE_CHECKING, Any

from softxent._files.atomic import atomic_write
from softxent._machine.optional import require

if TYPE_CHECKING:
    from jinja2 import Environment


@lru_cache(maxsize=1)
def _environment() -> Environment:
    jinja2 = require("jinja2", "plot", "softxent.report")
    environment: Environment = jinja2.Environment(
        loader=jinja2.PackageLoader("softxent.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = format_number
    return environment


def format_number(value: float | None, digits: int = 3) -> str:
    """Format a number for a table cell: short, and an en dash for a missing one.

    Parameters
    ----------
    value : float or None
        The number; None stands for "not measured".
    digits : int
        Significant digits.

    Returns
    -------
    str
        Integers below 10^6 in full, everything else with `digits` significant digits.
    """
    if value is None:
        return "–"
    if float(value).is_integer() and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.{digits}g}"


def render(template_name: str, **context: Any) -> str:
    """Render a template of this package to HTML.

    Values are escaped; a name that the template uses and the context lacks is an error, so that
    no report is silently incomplete. Templates may use the filter ``number`` for table cells.

    Parameters
    ----------
    template_name : str
        File name under ``softxent/report/templates``.
    **context
        Values for the template.

    Returns
    -------
    str
        The page.

    Raises
    ------
    ImportError
        If jinja2 is not installed.
    jinja2.TemplateNotFound, jinja2.UndefinedError
        If the template, or a value that it uses, does not exist.
    """
    return _environment().get_template(template_name).render(**context)


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write text to a file as UTF-8, atomically: readers see the old file or the new one.

    Parameters
    ----------
    path : path-like
        The file; its folder must exist.
    text : str
        What to write.
    """
    atomic_write(path, text)
