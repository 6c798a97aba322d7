"""Files that are written whole or not at all."""

from __future__ import annotations

import glob
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = [
    "atomic_path",
    "atomic_write",
    "check_writable",
    "final_names",
    "make_folder",
    "remove_leftovers",
]


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """
    Give a temporary path in the folder of `path` that becomes `path` on success.

    The temporary file exists and is empty when the block starts. When the block ends without
    an exception its contents are flushed to the disk and it is renamed to `path` in one step,
    so that a reader sees the old file or the new one and nothing between, even after a crash.
    When the block raises, the temporary file is removed and `path` is left as it was.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write. A symbolic link is followed: the file that it names is replaced.

    Yields
    ------
    pathlib.Path
        The temporary path; it ends in the suffix of `path`.

    Raises
    ------
    FileNotFoundError
        If the folder of `path` does not exist.
    IsADirectoryError
        If `path` is a folder.
    OSError
        If `path` is a device, a pipe or a socket, which a rename would delete.
    """
    target = _regular_target(path)
    temporary = target.with_name(_temporary_name(target, secrets.token_hex(6)))
    _create(temporary, path)
    try:
        yield temporary
        if target.exists():
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        _flush(temporary)
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(FileNotFoundError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename in (temporary, str(temporary)):
            error.filename, error.filename2 = str(path), None
        raise


def atomic_write(path: str | os.PathLike[str], data: bytes | str) -> None:
    """
    Write `data` to `path` whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    data : bytes or str
        The contents; text is encoded as UTF-8, its line ends are kept as they are.

    Raises
    ------
    TypeError
        If `data` is neither bytes nor str.
    OSError
        As `atomic_path`.
    """
    if isinstance(data, str):
        data = data.encode("utf-8")
    if not isinstance(data, bytes):
        raise TypeError(f"data must be bytes or str, got {type(data).__name__}")
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def check_writable(path: str | os.PathLike[str]) -> None:
    """
    Refuse at once what `atomic_path` would refuse after the work is done.

    Raises
    ------
    OSError
        As `atomic_path`; also if the folder may not be written to.
    """
    target = _regular_target(path)
    if not os.access(target.parent, os.W_OK | os.X_OK):
        folder = str(target.parent)
        raise PermissionError(f"cannot write {str(path)!r}: no permission for {folder!r}")
    temporary = target.with_name(_temporary_name(target, secrets.token_hex(6)))
    # Only an attempt tells whether a file system that grants permission takes files.
    _create(temporary, path)
    temporary.unlink()


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """
    Remove the temporary files of processes that were killed while they wrote `path`.

    For files with one writer at a time: the temporary file of another one would go too.
    """
    target = Path(os.path.realpath(path))
    pattern = _temporary_name(Path(glob.escape(str(target))), "[0-9a-f]" * 12)
    for leftover in target.parent.glob(pattern):
        with suppress(FileNotFoundError):
            leftover.unlink()


def make_folder(path: str | os.PathLike[str]) -> Path:
    """
    Make a folder and those above it, where they do not exist.

    Raises
    ------
    NotADirectoryError
        If a file is in the way.
    OSError
        If the folder cannot be made.
    """
    folder = Path(path)
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise NotADirectoryError(
                f"cannot make the folder {str(path)!r}: {str(part)!r} is a file"
            )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def final_names(text: str) -> str:
    """Put the names of files in the place of the temporary names that libraries report."""
    return re.sub(r"\.([^/\s]+?)\.[0-9a-f]{12}\.tmp(?=[.\W]|$)", r"\1", text)


def _create(temporary: Path, path: str | os.PathLike[str]) -> None:
    """Make an empty file; an error names the file that it stands for."""
    try:
        # os.open rather than tempfile.mkstemp: the result gets the mode the umask asks for.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error


def _temporary_name(target: Path, token: str) -> str:
    return f".{target.stem}.{token}.tmp{target.suffix}"


def _regular_target(path: str | os.PathLike[str]) -> Path:
    """Follow links and refuse what a rename cannot replace by a file."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"cannot write the file {str(path)!r}: it is a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {str(path)!r}: the folder {str(target.parent)!r} does not exist"
        )
    if target.exists() and not target.is_file():
        raise OSError(f"cannot write {str(path)!r}: it is not a regular file")
    return target


def _flush(path: Path) -> None:
    """Force the contents of `path` to the disk: a rename may reach it before the data does."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
