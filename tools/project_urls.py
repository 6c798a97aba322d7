#!/usr/bin/env python3
"""Name the repository's address in pyproject.toml and CITATION.cff, for whoever builds a release.

    tools/project_urls.py https://github.com/OWNER/NAME [--root FOLDER]

What PyPI links beside a release, `[project.urls]`, follows from where the repository lies; the
workflows name their own before they build. Exit status 1 when the files name another address
already; nothing is written then.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What is linked, by the labels that PyPI has icons for, and where it lies in a repository.
PLACES = {
    "Homepage": "",
    "Documentation": "/tree/HEAD/docs",
    "Source": "",
    "Issues": "/issues",
    "Changelog": "/blob/HEAD/CHANGELOG.md",
}
#: The table before which the addresses stand.
NEXT_TABLE = "[project.optional-dependencies]\n"


class Conflict(Exception):
    """The files name another address."""


def urls(address: str) -> dict[str, str]:
    return {label: address + place for label, place in PLACES.items()}


def with_urls(pyproject: str, address: str) -> str:
    """The text of pyproject.toml with the table."""
    wanted = urls(address)
    present = tomllib.loads(pyproject)["project"].get("urls")
    if present is not None and present != wanted:
        raise Conflict(f"pyproject.toml names {present.get('Source')!r}, not {address!r}")
    if present is not None:
        return pyproject
    table = "".join(f'{label} = "{url}"\n' for label, url in wanted.items())
    before, found, after = pyproject.partition(NEXT_TABLE)
    if not found:
        raise Conflict(f"pyproject.toml has no line {NEXT_TABLE.strip()}")
    return f"{before}[project.urls]\n{table}\n{found}{after}"


def with_repository(citation: str, address: str) -> str:
    """The text of CITATION.cff with its line."""
    present = re.search(r'^repository-code: "(.*)"$', citation, re.MULTILINE)
    if present is not None and present[1] != address:
        raise Conflict(f"CITATION.cff names {present[1]!r}, not {address!r}")
    return citation if present else f'{citation.rstrip()}\nrepository-code: "{address}"\n'


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    os.replace(beside, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="of the repository, as a browser opens it")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder with both files")
    arguments = parser.parse_args()
    address = arguments.address.removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"https://[\w.-]+(/[\w.-]+){2,}", address):
        parser.error(f"{arguments.address!r} is no address like https://github.com/OWNER/NAME")
    pyproject, citation = arguments.root / "pyproject.toml", arguments.root / "CITATION.cff"
    try:
        texts = {
            pyproject: with_urls(pyproject.read_text(), address),
            citation: with_repository(citation.read_text(), address),
        }
    except Conflict as conflict:
        print(f"{parser.prog}: {conflict}", file=sys.stderr)
        return 1
    for path, text in texts.items():
        write(path, text)
    print(f"{address}: named in {' and '.join(path.name for path in texts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
