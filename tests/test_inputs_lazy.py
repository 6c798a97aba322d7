"""What NumPy would load without a word is refused, with what to pass instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import softxent as sx
from softxent import special
from softxent.models import NeuralNet2

CALLS: dict[str, Callable[[Any], Any]] = {
    "softmax": sx.softmax,
    "logsumexp b": lambda x: sx.logsumexp(np.zeros(4), b=x),
    "where": lambda x: sx.softmax(np.zeros(4), where=x),
    "loss": lambda x: sx.cross_entropy(x, np.zeros(4, int)),
    "target": lambda x: sx.cross_entropy_and_grad(np.zeros((4, 4)), x),
    "binary": lambda x: sx.binary_cross_entropy(np.zeros((4, 4)), x),
    "linear": lambda x: sx.linear_cross_entropy(x, np.zeros((3, 4)), np.zeros(4, int)),
    "streaming": lambda x: sx.LogSumExp(shape=(4,)).update(x, 0),
    "special": special.logsumexp,
    "ufunc": special.expit,
    "net": lambda x: NeuralNet2(4, 3, 2, seed=0).forward(x),
    "list": lambda x: sx.softmax([x, x]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_dask(call: Callable[[Any], Any]) -> None:
    array = pytest.importorskip("dask.array")
    touched = []
    x = array.ones((4, 4), chunks=2).map_blocks(lambda part: touched.append(1) or part, dtype=float)
    touched.clear()
    with pytest.raises(
        TypeError, match=r"dask Array would be loaded whole.*\.compute\(\).*softxent\.dask"
    ):
        call(x)
    assert not touched


def test_lazy_frames() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.LazyFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    for call in (sx.softmax, special.softmax, lambda x: sx.cross_entropy(np.zeros((2, 2)), x)):
        with pytest.raises(TypeError, match=r"polars LazyFrame has no values yet.*\.collect\(\)"):
            call(frame)
    assert sx.softmax(frame.collect()).shape == (2, 2)


class Labelled:
    """Like xarray's arrays: a wrapper with Dask's protocol, whether or not Dask is inside."""

    def __init__(self, graph: dict[str, int] | None) -> None:
        self.graph = graph

    def __dask_graph__(self) -> dict[str, int] | None:
        return self.graph

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        assert self.graph is None, "loaded"
        return np.zeros(2)


def test_wrappers_are_refused_where_they_wrap_dask() -> None:
    assert sx.softmax(Labelled(None)).tolist() == [0.5, 0.5]
    with pytest.raises(TypeError, match="would be loaded whole"):
        sx.softmax(Labelled({"task": 1}))
