#!/usr/bin/env python3
"""Measure and draw the figures of the README and of docs/how, each for light and dark pages.

Needs the extra `bench` (PyTorch, JAX, SciPy, ONNX Runtime; `make figures` has it); a library that
is missing is an error, since its line would be missing in the picture. Prints what was measured.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

from figures import budget, errors, exponential, field, grids, orders, style, surroundings

NAMES = ("errors", "same-bits", "orders", "grids", "exponential", "budget")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=Path("docs"), help="default: docs")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"unknown figure {sorted(unknown)}, expected {', '.join(NAMES)}")
    for name in options.names or NAMES:
        draw(name, options.out)


def draw(name: str, out: Path) -> None:
    how = out / "how" / "figures"
    if name == "errors":
        found = errors.measure(field.field())
        report(found)
        style.save(out / "figures", name, (8.6, 3.5), lambda f, t: errors.draw(found, f, t))
    elif name == "same-bits":
        counts = surroundings.measure(field.field())
        for library, (different, attempts) in counts.items():
            print(f"{library:20} {different} results in {attempts} surroundings")
        style.save(how, name, (7.2, 2.4), lambda f, t: surroundings.draw(counts, f, t))
    elif name == "orders":
        sums = orders.measure()
        style.save(how, name, (7.2, 2.5), lambda f, t: orders.draw(sums, f, t))
    elif name == "exponential":
        curve = exponential.measure()
        print(
            f"exponential: parts {abs(curve.parts).max():.3f}, stored {abs(curve.stored).max():.3f}"
        )
        style.save(how, name, (7.2, 3.2), lambda f, t: exponential.draw(curve, f, t))
    elif name == "grids":
        style.save(how, name, (7.2, 2.3), grids.draw)
    else:
        style.save(how, name, (7.2, 3.0), budget.draw)


def report(found: errors.Errors) -> None:
    print(f"{'':20} softmax, ULP, of {', '.join(map(str, errors.CLASSES))} classes")
    for name, values in found.softmax.items():
        print(f"{name:20} {'  '.join(f'{value:8.3g}' for value in values)}")
    shown = [0, 10, 20, 30, 34, 40, 80]
    print(f"{'':20} loss, ULP, at a lead of {', '.join(f'{errors.MARGINS[k]:g}' for k in shown)}")
    for name, values in found.loss.items():
        print(f"{name:20} {'  '.join(f'{values[k]:8.3g}' for k in shown)}")


if __name__ == "__main__":
    main()
