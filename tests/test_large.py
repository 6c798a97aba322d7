"""More than 2^31 elements: addresses and counts need 64 bits. The pages of zeros take no memory."""

from __future__ import annotations

import numpy as np

import softxent as sx

ROWS, CLASSES = 65539, 32768  # 2^31 + 98304 elements


def logits() -> np.ndarray:
    x = np.zeros((ROWS, CLASSES), np.float16)
    x[[0, ROWS // 2, -1], [5, 6, CLASSES - 1]] = [1.0, 2.0, 3.0]
    return x


def test_rows_beyond_two_to_the_31_elements() -> None:
    x = logits()
    assert x.size > 2**31
    labels = np.zeros(ROWS, np.int64)
    labels[-1] = CLASSES - 1
    lse, loss = sx.logsumexp(x, axis=-1), sx.cross_entropy(x, labels, reduction="none")
    for row in (0, 1, ROWS // 2, ROWS - 2, ROWS - 1):
        assert lse[row] == sx.logsumexp(x[row])
        assert loss[row] == sx.cross_entropy(x[row], labels[row])
    assert np.all(np.delete(lse, [0, ROWS // 2, -1]) == lse[1])


def test_lanes_beyond_two_to_the_31_elements() -> None:
    x = logits().T
    lse = sx.logsumexp(x, axis=0)
    assert np.array_equal(lse[[0, 1, -1]], [sx.logsumexp(x[:, row]) for row in (0, 1, -1)])
