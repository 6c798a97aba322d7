"""Check the compiled code in a wheel, and that of the static library.

- An extension module exports its init function and nothing else, the shared library nothing but
  names that start with ``sxt_``.
- The same holds for every global symbol of the static library, which the C tests are linked to.
- Neither calls an elementary function of libm, whose bits differ from machine to machine.
- On x86-64, wide registers stand only in the kernels that were compiled for them, so that nothing
  else can fault on an older processor.

Usage: python tools/check_symbols.py dist/softxent-*.whl build/c-tests/libsoftxent.a
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

_LIBM = re.compile(r"(exp|exp2|expm1|log|log2|log10|log1p|pow|tanh|sinh|cosh)[fl]?(@.*)?")
#: What an object compiled for an instruction set defines: the table of its kernels.
_TABLE = re.compile(
    r"^(?!.*\*UND\*).*\bsxt_(?:kernels|elements|vjp|stretches)_(\w+)$", re.MULTILINE
)
_MODULES = ["binding", "_cross_entropy", "_softmax"]

#: Names of registers in objdump's output that code for an instruction set must not touch. Without a
#: table of kernels the code is shared and has to run on every processor.
_FORBIDDEN = {
    "shared": re.compile(r"%[yz]mm"),
    "scalar": re.compile(r"%[yz]mm"),
    "avx2": re.compile(r"%zmm|%k[1-7]\b"),
    "avx512": None,
}


def main(wheel: str, archive: str) -> int:
    """Check both, print what is wrong, and return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(wheel).extractall(folder)
        modules = sorted({*Path(folder).rglob("*.cpython-*.so"), *Path(folder).rglob("*.abi3.so")})
        libraries = sorted(Path(folder).rglob("libsoftxent.so"))
        names = [module.name.partition(".")[0] for module in modules]
        if names != _MODULES or len(libraries) != 1:
            print(f"{wheel}: has {names}; expected {_MODULES} and one libsoftxent.so")
            return 1
        faults = [*_name_faults(libraries[0], "--dynamic")]
        faults += [fault for module in modules for fault in _module_faults(module)]
    faults += _name_faults(Path(archive), "--extern-only")
    faults += _instruction_faults(Path(archive))
    print("\n".join(faults) or f"{wheel}: symbols and instructions are as they should be")
    return 1 if faults else 0


def _module_faults(module: Path) -> Iterator[str]:
    name = module.name.partition(".")[0]
    defined, undefined = _symbols(module, "--dynamic")
    if defined != {f"PyInit_{name}"}:
        yield f"{name} exports {sorted(defined)}, expected PyInit_{name} alone"
    yield from _libm_calls(name, undefined)


def _name_faults(library: Path, option: str) -> Iterator[str]:
    defined, undefined = _symbols(library, option)
    for name in sorted(defined):
        if not name.startswith("sxt_"):
            yield f"{library.name} defines {name}, expected a name that starts with sxt_"
    yield from _libm_calls(library.name, undefined)


def _instruction_faults(library: Path) -> Iterator[str]:
    seen = set()
    for isa, listing in _members(library):
        seen.add(isa)
        forbidden = _FORBIDDEN.get(isa)
        found = forbidden.search(listing) if forbidden else None
        if found:
            yield f"libsoftxent: {isa} code uses {found.group()}"
    if not seen > {"shared", "scalar"}:
        yield f"libsoftxent has code for {sorted(seen)}, expected shared, scalar and vector kernels"


def _libm_calls(where: str, undefined: set[str]) -> Iterator[str]:
    for name in sorted(undefined):
        if _LIBM.fullmatch(name):
            yield f"{where} calls {name} of libm"


def _symbols(file: Path, *options: str) -> tuple[set[str], set[str]]:
    """List the symbols that a file defines and those that it leaves to others."""
    defined, undefined = set(), set()
    for line in _run("nm", "--format=posix", *options, str(file)).splitlines():
        name, _, kind = line.partition(" ")
        if kind[:1] in ("U", "w", "v"):
            undefined.add(name)
        elif kind:
            defined.add(name)
    return defined, undefined


def _members(library: Path) -> Iterator[tuple[str, str]]:
    """Give the instruction set and the disassembly of each object file."""
    listing = _run("objdump", "--syms", "--disassemble", "--no-show-raw-insn", str(library))
    for member in re.split(r"^\S+:\s+file format \S+$", listing, flags=re.MULTILINE)[1:]:
        symbols, _, code = member.partition("Disassembly of section")
        table = _TABLE.search(symbols)
        yield (table.group(1) if table else "shared"), code


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
