"""Calls that a type checker must refuse, each in the line that is marked; never run."""

from __future__ import annotations

import numpy as np

import softxent as sx

x = np.zeros((2, 3))
y = np.zeros(2, np.int64)

sx.softmax(x, axis=1.5)  # refused
sx.softmax(x, dim=1)  # refused
sx.softmax()  # refused
sx.logsumexp(x, keepdims="yes")  # refused
sx.cross_entropy(x)  # refused
sx.cross_entropy(x, y, 1)  # refused
sx.cross_entropy(x, y, smoothing=0.1)  # refused
sx.cross_entropy(x, y, label_smoothing="0.1")  # refused
sx.cross_entropy(x, y, reduction=None)  # refused
sx.cross_entropy(x, y, out=x)  # refused
sx.cross_entropy_grad_hess(x, y, out=x)  # refused
sx.nll_loss(x, y, label_smoothing=0.1)  # refused
sx.binary_cross_entropy(x, x, axis=1)  # refused
sx.linear_cross_entropy(x, x, y, weight=x)  # refused
sx.nothing(x)  # refused
