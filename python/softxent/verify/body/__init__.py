"""A graph of any classifier evaluated in float64, with bounds of what rounding may change.

`evaluate` walks the graph node by node. A table has the rule of every operator that is understood:
its value, and how the errors of its operands are carried and its own rounding is added. What has
no rule is estimated from perturbed runs, and called an estimate.
"""

from softxent.verify.body.evaluation import Evaluation, evaluate
from softxent.verify.body.operators import NotUnderstood

__all__ = ["Evaluation", "NotUnderstood", "evaluate"]
