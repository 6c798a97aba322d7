"""Links of pages to files outside of docs/, which readers of the source tree follow.

On the site, the pages that are shown elsewhere are linked to there, and files are for downloading.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

#: Files of the tree that are pages of the site, by their names there.
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changes.md"}

LINK = re.compile(r"\]\(((?:\.\./)+)([\w./-]+)\)")


def redirect(app: Sphinx, document: str, content: list[str]) -> None:
    depth = document.count("/")

    def replaced(match: re.Match[str]) -> str:
        ups, name = match[1].count("../"), match[2]
        if ups <= depth or name not in PAGES:
            return match[0]
        return f"]({'../' * depth}{PAGES[name]})"

    content[0] = LINK.sub(replaced, content[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", redirect)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
