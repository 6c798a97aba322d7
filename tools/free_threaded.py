"""A Python without the GIL, built from Debian's source package, for want of a built one."""

from __future__ import annotations

from pathlib import Path

import debian
import source_python
from debian import Unavailable

#: The first whose source is handed out; those of moving suites often are not.
SOURCES = (("3.14", "sid"), ("3.13", "trixie"))
# Not for speed; without tests, pip and compiled modules of the library.
CONFIGURE = ["--disable-gil", "--disable-test-modules", "--with-ensurepip=no"]
CONFIGURE += ["OPT=-O1 -DNDEBUG"]
INSTALL = ["install", "COMPILEALL_OPTS=-q -x ."]


def existing(folder: Path) -> Path | None:
    """The interpreter that an earlier run has built, if any."""
    return next(iter(sorted((folder / "installed" / "bin").glob("python3.*t"))), None)


def interpreter(folder: Path) -> tuple[Path, list[str]]:
    """The newest that can be had, built once and kept; and why not a newer one."""
    lacks = []
    for version, suite in SOURCES:
        try:
            source = debian.source(f"python{version}", suite, folder / f"source-{version}")
        except Unavailable as reason:
            lacks.append(f"no source of Python {version}: {reason}")
            continue
        return existing(folder) or _build(source, folder), lacks
    raise Unavailable("; ".join(lacks))


def _build(source: Path, folder: Path) -> Path:
    prefix = f"--prefix={folder / 'installed'}"
    commands = [[str(source / "configure"), "--quiet", prefix, *CONFIGURE]]
    commands += [["make", "--silent", source_python.JOBS], ["make", "--silent", *INSTALL]]
    source_python.build(commands, folder)
    built = existing(folder)
    if built is None:
        raise RuntimeError(f"no interpreter in {folder / 'installed'}")
    return built
