"""Small networks are trained with one thread of the BLAS, where threadpoolctl is there."""

from __future__ import annotations

import numpy as np
import pytest

from softxent.models import NeuralNet2, _blas


def threads_during_training(hidden_size: int) -> tuple[list[int], list[int]]:
    """Threads of the BLAS during a training and after it."""
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def threads() -> list[int]:
        return [
            p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"
        ]

    seen: list[list[int]] = []
    X, y = np.zeros((8, 4)), np.zeros(8, np.int64)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if 2 not in threads():
            pytest.skip("this BLAS cannot have two threads")
        NeuralNet2(4, hidden_size, 2, seed=0).fit(
            X, y, epochs=1, batch_size=8, learning_rate=0.1, progress=False,
            callback=lambda record: seen.append(threads()),
        )  # fmt: skip
        return seen[0], threads()


def test_a_small_net_is_trained_with_one_thread():
    during, after = threads_during_training(3)
    assert set(during) == {1}
    assert 2 in after


def test_a_large_net_is_trained_with_all_threads(monkeypatch):
    monkeypatch.setattr(_blas, "SMALL", 8 * 4 * 3)
    during, _ = threads_during_training(3)
    assert 2 in during


def test_training_does_without_threadpoolctl(monkeypatch):
    monkeypatch.setattr(_blas, "available", lambda module: False)
    X, y = np.zeros((8, 4)), np.zeros(8, np.int64)
    history = NeuralNet2(4, 3, 2, seed=0).fit(
        X, y, epochs=1, batch_size=8, learning_rate=0.1, progress=False
    )
    assert len(history["loss"]) == 1
