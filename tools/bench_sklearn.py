"""Training time of MLPSoftmaxClassifier beside scikit-learn's MLPClassifier, at equal settings.

Both are given the same data, parameters and random numbers, and compute the same epochs; the least
time of several runs counts, taken in turns. Usage: tools/bench_sklearn.py [--repeat N]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from softxent.sklearn import MLPSoftmaxClassifier


def wide() -> tuple[np.ndarray, np.ndarray]:
    """Samples of 784 features in 10 classes, of the size of handwritten digits."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 10, 10000)
    return generator.normal(size=(10, 784))[y] / 8 + generator.normal(size=(10000, 784)), y


def data(load: Callable[..., Any]) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """A set of scikit-learn, scaled."""

    def loaded() -> tuple[np.ndarray, np.ndarray]:
        X, y = load(return_X_y=True)
        return scale(X), y

    return loaded


SETS = {
    "wine": (data(load_wine), {"max_iter": 100}),
    "breast cancer": (data(load_breast_cancer), {"max_iter": 100}),
    "digits": (data(load_digits), {"max_iter": 30}),
    "digits, sgd, batches of 32": (
        data(load_digits),
        {"max_iter": 10, "solver": "sgd", "batch_size": 32},
    ),
    "digits, no hidden layer": (data(load_digits), {"max_iter": 30, "hidden_layer_sizes": ()}),
    "10000 x 784, 256 units": (wide, {"max_iter": 3, "hidden_layer_sizes": (256,)}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    warnings.simplefilter("ignore")
    print("| data | dtype | MLPClassifier, ms | MLPSoftmaxClassifier, ms | times as fast |")
    print("|---|---|---|---|---|")
    for name, (load, settings) in SETS.items():
        X, y = load()
        for dtype in (np.float64, np.float32):
            X = X.astype(dtype)
            best = {MLPClassifier: np.inf, MLPSoftmaxClassifier: np.inf}
            for _ in range(repeat):
                for kind in best:
                    start = time.perf_counter()
                    kind(random_state=0, tol=0.0, n_iter_no_change=1000, **settings).fit(X, y)
                    best[kind] = min(best[kind], time.perf_counter() - start)
            theirs, ours = (1e3 * value for value in best.values())
            kind = np.dtype(dtype).name
            print(f"| {name} | {kind} | {theirs:.0f} | {ours:.0f} | {theirs / ours:.1f} |")


if __name__ == "__main__":
    main()
