#!/usr/bin/env python3
"""Show that the same input gives the same bits: for every instruction set, thread count and layout.

Without options every instruction set of this machine is run in a child process, and on x86-64 also
under emulated older processors where qemu-x86_64 is installed. Each child hashes the outputs of
every function over layouts, batch splits, in-place calls and thread counts; one row of the printed
grid is one child, and every hash of a case has to be equal. Exit status 1 if one differs.

The child (`--hashes`) needs nothing but NumPy and softxent, and prints JSON, so that a run on
another machine can be kept and compared: `--hashes > other.json`, then `--against other.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from reproducibility_calls import Call

ROWS = 13
WIDTHS = (1, 2, 3, 7, 16, 17, 33, 65, 100, 257, 1000)
OTHER_WIDTHS = (1, 3, 17, 100, 257)  # of calls that take the ways of others through the kernels
THREADED_SHAPES = ((3, 40003), (2001, 17))  # few long rows, many short ones
THREADS = (1, 2, 3, 8)
# Emulated processors are a hundred times slower; instructions matter there, not layouts.
QUICK_WIDTHS = (3, 17, 100)
EMULATED = ("Haswell", "Nehalem")
# glibc picks other variants of libm and memcpy when it believes that these are missing.
TUNABLES = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-FMA"

# -- the child: hashes -----------------------------------------------------------------------------


def logits(shape: tuple[int, int], dtype: np.dtype, scale: float) -> np.ndarray:
    """Logits made from integers alone, so that the input has the same bits everywhere."""
    rng = np.random.default_rng([*shape, int(scale * 8)])
    x = (rng.integers(-(2**20), 2**20, size=shape) * (scale / 2**20)).astype(dtype)
    if shape[0] > 8 and shape[1] > 2:
        x[3, ::2] = -np.inf
        x[5, 1] = np.nan
        x[7, 0] = np.inf
        x[8] = 0
    return x


def canonical(result: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """Results as rows by classes, or as one value per row."""
    if result.shape == x.shape:
        return np.moveaxis(result, axis, -1).reshape(-1, x.shape[axis])
    return result.reshape(-1)


def layouts(x: np.ndarray) -> Iterator[tuple[str, np.ndarray, int, Any]]:
    """The same rows as (name, array, class axis, out)."""
    count, classes = x.shape
    yield "contiguous", x, -1, None
    yield "axis 0", np.ascontiguousarray(x.T), 0, None
    yield "Fortran order", np.asfortranarray(x), -1, None
    yield "middle axis", np.ascontiguousarray(x[:, :, None]), 1, None
    wide = np.zeros((count, 3 * classes), x.dtype)
    wide[:, ::3] = x
    yield "every third element", wide[:, ::3], -1, None
    yield "negative steps", np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1], -1, None
    for offset in (1, 4, x.dtype.itemsize):
        buffer = np.zeros(x.nbytes + offset, np.uint8)
        shifted = buffer[offset:].view(x.dtype).reshape(x.shape)
        shifted[...] = x
        yield f"shifted by {offset} bytes", shifted, -1, None
    own = x.copy()
    yield "in place", own, -1, own
    yield "strided out", x, -1, np.zeros((count, 2 * classes), x.dtype)[:, ::2]


def results(call: Call, x: np.ndarray, few: bool) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Canonical results of every layout and every way to split the batch, or of a few of them."""
    everyone = np.arange(len(x))
    for name, array, axis, out in layouts(x):
        if few and name not in ("contiguous", "axis 0", "in place"):
            continue
        shaped = array.copy() if out is array else array
        outputs = call(array, everyone, axis, out)
        yield name, [canonical(result, shaped, axis) for result in outputs]
    splits = {"three batches": np.array_split(everyone, 3)}
    if not few:
        splits["rows one by one"] = np.array_split(everyone, len(x))
        splits["batches of 5"] = np.array_split(everyone, range(5, len(x), 5))
    for name, pieces in splits.items():
        parts = [call(x[rows], rows, -1, None) for rows in pieces]
        yield name, [np.concatenate(part) for part in zip(*parts, strict=True)]
    order = everyone[::-1]
    yield "rows reversed", [part[order] for part in call(x[order].copy(), order, -1, None)]


