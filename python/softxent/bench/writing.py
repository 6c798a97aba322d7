"""Puts a result into a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from softxent._files.atomic import atomic_path, atomic_write, make_folder
from softxent.bench import plots, table
from softxent.bench.results import Result

_DPI = 160


def write(result: Result, folder: str | os.PathLike[str]) -> list[Path]:
    """
    Write ``bench.json``, ``table.md`` and the plots, each whole or not at all.

    Parameters
    ----------
    result : Result
        Of a run.
    folder : path-like
        Made if it does not exist.

    Returns
    -------
    list of pathlib.Path
        The files.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the JSON and the table are written before.
    OSError
        If the folder cannot be made or written to.
    """
    target = make_folder(folder)
    written = [target / "bench.json", target / "table.md"]
    write_json(result, written[0])
    atomic_write(written[1], table.report(result) + "\n")
    for name, figure in plots.figures(result).items():
        path = target / f"{name}.png"
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=_DPI, bbox_inches="tight")
        written.append(path)
    return written


def write_json(result: Result, path: str | os.PathLike[str]) -> None:
    """
    Write the measurements as JSON.

    Parameters
    ----------
    result : Result
        Of a run.
    path : path-like
        The file; its folder must exist.
    """
    atomic_write(path, json.dumps(result.to_dict(), indent=2, allow_nan=False) + "\n")
