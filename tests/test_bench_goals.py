"""The goals' benchmark measures what its words say, and judges it. No claim about speed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import softxent
from benchmark import cache, cases, goals, limits, linear_memory, overlap, own, studies
from benchmark.cache import Rate, Rates
from benchmark.overlap import Overlap
from softxent.bench import inputs, ours, shapes
from softxent.bench.results import Row
from softxent.bench.shapes import Case


@pytest.mark.parametrize("with_torch", [True, False])
def test_copy_copies_and_read_reads(with_torch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if with_torch:
        pytest.importorskip("torch")
    monkeypatch.setattr(limits, "available", lambda name: with_torch)
    for shape in ((4, 5), (300, 500)):
        case = Case("loss", shape)
        arrays = inputs.make(case)
        copy, read = limits.candidates(case, arrays, 2)
        for buffer, copied, reading in zip(arrays.buffers, copy.calls, read.calls, strict=True):
            copied()
            np.testing.assert_array_equal(arrays.out, buffer.logits)
            greatest = buffer.logits.view(np.int32).max()
            assert np.max([int(part) for part in np.ravel(reading())]) == greatest


def row(case: Case, speedup: dict[str, float], seconds: float = 1e-3) -> Row:
    return Row(case, {ours.NAME: seconds}, speedup, threads=2)


def statuses(measured: Row) -> dict[str, str]:
    return {verdict.goal: verdict.status for verdict in goals.judge(measured)}


def test_judge_compares_with_the_best_peer_and_torch() -> None:
    case = Case("loss+grad", (65536, 100))
    verdicts = statuses(row(case, {"torch": 11.0, "jax": 1.9, "copy": 0.1}))
    assert verdicts == {
        "times torch, whose time 10 copies fit into": "met",
        "times the best peer": "missed",
    }
    # Ten copies take longer than PyTorch: nothing could be ten times as fast.
    assert statuses(row(case, {"torch": 8.0, "copy": 0.9})) == {"times the best peer": "met"}
    assert statuses(row(case, {})) == {"times the best peer": "unknown"}


def test_judge_asks_more_of_few_classes_and_other_axes() -> None:
    few, many = Case("softmax", (65536, 10)), Case("softmax", (1024, 32000))
    across = Case("softmax", (1000, 8192), 0)
    assert statuses(row(few, {"torch": 3.9}))["times the best peer"] == "missed"
    assert statuses(row(many, {"torch": 1.1, "copy": 1.1}))["times the best peer"] == "met"
    times = {"torch": 1.9, own.CONTIGUOUS: 0.8, own.COPIED: 0.9}
    assert statuses(row(across, times)) == {
        "times the best peer": "missed",
        "time / contiguous": "met",
        "times copying first": "missed",
    }


def test_judge_tiny_calls_by_the_clock() -> None:
    tiny = Case("softmax", (1, 10))
    assert statuses(row(tiny, {"torch": 2.0}, 0.39e-6))["microseconds"] == "met"
    assert statuses(row(tiny, {"torch": 2.0}, 0.41e-6))["microseconds"] == "missed"
    assert "microseconds" not in statuses(row(Case("softmax", (32, 10)), {"torch": 2.0}))


@pytest.mark.parametrize(
    ("options", "bound"),
    [(("softcap",), 2.0), (("probabilities",), 1.3), (("weight", "smoothing"), 1.3)],
)
def test_judge_compares_forms_with_the_plain_loss(options: tuple[str, ...], bound: float) -> None:
    case = Case("loss+grad", (8192, 1000), options=options)
    assert statuses(row(case, {own.PLAIN: 1 / (0.99 * bound)}))["time / plain"] == "met"
    assert statuses(row(case, {own.PLAIN: 1 / (1.01 * bound)}))["time / plain"] == "missed"
    assert "time / plain" not in statuses(row(Case("loss+grad", (8192, 1000)), {own.PLAIN: 1.0}))


def test_judge_compares_16_bits_with_float32() -> None:
    half = Case("softmax", (1024, 32000), dtype="float16")
    assert statuses(row(half, {own.FLOAT32: 1.2}))["times our float32"] == "missed"
    assert statuses(row(half, {own.FLOAT32: 1.4}))["times our float32"] == "met"


@pytest.mark.parametrize("options", cases.OPTIONS, ids="+".join)
def test_rows_with_options_have_the_plain_loss_beside_them(options: tuple[str, ...]) -> None:
    case = Case("loss+grad", (6, 5), options=options)
    arrays = inputs.make(case)
    (plain,) = own.candidates(case, arrays, 1)
    loss, _ = ours.prepare(case, arrays)[0]()
    without, _ = plain.calls[0]()
    assert plain.name == own.PLAIN and loss != without
    names = {each.name for each in cases.cases(only=r"loss\+grad 8192x1000 .*")}
    assert f"loss+grad 8192x1000 {'+'.join(options)}" in names


@pytest.mark.parametrize("operation", ["softmax", "logsumexp"])
@pytest.mark.parametrize(("shape", "axis"), [((5, 6), 0), ((2, 5, 3, 2), 1)])
def test_copying_first_computes_the_same(operation: str, shape: tuple[int, ...], axis: int) -> None:
    case = Case(operation, shape, axis)
    arrays = inputs.make(case)
    calls = {each.name: each.calls for each in own.candidates(case, arrays, 1)}
    expected = np.array(ours.prepare(case, arrays)[0]())
    arrays.out.fill(np.nan)
    calls[own.COPIED][0]()
    if operation == "softmax":
        np.testing.assert_array_equal(arrays.out, expected)
    moved = np.moveaxis(expected, axis, -1) if operation == "softmax" else expected
    assert np.shape(calls[own.CONTIGUOUS][0]()) == moved.shape


def test_judge_sweep_finds_a_cliff() -> None:
    cases = [Case("softmax", (1000 // c, c), study="classes") for c in (1, 2, 4, 5, 8)]
    level = [row(case, {}, case.elements * 1e-9) for case in cases]
    (verdict,) = goals.judge_sweep(level)
    assert verdict.status == "met"
    level[2] = row(cases[2], {}, cases[2].elements * 2e-9)
    (verdict,) = goals.judge_sweep(level)
    assert verdict.status == "missed"
    assert "worst at 4 classes" in verdict.subject


def test_judge_sweep_tells_a_cliff_from_a_slow_moment() -> None:
    """What takes twice as long while a copy does so too is no cliff."""
    cases = [Case("softmax", (1000 // c, c), study="classes") for c in (1, 2, 4, 5, 8)]
    moments = (1.0, 1.0, 2.0, 1.0, 1.0)
    slow = [
        row(case, {"copy": 0.8}, case.elements * moment * 1e-9)
        for case, moment in zip(cases, moments, strict=True)
    ]
    (verdict,) = goals.judge_sweep(slow)
    assert (verdict.goal, verdict.status) == ("time / copy, over both neighbours", "met")
    slow[2] = row(cases[2], {"copy": 0.4}, cases[2].elements * 1e-9)
    (verdict,) = goals.judge_sweep(slow)
    assert verdict.status == "missed"
    assert "worst at 4 classes" in verdict.subject


def test_judge_sweep_names_where_a_peer_does_best() -> None:
    """At equal speed softmax is fast enough, and loss with gradient is not."""
    for operation, expected in (("softmax", "met"), ("loss+grad", "missed")):
        points = [Case(operation, (1 << 20, c), study="classes") for c in (2, 5)]
        sweep = [row(points[0], {"jax": 3.0}), row(points[1], {"jax": 1.0, "copy": 0.1})]
        (verdict,) = goals.judge_sweep(sweep)
        assert (verdict.value, verdict.status) == (1.0, expected)
        assert "worst at 5 classes" in verdict.subject


def test_overhead_is_what_a_row_takes_beyond_the_rate_of_long_rows() -> None:
    found = [Rate("softmax", n, (6.0 * n + 16 * 7.5) / n, 99.0) for n in (32, 200)]
    rates = Rates([*found, Rate("softmax", 4000, 6.0, 99.0)])
    assert rates.overhead("softmax", 32) == pytest.approx(7.5)
    assert rates.overhead("softmax", 200) == pytest.approx(7.5)
    (verdict,) = goals.judge_rates(rates)
    assert (verdict.status, verdict.bound) == ("met", 8.0)
    slow = Rates([*rates.found, Rate("softmax", 100, 8.0, 99.0), Rate("softmax", 500, 7.3, 99.0)])
    short, long = goals.judge_rates(slow)
    assert (short.status, long.status) == ("missed", "missed")
    assert "100 classes" in short.subject and "500 classes" in long.subject


def test_rates_are_of_blocks_that_stay_in_the_cache() -> None:
    assert all(4 * np.prod(cache.shape(n)) <= cache._MOST_BYTES for n in cache.CLASSES)
    before = softxent.get_num_threads()
    rates = Rates(list(cache.measure((3, 4000), ("softmax", "loss"), quick=True)))
    assert softxent.get_num_threads() == before
    assert rates.operations() == ["softmax", "loss"] and rates.classes() == [3, 4000]
    assert all(0 < rate.least <= rate.median for rate in rates.found)


def test_judge_overlap() -> None:
    one = Overlap("softmax", (65536, 100), 2, 1.2e-3, 1e-3, 0.9e-3)
    (verdict,) = goals.judge_overlap([one])
    assert (verdict.status, verdict.subject) == (
        "missed",
        "out of cache softmax 65536x100, 2 threads",
    )


def test_overlap_scales_the_work_in_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """With times that are known: two threads share the work of all elements."""
    case = Case("softmax", (1000, 100))
    elements = np.prod(cache.shape(100))
    fixed = {ours.NAME: [3e-3, 9e-3], limits.COPY: [2e-3, 1e-3]}
    fixed["in cache"] = [9e-3, 2e-3 * elements / 100_000]
    monkeypatch.setattr(overlap, "interleave", lambda *_: overlap.Times(fixed))
    (single, double) = overlap.measure([(case, 1), (case, 2)])
    assert single.inside == pytest.approx(2e-3) and single.ratio == pytest.approx(1.5)
    assert double.inside == pytest.approx(1e-3) and double.ratio == pytest.approx(3.0)


def test_cases_have_distinct_names_and_cover_the_sweep() -> None:
    found = cases.cases()
    assert len({case.name for case in found}) == len(found)
    swept = [case.classes for case in found if case.study == "classes"]
    assert (min(swept), max(swept)) == (1, 300_000)
    assert all(case.elements <= shapes.QUICK_LIMIT for case in cases.cases(quick=True))


def test_peak_bytes_counts_what_a_call_holds() -> None:
    """So much that no allocator has it at hand from earlier tests of the process."""
    peak = linear_memory.peak_bytes(lambda: np.ones(1 << 26, np.uint8).sum())
    assert peak is None or 60 << 20 <= peak < 1 << 27


def test_studies_write_json_table_and_plots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    tiny = [Case(operation, (4, 3)) for operation in ("softmax", "loss+grad")]
    sweep = [Case(op.operation, (4, n), study="classes") for op in tiny for n in (2, 3, 5)]
    sweep += [Case("loss+grad", (n, 3), study="rows") for n in (2, 3, 4)]
    monkeypatch.setattr(studies, "cases", lambda **options: [*tiny, *sweep])
    monkeypatch.setattr(overlap, "_QUICK_SHAPES", ((64, 100),))
    found = studies.run(
        ("peers", "in-cache", "out-of-cache"), judged=True, quick=True, progress=False
    )
    studies.write(found, tmp_path)
    plots = {"bandwidth-softmax", "bandwidth-loss-grad", "speedup-softmax", "speedup-loss-grad"}
    plots |= {"time-rows", "in-cache", "out-of-cache"}
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"bench.json", "table.md"} | {f"{name}.png" for name in plots}
    content = json.loads((tmp_path / "bench.json").read_text())
    assert {"rows", "in_cache", "out_of_cache", "goals"} <= content.keys()
    table = (tmp_path / "table.md").read_text()
    assert "Goals: " in table and "beside its elements" in table
    without = studies.run(("in-cache",), quick=True, only="softmax$", progress=False)
    assert without.verdicts == [] and without.result.rows == []
