"""Build the data files inside the package from scikit-learn's copies of the UCI data sets.

Run once, by hand: python tools/make_data.py. The result is the same bytes every time.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

FOLDER = Path(__file__).parent.parent / "python" / "softxent" / "data" / "files"


def main() -> None:
    """Write both files and print their sizes."""
    digits = load_digits()
    write("digits.npz", X=digits.images.astype(np.uint8), y=digits.target.astype(np.uint8))
    cancer = load_breast_cancer()
    places, planes = decimal(cancer.data)
    write("breast_cancer.npz", X=planes, places=places, y=cancer.target.astype(np.uint8))


def decimal(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Decimal places of each column, and the bytes of its whole numbers, which compress well."""
    places = np.array([_places(column) for column in table.T], np.uint8)
    whole = np.rint(table * 10.0**places).astype("<u4")
    assert np.array_equal(whole / 10.0**places, table)
    return places, np.ascontiguousarray(whole.view(np.uint8).reshape(*whole.shape, 4).T)


def _places(column: np.ndarray) -> int:
    return next(n for n in range(10) if np.array_equal(np.rint(column * 10**n) / 10**n, column))


def write(name: str, **arrays: np.ndarray) -> None:
    """Write one compressed .npz file; zip members without a date make it reproducible."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for key, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{key}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED, 9
            )
    (FOLDER / name).write_bytes(buffer.getvalue())
    print(f"{name}: {len(buffer.getvalue())} bytes")


if __name__ == "__main__":
    main()
