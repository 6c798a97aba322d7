"""Networks in files: .npz, and .safetensors where that package is installed.

Both formats hold the parameters under PyTorch's names and one JSON text under "softxent" with
the class, its sizes, the dtype, the names of classes and features, and the seed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from softxent._files.atomic import check_writable
from softxent._files.npz import read_npz, write_npz
from softxent._files.safetensors import available_for, read_safetensors, write_safetensors

__all__ = ["Metadata", "Saved", "check_path", "read", "write"]

_KEY = "softxent"
_FORMAT = 1
_CLASSES = ("NeuralNet1", "NeuralNet2", "MLP")


@dataclass(frozen=True)
class Metadata:
    """
    What a file says about the network in it, besides the parameters.

    Parameters
    ----------
    class_name : {"NeuralNet1", "NeuralNet2", "MLP"}
        The class.
    sizes : dict of str to JSON values
        What its constructor takes: input_size, num_classes, …; other keys of the text are these.
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
    sizes: dict[str, Any]
    dtype: str
    class_names: list[str] | None
    seed: int | None
    version: str
    feature_names: list[str] | None = None
    format: int = _FORMAT

    def to_json(self) -> str:
        """Encode as the text in a file."""
        about = asdict(self)
        if self.feature_names is None:
            del about["feature_names"]
        return json.dumps({"class_name": about.pop("class_name"), **about.pop("sizes"), **about})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """
        Decode the text in a file.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is no such text, or one of another format.
        """
        about = json.loads(text)
        if about["format"] != _FORMAT:
            raise ValueError(f"format {about['format']!r}, this softxent reads {_FORMAT}")
        own = {field.name for field in fields(cls)} - {"sizes"}
        sizes = {name: about.pop(name) for name in set(about) - own}
        return cls(sizes=sizes, **about)


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
        metadata = Metadata.from_json(text)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path}: the metadata cannot be read: {error}") from error
    if metadata.class_name not in _CLASSES:
        raise ValueError(
            f"{path}: the class must be one of {', '.join(_CLASSES)}, got {metadata.class_name!r}"
        )
    return metadata
