"""``softxent train --dask``: Parquet files on a cluster, the same net for every cut of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dask_tools import bounded  # noqa: F401 - a fixture
from softxent.cli import main
from softxent.models import NeuralNet2

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

from softxent.dask._tables import _drawn  # noqa: E402 - only where nothing was skipped

SETTINGS = ("--batch-size", "128", "--learning-rate", "0.3", "--hidden", "5", "--json")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


def write(folder: Path, cut: list[int]) -> str:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 4)) * [1, 10, 100, 1] + 3
    score = ((X - 3) / [1, 10, 100, 1]) @ rng.normal(size=(4, 3))
    frame = pd.DataFrame(X, columns=["p", "q", "r", "s"])
    frame["species"] = np.array(["ant", "bee", "cat"])[score.argmax(1)]
    folder.mkdir()
    for number, rows in enumerate(np.split(np.arange(900), cut)):
        frame.iloc[rows].to_parquet(folder / f"part-{number}.parquet")
    return str(folder / "part-*.parquet")


def train(*arguments: str, epochs: int = 8, status: int = 0) -> None:
    assert main(["train", *arguments, "--epochs", str(epochs), *SETTINGS]) == status


def test_the_cut_of_the_files_changes_nothing(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nets, results = [], []
    for number, cut in enumerate(([], [100, 850])):
        data, out = write(tmp_path / str(number), cut), tmp_path / f"{number}.npz"
        train("--dask", address, "--data", data, "--labels", "species", "--out", str(out))
        results.append(json.loads(capsys.readouterr().out))
        nets.append(NeuralNet2.load(out))
    assert nets[0].class_names == ("ant", "bee", "cat")
    assert nets[0].feature_names == ("p", "q", "r", "s")
    for name, value in nets[0].state_dict().items():
        assert value.tobytes() == nets[1].state_dict()[name].tobytes()
    assert results[0]["history"] == results[1]["history"]
    assert results[0]["test_accuracy"] == results[1]["test_accuracy"] > 0.85
    frame = pd.read_parquet(tmp_path / "0" / "part-0.parquet")
    labels = np.array(nets[0].class_names)[nets[0].predict(frame[["p", "q", "r", "s"]])]
    assert (labels == frame["species"]).mean() > 0.85


def test_a_cluster_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write(tmp_path / "data", [300]), tmp_path / "net.npz"
    train(
        "--dask", "--data", data, "--labels", "species", "--drop", "q", "--out", str(out), epochs=2
    )
    assert json.loads(capsys.readouterr().out)["epochs"] == 2
    assert NeuralNet2.load(out).feature_names == ("p", "r", "s")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--data": "absent-*.parquet"}, "there is no file absent-*.parquet"),
        ({"--labels": "genus"}, "no column 'genus'; the columns are p, q, r, s, species"),
        ({"--drop": "x"}, "no column 'x'; the columns are p, q, r, s, species"),
        ({"--labels": "9"}, "label column 9 is not among 5 columns"),
        ({"--labels": "s"}, "must be real numbers, but column 'species' holds"),
        ({"--sep": ","}, "--sep is not for --dask"),
        ({"--dask": "tcp://127.0.0.1:1"}, "no scheduler answers there"),
        ({"--class-weights": "1,2"}, "--class-weights must be 3 numbers, got 2"),
    ],
)
def test_errors_in_one_line(
    address: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, str],
    message: str,
) -> None:
    out = tmp_path / "net.npz"
    given: dict[str, Any] = {"--dask": address, "--labels": "species", "--out": str(out)}
    given["--data"] = write(tmp_path / "data", [300])
    train(*(word for pair in (given | changed).items() for word in pair), status=2)
    assert message in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    "options",
    [(), ("--labels", "-1"), ("--features", "p,1,2,s"), ("--labels", "4", "--drop", "Unnamed: 0")],
)
def test_columns_are_found_as_in_a_table_in_memory(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    data, out = write(tmp_path / "data", [300]), tmp_path / "net.npz"
    if "--drop" in options:
        for file in (tmp_path / "data").iterdir():
            frame = pd.read_parquet(file)
            frame.insert(5, "Unnamed: 0", np.arange(len(frame)))
            frame.to_parquet(file)
    train("--dask", address, "--data", data, "--out", str(out), *options, epochs=1)
    assert NeuralNet2.load(out).feature_names == ("p", "q", "r", "s")
    assert json.loads(capsys.readouterr().out)["epochs"] == 1


def test_an_index_of_pandas_is_left_out_and_said(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write(tmp_path / "data", [300]), tmp_path / "net.npz"
    for file in (tmp_path / "data").iterdir():
        frame = pd.read_parquet(file)
        frame.insert(0, "Unnamed: 0", np.arange(len(frame)))
        frame.to_parquet(file)
    arguments = ["train", "--dask", address, "--data", data, "--out", str(out), "--epochs", "1"]
    assert main(arguments) == 0
    assert "column 'Unnamed: 0' counts the rows" in capsys.readouterr().err
    assert NeuralNet2.load(out).feature_names == ("p", "q", "r", "s")


@pytest.mark.parametrize("name", ["part-?.parquet", "part-[01].parquet", "", "part-*.parquet"])
def test_patterns_and_folders(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder, out = Path(write(tmp_path / "data", [300])).parent, tmp_path / "net.npz"
    data = str(folder / name) if name else str(folder)
    train("--dask", address, "--data", data, "--out", str(out), epochs=1)
    loss = json.loads(capsys.readouterr().out)["test_loss"]
    train("--dask", address, "--data", str(folder / "*.parquet"), "--out", str(out), epochs=1)
    assert json.loads(capsys.readouterr().out)["test_loss"] == loss


def test_a_folder_without_parquet_is_told(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("a,y\n1,2\n")
    for data in (tmp_path, tmp_path / "a.csv"):
        train("--dask", address, "--data", str(data), "--out", str(tmp_path / "n.npz"), status=2)
        assert "no file" in (line := capsys.readouterr().err) or "reads Parquet files" in line


def corrupted(file: Path, frame: pd.DataFrame) -> None:
    file.write_text("no Parquet")


def without_a_column(file: Path, frame: pd.DataFrame) -> None:
    frame.drop(columns="r").to_parquet(file)


def with_a_gap(file: Path, frame: pd.DataFrame) -> None:
    frame.loc[frame.index[7], "q"] = np.nan
    frame.to_parquet(file)


def without_a_label(file: Path, frame: pd.DataFrame) -> None:
    frame.loc[frame.index[7], "species"] = None
    frame.to_parquet(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (corrupted, "part-1.parquet cannot be read as Parquet: "),
        (without_a_column, "part-1.parquet lacks columns that others have: 'r'"),
        (with_a_gap, "the value nan of row 307, column q is not a finite number"),
        (without_a_label, "row 307: the label is missing"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_in_one_line(
    address: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    change: Any,
    message: str,
) -> None:
    monkeypatch.setattr("softxent.dask._tables._UNIT", 128)
    data, out = write(tmp_path / "data", [300]), tmp_path / "net.npz"
    second = tmp_path / "data" / "part-1.parquet"
    change(second, pd.read_parquet(second))
    train("--dask", address, "--data", data, "--out", str(out), epochs=1, status=2)
    lines = capsys.readouterr().err.splitlines()
    assert message in lines[-1]
    assert not any(line.startswith("  File ") for line in lines)
    assert not out.exists()


@pytest.mark.parametrize("row", [307, 187])  # one is drawn for training, the other for testing
@pytest.mark.parametrize(
    ("standardize", "value", "told"),
    [
        ("yes", np.nan, "not a finite number"),
        ("no", np.nan, "not a finite number"),
        ("no", 1e300, "beyond the type of the network"),
    ],
)
def test_a_value_is_told_by_its_row_in_the_files(
    address: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    row: int,
    standardize: str,
    value: float,
    told: str,
) -> None:
    data, out = write(tmp_path / "data", []), tmp_path / "net.npz"
    (file,) = (tmp_path / "data").iterdir()
    assert _drawn(0, 900, 0.2, 0)[[307, 187]].tolist() == [False, True]
    frame = pd.read_parquet(file)
    frame.loc[row, "q"] = value
    frame.to_parquet(file)
    options = ("--standardize", standardize, "--labels", "species", "--out", str(out))
    train("--dask", address, "--data", data, *options, epochs=1, status=2)
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert f"the value {value} of row {row}, column q is {told}: leave such rows out" in line
    assert not out.exists()


def test_a_cluster_of_its_own_writes_no_tracebacks(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [300])
    second = tmp_path / "data" / "part-1.parquet"
    without_a_label(second, pd.read_parquet(second))
    command = [sys.executable, "-m", "softxent", "train", "--dask", "--data", data, "--out"]
    run = subprocess.run([*command, str(tmp_path / "net.npz")], capture_output=True, text=True)
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert line.startswith("softxent train: error: labels, row 307: the label is missing")
