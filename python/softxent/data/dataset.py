"""Labelled samples and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from softxent._arguments.arrays import as_array
from softxent._arguments.scalars import number
from softxent._arguments.scalars import seed as checked_seed

__all__ = ["Dataset", "Samples"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """
    A classification data set in memory.

    Parameters
    ----------
    name : str
        What to call it in titles and reports.
    X : ndarray of float32, shape (n, features)
        The features, C-contiguous; images are flattened row by row.
    y : ndarray of int64, shape (n,)
        The label of each sample, an index into `class_names`.
    class_names : tuple of str
        One name per class.
    image_shape : tuple of int, optional
        (height, width) if a row of X is an image.
    attribution : str
        Author, source and licence; empty if nothing is known.
    feature_names : tuple of str, optional
        One name per feature.
    notes : tuple of str
        What was found out while reading and may surprise, in one line each.

    Raises
    ------
    TypeError
        If X is not float32 or y not int64.
    ValueError
        If the shapes disagree.
    IndexError
        If a label is not an index into `class_names`.

    See Also
    --------
    softxent.data.read : make one from a file.

    Examples
    --------
    >>> import numpy as np
    >>> from softxent.data import Dataset
    >>> Dataset("two", np.zeros((2, 3), np.float32), np.array([0, 1]), ("cat", "dog"))
    Dataset('two', 2 samples, 3 features, 2 classes)
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None = None
    attribution: str = ""
    feature_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the fields describe one data set."""
        for name in ("X", "y"):
            object.__setattr__(self, name, as_array(getattr(self, name), name))
        if self.X.dtype != np.float32 or self.y.dtype != np.int64:
            raise TypeError(f"X must be float32 and y int64, got {self.X.dtype} and {self.y.dtype}")
        if self.X.ndim != 2 or self.y.shape != self.X.shape[:1]:
            raise ValueError(
                f"X must have shape (n, features) and y (n,), got {self.X.shape} and {self.y.shape}"
            )
        if self.image_shape is not None and np.prod(self.image_shape) != self.X.shape[1]:
            raise ValueError(
                f"images of shape {self.image_shape} do not have {self.X.shape[1]} pixels"
            )
        _check_feature_names(self.feature_names, self.X)
        bad = np.flatnonzero((self.y < 0) | (self.y >= self.num_classes))
        if bad.size:
            raise IndexError(
                f"label {self.y[bad[0]]} at index {bad[0]} is not in [0, {self.num_classes})"
            )
        object.__setattr__(self, "X", np.ascontiguousarray(self.X))

    @property
    def num_classes(self) -> int:
        """Number of classes, those without a sample included."""
        return len(self.class_names)

    @property
    def labels(self) -> np.ndarray:
        """
        The class name of each sample, as text, shape (n,).

        A network whose class names are numbers takes these for labels, not the indices `y`.
        """
        return np.array(self.class_names)[self.y]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.y)

    def __repr__(self) -> str:
        """Describe the data set in one line, without its arrays."""
        samples, features = self.X.shape
        return (
            f"Dataset({self.name!r}, {samples} samples, {features} features, "
            f"{self.num_classes} classes)"
        )

    def split(self, test_fraction: float = 0.2, seed: int = 0) -> tuple[Dataset, Dataset]:
        """
        Divide the samples into a training and a test set, class by class.

        Parameters
        ----------
        test_fraction : float, default 0.2
            Part of every class that goes to the test set, strictly between 0 and 1. It is
            rounded to whole samples; a class with two or more samples has at least one in each
            set, a single sample is kept for training.
        seed : int, default 0
            Chooses the samples; the same seed gives the same split.

        Returns
        -------
        train, test : Dataset
            Disjoint, in the order of this data set.

        Raises
        ------
        ValueError
            If `test_fraction` is not in (0, 1).

        Examples
        --------
        >>> from softxent.data import load_digits
        >>> train, test = load_digits().split()
        >>> len(train), len(test)
        (1438, 359)
        """
        test_fraction = number("test_fraction", test_fraction, 0, 1, open_low=True, open_high=True)
        generator = np.random.default_rng(checked_seed("seed", seed))
        in_test = np.zeros(len(self), dtype=bool)
        for label in range(self.num_classes):
            members = generator.permutation(np.flatnonzero(self.y == label))
            if len(members) > 1:
                count = round(test_fraction * len(members))
                in_test[members[: min(max(count, 1), len(members) - 1)]] = True
        return self._part(~in_test), self._part(in_test)

    def _part(self, chosen: np.ndarray) -> Dataset:
        """Return the samples where `chosen` is true."""
        return replace(self, X=self.X[chosen], y=self.y[chosen])


@dataclass(frozen=True, eq=False)
class Samples:
    """
    Samples for a network, labelled or not.

    Parameters
    ----------
    name : str
        What to call them in titles and reports.
    X : ndarray of float32, shape (n, features)
        The features; images are flattened row by row.
    y : ndarray of int64, shape (n,), or None
        The class index of each sample.
    feature_names : tuple of str, optional
        One name per feature.
    ids : ndarray of objects, shape (n,), or None
        A column that identifies the samples, as it is.
    id_name : str, optional
        The name of that column, or its position where it has none.
    image_shape : tuple of int, optional
        (height, width) if a row of X is an image.
    notes : tuple of str
        What was found out while reading and may surprise, in one line each.

    See Also
    --------
    softxent.data.read_samples : make some from a file.

    Examples
    --------
    >>> import numpy as np
    >>> from softxent.data import Samples
    >>> Samples("two", np.zeros((2, 3), np.float32)).y is None
    True
    """

    name: str
    X: np.ndarray
    y: np.ndarray | None = None
    feature_names: tuple[str, ...] | None = None
    ids: np.ndarray | None = None
    id_name: str | None = None
    image_shape: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.X)


def _check_feature_names(names: tuple[str, ...] | None, X: np.ndarray) -> None:
    if names is not None and len(names) != X.shape[1]:
        raise ValueError(f"feature_names must have {X.shape[1]} names, got {len(names)}")
