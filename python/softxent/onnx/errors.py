"""The exceptions of this package."""


class ModelError(ValueError):
    """An ONNX file that cannot be read, is unsafe to read, or is not the expected network."""


class NotUnderstoodError(ModelError):
    """An ONNX file that is in order, but does not tell what is needed of it."""
