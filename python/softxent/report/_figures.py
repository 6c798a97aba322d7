"""Figures in the style of the report pages, as data URIs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from softxent._machine.optional import require

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

#: Line colours, distinguishable to colour-blind readers (Okabe and Ito, 2008).
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b6470")

_MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


def _style() -> dict[str, Any]:
    cycler = require("cycler", "plot", "softxent.report")
    return {
        "font.size": 9.5,
        "axes.titlesize": 10.5,
        "axes.titleweight": "semibold",
        "axes.edgecolor": "#8a939e",
        "axes.labelcolor": "#39414b",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler.cycler(color=PALETTE),
        "grid.color": "#e3e7ec",
        "grid.linewidth": 0.8,
        "xtick.color": "#5b6470",
        "ytick.color": "#5b6470",
        "svg.fonttype": "path",
        # Element ids derive from this instead of from the clock: the same figure, the same bytes.
        "svg.hashsalt": "softxent",
    }


def subplots(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (6.4, 3.6), **options: Any
) -> tuple[Figure, Any]:
    """Create a figure in the style of the reports, as ``matplotlib.pyplot.subplots`` would.

    The figure belongs to the caller alone: it is not registered with pyplot, so nothing needs to
    be closed and no backend is chosen or changed.

    Parameters
    ----------
    rows, columns : int
        Grid of axes.
    size : (float, float)
        Width and height in inches.
    **options
        Passed on to ``Figure.subplots`` (``sharex``, ``squeeze``, ``gridspec_kw``, ...).

    Returns
    -------
    (matplotlib.figure.Figure, Axes or array of Axes)
    """
    matplotlib = require("matplotlib", "plot", "softxent.report")
    figures = require("matplotlib.figure", "plot", "softxent.report")
    with matplotlib.rc_context(_style()):
        figure = figures.Figure(figsize=size, layout="constrained")
        return figure, figure.subplots(rows, columns, **options)


def number_axis(axis: Axis, values: Sequence[float]) -> None:
    """Give a logarithmic axis a range and numbers that can be read, however close the values lie.

    matplotlib labels the powers of ten, of which a narrow range may hold none.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        ``axes.xaxis`` or ``axes.yaxis`` of logarithmic scale.
    values : sequence of float
        What is drawn along it, all above 0.
    """
    ticks = log_ticks(min(values), max(values))
    axis.set_ticks(ticks, [f"{tick:g}" if tick < 1e6 else f"{tick:.0e}" for tick in ticks])
    axis.set_minor_locator(require("matplotlib.ticker", "plot", "softxent.report").NullLocator())
    limits = axis.axes.set_ylim if axis is axis.axes.yaxis else axis.axes.set_xlim
    limits(ticks[0], ticks[-1])


def log_ticks(low: float, high: float) -> list[float]:
    """Return at least two round numbers around an interval: 1, 2, 5 or powers of ten alone.

    Parameters
    ----------
    low, high : float
        The ends, above 0.

    Returns
    -------
    list of float
        Ascending; the first at most `low`, the last at least `high` and above the first.
    """
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    steps = (1, 2, 5) if last - first <= 6 else (1,)
    ticks = [float(f"{step}e{power}") for power in range(first, last + 1) for step in steps]
    start = max(k for k, tick in enumerate(ticks) if tick <= low)
    end = min(k for k, tick in enumerate(ticks) if tick >= high)
    return ticks[start : max(end, start + 1) + 1]


def figure_uri(fig: Figure, format: str = "svg", *, dpi: int = 160) -> str:
    """Encode a matplotlib figure as a data URI for an ``<img>`` element.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The figure.
    format : {"svg", "png"}
        ``svg`` stays sharp at any size; ``png`` suits figures of many thousand marks.
    dpi : int
        Resolution of a PNG.

    Returns
    -------
    str
        ``data:image/...;base64,...``, the same for the same figure.

    Raises
    ------
    ValueError
        If `format` is neither of the two.
    """
    if format not in _MEDIA_TYPES:
        raise ValueError(f"format must be one of {sorted(_MEDIA_TYPES)}, got {format!r}")
    matplotlib = require("matplotlib", "plot", "softxent.report")
    buffer = io.BytesIO()
    undated = {"Date": None} if format == "svg" else {"Software": None}
    with matplotlib.rc_context(_style()):
        fig.savefig(buffer, format=format, dpi=dpi, metadata=undated)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:{_MEDIA_TYPES[format]};base64,{encoded}"
