"""The order of the package's rooms: imports go downwards, and nowhere in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "softxent"

#: Rooms from the ground up; those of one line do not know of each other. "softxent" is the package
#: itself, the namespace of its public functions.
FLOORS = (
    ("_core",),
    ("_arguments",),
    ("_machine",),
    ("_files", "functional"),
    ("softxent", "special", "torch", "report"),
    ("data",),
    ("models", "bench", "boosting"),
    ("dask",),
    ("onnx",),
    ("verify", "sklearn"),
    ("demo", "tour"),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_of(path): path for kind in ("pyi", "py", "pyx") for path in PACKAGE.rglob(f"*.{kind}")
}


def known(name: str) -> str:
    """The module that a dotted name lies in."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def statements(module: str) -> Iterator[ast.Import | ast.ImportFrom]:
    """
    The import statements of a module, those inside functions and for type checkers included.

    Only the package itself may name rooms above it to type checkers: it imports them on use.
    """
    path = MODULES[module]
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".pyx":
        lines = (line for line in source.splitlines() if line.startswith(("import ", "from ")))
        source = "\n".join(line for line in lines if " cimport " not in line)
    tree = ast.parse(source)
    if module == "softxent":
        tree.body = [node for node in tree.body if not isinstance(node, ast.If)]
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))


def names(module: str) -> Iterator[str]:
    """What a module imports, as absolute names."""
    is_package = MODULES[module].stem == "__init__"
    package = module if is_package else module.rpartition(".")[0]
    for node in statements(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            continue
        above = package.rsplit(".", node.level - 1)[0] if node.level else ""
        start = ".".join(part for part in (above, node.module) if part)
        yield from (f"{start}.{alias.name}" for alias in node.names)


GRAPH = {
    module: {
        target
        for target in map(known, (n for n in names(module) if n.partition(".")[0] == "softxent"))
        if target != module
    }
    for module in MODULES
}


def room(module: str) -> str:
    _, _, inside = module.partition(".")
    return inside.partition(".")[0] or "softxent"


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Names of a circle, or nothing."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for target in sorted(graph[module]):
            found = visit(target, [*path, module])
            if found:
                return found
        done.add(module)
        return []

    return next(filter(None, (visit(module, []) for module in sorted(graph))), [])


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert circle(GRAPH) == []


def test_a_circle_would_be_found() -> None:
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"d"}, "d": {"b"}}
    assert circle(graph) == ["b", "c", "d"]


def test_every_room_has_a_floor() -> None:
    assert {room(module) for module in MODULES} == set(FLOOR)


@pytest.mark.parametrize("name", sorted(FLOOR))
def test_rooms_import_what_lies_below_them(name: str) -> None:
    upward = [
        f"{module} imports {target}"
        for module, targets in sorted(GRAPH.items())
        for target in sorted(targets)
        if room(module) == name != room(target) and FLOOR[room(target)] >= FLOOR[name]
    ]
    assert upward == []
