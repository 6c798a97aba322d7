"""The benchmark runs and compares like with like. No claim about speed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import softxent
from softxent import bench
from softxent.bench import inputs, ours, peers, runner, shapes, timing, writing
from softxent.bench.results import NOT_BUILT, Result, Row
from softxent.bench.shapes import Case
from softxent.cli import main

PEERS = peers.find()
LOSSES = ("loss", "loss+grad")
VARIANTS = [
    *(Case(operation, (6, 5)) for operation in shapes.OPERATIONS),
    *(Case(operation, (5, 6), 0) for operation in shapes.OPERATIONS),
    *(Case(operation, (2, 5, 3, 2), 1) for operation in shapes.OPERATIONS),
    Case("softmax", (6, 5), dtype="float64"),
    Case("loss+grad", (6, 5), dtype="float64"),
    *(
        Case("loss+grad", (6, 5), options=options)
        for options in (
            *(("weight",), ("smoothing",), ("weight", "smoothing")),
            *(("probabilities",), ("weight", "smoothing", "probabilities")),
        )
    ),
    Case("bce loss+grad", (30,)),
    Case("grad+hessian", (6, 5)),
]


def values(name: str, case: Case, call: timing.Call, arrays: inputs.Inputs) -> list[Any]:
    """What a call computes, brought to one form: [loss or array], or [gradient], [both]."""
    raw = call()
    result = raw if isinstance(raw, (tuple, list)) else [raw]
    if name == "onnxruntime":
        result = [_onnxruntime_output(call)]
    found = [np.array(p.detach().numpy() if hasattr(p, "detach") else p) for p in result]
    if name == "scikit-learn" and case.operation in (*LOSSES, "bce loss+grad"):
        found[0] = found[0].mean()
        found[1:] = [gradient / arrays.buffers[0].target.size for gradient in found[1:]]
    return found[-1:] if case.operation.endswith("loss+grad") else found


def _onnxruntime_output(call: Any) -> np.ndarray:
    return call.__defaults__[0]


@pytest.mark.parametrize("peer", PEERS.present, ids=lambda peer: peer.NAME)
def test_peers_compute_what_softxent_computes(peer: ModuleType) -> None:
    compared = 0
    for case in VARIANTS:
        arrays = inputs.make(case)
        calls = peer.prepare(case, arrays, 1)
        if calls is None:
            continue
        assert len(calls) == len(arrays.buffers), case.name
        expected = values(ours.NAME, case, ours.prepare(case, arrays)[0], arrays)
        actual = values(peer.NAME, case, calls[0], arrays)
        for want, got in zip(expected, actual, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6, err_msg=case.name)
        compared += 1
    assert compared


def test_peers_names_those_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "available", lambda name: name == "numpy")
    found = peers.find()
    assert [peer.NAME for peer in found.present] == ["numpy"]
    assert found.absent == ("torch", "onnxruntime", "jax", "scikit-learn", "scipy")
    result = bench.run(quick=True, progress=False, selected=[Case("softmax", (2, 3))])
    assert "left out: torch, onnxruntime, jax, scikit-learn, scipy." in bench.report(result)


def test_cases_only_matches_whole_words() -> None:
    names = {case.name for case in shapes.everyday_cases(only="1x10|softmax 65536x10")}
    assert "softmax 1x10" in names
    assert "softmax 65536x10" in names
    assert not any("65536x100" in name for name in names)


@pytest.mark.parametrize(("only", "message"), [("(", "regular expression"), ("zzz", "no row")])
def test_cases_refuses_patterns_that_select_nothing(only: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shapes.everyday_cases(only=only)


def test_interleave_gives_every_candidate_its_turn_in_every_round() -> None:
    turns: list[str] = []
    candidates = [
        timing.Candidate(name, [lambda name=name, k=k: turns.append(f"{name}{k}") for k in (0, 1)])
        for name in "ab"
    ]
    effort = timing.Effort(seconds=0, burst=0, min_rounds=3, max_rounds=3)
    times = timing.interleave(candidates, effort)
    assert [len(times.rounds[name]) for name in "ab"] == [3, 3]
    # Two bursts to calibrate, then rounds; each burst is an unmeasured call and a measured one.
    assert [turn[0] for turn in turns] == list("aabb" * 4)
    assert turns[4:12:2] == ["a1", "b1", "a0", "b0"]
    assert turns[5:12:2] == ["a0", "b0", "a1", "b1"]


def test_times_ratio_is_taken_within_rounds() -> None:
    times = timing.Times({"a": [2.0, 20.0, 200.0], "b": [1.0, 10.0, 50.0]})
    assert times.ratio("a", "b") == 2.0
    assert times.median("a") == 20.0


def test_run_names_what_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: object, **options: object) -> None:
        raise NotImplementedError("not yet")

    monkeypatch.setattr(softxent, "logsumexp", missing)
    result = bench.run(quick=True, progress=False, selected=[Case("logsumexp", (2, 3))])
    assert result.rows[0].note == NOT_BUILT
    assert "Not built: logsumexp 2x3." in bench.report(result)


def test_run_leaves_the_number_of_threads_as_it_was() -> None:
    before = softxent.get_num_threads()
    seen: list[int] = []

    def beside(case: Case, arrays: inputs.Inputs, threads: int) -> list[timing.Candidate]:
        return [timing.Candidate("seen", [lambda: seen.append(softxent.get_num_threads())])]

    case = Case("loss+grad", (8, 5))
    threads = before + 1
    result = bench.run(quick=True, progress=False, threads=threads, selected=[case], beside=beside)
    assert softxent.get_num_threads() == before
    assert set(seen) == {threads} and "seen" in result.rows[0].speedup


def test_write_leaves_json_table_and_plots(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    tiny = [Case(op, (4, 3)) for op in ("softmax", "loss+grad")]
    result = bench.run(quick=True, progress=False, selected=tiny)
    names = {path.name for path in bench.write(result, tmp_path / "out")}
    plots = {"speedup-softmax.png", "speedup-loss-grad.png"}
    assert names == {"bench.json", "table.md"} | plots
    content = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert [entry["name"] for entry in content["rows"]] == [r.case.name for r in result.rows]
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert any(line.startswith("| softmax 4x3 ") for line in lines)


def test_command_writes_where_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "everyday_cases", lambda **options: [Case("softmax", (2, 3))])
    monkeypatch.setattr(writing.plots, "figures", lambda result: {})
    out = tmp_path / "out"
    assert main(["bench", "--quick", "--threads", "1", "--out", str(out)]) == 0
    assert "softmax 2x3" in capsys.readouterr().out
    assert (out / "bench.json").is_file()
    assert main(["bench", "--quick", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["name"] == "softmax 2x3"


def test_command_shows_times_beside_what_is_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [Case("softmax", (2, 3)), Case("loss+grad", (4, 3))]
    monkeypatch.setattr(runner, "everyday_cases", lambda **options: chosen)
    assert main(["bench", "--quick"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    (header,) = (line for line in lines if line.startswith("rows x classes"))
    assert header.split()[3] == ours.NAME and header.split()[-2:] == ["numpy", "times"]
    for case in chosen:
        (line,) = (line for line in lines if line.startswith(case.name))
        assert re.search(r"\d µs", line) and re.search(r"[\d.]+(e\+\d+)?$", line)


def test_everyday_rows_fit_a_screen_and_are_rows_of_the_table() -> None:
    everyday = shapes.everyday_cases()
    assert 8 <= len(everyday) <= 12
    assert {case.name for case in everyday} <= {case.name for case in shapes.table()}
    assert all(case.elements <= shapes.QUICK_LIMIT for case in shapes.everyday_cases(quick=True))
    (chosen,) = shapes.everyday_cases(only="softmax 65536x100")
    assert chosen.shape == (65536, 100)
    with pytest.raises(ValueError, match="no row"):
        shapes.everyday_cases(only="zzz")


def test_summary_fits_100_columns() -> None:
    names = (ours.NAME, *peers.names())
    rows = [
        Row(case, dict.fromkeys(names, 1.234e-4), dict.fromkeys(names[1:], 12.3))
        for case in shapes.everyday_cases()
    ]
    environment = {
        "softxent": {"version": "0.1.0", "isa": "avx512"},
        "threads": 2,
        "processor": "AMD EPYC",
        "versions": {"numpy": "2.4.6", "ml_dtypes": "0.6.0"},
    }
    lines = bench.summary(Result(environment, ("jax",), rows)).splitlines()
    assert len(lines) <= 23 and max(map(len, lines)) <= 100
    assert lines[0].startswith("softxent 0.1.0 (avx512, 2 threads)")
    assert "pip install 'softxent[bench]'" in lines[-1]
