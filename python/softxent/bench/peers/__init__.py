"""The other libraries, one file each: how a user who wants speed would call them.

Each module has ``NAME`` (the column), ``MODULES`` (what must be installed) and
``prepare(case, inputs, threads)``, which returns one call per buffer or None where the library
has no such computation.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

from softxent._machine.optional import available

_NAMES = ("torch", "onnxruntime", "jax", "sklearn", "scipy", "numpy")


@dataclass(frozen=True)
class Peers:
    """The modules of the peers that are installed, and the names of those that are not."""

    present: tuple[ModuleType, ...]
    absent: tuple[str, ...]


def find() -> Peers:
    """Find out which peers are installed."""
    modules = [importlib.import_module(f"{__name__}.{name}") for name in _NAMES]
    present = tuple(module for module in modules if _installed(module))
    absent = tuple(module.NAME for module in modules if not _installed(module))
    return Peers(present, absent)


def names() -> tuple[str, ...]:
    """List the columns of all peers, installed or not."""
    return tuple(importlib.import_module(f"{__name__}.{name}").NAME for name in _NAMES)


def _installed(module: ModuleType) -> bool:
    return all(available(name) for name in module.MODULES)
