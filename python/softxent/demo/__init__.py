"""The demo: a net learns to read digits, is exported to ONNX and verified; a report tells."""

from softxent.demo.pipeline import Result, run

__all__ = ["Result", "run"]
