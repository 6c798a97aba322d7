"""The parts of a classifier of any origin, found by the structure of its graph.

One sweep gives every value a meaning (`meaning`, by the rules of `rules`); from the meanings of the
outputs follow the logits (`logits`), and from these the roles of inputs and outputs (`parts`).
"""

from softxent.onnx.anatomy.logits import Logits
from softxent.onnx.anatomy.meaning import LossNode
from softxent.onnx.anatomy.parts import ROLES, Anatomy, Gap, Input, Output, anatomy

__all__ = ["ROLES", "Anatomy", "Gap", "Input", "Logits", "LossNode", "Output", "anatomy"]
