"""The demo: handwritten digits, a net trained on them, two ONNX files, their verification, a report."""

from softxent.demo.pipeline import Result, run

__all__ = ["Result", "run"]
