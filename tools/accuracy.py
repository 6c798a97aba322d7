#!/usr/bin/env python3
"""Print the accuracy table: the worst error of every output and dtype, in ULP, against its bound.

Below it stands the family of rows that caused each. The rows are the adversarial families of
tests/reference/rows.py, the exact values come from the double-double oracle next to it: minutes of
work for the rows of up to 2**20 logits, shared by all processors. Exit status 1 if a bound is
exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from reference.cases import CASES, Outcome
from reference.dtypes import DTYPES
from reference.rows import FAMILIES, LONG_FAMILIES, million, widths

DTYPE_NAMES = [dtype.name for dtype in DTYPES]


class Worst(NamedTuple):
    """The largest error of one output for one dtype so far."""

    ulp: float
    bound: float
    family: str
    detail: str

    @property
    def passed(self) -> bool:
        return self.ulp <= self.bound


Key = tuple[str, str, str]  # case, output, dtype
Table = dict[Key, Worst]


def rows(dtype: np.dtype, long: bool, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Named rows of logits."""
    for name, family in FAMILIES.items():
        yield name, family(dtype, rng)
    for x in widths(dtype, rng):
        yield f"{x.shape[1]} classes", x
    if long:
        for name, family in LONG_FAMILIES.items():
            yield name, family(dtype, rng)
        yield "2**20 logits", million(dtype, rng)


def record(table: Table, case: str, dtype: np.dtype, family: str, outcome: Outcome) -> None:
    """Keep the outcome if it is worse, measured against its bound, than what is known."""
    key = (case, outcome.output, dtype.name)
    bound = outcome.limit(dtype)
    known = table.get(key)
    if known is None or outcome.worst / bound > known.ulp / known.bound:
        detail = outcome.describe_worst() if outcome.errors.size else ""
        table[key] = Worst(outcome.worst, bound, family, detail)


def measure_one(pair: tuple[str, np.dtype], long: bool, seed: int) -> Table:
    """Run one case over all rows of one dtype."""
    import softxent

    case, dtype = pair
    table: Table = {}
    rng = np.random.default_rng([seed, zlib.crc32(f"{case} {dtype}".encode())])
    for family, x in rows(dtype, long, rng):
        for outcome in CASES[case](softxent, x, rng):
            record(table, case, dtype, family, outcome)
    return table


def measure(cases: list[str], names: list[str], long: bool, seed: int, jobs: int) -> Table:
    """Run the cases over all rows, `jobs` of them at a time."""
    from tqdm import tqdm

    table: Table = {}
    pairs = [(case, dtype) for dtype in DTYPES if dtype.name in names for case in cases]
    with ProcessPoolExecutor(min(jobs, len(pairs))) as pool:
        parts = pool.map(partial(measure_one, long=long, seed=seed), pairs)
        bar = {"total": len(pairs), "unit": "case", "leave": False}
        for part in tqdm(parts, disable=not sys.stderr.isatty(), **bar):
            table |= part
    return table


def as_json(table: Table, seed: int) -> dict[str, Any]:
    """The table as plain data."""
    entries = [
        {"case": case, "output": output, "dtype": dtype, **worst._asdict(), "passed": worst.passed}
        for (case, output, dtype), worst in table.items()
    ]
    return {"seed": seed, "passed": all(worst.passed for worst in table.values()), "rows": entries}


def label_of(case: str, output: str) -> str:
    """What a line is called."""
    return case if output == case else f"{case}: {output}"


def print_table(table: Table, details: bool) -> None:
    """One line per output, one column per dtype; `!` marks an exceeded bound."""
    names = [name for name in DTYPE_NAMES if any(key[2] == name for key in table)]
    print(f"{'worst error / bound in ULP':50}" + "".join(f"{name:>16}" for name in names))
    for case, output in dict.fromkeys(key[:2] for key in table):
        cells = []
        for name in names:
            worst = table[case, output, name]
            cells.append(f"{worst.ulp:.3f} / {worst.bound:g}{' ' if worst.passed else '!'}")
        print(f"{label_of(case, output):50}" + "".join(f"{cell:>16}" for cell in cells))
    for name in names:
        print(f"\n{name}, caused by")
        for (case, output, dtype), worst in table.items():
            if dtype == name:
                more = f": {worst.detail}" if details or not worst.passed else ""
                print(f"{label_of(case, output):50}{worst.family}{more}")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    description, details = (__doc__ or "").split("\n", 1)
    parser = argparse.ArgumentParser(description=description, epilog=details)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--details", action="store_true", help="show the worst element, too")
    parser.add_argument("--no-long", action="store_true", help="leave rows over 100 000 logits out")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random rows (0)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes at work (all processors)"
    )
    parser.add_argument("--case", choices=list(CASES), action="append", help="only this case")
    parser.add_argument("--dtype", choices=DTYPE_NAMES, action="append", help="only this dtype")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}, not a positive number")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    cases, names = options.case or list(CASES), options.dtype or DTYPE_NAMES
    table = measure(cases, names, not options.no_long, options.seed, options.jobs)
    if options.json:
        print(json.dumps(as_json(table, options.seed), indent=1))
    else:
        print_table(table, options.details)
    return 0 if all(worst.passed for worst in table.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
