"""Data outside the file of a model: read only from places that belong to the model.

Such a place is a regular file in the folder of the model or below it. Model hubs keep every file of
a repository once, under its hash, and lay out the versions as folders of links:

    <repository>/snapshots/<version>/model.onnx       -> ../../blobs/<hash>
    <repository>/snapshots/<version>/model.onnx_data  -> ../../blobs/<hash>

so a link in such a version may also lead to ``<repository>/blobs`` or elsewhere in the version.
What counts is where a link ends after all others on its way: a link to another file is refused.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx
from onnx import TensorProto, external_data_helper

from softxent.onnx.errors import ModelError
from softxent.onnx.tensors import all_tensors, bytes_needed


def load_external_data(model: onnx.ModelProto, folder: Path, limit: int) -> None:
    """Take data outside the file into the model.

    Parameters
    ----------
    model : onnx.ModelProto
        Changed in place.
    folder : Path
        The folder of the file, as the caller named it.
    limit : int
        Largest number of bytes in all.

    Raises
    ------
    ModelError
        If data is not where it may be, is of another size than the tensor, or is too much.
    """
    for tensor in all_tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        data = _read(tensor, folder, limit)
        limit -= len(data)
        del tensor.external_data[:]
        tensor.data_location = TensorProto.DEFAULT
        tensor.raw_data = data


def _read(tensor: TensorProto, folder: Path, limit: int) -> bytes:
    label, expected = f"tensor {tensor.name!r}", bytes_needed(tensor)
    try:
        info = external_data_helper.ExternalDataInfo(tensor)
        offset, length = info.offset or 0, expected if info.length is None else info.length
    except ValueError as error:
        raise ModelError(f"{label} has unreadable external data: {error}") from None
    file = _inside(folder, info.location, label)
    available = file.stat().st_size - offset
    if offset < 0 or length != expected or available < expected:
        raise ModelError(
            f"{label} of shape {tuple(tensor.dims)} needs {expected} bytes of external data, but "
            f"{length} are declared and {max(available, 0)} are there from offset {offset}"
        )
    if expected > limit:
        raise ModelError(f"{label} needs {expected} bytes, more than a model may have in all")
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(expected)


def _inside(folder: Path, location: str, label: str) -> Path:
    """Resolve the place of external data, and refuse all that are not the model's own."""
    for flavour in (PurePosixPath, PureWindowsPath):
        pure = flavour(location)
        if not location or "\0" in location or pure.anchor or ".." in pure.parts:
            raise ModelError(
                f"{label} has external data at {location!r}, outside the model's folder"
            )
    file = (folder / location).resolve()
    if not any(file.is_relative_to(root) for root in _roots(folder)):
        raise ModelError(f"{label} has external data at {location!r}, a link out of the folder")
    if not file.is_file():
        raise ModelError(f"{label} has external data at {location!r}, which is no regular file")
    return file


def _roots(folder: Path) -> list[Path]:
    """Folders in which data of a model in `folder` may be, links resolved."""
    # Not Path.resolve: what counts is how the caller came here.
    named = Path(os.path.abspath(folder))
    for version in (named, *named.parents):
        if version.parent.name == "snapshots":
            blobs = version.parent.parent / "blobs"
            return [folder.resolve(), version.resolve(), blobs.resolve()]
    return [folder.resolve()]
