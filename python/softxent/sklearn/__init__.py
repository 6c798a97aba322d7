"""
A classifier for scikit-learn, over the networks of `softxent.models`.

`MLPSoftmaxClassifier` takes the parameters of `sklearn.neural_network.MLPClassifier`, is trained in
the same way and works wherever a classifier does; `register_converter` tells skl2onnx how to
convert it. Needs the ``sklearn`` extra.
"""

from softxent._machine.optional import require

require("sklearn", "sklearn", "softxent.sklearn")

from softxent.sklearn.classifier import MLPSoftmaxClassifier  # noqa: E402 - needs scikit-learn
from softxent.sklearn.conversion import register_converter, register_where_loaded  # noqa: E402

__all__ = ["MLPSoftmaxClassifier", "register_converter"]

register_where_loaded()
