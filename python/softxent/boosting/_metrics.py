"""The metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from softxent import binary_cross_entropy, cross_entropy
from softxent._arguments.scalars import flag
from softxent.boosting._rows import from_learning_api, read

__all__ = ["lightgbm_metric", "xgboost_metric"]


class _Metric:
    """The weighted mean of the cross-entropy, in the form that a library asks for."""

    def __init__(self, name: str, from_logits: bool, lightgbm: bool) -> None:
        self.__name__ = name
        self.from_logits = flag(from_logits, "from_logits")
        self.lightgbm = lightgbm

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> Any:
        """Return the metric for (scores, data) or (labels, scores, weights)."""
        learning = from_learning_api(second)
        binary = np.ndim(first if learning else second) == 1
        scores, targets, weights = read(first, second, sample_weight, None, binary)
        if binary:
            losses = binary_cross_entropy(
                scores, targets, reduction="none", from_logits=self.from_logits
            )
            value = float(np.average(losses.astype(np.float64), weights=weights))
        else:
            value = float(
                cross_entropy(
                    scores,
                    targets,
                    sample_weight=weights,
                    ignore_index=None if targets.ndim == 1 else -100,
                    from_logits=self.from_logits,
                )
            )
        if self.lightgbm:
            return self.__name__, value, False
        return (self.__name__, value) if learning else value


def xgboost_metric(*, from_logits: bool = True, name: str = "cross_entropy") -> _Metric:
    """
    Mean cross-entropy as a metric of XGBoost, multiclass or binary by the shape of the scores.

    Parameters
    ----------
    from_logits : bool, default True
        What XGBoost hands over: raw scores where the objective is a function, probabilities where
        it is one of its own.
    name : str, default "cross_entropy"
        How results are called.

    Returns
    -------
    callable
        For ``xgboost.train(..., custom_metric=)`` and ``XGBClassifier(eval_metric=)``.

    Raises
    ------
    TypeError
        If `from_logits` is not a bool; when it is called, for what is no array of numbers.
    ValueError, IndexError
        When it is called, for shapes that do not go together and labels out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from softxent.boosting import xgboost_metric
    >>> round(xgboost_metric()(np.array([0, 1]), np.zeros((2, 3))), 4)
    1.0986
    """
    return _Metric(name, from_logits, lightgbm=False)


def lightgbm_metric(*, from_logits: bool = True, name: str = "cross_entropy") -> _Metric:
    """
    Mean cross-entropy as a metric of LightGBM, multiclass or binary by the shape of the scores.

    Parameters
    ----------
    from_logits : bool, default True
        What LightGBM hands over: raw scores where the objective is a function, probabilities where
        it is one of its own.
    name : str, default "cross_entropy"
        How results are called.

    Returns
    -------
    callable
        For ``lightgbm.train(..., feval=)`` and ``LGBMClassifier.fit(eval_metric=)``.

    Raises
    ------
    TypeError
        If `from_logits` is not a bool; when it is called, for what is no array of numbers.
    ValueError, IndexError
        When it is called, for shapes that do not go together and labels out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from softxent.boosting import lightgbm_metric
    >>> name, value, higher_is_better = lightgbm_metric()(np.array([0, 1]), np.zeros((2, 3)))
    >>> name, round(value, 4), higher_is_better
    ('cross_entropy', 1.0986, False)
    """
    return _Metric(name, from_logits, lightgbm=True)
