"""The two data sets that come with the package; LICENSES.md has their terms."""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np

from softxent._files.npz import read_npz
from softxent.data.dataset import Dataset

__all__ = ["load_breast_cancer", "load_digits"]

_DIGITS_SOURCE = (
    "Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits [Dataset]. "
    "UCI Machine Learning Repository. https://doi.org/10.24432/C50P49. CC BY 4.0. "
    "Enlarged from 8×8 to 28×28 pixels."
)
_BREAST_CANCER_SOURCE = (
    "Wolberg, W., Mangasarian, O., Street, N. and Street, W. (1993). Breast Cancer Wisconsin "
    "(Diagnostic) [Dataset]. UCI Machine Learning Repository. https://doi.org/10.24432/C5DW2B. "
    "CC BY 4.0."
)


def load_digits() -> Dataset:
    """
    Load the UCI handwritten digits at the size of MNIST.

    Returns
    -------
    Dataset
        1797 images of 28×28 pixels, so X has shape (1797, 784) with values in [0, 1]; ten
        classes. The original 8×8 images are enlarged to 24×24 by linear interpolation and framed
        by two pixels of background.

    Notes
    -----
    E. Alpaydin and C. Kaynak (1998), https://doi.org/10.24432/C50P49, CC BY 4.0.

    Examples
    --------
    >>> from softxent.data import load_digits
    >>> load_digits()
    Dataset('digits', 1797 samples, 784 features, 10 classes)
    """
    arrays = _packaged("digits.npz")
    images = _enlarge(arrays["X"])
    return Dataset(
        name="digits",
        X=images.reshape(len(images), -1),
        y=arrays["y"].astype(np.int64),
        class_names=tuple(str(digit) for digit in range(10)),
        image_shape=(28, 28),
        attribution=_DIGITS_SOURCE,
    )


def load_breast_cancer() -> Dataset:
    """
    Load the UCI breast cancer (Wisconsin, diagnostic) data.

    Returns
    -------
    Dataset
        569 tumours with 30 features; class 0 is malignant, class 1 benign. The features are raw
        and span six orders of magnitude: standardise them (`Standardizer`) before training.

    Notes
    -----
    W. Wolberg, O. Mangasarian, N. Street and W. Street (1993),
    https://doi.org/10.24432/C5DW2B, CC BY 4.0.

    Examples
    --------
    >>> from softxent.data import load_breast_cancer
    >>> load_breast_cancer().class_names
    ('malignant', 'benign')
    """
    arrays = _packaged("breast_cancer.npz")
    return Dataset(
        name="breast_cancer",
        X=_decimal(arrays["X"], arrays["places"]),
        y=arrays["y"].astype(np.int64),
        class_names=("malignant", "benign"),
        attribution=_BREAST_CANCER_SOURCE,
    )


def _packaged(name: str) -> dict[str, np.ndarray]:
    """Read one of the package's data files."""
    with as_file(files("softxent.data") / "files" / name) as path:
        return read_npz(path)


def _decimal(planes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Put numbers together from the bytes of whole ones, lowest first, and their decimal places."""
    whole = sum(plane.T.astype(np.int64) << 8 * k for k, plane in enumerate(planes))
    return np.ascontiguousarray((whole / 10.0**places).astype(np.float32))


def _enlarge(images: np.ndarray) -> np.ndarray:
    """Turn 8×8 images of 0..16 into 28×28 images of [0, 1]."""
    stretch = _interpolation(8, 3)
    # In integers, so that every machine computes the same pixels: a matrix product of floats
    # would go through BLAS. Weights are thirds on either axis, values sixteenths.
    enlarged = stretch @ images.astype(np.int64) @ stretch.T
    framed = np.pad(enlarged, ((0, 0), (2, 2), (2, 2)))
    return (framed / (3 * 3 * 16)).astype(np.float32)


def _interpolation(size: int, factor: int) -> np.ndarray:
    """
    Return the matrix of linear interpolation between pixel centres, times `factor`.

    Row i gives enlarged pixel i from the two source pixels whose centres lie on either side of
    its own; beyond the outermost centres the edge value continues. `factor` must be odd, so that
    the weights are whole multiples of 1/factor.
    """
    weights = np.zeros((size * factor, size), dtype=np.int64)
    for row in range(size * factor):
        # The position of the centre, in units of 1/factor of a source pixel, is a whole number.
        left, part = divmod(row - factor // 2, factor)
        for column, weight in ((left, factor - part), (left + 1, part)):
            weights[row, min(max(column, 0), size - 1)] += weight
    return weights
