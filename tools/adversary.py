#!/usr/bin/env python3
"""Climb from random rows to the largest error of every function and dtype, in ULP.

Each climb starts from random rows or from the families of tests/reference/rows.py, of 1 to 40
classes and some hundreds, and keeps of each row whichever of its many changed copies is worse:
steps of an ULP, multiples of log(2) / 2 and their neighbours (where the reduced argument of an
exponential reaches the ends of its interval), ties, signs, other labels, other scales. Errors are
judged in long double while it climbs, and by the exact oracle when something worse has been found.
Exit status 1 if a bound is exceeded. `--out tests/reference/records.json` adds what is found to the
rows that tests hold.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from reference.dtypes import DTYPES, cast, step
from reference.records import Record, read, write
from reference.rows import FAMILIES
from reference.subjects import EXACT, FAST, SUBJECTS, Batch, Subject, bound_of

DTYPE_NAMES = [dtype.name for dtype in DTYPES]
HALF_LN2 = float(np.log(2.0)) / 2
ELEMENTS = 24_000  # per call, over all candidates
COPIES = 24  # changed copies of each row and generation
EPOCH = 3.0  # seconds from a start to the next
CLASSES = (2, 2, 3, 3, 4, 5, 6, 8, 10, 13, 15, 16, 17, 20, 24, 31, 33, 40, 100, 129, 200, 300)


@dataclass
class Climb:
    """One function and dtype: the records so far, by output."""

    name: str
    dtype: np.dtype
    rng: np.random.Generator
    found: dict[str, Record]
    tried: int = 0

    @property
    def subject(self) -> Subject:
        return SUBJECTS[self.name]


def start_rows(dtype: np.dtype, rng: np.random.Generator, count: int, classes: int) -> np.ndarray:
    """Rows to climb from: random ones, multiples of log(2) / 2, or columns of a family."""
    kind = rng.integers(3)
    if kind == 0:
        scale = rng.choice([0.3, 1.0, 3.0, 8.0, 30.0], size=(count, 1))
        return cast(rng.normal(size=(count, classes)) * scale, dtype)
    if kind == 1:
        spread = rng.choice([2, 6, 25, 100], size=(count, 1))
        return cast(rng.integers(-spread, spread + 1, size=(count, classes)) * HALF_LN2, dtype)
    rows = FAMILIES[str(rng.choice(list(FAMILIES)))](dtype, rng)
    picked = rows[
        rng.integers(len(rows), size=(count, 1)), rng.integers(rows.shape[1], size=(count, classes))
    ]
    return np.where(np.isfinite(picked.astype(np.float64)), picked, 0).astype(dtype)


def start_beside(subject: Subject, x: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Labels, probabilities or other numbers beside the logits."""
    count, classes = x.shape
    if subject.beside == "labels":
        return rng.integers(classes, size=count)
    if subject.beside == "bits":
        return rng.integers(2, size=x.shape)
    if subject.beside == "probabilities":
        even = np.full(x.shape, 1.0 / classes)
        drawn = rng.random(x.shape) if subject.single else rng.dirichlet(np.ones(classes), count)
        return cast(np.where(rng.random((count, 1)) < 0.3, even, drawn), x.dtype)
    return cast(rng.normal(size=x.shape), x.dtype) if subject.beside == "any" else None


def change_numbers(values: np.ndarray, rng: np.random.Generator, low: float, high: float) -> None:
    """Change one number of every row in place."""
    count, classes = values.shape
    rows, column = np.arange(count), rng.integers(classes, size=count)
    old = values[rows, column].astype(np.float64)
    other = values[rows, rng.integers(classes, size=count)].astype(np.float64)
    multiple = rng.integers(-6, 7, size=count)
    choices = [
        old,
        old + multiple * HALF_LN2,
        (2 * np.rint((old / HALF_LN2 - 1) / 2) + 1) * HALF_LN2,
        other,
        old + rng.normal(size=count) * rng.choice([1e-3, 0.03, 1.0], size=count),
        -old,
        old * rng.choice([0.5, 0.97, 1.03, 2.0], size=count),
    ]
    picked = rng.choice(len(choices), p=[0.4, 0.12, 0.12, 0.08, 0.2, 0.03, 0.05], size=count)
    new = cast(np.clip(np.choose(picked, choices), low, high), values.dtype)
    reach = rng.choice([0, 1, 2, 20, 1000], size=count)
    moved = step(new, np.rint(rng.uniform(-reach, reach)).astype(np.int64))
    inside = np.abs(moved.astype(np.float64) - (low + high) / 2) <= (high - low) / 2
    usable = inside & (new != 0)
    values[rows, column] = np.where(usable, moved, new)