def digest(arrays: list[np.ndarray]) -> str:
    """A short hash of the bits."""
    hasher = hashlib.sha256()
    for array in arrays:
        hasher.update(np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()[:16]


def dtypes() -> tuple[list[np.dtype], list[str]]:
    """Element types to run, and the names of those that cannot be made here."""
    found = [np.dtype(t) for t in (np.float16, np.float32, np.float64)]
    try:
        import ml_dtypes
    except ImportError:
        return found, ["bfloat16 (ml_dtypes is not installed)"]
    return [*found, np.dtype(ml_dtypes.bfloat16)], []


def cases(quick: bool) -> Iterator[tuple[str, str, str]]:
    """(case, variant, hash) for everything; all hashes of a case have to be equal."""
    from reproducibility_calls import other_calls, thorough_calls

    thorough, others = thorough_calls(), other_calls()
    for dtype in dtypes()[0]:
        for width in QUICK_WIDTHS if quick else WIDTHS:
            yield from row_cases(thorough, (ROWS, width), dtype, few=quick)
        for width in QUICK_WIDTHS if quick else OTHER_WIDTHS:
            yield from row_cases(others, (ROWS, width), dtype, few=quick)
        if not quick:
            for shape in THREADED_SHAPES:
                yield from row_cases(thorough, shape, dtype, few=True, threads=3)
                yield from threaded_cases(thorough | others, shape, dtype)
            yield from reduced_cases(dtype)


def row_cases(
    calls: dict[str, Call], shape: tuple[int, int], dtype: np.dtype, few: bool, threads: int = 1
) -> Iterator[tuple[str, str, str]]:
    """Calls on one batch, in its layouts and splits."""
    import softxent as sx

    x = logits(shape, dtype, scale=12.0)
    with sx.num_threads(threads):
        for name, call in calls.items():
            case = f"{name} {dtype} {shape[0]}x{shape[1]}"
            for variant, arrays in results(call, x, few):
                yield case, f"{variant}, {threads} threads", digest(arrays)


def threaded_cases(
    calls: dict[str, Call], shape: tuple[int, int], dtype: np.dtype
) -> Iterator[tuple[str, str, str]]:
    """Calls on one batch, shared by more and more threads."""
    import softxent as sx

    x, rows = logits(shape, dtype, scale=12.0), np.arange(shape[0])
    for name, call in calls.items():
        for threads in THREADS:
            with sx.num_threads(threads):
                value = digest([canonical(result, x, -1) for result in call(x, rows, -1, None)])
            yield f"{name} {dtype} {shape[0]}x{shape[1]}", f"{threads} threads", value


def reduced_cases(dtype: np.dtype) -> Iterator[tuple[str, str, str]]:
    """Sums and means over many rows, which threads share."""
    import softxent as sx
    from reproducibility_calls import reductions

    x = logits((4001, 37), dtype, scale=12.0)
    x[~np.isfinite(x.astype(np.float64))] = 1
    for name, call in reductions().items():
        for reduction in ("sum", "mean"):
            for threads in THREADS:
                with sx.num_threads(threads):
                    value = digest(call(x, reduction))
                yield f"{name} {reduction} {dtype}", f"{threads} threads", value


def hash_everything(quick: bool) -> dict[str, Any]:
    """Run the cases in this process."""
    import softxent

    hashes: dict[str, str] = {}
    differing: dict[str, list[str]] = {}
    count = 0
    for case, variant, value in cases(quick):
        count += 1
        if hashes.setdefault(case, value) != value:
            differing.setdefault(case, []).append(variant)
    return {
        "machine": platform.machine(),
        "isa": softxent.get_config()["isa"],
        "isas": list(softxent.get_config()["isas"]),
        "missing": dtypes()[1],
        "calls": count,
        "hashes": hashes,
        "differing": differing,
    }


# -- the parent: one child per environment ---------------------------------------------------------


class Child(NamedTuple):
    """One environment: how to start Python in it, and whether it is too slow for all cases."""

    name: str
    prefix: list[str]
    variables: dict[str, str]
    quick: bool = False


def environments(emulate: bool) -> Iterator[Child]:
    """All environments of this machine."""
    import softxent

    for isa in softxent.get_config()["isas"]:
        yield Child(isa, [], {"SOFTXENT_ISA": isa})
    if platform.machine() == "x86_64":
        yield Child("glibc without AVX2 and FMA", [], {"GLIBC_TUNABLES": TUNABLES})
        if emulate:
            for cpu in EMULATED:
                yield emulated(cpu)


def emulated(cpu: str) -> Child:
    """An x86-64 processor under qemu."""
    return Child(f"qemu {cpu}", ["qemu-x86_64", "-cpu", cpu], {}, quick=True)


def run_child(child: Child) -> dict[str, Any]:
    """Run `--hashes` in a child process."""
    environment = {**os.environ, **child.variables}
    if "SOFTXENT_ISA" not in child.variables:
        environment.pop("SOFTXENT_ISA", None)
    command = [*child.prefix, sys.executable, os.path.abspath(__file__), "--hashes"]
    command += ["--quick"] * child.quick
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout)


