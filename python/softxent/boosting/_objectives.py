"""The objectives."""

from __future__ import annotations

from typing import Any

import numpy as np

from softxent import binary_cross_entropy_grad_hess, cross_entropy_grad_hess
from softxent._arguments.arrays import as_float
from softxent._arguments.scalars import integer, number
from softxent.boosting._conventions import Hessian, hessian_of
from softxent.boosting._rows import class_weights, read

__all__ = [
    "lightgbm_binary_objective",
    "lightgbm_objective",
    "xgboost_binary_objective",
    "xgboost_objective",
]

#: The least Hessian that XGBoost's own objectives give.
_LEAST = 1e-16


class _Objective:
    """Gradient and Hessian of every row's loss in its scores; can be pickled and cloned."""

    __name__ = "softxent"

    def __init__(
        self,
        num_class: int | None,
        hessian: Hessian,
        label_smoothing: float,
        class_weight: Any,
        targets: Any,
        least: float,
    ) -> None:
        self.num_class = None if num_class is None else integer("num_class", num_class, 2)
        self.hessian = hessian
        self.label_smoothing = number("label_smoothing", label_smoothing, 0, 1)
        self.class_weight = class_weights(class_weight, self.num_class or 2)
        self.targets = None if targets is None else as_float(targets, "targets")
        self.least = least

    # Both scikit-learn APIs name the third argument so, or count the arguments.
    def __call__(
        self, first: Any, second: Any, sample_weight: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and Hessian for (scores, data) or (labels, scores, weights)."""
        scores, targets, weights = read(
            first, second, sample_weight, self.targets, self.num_class is None
        )
        if self.num_class is None:
            grad, hess = self._binary(scores, targets, weights)
        else:
            if scores.shape[1] != self.num_class:
                raise ValueError(
                    f"scores have {scores.shape[1]} columns; expected num_class={self.num_class}"
                )
            grad, hess = cross_entropy_grad_hess(
                scores,
                targets,
                weight=self.class_weight,
                sample_weight=weights,
                label_smoothing=self.label_smoothing,
                ignore_index=None if targets.ndim == 1 else -100,
                reduction="none",
            )
        if self.hessian == "gradient":
            hess = np.abs(grad)
        else:
            hess = hess * scores.dtype.type(self.hessian)
        return grad, np.maximum(hess, scores.dtype.type(self.least)) if self.least else hess

    def _binary(
        self, scores: np.ndarray, targets: np.ndarray, weights: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        smoothing = self.label_smoothing
        target = targets.astype(np.float64) * (1 - smoothing) + smoothing / 2
        weight = None
        if self.class_weight is not None:
            # -w1 t log p - w0 (1 - t) log(1 - p) is s times the loss of the target w1 t / s.
            positive = self.class_weight[1] * target
            weight = positive + self.class_weight[0] * (1 - target)
            target = np.divide(positive, weight, out=np.zeros_like(weight), where=weight > 0)
        if weights is not None:
            rows = np.asarray(weights, np.float64).reshape(scores.shape)
            weight = rows if weight is None else weight * rows
        return binary_cross_entropy_grad_hess(scores, target, weight=weight, reduction="none")


def xgboost_objective(
    num_class: int,
    *,
    hessian: str = "auto",
    label_smoothing: float = 0.0,
    class_weight: Any = None,
    targets: Any = None,
) -> _Objective:
    r"""
    Multiclass cross-entropy as an objective of XGBoost.

    .. math:: L = -\sum_c w_c \, y'_c \log p_c, \qquad y' = (1 - ε) \, y + ε / K

    Parameters
    ----------
    num_class : int
        The number K of classes.
    hessian : {"auto", "diagonal", "upper"}, default "auto"
        "diagonal" is the exact p(1 - p), "upper" 2p(1 - p). "auto" is what the installed version's
        own objective does, found out by asking it.
    label_smoothing : float in [0, 1], default 0.0
        The ε above.
    class_weight : array_like, shape (K,), or mapping of label to weight, optional
        The w above; a mapping gives 1 to the others.
    targets : array_like, shape (n, K), optional
        Class probabilities that take the place of the training labels, row by row. Without it
        labels of that shape in the DMatrix are such probabilities (leave num_class out of the
        parameters then), and whole numbers are class indices.

    Returns
    -------
    callable
        For ``xgboost.train(..., obj=)`` and ``XGBClassifier(objective=)``.

    Raises
    ------
    ImportError
        If "auto" needs XGBoost, which is not installed.
    TypeError, ValueError
        If an argument has a wrong type or value; when it is called, for wrong shapes or labels.
    IndexError
        When it is called, for a label that is not in [0, K).

    Notes
    -----
    Row weights of the data multiply gradient and Hessian, as in XGBoost's own objectives. The trees
    are those of ``multi:softprob``, up to the rounding of its float32 sums. XGBoost takes
    `base_score` for a raw score when the objective is a function.

    Examples
    --------
    >>> import numpy as np
    >>> from softxent.boosting import xgboost_objective
    >>> objective = xgboost_objective(3, hessian="diagonal")
    >>> grad, hess = objective([0, 2], np.zeros((2, 3)))
    >>> grad.round(3)
    array([[-0.667,  0.333,  0.333],
           [ 0.333,  0.333, -0.667]])
    """
    convention = hessian_of("xgboost", hessian, integer("num_class", num_class, 2))
    return _Objective(num_class, convention, label_smoothing, class_weight, targets, _LEAST)


def lightgbm_objective(
    num_class: int,
    *,
    hessian: str = "auto",
    label_smoothing: float = 0.0,
    class_weight: Any = None,
    targets: Any = None,
) -> _Objective:
    r"""
    Multiclass cross-entropy as an objective of LightGBM.

    Parameters
    ----------
    num_class : int
        The number K of classes.
    hessian : {"auto", "diagonal", "upper"}, default "auto"
        "diagonal" is the exact p(1 - p); "upper" and "auto" are K/(K - 1) p(1 - p), as LightGBM has
        it.
    label_smoothing, class_weight
        As for `xgboost_objective`.
    targets : array_like, shape (n, K), optional
        Class probabilities that take the place of the training labels, row by row.

    Returns
    -------
    callable
        For ``lightgbm.train({"objective": ..., "num_class": K})`` and
        ``LGBMClassifier(objective=)``.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `xgboost_objective`.

    Notes
    -----
    The trees are those of ``multiclass``, up to rounding, with ``boost_from_average=False``: a
    function starts from the raw score 0. Give the data an `init_score` to start elsewhere. With
    ``boosting="dart"`` and a function LightGBM may draw other trees to drop, by chance.

    Examples
    --------
    >>> import numpy as np
    >>> from softxent.boosting import lightgbm_objective
    >>> grad, hess = lightgbm_objective(3)([0], np.zeros((1, 3)))
    >>> hess.round(3)
    array([[0.333, 0.333, 0.333]])
    """
    convention = hessian_of("lightgbm", hessian, integer("num_class", num_class, 2))
    return _Objective(num_class, convention, label_smoothing, class_weight, targets, 0.0)


def xgboost_binary_objective(
    *,
    hessian: str = "auto",
    label_smoothing: float = 0.0,
    class_weight: Any = None,
    targets: Any = None,
) -> _Objective:
    r"""
    Binary cross-entropy as an objective of XGBoost.

    .. math:: L = -w_1 \, t' \log p - w_0 \, (1 - t') \log(1 - p), \qquad t' = (1 - ε) \, t + ε / 2

    Parameters
    ----------
    hessian : {"auto", "diagonal", "upper"}, default "auto"
        "auto" and "diagonal" are the exact p(1 - p), "upper" is 2p(1 - p).
    label_smoothing : float in [0, 1], default 0.0
        The ε above.
    class_weight : array_like of two, or mapping, optional
        (w0, w1).
    targets : array_like, shape (n,), optional
        Probabilities of class 1 that take the place of the training labels. Labels may be such
        probabilities, too.

    Returns
    -------
    callable
        For ``xgboost.train(..., obj=)`` and ``XGBClassifier(objective=)``.

    Raises
    ------
    TypeError, ValueError
        As `xgboost_objective`.

    Notes
    -----
    The trees are those of ``binary:logistic`` with the same start. ``xgboost.train`` takes
    `base_score` for a raw score when the objective is a function: log(p/(1 - p)), 0 for one half;
    ``XGBClassifier`` for the probability p all the same, whose default without `base_score` is one
    half here. ``tree_method="approx"`` needs the name ``binary:logistic`` in the parameters beside
    the function, or it takes the Hessian for constant; then `base_score` is a probability, and
    ``predict`` gives probabilities.

    Examples
    --------
    >>> from softxent.boosting import xgboost_binary_objective
    >>> objective = xgboost_binary_objective(hessian="diagonal")
    >>> grad, hess = objective([0, 1], [0.0, 0.0])
    >>> grad, hess
    (array([ 0.5, -0.5]), array([0.25, 0.25]))
    """
    convention = hessian_of("xgboost", hessian, None)
    return _Objective(None, convention, label_smoothing, class_weight, targets, _LEAST)


def lightgbm_binary_objective(
    *,
    hessian: str = "auto",
    label_smoothing: float = 0.0,
    class_weight: Any = None,
    targets: Any = None,
) -> _Objective:
    """
    Binary cross-entropy as an objective of LightGBM.

    Parameters
    ----------
    hessian, label_smoothing, class_weight, targets
        As for `xgboost_binary_objective`.

    Returns
    -------
    callable
        For ``lightgbm.train({"objective": ...})`` and ``LGBMClassifier(objective=)``.

    Raises
    ------
    TypeError, ValueError
        As `xgboost_objective`.

    Notes
    -----
    The trees are those of ``binary`` with ``boost_from_average=False``, up to rounding; with
    ``boosting="dart"`` as `lightgbm_objective` says.

    Examples
    --------
    >>> from softxent.boosting import lightgbm_binary_objective
    >>> objective = lightgbm_binary_objective(hessian="diagonal")
    >>> grad, hess = objective([0, 1], [0.0, 0.0])
    >>> grad, hess
    (array([ 0.5, -0.5]), array([0.25, 0.25]))
    """
    convention = hessian_of("lightgbm", hessian, None)
    return _Objective(None, convention, label_smoothing, class_weight, targets, 0.0)
