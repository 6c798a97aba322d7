"""What this build is and where its C library lies."""

from __future__ import annotations

import os
from typing import Any

from softxent._core import binding

__all__ = ["get_config", "get_include", "get_library", "show_config"]

_LIBRARIES = (
    "libsoftxent.so",
    "libsoftxent.dylib",
    "softxent.dll",
    "libsoftxent.a",
    "softxent.lib",
)


def get_config() -> dict[str, Any]:
    """
    Facts about this build and this process.

    Returns
    -------
    dict
        ``version``; ``isa``, the instruction set in use; ``isas``, those usable on this machine,
        best first; ``num_threads``; ``pool_limit`` and ``pool_bytes``, of freed results how many
        bytes are kept at most and now; ``compiler``, which built the bindings; ``python``,
        ``numpy`` and ``platform``.

    See Also
    --------
    show_config : print them.

    Examples
    --------
    >>> import softxent
    >>> config = softxent.get_config()
    >>> config["isa"] in config["isas"]
    True
    """
    import platform

    import numpy as np

    return {
        "version": binding.VERSION,
        "isa": binding.isa(),
        "isas": binding.usable_isas(),
        "num_threads": binding.get_num_threads(),
        "pool_limit": binding.pool_limit(),
        "pool_bytes": binding.pool_bytes(),
        "compiler": binding.COMPILER,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }


def show_config() -> dict[str, Any]:
    """
    Print the facts of `get_config`, one a line, and return them.

    Returns
    -------
    dict
        As `get_config`.

    Examples
    --------
    >>> import softxent
    >>> config = softxent.show_config()  # doctest: +ELLIPSIS
    version ...
    """
    config = get_config()
    width = max(map(len, config))
    for name, value in config.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        print(f"{name:<{width}}  {shown}")
    return config


def get_include() -> str:
    """
    Folder of the C header ``softxent.h``.

    Returns
    -------
    str
        The folder, for the compiler's ``-I``.

    Raises
    ------
    FileNotFoundError
        If this installation has no header.

    Examples
    --------
    >>> import os
    >>> import softxent
    >>> os.path.isfile(os.path.join(softxent.get_include(), "softxent.h"))
    True
    """
    folder = _native_folder("include")
    if not os.path.isfile(os.path.join(folder, "softxent.h")):
        raise FileNotFoundError(f"softxent.h is not in {folder}")
    return folder


def get_library() -> str:
    """
    Path of the C library, for programs in other languages.

    Returns
    -------
    str
        The shared or static library to link.

    Raises
    ------
    FileNotFoundError
        If this installation has none.

    Examples
    --------
    >>> import os
    >>> import softxent
    >>> os.path.isfile(softxent.get_library())
    True
    """
    folder = _native_folder("lib")
    for name in _LIBRARIES:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(f"none of {', '.join(_LIBRARIES)} is in {folder}")


def _native_folder(name: str) -> str:
    # In an editable install the compiled parts lie apart from the Python sources.
    package = os.path.dirname(os.path.dirname(os.path.abspath(binding.__file__)))
    return os.path.join(package, name)
