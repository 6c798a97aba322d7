"""Any classifier in an ONNX file, run by onnxruntime.

`feeding` brings samples into what the graph takes, `readout` makes classes and probabilities of
what comes out, `running` does what is between.
"""

from softxent.onnx.classifier.running import Classifier

__all__ = ["Classifier"]
