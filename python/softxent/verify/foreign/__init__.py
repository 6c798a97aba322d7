"""Verification of classifiers of any origin.

What follows the logits is judged by softxent's functions on the logits that the runtime itself
produced; what comes before them by a float64 run of the same graph (`softxent.verify.body`), and by
a torch module or a network where one is given.
"""

from softxent.verify.foreign.verification import ForeignVerification

__all__ = ["ForeignVerification"]
