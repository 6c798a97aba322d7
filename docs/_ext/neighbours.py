"""Links to the documentation of other projects, resolved without a network.

`inventories/NAME.txt` holds a project's address in its first line and below it one name a line:
role, name, page. Each becomes an inventory in Sphinx's own format before intersphinx reads it.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

HEADER = "# Sphinx inventory version 2\n# Project: {}\n# Version: \n# compressed using zlib.\n"


def inventory(path: Path) -> tuple[str, bytes]:
    """The address of a project and its inventory."""
    address, *lines = path.read_text(encoding="utf-8").split("\n")
    entries = []
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        fields = line.split()
        if len(fields) != 3:
            raise ConfigError(f"{path.name}:{number}: expected role, name and page, got {line!r}")
        role, name, page = fields
        entries.append(f"{name} {role} 1 {page} -\n")
    body = zlib.compress("".join(entries).encode())
    return address, HEADER.format(path.stem).encode() + body


def add_neighbours(app: Sphinx, config: Config) -> None:
    folder = Path(app.doctreedir) / "inventories"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((Path(app.srcdir) / "inventories").glob("*.txt")):
        address, content = inventory(path)
        binary = folder / f"{path.stem}.inv"
        binary.write_bytes(content)
        config.intersphinx_mapping[path.stem] = (address, str(binary))


def setup(app: Sphinx) -> dict[str, bool]:
    # Before intersphinx looks at its configuration, which it does with the usual priority.
    app.connect("config-inited", add_neighbours, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
