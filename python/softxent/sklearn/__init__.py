"""
A classifier for scikit-learn, over the networks of `softxent.models`.

`MLPSoftmaxClassifier` takes the parameters of `sklearn.neural_network.MLPClassifier`, is trained in
the same way and works wherever a classifier does; `register_converter` tells skl2onnx how to
convert it. Needs the ``sklearn`` extra.
"""

from softxent._machine.optional import require

require("sklearn", "sklearn", "softxent.sklearn")

from softxent.sklearn import conversion  # noqa: E402 - needs scikit-learn, as the next
from softxent.sklearn.classifier import MLPSoftmaxClassifier  # noqa: E402

__all__ = ["MLPSoftmaxClassifier", "register_converter"]

conversion.register_where_loaded(MLPSoftmaxClassifier)


def register_converter() -> None:
    """
    Tell skl2onnx how to convert `MLPSoftmaxClassifier`, alone and in pipelines.

    The import of `softxent.sklearn` and every `fit` do that by themselves once skl2onnx has been
    imported. Options are those of scikit-learn's classifiers: zipmap, nocl, output_class_labels.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Examples
    --------
    >>> from softxent.sklearn import register_converter
    >>> register_converter()  # doctest: +SKIP
    """
    conversion.register(MLPSoftmaxClassifier)
