"""The result of a verification, as a table, as JSON and as a page."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from softxent._files.atomic import atomic_write
from softxent.verify.findings import Findings
from softxent.verify.page import page
from softxent.verify.table import text


@dataclass(frozen=True)
class Report(Findings):
    """What `softxent.verify.verify` found, and the ways to show it; its parts are in `Findings`."""

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write everything as JSON, whole or not at all."""
        content = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        atomic_write(path, content + "\n")

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a page with tables and figures that needs nothing else.

        Raises
        ------
        ImportError
            If jinja2 or matplotlib is not installed.
        """
        atomic_write(path, page(self))

    def __str__(self) -> str:
        """Return the verdict and the differences as a table."""
        return text(self)
