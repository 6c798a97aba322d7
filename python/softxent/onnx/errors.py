"""The exceptions of this package."""


class ModelError(ValueError):
    """
    An ONNX file that cannot be read, is unsafe to read, or is not the expected network.

    Examples
    --------
    >>> import os, tempfile
    >>> from softxent.onnx import ModelError, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "text.onnx")
    ...     with open(path, "w") as file:
    ...         print("no model", file=file)
    ...     try:
    ...         load(path)
    ...     except ModelError:
    ...         print("refused")
    refused
    """


class NotUnderstoodError(ModelError):
    """
    An ONNX file that is in order, but does not tell what is needed of it.

    Examples
    --------
    >>> from softxent.onnx import ModelError, NotUnderstoodError
    >>> issubclass(NotUnderstoodError, ModelError)
    True
    """
