"""Networks in files: .npz, and .safetensors where that package is installed.

Both formats hold the parameters under PyTorch's names and one JSON text under "softxent" with
the class, the sizes, the dtype, the names of classes and features, and the seed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from softxent._files import check_writable
from softxent._npz import read_npz, write_npz
from softxent._safetensors import available_for, read_safetensors, write_safetensors

__all__ = ["Metadata", "Saved", "check_path", "read", "write"]

_KEY = "softxent"
_FORMAT = 1
_CLASSES = ("NeuralNet1", "NeuralNet2")


@dataclass(frozen=True)
class Metadata:
    """
    What a file says about the network in it, besides the parameters.

    Parameters
    ----------
    class_name : {"NeuralNet1", "NeuralNet2"}
        The class.
    input_size, hidden_size, num_classes : int
        The sizes.
    dtype : str
        The type of the parameters.
    class_names : list of str or None
        The names of the classes.
    seed : int or None
        The seed the network was made with.
    version : str
        The version of softxent that wrote the file.
    feature_names : list of str or None
        The names of the features; left out of the text where there are none.
    format : int
        The version of this layout.
    """

    class_name: str
    input_size: int
    hidden_size: int
    num_classes: int
    dtype: str
    class_names: list[str] | None
    seed: int | None
    version: str
    feature_names: list[str] | None = None
    format: int = _FORMAT

    def to_json(self) -> str:
        """Encode as the text in a file; without names of features it is what it always was."""
        fields = asdict(self)
        if self.feature_names is None:
            del fields["feature_names"]
        return json.dumps(fields)


@dataclass(frozen=True)
class Saved:
    """
    The contents of a file.

    Parameters
    ----------
    path : str
        The file.
    parameters : dict of str to ndarray
        The parameters.
    metadata : Metadata or None
        None for a safetensors file that softxent did not write.
    """

    path: str
    parameters: dict[str, np.ndarray]
    metadata: Metadata | None

    @property
    def class_name(self) -> str:
        """The class: as stated, or else by the number of outputs."""
        if self.metadata is not None:
            return self.metadata.class_name
        output = self.parameters.get("linear2.weight")
        return _CLASSES[0] if output is not None and output.shape[:1] == (1,) else _CLASSES[1]


def check_path(path: str | os.PathLike[str]) -> None:
    """
    Refuse a path that `write` would refuse, before any work is done for it.

    Raises
    ------
    ValueError, ImportError, OSError
        As `write`.
    """
    if _ending(path) == ".safetensors":
        available_for(f"writing {os.fspath(path)}")
    check_writable(path)


def write(
    path: str | os.PathLike[str], parameters: Mapping[str, np.ndarray], metadata: Metadata
) -> None:
    """
    Write a network, whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        The file; its ending chooses the format.
    parameters : mapping of str to ndarray
        The parameters.
    metadata : Metadata
        The description.

    Raises
    ------
    ValueError
        If the ending is neither ".npz" nor ".safetensors".
    ImportError
        If it is ".safetensors" and that package is not installed.
    OSError
        If the file cannot be written.
    """
    text = metadata.to_json()
    if _ending(path) == ".npz":
        write_npz(path, {**parameters, _KEY: np.array(text)})
        return
    write_safetensors(path, parameters, {_KEY: text})


def read(path: str | os.PathLike[str]) -> Saved:
    """
    Read a network without unpickling anything.

    Parameters
    ----------
    path : str or os.PathLike
        The file; its ending chooses the format.

    Returns
    -------
    Saved
        The contents, whose metadata are well-formed; that they and the parameters fit each other
        is for the caller to check.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the ending is neither ".npz" nor ".safetensors", the file is damaged, a .npz file was
        not written by softxent, or it was written by a later version.
    ImportError
        If it is ".safetensors" and that package is not installed.
    """
    ending = _ending(path)
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    if ending == ".npz":
        parameters = read_npz(path)
        stored = parameters.pop(_KEY, None)
        if stored is None:
            raise ValueError(f"{path} is not a network of softxent: it has no array {_KEY!r}")
        return Saved(str(path), parameters, _metadata(str(stored), path))
    parameters, texts = read_safetensors(path)
    text = texts.get(_KEY)
    return Saved(str(path), parameters, None if text is None else _metadata(text, path))


def _ending(path: str | os.PathLike[str]) -> str:
    """Return the ending if it is one of the two."""
    ending = Path(path).suffix.lower()
    if ending not in (".npz", ".safetensors"):
        raise ValueError(f"{path}: the ending must be .npz or .safetensors, got {ending!r}")
    return ending


def _metadata(text: str, path: str | os.PathLike[str]) -> Metadata:
    """Parse the JSON text of a file."""
    try:
        fields = json.loads(text)
        if fields["format"] != _FORMAT:
            raise ValueError(f"format {fields['format']!r}, this softxent reads {_FORMAT}")
        metadata = Metadata(**fields)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path}: the metadata cannot be read: {error}") from error
    if metadata.class_name not in _CLASSES:
        raise ValueError(
            f"{path}: the class must be one of {', '.join(_CLASSES)}, got {metadata.class_name!r}"
        )
    return metadata
