"""The Python blocks of the recipes in docs/ run, page by page, in the order in which they stand."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("boosting.md", "jax.md", "scikit-learn.md", "scipy.md", "torch.md")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def programs(page: Path) -> list[str]:
    """The blocks of a page, each behind as many empty lines as put it where it stands there."""
    text = page.read_text()
    return ["\n" * text.count("\n", 0, m.start(1)) + m[1] for m in BLOCK.finditer(text)]


def packages(program: str) -> set[str]:
    """The packages that a program imports."""
    names = set()
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("page", PAGES)
def test_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = programs(DOCS / page)
    assert found
    for package in set().union(*map(packages, found)) - {"softxent"}:
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": page}
    for program in found:
        exec(compile(program, str(DOCS / page), "exec"), namespace)
