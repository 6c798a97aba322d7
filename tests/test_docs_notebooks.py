"""The notebooks of docs/tutorials run, print what stands in them, and draw as many pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
for package in ("nbclient", "ipykernel", "matplotlib", "torch"):
    pytest.importorskip(package)

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from run_notebooks import FOLDER, pictures, printed, run  # noqa: E402

NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_prints_what_it_shows(name: str) -> None:
    kept = nbformat.read(FOLDER / name, as_version=4)
    fresh = run(FOLDER / name)
    for before, after in zip(kept.cells, fresh.cells, strict=True):
        assert printed(after) == printed(before), f"run make notebooks: {before.source}"
        assert len(pictures(after)) == len(pictures(before))
