"""The one exception of this package."""


class ModelError(ValueError):
    """An ONNX file that cannot be read, is unsafe to read, or is not the expected network."""
