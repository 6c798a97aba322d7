"""Errors of both worlds: PyTorch raises RuntimeError where softxent has TypeError or ValueError."""

from __future__ import annotations

__all__ = ["TensorTypeError", "TensorValueError"]


class TensorTypeError(TypeError, RuntimeError):
    """A tensor of a wrong dtype."""


class TensorValueError(ValueError, RuntimeError):
    """A tensor of a wrong shape, or an option with a wrong value."""