def disagreements(run: dict[str, Any], reference: dict[str, Any]) -> dict[str, str]:
    """Cases whose bits differ inside a run or from the reference, with the reason."""
    found = {case: f"differs for {variants[0]}" for case, variants in run["differing"].items()}
    for case, value in run["hashes"].items():
        expected = reference["hashes"].get(case, value)
        if value != expected and case not in found:
            found[case] = f"hash {value}, expected {expected}"
    return found


def progress(steps: list[Any]) -> Any:
    """A progress bar where tqdm is installed and someone is watching."""
    if not sys.stderr.isatty():
        return steps
    try:
        from tqdm import tqdm
    except ImportError:
        return steps
    return tqdm(steps, unit="environment", leave=False)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    description, details = (__doc__ or "").split("\n", 1)
    parser = argparse.ArgumentParser(
        description=description, epilog=details, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--hashes", action="store_true", help="hash in this process, print JSON")
    parser.add_argument("--quick", action="store_true", help="with --hashes: fewer cases")
    parser.add_argument("--json", action="store_true", help="print the runs as JSON")
    parser.add_argument(
        "--against", metavar="FILE", action="append", default=[], help="a kept output of --hashes"
    )
    parser.add_argument("--no-emulation", action="store_true", help="leave qemu-x86_64 out")
    return parser.parse_args(arguments)


def collect(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """All runs by name, the first one being the reference."""
    qemu = shutil.which("qemu-x86_64") is not None
    if not qemu and not options.no_emulation and platform.machine() == "x86_64":
        print("qemu-x86_64 is not installed: no emulated processors", file=sys.stderr)
    children = list(environments(emulate=qemu and not options.no_emulation))
    runs = {child.name: run_child(child) for child in progress(children)}
    for path in options.against:
        with open(path, encoding="utf-8") as file:
            runs[path] = json.load(file)
    return runs


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.hashes:
        print(json.dumps(hash_everything(options.quick)))
        return 0
    runs = collect(options)
    reference = next(iter(runs.values()))
    failures = {name: disagreements(run, reference) for name, run in runs.items()}
    failed = any(failures.values())
    if options.json:
        print(json.dumps({"passed": not failed, "runs": runs, "disagreements": failures}, indent=1))
        return int(failed)
    print(f"{'environment':30} {'isa':8} {'cases':>6} {'calls':>7}  bits")
    for name, run in runs.items():
        verdict = f"{len(failures[name])} cases differ" if failures[name] else "all equal"
        print(f"{name:30} {run['isa']:8} {len(run['hashes']):6} {run['calls']:7}  {verdict}")
        for missing in run["missing"]:
            print(f"{'':30} not run: {missing}")
        for case, reason in list(failures[name].items())[:10]:
            print(f"{'':30} {case}: {reason}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
