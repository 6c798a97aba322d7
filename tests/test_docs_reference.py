"""The reference in docs/reference has every public name, and each docstring what a reader needs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import softxent

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
PACKAGE = Path(softxent.__file__).parent
#: What commands run, and the functions that the top level has, too.
NOT_IN_THE_REFERENCE = {"bench", "cli", "demo", "functional", "report", "tour"}
#: Optional packages without which a namespace cannot be imported.
NEEDS = {"softxent.torch": "torch", "softxent.sklearn": "sklearn", "softxent.onnx": "onnxruntime"}
NEEDS |= {"softxent.dask": "dask"}
#: What has no arguments that could be wrong, or checks none of them.
RAISES_NOTHING = {
    "softxent.get_config",
    "softxent.get_num_threads",
    "softxent.get_pool_limit",
    "softxent.show_config",
    "softxent.data.Samples",
    "softxent.data.load_breast_cancer",
    "softxent.data.load_digits",
    "softxent.models.Constant",
    "softxent.models.History",
    "softxent.models.Optimizer",
    "softxent.onnx.ModelError",
    "softxent.onnx.NotUnderstoodError",
    "softxent.sklearn.MLPSoftmaxClassifier",  # `fit` does
    "softxent.verify.report.Report",
}
#: Namespaces of functions that compute, whose docstrings state a bound or say whose it is.
COMPUTING = {"softxent", "softxent.dask", "softxent.special", "softxent.torch"}
COMPUTES_NOTHING = {
    "softxent.get_config",
    "softxent.get_include",
    "softxent.get_library",
    "softxent.get_num_threads",
    "softxent.get_pool_limit",
    "softxent.num_threads",
    "softxent.set_num_threads",
    "softxent.set_pool_limit",
    "softxent.show_config",
}


def listed() -> dict[str, set[str]]:
    """The names in each page's autosummaries, by namespace."""
    names: dict[str, set[str]] = {}
    for page in sorted(FOLDER.glob("*.rst")):
        text = page.read_text(encoding="utf-8")
        for module in re.findall(r"^\.\. currentmodule:: (\S+)", text, re.MULTILINE):
            blocks = re.findall(r"^\.\. autosummary::\n((?: {3}\S.*\n|\n)+)", text, re.MULTILINE)
            entries = {line.strip() for block in blocks for line in block.split("\n")}
            names[module] = {entry for entry in entries if entry and not entry.startswith(":")}
    return names


LISTED = listed()
NAMES = sorted(f"{module}.{name}" for module, names in LISTED.items() for name in names)


def imported(module: str) -> Any:
    if module in NEEDS:
        pytest.importorskip(NEEDS[module])
    return importlib.import_module(module)


def found(path: str) -> tuple[str, Any]:
    """The namespace of a name, and the object."""
    module = max((m for m in LISTED if path.startswith(f"{m}.")), key=len)
    value = imported(module)
    for part in path.removeprefix(f"{module}.").split("."):
        if inspect.ismodule(value) and not hasattr(value, part):
            importlib.import_module(f"{value.__name__}.{part}")
        value = getattr(value, part)
    return module, value


def sections(value: Any) -> set[str]:
    text = inspect.getdoc(value) or ""
    return set(re.findall(r"^(\w[\w ]*)\n-{3,}$", text, re.MULTILINE))


def test_every_public_package_has_a_page() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("[a-z]*/__init__.py")}
    expected = {f"softxent.{name}" for name in packages - NOT_IN_THE_REFERENCE} | {"softxent"}
    assert set(LISTED) == expected


@pytest.mark.parametrize("module", LISTED)
def test_a_page_has_every_public_name(module: str) -> None:
    public = set(imported(module).__all__) - {"__version__", "functional"}
    assert {name for name in LISTED[module] if "." not in name} == public


@pytest.mark.parametrize("path", NAMES)
def test_a_docstring_is_complete(path: str) -> None:
    module, value = found(path)
    text, present = inspect.getdoc(value) or "", sections(value)
    exception = inspect.isclass(value) and issubclass(value, Exception)
    missing = set()
    if not exception:
        signature = inspect.signature(value)
        if signature.parameters and path not in RAISES_NOTHING:
            missing |= {"Parameters", "Raises"} - present
        gives = not inspect.isclass(value) and signature.return_annotation not in ("None", None)
        if gives and "Yields" not in present:
            missing |= {"Returns"} - present
    if path != "softxent.verify.report.Report":
        missing |= {"Examples"} - present
    assert not missing
    if module in COMPUTING and path not in COMPUTES_NOTHING:
        assert re.search(
            r"\bULP\b|[Bb]ounds (and special values )?(of|as)\b|[Ee]rror (of|as)\b", text
        ), "states no bound"


@pytest.mark.parametrize("path", NAMES)
def test_examples_run(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, value = found(path)
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(verbose=False)
    for example in doctest.DocTestFinder(recurse=False).find(value, path, globs={}):
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
