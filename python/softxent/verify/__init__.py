"""Whether an ONNX file computes what it claims to, with tolerances that are derived.

`verify` runs the file in onnxruntime and compares every output with the native network, PyTorch
and onnx's own evaluator. Needs the ``onnx`` extra; torch if it is to be compared with, and the
``plot`` extra for HTML reports.
"""

from softxent.verify.run import verify

__all__ = ["verify"]
