"""
What the libraries' own objectives take for the Hessian of the multiclass loss.

The exact diagonal is p(1 - p). As a bound for steps in all classes at once XGBoost doubles it, a
later version takes |p - y|, and LightGBM multiplies it by K/(K - 1).
"""

from __future__ import annotations

import json
from functools import cache
from typing import Literal

import numpy as np

from softxent._machine.optional import require

__all__ = ["Hessian", "hessian_of"]

#: A factor on p(1 - p), or the absolute value of the gradient.
Hessian = float | Literal["gradient"]


def hessian_of(library: str, hessian: str, num_class: int | None) -> Hessian:
    """
    Return the Hessian of an objective.

    Parameters
    ----------
    library : {"xgboost", "lightgbm"}
        For which library.
    hessian : {"auto", "diagonal", "upper"}
        As asked for.
    num_class : int or None
        The number of classes; None for the binary objective.

    Raises
    ------
    ImportError
        If "auto" needs the library, which is not installed.
    ValueError
        If `hessian` is another one.
    RuntimeError
        If the installed version has a convention that is not known here.
    """
    if hessian not in ("auto", "diagonal", "upper"):
        raise ValueError(f"hessian must be 'auto', 'diagonal' or 'upper', got {hessian!r}")
    if hessian == "diagonal" or (hessian == "auto" and num_class is None):
        return 1.0
    if library == "lightgbm":
        classes = num_class or 2
        return classes / (classes - 1)
    return 2.0 if hessian == "upper" else _of_xgboost()


@cache
def _of_xgboost() -> Hessian:
    """Find out what the installed version does: the sum of a Hessian is the cover of a root."""
    xgboost = require("xgboost", "boosting", "softxent.boosting.xgboost_objective")
    data = xgboost.DMatrix(np.zeros((1, 1)), label=[0.0])
    p = np.array([[0.25, 0.5, 0.25]])
    data.set_base_margin(np.log(p))
    settings = {"objective": "multi:softprob", "num_class": 3, "nthread": 1, "verbosity": 0}
    trees = xgboost.train(settings, data, 1).get_dump(with_stats=True, dump_format="json")
    cover = np.array([json.loads(tree)["cover"] for tree in trees])
    known: dict[Hessian, np.ndarray] = {
        2.0: 2 * p * (1 - p),
        1.0: p * (1 - p),
        "gradient": np.abs(p - [[1.0, 0.0, 0.0]]),
    }
    for convention, expected in known.items():
        if np.allclose(cover, expected[0], rtol=1e-3):
            return convention
    raise RuntimeError(
        f"the Hessian of XGBoost {xgboost.__version__}, {cover.tolist()} at p = {p[0].tolist()}, "
        "is not known: choose hessian='diagonal' or 'upper'"
    )