def change_rows(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A few of the rows shifted or scaled as a whole."""
    shift = np.where(rng.random((len(x), 1)) < 0.06, rng.normal(size=(len(x), 1)), 0.0)
    shift += (
        np.where(rng.random((len(x), 1)) < 0.04, rng.integers(-8, 9, (len(x), 1)), 0) * HALF_LN2
    )
    scale = np.where(rng.random((len(x), 1)) < 0.04, rng.uniform(0.5, 1.6, (len(x), 1)), 1.0)
    whole = x.astype(np.float64)
    limit = float(np.finfo(np.float32).max)  # wide of what could overflow on the way
    changed = cast(np.clip(whole * scale + shift, -limit, limit), x.dtype)
    return np.where(((shift == 0) & (scale == 1)) | ~np.isfinite(whole), x, changed)


def change(subject: Subject, batch: Batch, rng: np.random.Generator) -> Batch:
    """Changed copies, `COPIES` of each candidate in succession."""
    index = np.repeat(np.arange(len(batch)), COPIES)
    copies = batch[index]
    beside = copies.beside
    x = change_rows(copies.x, rng)
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        if beside is None or beside.dtype.kind == "i" or rng.random() < 0.6:
            change_numbers(x, rng, -1e5, 1e5)
        else:
            low = 0.0 if subject.beside == "probabilities" else -1e3
            change_numbers(beside, rng, low, -low or 1.0)
    if beside is not None and beside.dtype.kind == "i":
        top = x.shape[1] if subject.beside == "labels" else 2
        other = rng.random(beside.shape) < 0.1
        beside = np.where(other, rng.integers(top, size=beside.shape), beside)
    return Batch(x, beside, batch.options)


def note(climb: Climb, batch: Batch, output: str, errors: np.ndarray) -> None:
    """Have the worst candidate judged exactly, and remember it if it is a record."""
    worst = int(np.argmax(errors))
    known = climb.found.get(output)
    if known is not None and errors[worst] <= known.ulp:
        return
    import softxent

    one = batch[np.array([worst])]
    bound, exact = climb.subject.measure(softxent, EXACT, one)[output]
    if known is None or exact[0] > known.ulp:
        climb.found[output] = Record.of(climb.name, output, bound, float(exact[0]), one)


def climb_once(climb: Climb, until: float) -> None:
    """From one start towards the worst of one output."""
    import softxent

    rng, subject = climb.rng, climb.subject
    classes = 1 if subject.single else int(rng.choice(CLASSES))
    count = max(4, ELEMENTS // (COPIES * classes))
    x = start_rows(climb.dtype, rng, count, classes)
    batch = Batch(x, start_beside(subject, x, rng), subject.options(rng, classes))
    outputs = list(subject.measure(softxent, FAST, batch))
    output = str(rng.choice(outputs))
    known = climb.found.get(output)
    if known is not None and rng.random() < 0.4:  # from the best so far
        one = known.batch()
        batch = Batch(np.repeat(one.x, count, axis=0), _repeat(one.beside, count), one.options)
    errors = np.full(len(batch), -1.0)
    while time.perf_counter() < until:
        copies = change(subject, batch, rng)
        measured = subject.measure(softxent, FAST, copies)
        for name, (_, everything) in measured.items():
            note(climb, copies, name, everything)
        climb.tried += len(copies)
        judged = measured[output][1].reshape(-1, COPIES)
        best = np.argmax(judged, axis=1)
        better = judged[np.arange(len(batch)), best] >= errors
        errors = np.where(better, judged[np.arange(len(batch)), best], errors)
        chosen = copies[np.arange(len(batch)) * COPIES + best]
        batch = Batch(
            np.where(better[:, None], chosen.x, batch.x),
            _pick(better, chosen, batch),
            batch.options,
        )
        leaders = errors >= np.quantile(errors, 0.6)
        if rng.random() < 0.05 and leaders.any():  # the rest starts again from the leaders
            followed = np.where(leaders, np.arange(len(batch)), rng.choice(np.flatnonzero(leaders)))
            batch, errors = batch[followed], errors[followed]


def _repeat(beside: np.ndarray | None, count: int) -> np.ndarray | None:
    return None if beside is None else np.repeat(beside, count, axis=0)


def _pick(better: np.ndarray, chosen: Batch, batch: Batch) -> np.ndarray | None:
    if batch.beside is None or chosen.beside is None:
        return None
    mask = better if batch.beside.ndim == 1 else better[:, None]
    return np.where(mask, chosen.beside, batch.beside)


def search(pair: tuple[str, str], seconds: float, seed: int) -> tuple[list[Record], int]:
    """All records of one function and dtype after some seconds of climbing."""
    name, dtype = pair
    rng = np.random.default_rng([seed, zlib.crc32(f"{name} {dtype}".encode())])
    climb = Climb(name, next(d for d in DTYPES if d.name == dtype), rng, {})
    end = time.perf_counter() + seconds
    with np.errstate(all="ignore"):
        while time.perf_counter() < end:
            climb_once(climb, min(end, time.perf_counter() + EPOCH))
    return list(climb.found.values()), climb.tried


def results(options: argparse.Namespace) -> Iterator[tuple[list[Record], int]]:
    from tqdm import tqdm

    pairs = [(name, dtype) for name in options.function for dtype in options.dtype]
    seconds = options.minutes * 60 * options.jobs / len(pairs)
    one = functools.partial(search, seconds=seconds, seed=options.seed)
    with ProcessPoolExecutor(min(options.jobs, len(pairs))) as pool:
        bar = tqdm(
            pool.map(one, pairs),
            total=len(pairs),
            unit="climb",
            leave=False,
            disable=not sys.stderr.isatty(),
        )
        yield from bar


def print_table(records: list[Record], tried: int) -> None:
    """One line per output and dtype; `!` marks an exceeded bound."""
    print(f"{'function: output':46}{'dtype':>9}{'worst':>9}{'bound':>7}  row")
    for record in records:
        limit = bound_of(record.bound, record.dtype)
        mark = "!" if record.ulp > limit else " "
        label = f"{record.function}: {record.output}"
        print(
            f"{label:46}{record.dtype.name:>9}{record.ulp:9.3f}{limit:7g}{mark} {record.describe()}"
        )
    print(f"{tried} rows tried")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    description, details = (__doc__ or "").split("\n", 1)
    parser = argparse.ArgumentParser(description=description, epilog=details)
    parser.add_argument("--minutes", type=float, default=20, help="time for everything (20)")
    parser.add_argument("--function", choices=list(SUBJECTS), action="append", help="only this one")
    parser.add_argument("--dtype", choices=DTYPE_NAMES, action="append", help="only this dtype")
    parser.add_argument("--seed", type=int, default=0, help="seed of the climbs (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="climbs at a time")
    parser.add_argument("--out", type=Path, help="JSON file of records, to be read and bettered")
    options = parser.parse_args(arguments)
    if options.jobs < 1 or not 0 < options.minutes < 1e6:
        parser.error(f"--jobs {options.jobs}, --minutes {options.minutes}: not positive")
    options.function = options.function or list(SUBJECTS)
    options.dtype = options.dtype or DTYPE_NAMES
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if not FAST.usable():
        sys.exit("long doubles have no more bits than doubles here: nothing to judge float64 with")
    found, tried = [], 0
    for records, rows in results(options):
        found += records
        tried += rows
    print_table(found, tried)
    if options.out:
        known = read(options.out) if options.out.exists() else []
        write(options.out, [*known, *found])
    return int(any(record.ulp > bound_of(record.bound, record.dtype) for record in found))


if __name__ == "__main__":
    sys.exit(main())
