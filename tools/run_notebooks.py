#!/usr/bin/env python3
"""Run the notebooks of docs/tutorials and keep what they print and draw in them.

Needs nbclient and ipykernel, PyTorch and matplotlib (`make notebooks` has them). What a notebook
keeps is compared with a fresh run by tests/test_docs_notebooks.py.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from softxent._files.atomic import atomic_write

# The matrices are too small for several threads, which would wait for each other on a busy machine.
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
FOLDER = Path(__file__).resolve().parent.parent / "docs" / "tutorials"


def run(path: Path) -> Any:
    """The notebook after a run in a kernel of its own; an error in a cell is an error here."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False)
    client.execute(cwd=str(path.parent), env=os.environ | THREADS)
    return notebook


def printed(cell: Any) -> str:
    """What a cell printed, in however many pieces."""
    return "".join(
        part["text"] for part in cell.get("outputs", ()) if part["output_type"] == "stream"
    )


def pictures(cell: Any) -> list[str]:
    """The pictures that a cell drew."""
    found = (part.get("data", {}).get("image/svg+xml") for part in cell.get("outputs", ()))
    return [drawing for drawing in found if drawing is not None]


def tidy(notebook: Any) -> Any:
    """What depends on the moment is left out: the same run, the same file."""
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        text, drawings = printed(cell), pictures(cell)
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []
        for drawing in drawings:
            undated = re.sub(r"\s*<dc:date>.*?</dc:date>", "", drawing)
            cell.outputs.append(
                nbformat.v4.new_output("display_data", data={"image/svg+xml": undated})
            )
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.parse_args()
    for path in sorted(FOLDER.glob("*.ipynb")):
        atomic_write(path, nbformat.writes(tidy(run(path))) + "\n")
        print(path.relative_to(FOLDER.parents[1]))


if __name__ == "__main__":
    main()
