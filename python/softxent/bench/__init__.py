"""
The benchmark: softxent beside other libraries, in one interleaved run.

`run` measures the common calls; `summary` and `report` are the texts for a terminal and for a
file, and `write` leaves ``bench.json``, ``table.md`` and a plot in a folder. Every candidate of a
row takes its turn in every round, so that whatever else the machine does hits all alike; only
ratios within a row mean anything. Libraries that are not installed are left out and named.
"""

from softxent.bench.results import Result, Row
from softxent.bench.runner import run
from softxent.bench.shapes import Case
from softxent.bench.summary import summary
from softxent.bench.table import report
from softxent.bench.writing import write

__all__ = ["Case", "Result", "Row", "report", "run", "summary", "write"]
