"""A report as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from softxent.verify.checks import Check
from softxent.verify.compare import ULP_BINS, Comparison
from softxent.verify.findings import Findings
from softxent.verify.timing import threads

HEADER = (
    "output",
    "batch",
    "provider",
    "against",
    "part",
    "max abs",
    "max rel",
    "max ULP",
    "of bound",
    "rms of bound",
    "agree",
    "",
)

_LEFT_COLUMNS = 5

#: The last line of a report by its outcome.
VERDICTS = {
    "verified": "verified",
    "wrong": "VERIFICATION FAILED",
    "not understood": "NOT UNDERSTOOD",
}


def text(report: Findings) -> str:
    """Verdict, checks, table of differences, reasons, timings."""
    facts = report.facts
    sections = [f"{facts['file']}: {facts['claim']}"]
    sections += [_line(check) for check in report.checks]
    if report.comparisons:
        sections += ["", *_table(HEADER, [_row(c, n) for c, n in report.summary()], _LEFT_COLUMNS)]
        sections += ["", *_worst_table(report), *_ulp_table(report)]
        sections += ["", "Bounds:", *_reasons(report)]
    for provider, share in report.accuracies.items():
        name = provider.removesuffix("ExecutionProvider")
        sections += ["", f"Right predictions on {name}: {100 * share:.2f} % of {facts['rows']}"]
    if report.left_out:
        sections += ["", "Not compared:", *_left_out(report)]
    if report.timings:
        sections += ["", *_timing_table(report)]
    sections += ["", *[f"FAILED  {problem}" for problem in report.failures]]
    sections += [f"MISSING  {missing}" for missing in report.missing]
    sections.append(VERDICTS[report.outcome])
    return "\n".join(sections)


def number(value: float | None) -> str:
    """Three digits, or a dash for what there is not."""
    return "-" if value is None else f"{value:.3g}"


def cells(comparison: Comparison, batches: int) -> tuple[str, ...]:
    """Cells of a comparison, or of the worst of several batches."""
    batch = comparison.batch if batches == 1 else f"{comparison.batch} (worst of {batches})"
    agreement = comparison.agreement
    return (
        comparison.output,
        batch,
        comparison.provider.removesuffix("ExecutionProvider"),
        comparison.against,
        comparison.part,
        number(comparison.max_abs),
        number(comparison.max_rel),
        number(comparison.max_ulp),
        number(comparison.ratio) + " (est.)" * comparison.estimate,
        number(_share(comparison.rms, comparison.rms_tolerance)),
        "-" if agreement is None else f"{100 * agreement:.4g} %",
    )


def worst(report: Findings) -> list[Comparison]:
    """Return for each output the comparison that came closest to its bound, by that closeness."""
    found: dict[str, Comparison] = {}
    for c in report.comparisons:
        if c.worst and (c.output not in found or c.ratio > found[c.output].ratio):
            found[c.output] = c
    return sorted(found.values(), key=lambda c: c.ratio, reverse=True)


def worst_cells(comparison: Comparison) -> tuple[str, ...]:
    """Cells of the element of a comparison that is closest to its bound."""
    c = comparison
    values = (_shown(c.worst[name]) for name in ("value", "reference"))
    index = ", ".join(map(str, c.worst["index"]))
    return c.output, c.batch, c.against, index, *values, number(c.ratio)


def _shown(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, int | float) else str(value)


#: Columns of `worst_cells`.
WORST_HEADER = ("worst value of", "batch", "against", "at", "is", "reference", "of bound")

#: What the bins of a comparison's histogram hold, in units in the last place.
BIN_NAMES = ("0", *(f"≤ {end}" for end in ULP_BINS[1:]), f"> {ULP_BINS[-1]}")


def grouped(left_out: dict[str, str]) -> dict[str, list[str]]:
    """What was left out by reason."""
    groups: dict[str, list[str]] = {}
    for what, why in left_out.items():
        groups.setdefault(why, []).append(what)
    return groups


def _share(part: float | None, whole: float | None) -> float | None:
    if part is None or whole is None:
        return None
    return part / whole if whole else 0.0


def _row(comparison: Comparison, batches: int) -> tuple[str, ...]:
    return (*cells(comparison, batches), "ok" if comparison.passed else "FAILED")


def _line(check: Check) -> str:
    verdict = "ok" if check.passed else "FAILED" if check.required else "noted"
    return f"  {verdict:<6}  {check.name}: {check.detail}"


def reasons(report: Findings) -> dict[str, str]:
    """Why the bounds of the data batch are what they are, once for all references alike."""
    result: dict[str, str] = {}
    for c in report.comparisons:
        if c.batch == "data":
            own = c.against.partition(" from ")[2]
            result.setdefault(f"{c.output} from {own}" if own else c.output, c.reason)
    return result


def _reasons(report: Findings) -> list[str]:
    found = reasons(report)
    width = max(map(len, found), default=0)
    return [f"  {output:<{width}}  {why}" for output, why in found.items()]


def _worst_table(report: Findings) -> list[str]:
    rows = [worst_cells(comparison) for comparison in worst(report)]
    return _table(WORST_HEADER, rows, 3)


def principal(report: Findings) -> list[Comparison]:
    """Comparisons of the data with the first reference of each output."""
    found: dict[tuple[str, str], Comparison] = {}
    for c in report.comparisons:
        if c.batch == "data":
            found.setdefault((c.output, c.provider), c)
    return list(found.values())


def _ulp_table(report: Findings) -> list[str]:
    """Shares of the values by their distance from the first reference, over the data."""
    rows = []
    for c in principal(report):
        total = sum(c.ulp_histogram)
        if total:
            shares = [f"{100 * n / total:.3g}" for n in c.ulp_histogram]
            rows.append((c.output, c.provider.removesuffix("ExecutionProvider"), *shares))
    return ["", *_table(("% by ULP", "provider", *BIN_NAMES), rows, 2)] if rows else []


def _left_out(report: Findings) -> list[str]:
    return [f"  {'; '.join(what)}: {why}" for why, what in grouped(report.left_out).items()]


def _timing_table(report: Findings) -> list[str]:
    sizes = sorted({timing.batch_size for timing in report.timings})
    times = {(t.runner, t.batch_size): t.seconds for t in report.timings}
    runners = dict.fromkeys(timing.runner for timing in report.timings)
    rows = [(runner, *(f"{1e6 * times[runner, size]:.1f}" for size in sizes)) for runner in runners]
    return _table((f"µs on {threads()}, rows:", *map(str, sizes)), rows, 1)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Align columns, the first ones to the left."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]

    def line(values: Sequence[str]) -> str:
        aligned = (
            value.ljust(width) if place < left else value.rjust(width)
            for place, (value, width) in enumerate(zip(values, widths, strict=True))
        )
        return "  ".join(aligned).rstrip()

    return [line(header), "  ".join("-" * width for width in widths).rstrip(), *map(line, rows)]
