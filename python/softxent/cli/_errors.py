"""Which exceptions are the user's to mend, and how they read in one line."""

from __future__ import annotations

from types import TracebackType

#: Where arguments, labels and files are checked.
_CHECKING = (
    "softxent._core",
    "softxent._targets",
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
    if isinstance(error, OSError):
        return True
    module = _raising_module(error.__traceback__)
    return any(
        isinstance(error, kind) and _within(module, packages)
        for kind, packages in _RAISED_BY.items()
    )


def describe(error: Exception) -> str:
    """Give the message of an exception in one line."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"error: {error.filename}: {error.strerror}"
    # str() of a KeyError is the repr of its message.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return "error: " + (" ".join(text.split()) or type(error).__name__)


def _raising_module(traceback: TracebackType | None) -> str:
    module = ""
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        traceback = traceback.tb_next
    return module


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in packages)
