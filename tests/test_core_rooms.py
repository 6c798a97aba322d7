"""The rooms of the C core: each says what it is, and includes only rooms that come before it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"
INCLUDE = re.compile(r'^\s*#(?:include|define TEMPLATE)\s+"([^"]+)"', re.MULTILINE)
SOURCES = sorted(path for path in SRC.rglob("*.[ch]"))


def rooms_in_order() -> list[str]:
    """The rooms by the numbered list of src/README.md."""
    text = (SRC / "README.md").read_text()
    return re.findall(r"^\d+\. \[`(\w+)/`\]", text, re.MULTILINE)


def room_of(path: Path) -> str:
    """The folder under src/, or the file itself where it lies in none."""
    return path.relative_to(SRC).parts[0]


def included(path: Path) -> Iterator[Path]:
    """The files of the core that a file includes, or has read as a template."""
    for name in INCLUDE.findall(path.read_text()):
        yield SRC / name


def test_rooms_are_listed_and_introduced() -> None:
    folders = {path.name for path in SRC.iterdir() if path.is_dir()}
    assert folders == set(rooms_in_order())
    for room in folders:
        assert (SRC / room / "README.md").read_text().startswith(f"# {room}\n\nIn: ")


def test_rooms_name_files_that_exist() -> None:
    for readme in sorted(SRC.rglob("README.md")):
        for name in re.findall(r"`([\w/]+\.(?:[ch]|def))`", readme.read_text()):
            candidates = (readme.parent / name, SRC / name, SRC.parent / name)
            assert any(path.exists() for path in candidates), f"{readme}: {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SRC)))
def test_includes_go_down(path: Path) -> None:
    order = rooms_in_order()
    for other in included(path):
        assert other.exists(), f"{path} includes {other}, which is not there"
        room = room_of(other)
        if room in order:
            assert order.index(room) <= order.index(room_of(path)), f"{path} includes {other}"
        else:
            assert room in {"softxent.h", "dtypes.def", "isa.def"}


def test_includes_make_no_circle() -> None:
    finished: set[Path] = set()

    def visit(path: Path, above: tuple[Path, ...]) -> None:
        circle = " -> ".join(str(p.relative_to(SRC)) for p in (*above, path))
        assert path not in above, circle
        if path not in finished and path.suffix != ".def":
            for other in included(path):
                visit(other, (*above, path))
        finished.add(path)

    for path in SOURCES:
        visit(path, ())


def test_templates_include_only_their_parts() -> None:
    """What a template uses, its instance includes; its parts are templates or lists beside it."""
    for path in SRC.rglob("*_tmpl.h"):
        for other in included(path):
            is_part = other.name.endswith("_tmpl.h") or other.suffix == ".def"
            assert is_part and other.parent == path.parent, f"{path}: {other}"


#: Read once per type by others, or once per set by vectors.h.
NOT_ALONE = re.compile(r"\w+_tmpl\.h|(compute|storage)_types\.h|vec_\w+\.h")
HEADERS = [p for p in SOURCES if p.suffix == ".h" and not NOT_ALONE.fullmatch(p.name)]


@pytest.mark.parametrize("path", HEADERS, ids=lambda path: str(path.relative_to(SRC)))
def test_headers_include_what_they_use(path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    command = [compiler, "-std=c11", "-fsyntax-only", "-DSXT_ISA=scalar", f"-I{SRC}", "-x", "c"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_heads_of_files_say_something() -> None:
    for path in SOURCES:
        head = path.read_text().split("*/", 1)[0]
        assert head.startswith(f"/* {path.name} - "), path
        assert not re.search(r" - see \S+\.h\.\s*$", head), path
