"""
What this project's goals speak of, measured and judged: `tools/bench.py` is the command.

`softxent.bench` does the timing; here are the rows, the candidates beside softxent (a copy, a read,
softxent's own plain call), the rates in cache, the time out of cache against what bounds it, and
the goals.
"""
