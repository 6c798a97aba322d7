"""Which exceptions are the user's to mend, and how they read in one line."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from softxent._files.atomic import final_names
from softxent.cli._wording import in_options

#: Where arguments, labels and files are checked.
_CHECKING = (
    "softxent._arguments",
    "softxent._core",
    "softxent.data",
    "softxent.models",
    "softxent.onnx",
)

#: An exception of one of these types is about the user's input when the named package raised it.
_RAISED_BY: dict[type[Exception], tuple[str, ...]] = {
    ValueError: ("softxent",),
    ImportError: ("softxent",),
    NotImplementedError: ("softxent",),
    FloatingPointError: ("softxent.models",),
    TypeError: _CHECKING,
    IndexError: _CHECKING,
    KeyError: _CHECKING,
}


def is_user_error(error: Exception) -> bool:
    """
    Say whether an exception tells the user something, rather than revealing a bug.

    Errors of the operating system always do. Others do when softxent raised them on purpose, with
    its own message; the same type out of NumPy's or Python's depths is a bug and keeps its
    traceback.
    """
    if isinstance(error, (OSError, MemoryError)):
        return True
    module = _raising_module(error.__traceback__)
    return any(
        isinstance(error, kind) and _within(module, packages)
        for kind, packages in _RAISED_BY.items()
    )


def describe(error: Exception, options: Mapping[str, str] | None = None) -> str:
    """
    Give the message of an exception in one line, in the words of the command line.

    Parameters
    ----------
    error : Exception
        What was raised.
    options : mapping of str to str, optional
        The options of the command, as for `softxent.cli._wording.in_options`.
    """
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])  # str() of a KeyError is the repr of its message
    elif isinstance(error, MemoryError):
        text = f"not enough memory: {error}".removesuffix(": ")
    else:
        text = str(error)
    line = final_names(" ".join(text.split())) or type(error).__name__
    return "error: " + in_options(line, options or {})


def _raising_module(traceback: TracebackType | None) -> str:
    module = ""
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        traceback = traceback.tb_next
    return module


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in packages)
