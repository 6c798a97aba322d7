"""What is known about the machine and the libraries."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import softxent

_L2 = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
_DEFAULT_L2 = 2 << 20
_DISTRIBUTIONS = (
    "numpy", "scipy", "torch", "onnxruntime", "jax", "scikit-learn", "ml_dtypes",
)  # fmt: skip


@cache
def l2_bytes() -> int:
    """Find the size of a core's second-level cache; 2 MiB where the system does not tell."""
    try:
        return int(_L2.read_text().strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        return _DEFAULT_L2


def describe(threads: int, *, quick: bool) -> dict[str, Any]:
    """Describe what the numbers depend on: processor, threads, versions."""
    return {
        "softxent": dict(softxent.get_config()),
        "threads": threads,
        "quick": quick,
        "processor": _processor(),
        "l2_bytes": l2_bytes(),
        "python": platform.python_version(),
        "versions": {name: found for name in _DISTRIBUTIONS if (found := _version(name))},
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
