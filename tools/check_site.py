#!/usr/bin/env python3
"""Follow every link of the built site: its place must be there, nothing be loaded from outside.

Usage: tools/check_site.py build/docs. Links that readers may follow to other sites are not tried.
Exit status 1 with one line per link that leads nowhere.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: What a browser loads by itself, by tag and attribute.
LOADED = {("script", "src"), ("img", "src"), ("source", "srcset"), ("link", "href")}
#: Relations of <link> that load nothing.
UNLOADED = {"next", "prev", "index", "search", "author", "canonical"}


class Page(HTMLParser):
    """Anchors and links of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: list[tuple[bool, str]] = []  # whether it is loaded, and where it leads
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.anchors |= {given.get("id", ""), given.get("name", "")}
        for name in ("href", "src", "srcset"):
            if name in given:
                loaded = (tag, name) in LOADED and given.get("rel") not in UNLOADED
                self.links.append((loaded, given[name]))


def problems(root: Path) -> list[str]:
    """One line per link that leads nowhere or loads from outside."""
    # The theme leaves a template among its files.
    paths = [path for path in sorted(root.rglob("*.html")) if "_static" not in path.parts]
    pages = {path: Page(path) for path in paths}
    found = []
    for path, page in pages.items():
        for loaded, link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if loaded and parts.scheme != "data":
                    found.append(f"{path.relative_to(root)}: loads {link}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_relative_to(root) or not target.exists():
                found.append(f"{path.relative_to(root)}: nothing at {link}")
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{path.relative_to(root)}: no such place: {link}")
    return sorted(set(found))


def main() -> int:
    root = Path(sys.argv[1]).resolve()
    if not (root / "index.html").is_file():
        sys.exit(f"{root} is no built site")
    found = problems(root)
    print("\n".join(found) or f"every link of {root.name} leads somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
