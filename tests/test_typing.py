"""The types that users' checkers see, by mypy, and the stub against the functions themselves."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import softxent

FOLDER = Path(__file__).parent / "type_checks"
STUB = Path(softxent.__file__).parent / "functional" / "__init__.pyi"
SIGNATURES = STUB.parent / "_signatures"


def mypy(path: Path, cache: Path) -> str:
    """Check one file as a user's strict project would; return what mypy prints."""
    pytest.importorskip("mypy", reason="mypy is not installed: nobody checks the types")
    root = Path(softxent.__file__).parents[1]
    environment = dict(os.environ)
    if root.name != "site-packages":
        environment["MYPYPATH"] = str(root)
    options = ["--strict", "--no-error-summary", "--hide-error-context", "--config-file="]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, f"--cache-dir={cache}", str(path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def test_types_of_results_are_those_of_the_calls(cache: Path) -> None:
    assert mypy(FOLDER / "public.py", cache) == ""


def test_mistakes_are_refused_where_they_are(cache: Path) -> None:
    lines = (FOLDER / "mistakes.py").read_text().splitlines()
    expected = {number for number, line in enumerate(lines, 1) if line.endswith("# refused")}
    printed = mypy(FOLDER / "mistakes.py", cache)
    assert {int(line) for line in re.findall(r":(\d+): error:", printed)} == expected


def test_reveal_type_of_softmax_is_an_array(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "reveal.py"
    path.write_text(
        "import numpy as np, softxent\n"
        "reveal_type(softxent.softmax(np.zeros((2, 3), np.float32)))\n"
        "reveal_type(softxent.cross_entropy(np.zeros((2, 3)), [0, 1]))\n"
    )
    revealed = re.findall(r'Revealed type is "(.*)"', mypy(path, cache))
    assert "ndarray" in revealed[0] and re.search(r"float32|floating\[.*_32Bit", revealed[0])
    assert re.search(r"float64|floating\[.*_64Bit", revealed[1]) and "ndarray" not in revealed[1]


def stub_parameters() -> dict[str, list[set[str]]]:
    """Names of the parameters of every overload in the stubs, those of `options` included."""
    topics = sorted(SIGNATURES.glob("*.pyi"), key=lambda path: path.stem != "types")
    nodes = [node for path in topics for node in ast.parse(path.read_text()).body]
    groups: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            own = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            groups[node.name] = own.union(*(groups.get(base, set()) for base in bases))
    found: dict[str, list[set[str]]] = {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            names = {arg.arg for arg in [*node.args.args, *node.args.kwonlyargs]}
            if node.args.kwarg is not None:
                names |= groups[node.args.kwarg.annotation.slice.id]
            found.setdefault(node.name, []).append(names)
    return found


def test_stub_has_the_parameters_of_the_functions() -> None:
    stated = stub_parameters()
    functions = {
        name for name in softxent.functional.__all__ if name not in ("LogSumExp", "LossSum")
    }
    assert stated.keys() == functions
    for name in functions:
        own = set(inspect.signature(getattr(softxent, name)).parameters)
        assert all(parameters == own for parameters in stated[name]), name
        assert len(stated[name]) >= 3


def test_stub_lists_what_the_package_exports() -> None:
    (stated,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(STUB.read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )
    assert stated == softxent.functional.__all__
    assert set(stated) <= set(softxent.__all__)
