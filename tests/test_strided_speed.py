"""Elements that lie apart cost no more than a copy that brings them together.

Ratios within one run, of the best of several repetitions; what they hold off are factors of 10 to
40.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

import softxent

LAYOUTS = {
    "one long row": lambda x: x.reshape(1, -1, 2)[0, :, 0],
    "three long rows": lambda x: x[: len(x) // 6 * 6].reshape(3, -1, 2)[:, :, 1],
    "one long row backwards": lambda x: x[::-2],
    "long rows side by side": lambda x: x[: len(x) // 4 * 4].reshape(-1, 4).T,
    "short rows": lambda x: x[: len(x) // 2000 * 2000].reshape(-1, 1000, 2)[:, :, 0],
}

FUNCTIONS: dict[str, Callable[[np.ndarray], object]] = {
    "softmax": softxent.softmax,
    "log_softmax": softxent.log_softmax,
    "logsumexp": softxent.logsumexp,
    "softmax_grad": lambda x: softxent.softmax_grad(x, x),
    "cross_entropy_and_grad": lambda x: softxent.cross_entropy_and_grad(
        x, np.zeros(x.shape[:-1], dtype=np.int64)
    ),
}


def best_time(call: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_strided_rows_take_no_longer_than_a_copy(function: str, layout: str, rng) -> None:
    call, x = FUNCTIONS[function], LAYOUTS[layout](rng.normal(size=2_000_000).astype(np.float32))
    strided, copied = best_time(lambda: call(x)), best_time(lambda: call(np.ascontiguousarray(x)))
    assert strided < 4 * copied, f"{strided / copied:.2f} times a copy and contiguous rows"
