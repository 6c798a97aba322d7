"""
Softmax and cross-entropy for NumPy arrays: accurate, reproducible, fast.

The functions compute float16, bfloat16, float32 and float64 natively on the CPU, within one or two
units in the last place, with the same bits for every memory layout, number of threads and
instruction set.

Three environment variables are read when the package is imported: ``SOFTXENT_NUM_THREADS``, a
whole number of at least 1, ``SOFTXENT_ISA``, one of the instruction sets in
``get_config()["isas"]``, and ``SOFTXENT_POOL_LIMIT``, the bytes of freed results to keep.
A value that cannot be obeyed is a ValueError.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from . import functional
from ._core.binding import VERSION as __version__
from ._machine.config import get_config, get_include, get_library, show_config
from ._machine.pool import apply_pool_environment as _apply_pool_environment
from ._machine.pool import get_pool_limit, set_pool_limit
from ._machine.threads import apply_environment as _apply_environment
from ._machine.threads import get_num_threads, num_threads, set_num_threads
from .functional import *  # noqa: F403 - its __all__ is the list of the computing functions

if TYPE_CHECKING:
    from . import dask as dask
    from . import data as data
    from . import models as models
    from . import onnx as onnx
    from . import report as report
    from . import special as special
    from . import torch as torch
    from . import verify as verify

_SUBMODULES = ("dask", "data", "models", "onnx", "report", "special", "torch", "verify")

__all__ = [
    "__version__",
    "functional",
    "get_config",
    "get_include",
    "get_library",
    "get_num_threads",
    "get_pool_limit",
    "num_threads",
    "set_num_threads",
    "set_pool_limit",
    "show_config",
]
__all__ += functional.__all__  # in the form that type checkers know

_apply_environment()
_apply_pool_environment()


def __getattr__(name: str) -> ModuleType:
    # Submodules are imported when they are first used: they cost more than all of this package.
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES})
