"""Memory of tasks of softxent.dask, in chunks: the bounds of docs/distributed.md."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("dask.array")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="peaks are read from Linux's process information"
)

#: Large pieces of memory go back to the system when they are freed, to be seen again.
SETTINGS = {"MALLOC_MMAP_THRESHOLD_": "1000000", "SOFTXENT_NUM_THREADS": "1"}

BEGIN = """
import json, re, sys
import dask, dask.array as da, numpy as np
from dask.callbacks import Callback
import softxent.dask as sxd

def status(name):
    with open("/proc/self/status") as file:
        return int(re.search(name + r":\\s+(\\d+) kB", file.read())[1]) * 1024

def forget_the_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return status("VmRSS")

ROWS, CLASSES = 1024, 2000
y = np.arange(2 * ROWS) % CLASSES
"""

#: A task at a time. Prints for each kind of task the most memory that the process had more than
#: before it, and the largest array that it left, both in chunks.
TASKS = """
def bytes_of(result):
    if isinstance(result, (tuple, list)):
        return max(map(bytes_of, result), default=0)
    return result.nbytes if isinstance(result, np.ndarray) else 0

class Peaks(Callback):
    def __init__(self, chunk):
        self.found, self.chunk = {}, chunk
        super().__init__(pretask=self.before, posttask=self.after)

    def before(self, key, graph, state):
        self.base = forget_the_peak()

    def after(self, key, result, graph, state, worker):
        name = str(key[0] if isinstance(key, tuple) else key)
        if name.startswith("softxent-"):
            kind = re.match(r"softxent-[a-z_]+-([a-z_0-9-]*)-[0-9a-f]{32}", name)[1]
            peak, left = self.found.get(kind, (0, 0))
            used = (status("VmHWM") - self.base) / self.chunk
            self.found[kind] = max(peak, used), max(left, bytes_of(result) / self.chunk)

dtype, found = np.dtype(DTYPE), {}
for call in CALLS:
    for classes in (CLASSES, CLASSES // 2):
        x = da.zeros((2 * ROWS, CLASSES), chunks=(ROWS, classes), dtype=dtype) + dtype.type(1)
        with dask.config.set(scheduler="synchronous"):
            with Peaks(ROWS * classes * dtype.itemsize) as peaks:
                dask.compute(*eval(call), optimize_graph=False)
        found[f"{call}, {classes} classes"] = peaks.found
print(json.dumps(found))
"""

CALLS = (
    "[sxd.softmax(x)]",
    "[sxd.softmax(x, where=np.arange(CLASSES) > 9)]",
    "[sxd.log_softmax(x)]",
    "[sxd.logsumexp(x), sxd.logsumexp(x, b=x), sxd.logsumexp(x, b=2.0)]",
    "[sxd.cross_entropy(x, y), sxd.cross_entropy(x, x, z_loss=0.1)]",
    "sxd.cross_entropy_and_grad(x, y, label_smoothing=0.1)",
    "sxd.cross_entropy_and_grad(x, x, reduction='none')",
    "sxd.cross_entropy_and_grad(x, y, softcap=9.0)",
    "sxd.cross_entropy_and_grad(x, y, from_logits=False)",
    "[sxd.binary_cross_entropy(x, x, weight=2.0, pos_weight=x)]",
)
SCALED = ("sxd.cross_entropy_and_grad(x, y, logit_scale=0.5, sample_weight=y)",)


def peaks(run_python: Any, dtype: str, calls: tuple[str, ...]) -> dict[str, Any]:
    """Peak and result of each kind of task of each call, in chunks."""
    program = f"{BEGIN}DTYPE, CALLS = {dtype!r}, {calls!r}\n{TASKS}"
    found: dict[str, Any] = json.loads(run_python(program, **SETTINGS))
    return found


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_task_takes_its_result_and_little_more(run_python: Any, dtype: str) -> None:
    item = int(dtype[5:]) // 8
    for calls, widest in ((CALLS, max(4, item)), (SCALED, 8)):
        for call, kinds in peaks(run_python, dtype, calls).items():
            assert kinds, call
            for kind, (peak, left) in kinds.items():
                # A result is a chunk, or as large as one in the type that is computed in.
                most = widest / item if kind == "terms" else 1.0
                assert left <= most, (call, kind, left)
                # Beside it are records by row and a megabyte of what is packed; and of weights
                # of each element 6 bytes, converted and checked.
                beside = 6 / item + 0.1 if "pos_weight" in call else 0.1
                assert peak <= left + beside + 1.5e6 / (1024 * 1000 * item), (call, kind, peak)


#: A whole computation, whose chunks are made as they are asked for and written to nowhere.
WHOLE = """
class Nowhere:
    def __setitem__(self, index, value):
        pass

peaks = []
for blocks in (1, 4, 16):  # what is loaded once is loaded with the first
    x = da.ones((blocks * ROWS, CLASSES), chunks=(ROWS, 500), dtype=np.float32) * np.float32(2)
    y = np.arange(blocks * ROWS) % CLASSES
    for results in (
        [sxd.softmax(x)], [sxd.log_softmax(x)], sxd.cross_entropy_and_grad(x, y)[1:],
        sxd.cross_entropy_and_grad(x, x)[1:],
    ):
        with dask.config.set(scheduler="synchronous"):
            base = forget_the_peak()
            da.store(results, [Nowhere() for _ in results], lock=False)
            peaks.append((status("VmHWM") - base) / (ROWS * 500 * 4))
print(json.dumps(peaks[4:]))
"""


def test_memory_is_that_of_a_block_of_rows(run_python: Any) -> None:
    """Of four chunks here and the next of another's, however many blocks there are."""
    few, many = np.split(np.array(json.loads(run_python(BEGIN + WHOLE, **SETTINGS))), 2)
    most = np.array([6.5, 6.5, 6.5, 11.0])  # probabilities stay beside the terms of their logits
    assert (few <= most).all(), few
    assert (many <= most).all(), many
