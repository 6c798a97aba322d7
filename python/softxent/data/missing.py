"""What becomes of rows with missing values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from softxent._arguments.scalars import shown

__all__ = ["POLICIES", "REMEDY", "REMEDY_FOR_SAMPLES", "check_policy", "refuse", "settle"]

#: What may be done about missing features; a missing label is always an error.
POLICIES = ("error", "drop", "mean")
#: The end of an error message.
REMEDY = "; missing='drop' leaves out such rows, missing='mean' takes the mean of the column"
#: The same where every row needs a result.
REMEDY_FOR_SAMPLES = "; missing='mean' takes the mean of the column"


def check_policy(policy: str) -> str:
    """Return one of `POLICIES`, or raise ValueError."""
    if not isinstance(policy, str) or policy not in POLICIES:
        raise ValueError(f"missing must be one of {', '.join(POLICIES)}, got {shown(policy)}")
    return policy


def refuse(place: str, field: str) -> ValueError:
    """Make the exception for a missing feature."""
    return ValueError(f"{place}: {field!r} is not a number but a missing value{REMEDY}")


def settle(
    X: np.ndarray, policy: str, place: Callable[[int, int], str]
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """
    Deal with missing features, which are NaN.

    Parameters
    ----------
    X : ndarray of floats, shape (n, features)
        The features; filled in place under "mean".
    policy : {"error", "drop", "mean"}
        Raise, leave such rows out, or put the mean of the column's other values in their place.
    place : callable
        Names the place of row and column in an error.

    Returns
    -------
    X : ndarray, shape (m, features)
        Without NaN.
    kept : ndarray of bool, shape (n,), or None
        Which rows are left; None if all are.
    notes : tuple of str
        What was done, in one line.

    Raises
    ------
    ValueError
        If the policy is another one, a value is missing under "error", no row is left under
        "drop", or a column has no value to take the mean of.
    """
    check_policy(policy)
    absent = np.isnan(X)
    if not absent.any():
        return X, None, ()
    row, column = np.argwhere(absent)[0].tolist()
    if policy == "error":
        raise refuse(place(row, column), "nan")
    if policy == "drop":
        kept = ~absent.any(axis=1)
        if not kept.any():
            raise ValueError(f"{place(row, column)}: every row has a missing value, none is left")
        return X[kept], kept, (f"{np.sum(~kept)} of {len(X)} rows with missing values left out",)
    empty = np.flatnonzero(absent.all(axis=0))
    if empty.size:
        raise ValueError(
            f"{place(0, int(empty[0]))}: every value of the column is missing, it has no mean"
        )
    columns = np.flatnonzero(absent.any(axis=0))
    for column in columns:
        present = ~absent[:, column]
        X[~present, column] = X[present, column].mean(dtype=np.float64)
    count = int(absent.sum())
    note = f"missing values replaced by the mean of their column: {count} in {len(columns)} columns"
    return X, None, (note,)
