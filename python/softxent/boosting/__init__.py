"""
Objectives and metrics for XGBoost and LightGBM: cross-entropy with every digit.

What the functions return is accepted by either library's learning API and scikit-learn API.
Gradients and Hessians are those of `softxent.cross_entropy_grad_hess` and its binary relative, with
class weights, label smoothing and soft targets. The libraries come with the extra ``boosting``;
nothing is imported but XGBoost, where it is asked for its convention.
"""

from softxent.boosting._metrics import lightgbm_metric, xgboost_metric
from softxent.boosting._objectives import (
    lightgbm_binary_objective,
    lightgbm_objective,
    xgboost_binary_objective,
    xgboost_objective,
)

__all__ = [
    "lightgbm_binary_objective",
    "lightgbm_metric",
    "lightgbm_objective",
    "xgboost_binary_objective",
    "xgboost_metric",
    "xgboost_objective",
]
