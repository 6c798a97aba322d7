"""Arrays and tables without values yet, refused: NumPy would load them whole without a word."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["refuse_lazy"]

# What gives the values of the lazy types whose package tells nothing by a protocol.
_REMEDIES = {
    "cubed": ("Array", ".compute()"),
    "ibis": ("Table", ".to_pandas()"),
    "polars": ("LazyFrame", ".collect()"),
    "pyspark": ("DataFrame", ".toPandas()"),
}
_LONGEST = 64
_PLAIN = {bool, int, float, str, bytes, type(None), np.float32, np.float64, np.ndarray}


def refuse_lazy(value: Any, name: str) -> None:
    """
    Refuse collections of Dask, what wraps them, and lazy tables, also in a list or tuple.

    Raises
    ------
    TypeError
        With what to pass instead.
    """
    nested = type(value) is list or type(value) is tuple
    # A longer list is one of numbers, and asking each for its type takes as long as reading it.
    parts = value[:_LONGEST] if nested else (value,)
    for kind in set(map(type, parts)) - _PLAIN:
        graph = getattr(kind, "__dask_graph__", None)
        if graph is not None:
            _refuse_dask([part for part in parts if type(part) is kind], name)
            continue
        for base in kind.__mro__:
            lazy, remedy = _REMEDIES.get(base.__module__.partition(".")[0], ("", ""))
            if base.__name__ == lazy:
                raise TypeError(f"{name}: a {_called(kind)} has no values yet: pass it as {remedy}")


def _refuse_dask(values: list[Any], name: str) -> None:
    for value in values:
        # xarray's arrays have a graph only where they wrap one of Dask.
        if _package(type(value)) in ("dask", "dask_expr") or value.__dask_graph__() is not None:
            raise TypeError(
                f"{name}: a {_called(type(value))} would be loaded whole: pass parts of it as "
                ".compute(), or the whole to the functions of softxent.dask, chunk by chunk"
            )


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _called(kind: type) -> str:
    return f"{_package(kind)} {kind.__name__}"
