"""A figure in two dresses, for pages on white and on black."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from softxent._files.atomic import atomic_write
from softxent.report import PALETTE


@dataclass(frozen=True)
class Theme:
    """Colours of ink and lines; `colors` are for data, distinguishable to colour-blind readers."""

    name: str
    ink: str
    quiet: str
    grid: str
    paper: str
    colors: tuple[str, ...]


#: Okabe and Ito's colours; the dark blue and the green are lighter on black.
THEMES = (
    Theme("light", "#1f2933", "#5b6470", "#e3e7ec", "#ffffff", PALETTE),
    Theme(
        "dark",
        "#e6e9ed",
        "#a6b0bb",
        "#343b44",
        "#14181e",
        ("#56b4e9", "#f2813d", "#2fbf8f", "#dc93ba", "#e6b422", "#7aa7d9", "#98a2ae"),
    ),
)

Draw = Callable[[Figure, Theme], None]


def settings(theme: Theme) -> dict[str, Any]:
    return {
        "font.size": 10,
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlecolor": theme.ink,
        "axes.edgecolor": theme.quiet,
        "axes.labelcolor": theme.ink,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "figure.facecolor": "none",
        "grid.color": theme.grid,
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "legend.labelcolor": theme.ink,
        "text.color": theme.ink,
        "xtick.color": theme.quiet,
        "ytick.color": theme.quiet,
        "xtick.labelcolor": theme.ink,
        "ytick.labelcolor": theme.ink,
        "savefig.facecolor": "none",
        "svg.fonttype": "path",
        "svg.hashsalt": "softxent",
    }


def save(folder: Path, name: str, size: tuple[float, float], draw: Draw) -> None:
    """Write NAME-light.svg and NAME-dark.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        with matplotlib.rc_context(settings(theme)):
            figure = Figure(figsize=size, layout="constrained")
            draw(figure, theme)
            path = folder / f"{name}-{theme.name}.svg"
            unfinished = path.with_suffix(".part")
            figure.savefig(unfinished, format="svg", metadata={"Date": None, "Creator": None})
        atomic_write(path, unfinished.read_bytes())
        unfinished.unlink()
