"""Pythons for musl, built by zig from Debian's source packages, for want of built ones."""

from __future__ import annotations

import os
from pathlib import Path

import debian
import platforms
import source_python
from debian import Unavailable

#: The suites that hand out the sources; musl is the newer one's, zlib the older one's.
SUITES = {"3.11": "bookworm", "3.13": "trixie"}
# To be built fast, and only to run wheels; mimalloc reads the environment before it is there.
CONFIGURE = ["--quiet", "--disable-test-modules", "--with-ensurepip=no", "--without-mimalloc"]
CONFIGURE += ["OPT=-O0 -DNDEBUG", "PKG_CONFIG=false"]
#: Modules of the library that neither NumPy nor softxent need, or that are built in another way.
LEFT_OUT = """
    _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _ctypes _curses
    _curses_panel _decimal _elementtree _interpchannels _interpqueues _interpreters _lsprof _lzma
    _multibytecodec _uuid _zoneinfo pyexpat readline syslog zlib
"""
#: What of zlib's files the module uses.
ZLIB = "adler32 compress crc32 deflate infback inffast inflate inftrees trees uncompr zutil"


def interpreter(version: str, folder: Path) -> Path:
    """The interpreter, built once and kept; it runs where it was built."""
    processor, zig = os.uname().machine, platforms.zig_program()
    if zig is None:
        raise Unavailable("no zig here")
    python = folder / "build" / "python"
    if not (folder / "ready").exists():
        suite = SUITES[version]
        source = debian.source(f"python{version}", suite, folder / "source")
        architecture = {"x86_64": "amd64", "aarch64": "arm64"}[processor]
        musl = debian.unpack(["musl"], SUITES["3.13"], architecture, folder / "musl")
        loader = musl / "lib" / f"ld-musl-{processor}.so.1"
        zlib = debian.source("zlib", SUITES["3.11"], folder / "zlib")
        compiler = f"{zig} cc -target {processor}-linux-musl -fPIC -w -fno-sanitize=undefined"
        commands = [[str(source / "configure"), *_options(zig, compiler, processor, loader)]]
        commands += [["make", "--silent", source_python.JOBS]]
        commands += [["sh", "-c", _zlib_module(compiler, source, zlib)]]
        source_python.build(commands, folder)
        (folder / "ready").touch()
    return python


def _options(zig: str, compiler: str, processor: str, loader: Path) -> list[str]:
    return [
        *CONFIGURE,
        f"--build={processor}-linux-musl",
        # Position-independent, for zig's stand-in of libc.so does not know that environ has two
        # names, and a program with a copy of one would not see the other.
        f"CC={compiler}",
        # By what musl's stdarg.h defines, configure knows musl; zig puts clang's in front of it.
        f"CPP={compiler} -E -D__DEFINED_va_list",
        f"AR={zig} ar",
        f"LDFLAGS=-dynamic -Wl,--dynamic-linker={loader}",
        *(f"py_cv_module_{name}=n/a" for name in LEFT_OUT.split()),
    ]


def _zlib_module(compiler: str, source: Path, zlib: Path) -> str:
    """A line of the shell that builds the module with the library in it: NumPy needs it."""
    folders = [source / "Include", source / "Include" / "internal", Path("."), zlib]
    files = [source / "Modules" / "zlibmodule.c", *(zlib / f"{name}.c" for name in ZLIB.split())]
    parts = [compiler, "-O1", "-shared", *(f"-I{folder}" for folder in folders), *map(str, files)]
    return " ".join([*parts, '-o "$(cat pybuilddir.txt)/zlib.so"'])
