#!/usr/bin/env python3
"""Measure what the goals of the project speak of, and with --goals hold softxent against them.

Studies: `peers`, the table and sweeps beside other libraries and a copy, with the forms of the
loss beside the plain one, 16 bits beside float32, other axes beside the last; `torch-door`,
softxent.torch beside PyTorch, forward and backward; `in-cache`,
nanoseconds per 16 elements for 2 to 4000 classes and the overhead of a row; `out-of-cache`, the
time over the larger of a copy and the same work in cache; `import` and `memory` of the linear
layer, which are judged only.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from benchmark import report, studies
from softxent._machine.optional import available


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--goals", action="store_true", help="judge what is measured")
    parser.add_argument(
        "--study",
        action="append",
        choices=studies.STUDIES,
        help="only this one; may be given several times",
    )
    parser.add_argument("--quick", action="store_true", help="few rounds and no large arrays")
    parser.add_argument("--only", metavar="REGEX", help="only rows whose name matches")
    parser.add_argument("--threads", type=int, metavar="N", help="(default: softxent's)")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="write JSON, table and plots")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    args = parser.parse_args(arguments)
    try:
        found = studies.run(
            tuple(args.study or studies.STUDIES),
            judged=args.goals,
            quick=args.quick,
            only=args.only,
            threads=args.threads,
            progress=sys.stderr.isatty() and available("tqdm"),
        )
    except ValueError as error:  # of --only or --threads
        parser.error(str(error))
    if args.out is not None:
        studies.write(found, args.out)
    print(json.dumps(found.to_dict(), indent=2) if args.json else report.text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
