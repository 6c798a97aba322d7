"""Files of the safetensors format: every type that a float32 can hold, whatever is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from softxent._files.safetensors import read_safetensors, write_safetensors
from softxent.models import NeuralNet2

pytest.importorskip("safetensors")


def write(path: Path, tensors: dict[str, tuple[str, tuple[int, ...], bytes]]) -> None:
    """Write a file byte by byte, as its specification has it: length, JSON header, data."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {
            "dtype": dtype,
            "shape": list(shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def upper_halves(array: np.ndarray) -> np.ndarray:
    """The bits of a bfloat16 that was cut off a float32."""
    return (array.astype("<f4").view("<u4") >> 16).astype("<u2")


def net_tensors(dtype: str) -> tuple[dict[str, tuple[str, tuple[int, ...], bytes]], dict]:
    """The parameters of a net in a type of 16 bits: as bytes, and as the float32 they stand for."""
    stored, values = {}, {}
    for name, array in NeuralNet2(5, 4, 3, seed=0).state_dict().items():
        if dtype == "BF16":
            bits = upper_halves(array)
            values[name] = (bits.astype(np.uint32) << 16).view(np.float32)
        else:
            bits = array.astype("<f2")
            values[name] = bits.astype(np.float32)
        stored[name] = (dtype, array.shape, bits.tobytes())
    return stored, values


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_net_of_16_bits_loads_exactly(dtype: str, tmp_path: Path) -> None:
    stored, values = net_tensors(dtype)
    path = tmp_path / "net.safetensors"
    write(path, stored)
    for name, array in NeuralNet2.load(path).state_dict().items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, values[name])


BLOCK = """
import sys
for name in {blocked}:
    sys.modules[name] = None
for name in {imported}:
    __import__(name)
from softxent.models import NeuralNet2
net = NeuralNet2.load({path!r})
print(net.state_dict()["linear1.weight"].tobytes().hex())
"""


@pytest.mark.parametrize(
    ("blocked", "imported"),
    [([], []), ([], ["ml_dtypes"]), (["ml_dtypes", "torch"], [])],
    ids=["nothing imported", "ml_dtypes imported", "neither ml_dtypes nor torch"],
)
def test_bfloat16_loads_whatever_was_imported(
    blocked: list[str], imported: list[str], tmp_path: Path
) -> None:
    for module in imported:
        pytest.importorskip(module)
    stored, values = net_tensors("BF16")
    path = tmp_path / "net.safetensors"
    write(path, stored)
    code = BLOCK.format(blocked=blocked, imported=imported, path=str(path))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == values["linear1.weight"].tobytes().hex()


def test_every_bfloat16_becomes_the_float32_of_the_same_value(tmp_path: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    bits = np.arange(2**16, dtype="<u2")
    path = tmp_path / "all.safetensors"
    write(path, {"all": ("BF16", (256, 256), bits.tobytes())})
    (array,) = read_safetensors(path)[0].values()
    expected = bits.view(ml_dtypes.bfloat16).astype(np.float32).reshape(256, 256)
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "I64", "BOOL"])
def test_arrays_come_back_as_they_were_written(dtype: str, tmp_path: Path) -> None:
    kind = {"F64": "f8", "F32": "f4", "F16": "f2", "I64": "i8", "BOOL": "?"}[dtype]
    array = np.random.default_rng(0).integers(0, 2, (3, 2)).astype(kind)
    path = tmp_path / "net.safetensors"
    write_safetensors(path, {"b": array, "a": array[:0]}, {"softxent": "text"})
    tensors, metadata = read_safetensors(path)
    assert list(tensors) == ["a", "b"] and metadata == {"softxent": "text"}
    for read, written in zip(tensors.values(), (array[:0], array), strict=True):
        assert read.dtype == written.dtype and read.flags.writeable
        np.testing.assert_array_equal(read, written)


def test_type_of_8_bits_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    write(path, {"linear1.weight": ("F8_E4M3", (2, 2), bytes(4))})
    with pytest.raises(
        ValueError, match=r"'linear1.weight' has the type F8_E4M3.*save it as float"
    ):
        read_safetensors(path)


@pytest.mark.parametrize("damage", ["empty", "cut", "header", "not json"])
def test_damaged_file_is_named(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    write(path, net_tensors("F16")[0])
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "cut": whole[:-1],
            "header": b"\xff" * 8 + whole[8:],
            "not json": whole[:8] + b"{" * 8 + whole[16:],
        }[damage]
    )
    with pytest.raises(ValueError, match=r"net.safetensors is not a readable safetensors file"):
        NeuralNet2.load(path)
