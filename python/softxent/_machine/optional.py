"""Optional dependencies, imported when a function needs them and never before."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from types import ModuleType

__all__ = ["available", "require", "require_all"]


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """
    Import an optional dependency or say how to get it.

    Parameters
    ----------
    module : str
        Name of the module to import, dotted names included ("onnx.reference").
    extra : str
        The extra of softxent that installs it ("onnx").
    purpose : str
        What needs it; the subject of the error message ("softxent.onnx").

    Returns
    -------
    module
        The imported module, the submodule for a dotted name.

    Raises
    ------
    ImportError
        If the package is not installed. An installed package whose own import fails raises its
        own error, because installing the extra would not help.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise ImportError(
            f"{purpose} needs {package}: pip install 'softxent[{extra}]'", name=package
        ) from error


def require_all(modules: Sequence[str], extra: str, purpose: str) -> None:
    """
    Say what is missing of several optional dependencies, before any work is done with some.

    Parameters
    ----------
    modules : sequence of str
        Names of top-level modules.
    extra, purpose : str
        As for `require`.

    Raises
    ------
    ImportError
        If some are not installed; with the names of all of them.
    """
    missing = [module for module in modules if not available(module)]
    if missing:
        raise ImportError(
            f"{purpose} needs {', '.join(missing)}: pip install 'softxent[{extra}]'",
            name=missing[0],
        )


def available(module: str) -> bool:
    """
    Say whether an optional dependency can be imported.

    Parameters
    ----------
    module : str
        Name of the top-level module.

    Returns
    -------
    bool
        True if `module` is installed. It is looked up, not imported.
    """
    return importlib.util.find_spec(module) is not None
