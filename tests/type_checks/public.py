"""What mypy and pyright must infer for calls of the public functions; never run."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import softxent as sx

F16 = NDArray[np.float16]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


def elementwise_and_rows(
    h: F16, s: F32, d: F64, i: NDArray[np.int64], b: NDArray[np.bool_]
) -> None:
    assert_type(sx.softmax(h), F16)
    assert_type(sx.softmax(s), F32)
    assert_type(sx.softmax(d), F64)
    assert_type(sx.softmax(i), F64)
    assert_type(sx.softmax(b), F64)
    assert_type(sx.softmax([1.0, 2.0]), F64)
    assert_type(sx.softmax([[1, 2], [3, 4]]), F64)
    assert_type(sx.softmax(s, axis=(0, 1), where=b), F32)
    assert_type(sx.softmax(s, None, out=s), F32)
    assert_type(sx.log_softmax(s, 0), F32)
    assert_type(sx.log_softmax(i), F64)
    assert_type(sx.sigmoid(h), F16)
    assert_type(sx.sigmoid(3), F64)
    assert_type(sx.log_sigmoid(d), F64)
    assert_type(sx.softmax_grad(d, s), F32)
    assert_type(sx.log_softmax_grad(s, d, axis=0), F64)


def sums(h: F16, s: F32, d: F64, i: NDArray[np.int8]) -> None:
    assert_type(sx.logsumexp(h), F32)
    assert_type(sx.logsumexp(s, axis=0), F32)
    assert_type(sx.logsumexp(d, axis=(0, 1), keepdims=True), F64)
    assert_type(sx.logsumexp(i), F64)
    assert_type(sx.logsumexp(s, None), np.float32)
    assert_type(sx.logsumexp(d, axis=None), np.float64)
    assert_type(sx.logsumexp(s, return_sign=True), tuple[F32, F32])
    assert_type(sx.logsumexp(s, b=d), Any)


def losses(h: F16, s: F32, d: F64, y: NDArray[np.int64]) -> None:
    assert_type(sx.cross_entropy(h, y), np.float32)
    assert_type(sx.cross_entropy(s, y), np.float32)
    assert_type(sx.cross_entropy(d, y), np.float64)
    assert_type(sx.cross_entropy(y, y), np.float64)
    assert_type(sx.cross_entropy([[1.0, 2.0]], [0]), np.float64)
    assert_type(sx.cross_entropy(s, y, reduction="sum"), np.float32)
    assert_type(sx.cross_entropy(s, y, reduction="none"), F32)
    assert_type(sx.cross_entropy(h, y, reduction="none", z_loss=1e-4, axis=1), F32)
    assert_type(sx.cross_entropy(d, d, weight=[1, 2], label_smoothing=0.1), np.float64)
    assert_type(sx.cross_entropy_and_grad(h, y), tuple[np.float32, F16])
    assert_type(sx.cross_entropy_and_grad(s, y, out=s), tuple[np.float32, F32])
    assert_type(sx.cross_entropy_and_grad(d, y, reduction="none"), tuple[F64, F64])
    assert_type(sx.cross_entropy_grad(h, y), F16)
    assert_type(sx.cross_entropy_grad(d, y, d, reduction="none"), F64)
    assert_type(sx.cross_entropy_grad_hess(s, y), tuple[F32, F32])
    assert_type(sx.cross_entropy_and_grad(s, y, focal_gamma=2.0), tuple[np.float32, F32])
    assert_type(sx.cross_entropy_grad_hess(d, y, focal_gamma=2), tuple[F64, F64])
    assert_type(sx.nll_loss(h, y), np.float32)
    assert_type(sx.nll_loss(d, y, reduction="none"), F64)
    assert_type(sx.nll_loss_and_grad(s, y, ignore_index=None), tuple[np.float32, F32])


def binary_and_linear(h: F16, s: F32, d: F64, y: NDArray[np.int64]) -> None:
    assert_type(sx.binary_cross_entropy(s, y), np.float32)
    assert_type(sx.binary_cross_entropy(d, y, reduction="none"), F64)
    assert_type(sx.binary_cross_entropy_and_grad(h, y), tuple[np.float32, F16])
    assert_type(sx.binary_cross_entropy_grad_hess(d, y), tuple[F64, F64])
    assert_type(sx.linear_cross_entropy(s, s, y), np.float32)
    assert_type(sx.linear_cross_entropy(s, h, y), np.float32)
    assert_type(sx.linear_cross_entropy(s, d, y), np.float64)
    assert_type(sx.linear_cross_entropy(d, s, y, reduction="none"), F64)
    loss, (_, d_weight, d_bias) = sx.linear_cross_entropy_and_grad(s, s, y, bias=s)
    assert_type(loss, np.float32)
    assert_type(d_weight, NDArray[Any])
    assert_type(d_bias, NDArray[Any] | None)


def anything(x: NDArray[Any], reduction: str, y: NDArray[np.int64]) -> None:
    """What the types do not say is Any, and no error."""
    sx.softmax(x)
    assert_type(sx.cross_entropy(x, y, reduction=reduction), Any)


def submodules() -> None:
    net = sx.models.NeuralNet2(3, 2, 3)
    assert_type(net, sx.models.NeuralNet2)
    assert_type(net.loss([[1.0, 2.0, 3.0]], [0]), float)
    assert_type(sx.data.load_digits(), sx.data.Dataset)
    assert_type(sx.get_num_threads(), int)
    assert_type(sx.get_pool_limit(), int)
    assert_type(sx.__version__, str)
