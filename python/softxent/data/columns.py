"""Which columns of a table are features, labels or neither, by name wherever there are names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from softxent._arguments.scalars import read_integer, shown
from softxent._arguments.wording import listed

__all__ = [
    "Columns",
    "Wanted",
    "check_distinct",
    "choose",
    "is_position",
    "matched",
    "text_names",
    "unused",
]

# What the index of pandas is called: in text as it is written, and once more after it was read and
# written again; and in Parquet.
_INDEX = re.compile(r"(Unnamed: [0-9.]+)?")
_PARQUET_INDEX = re.compile(r"__index_level_[0-9]+__")
# What a column of labels is often called.
_LABEL_NAMES = ("label", "labels", "class", "target", "y")


@dataclass(frozen=True)
class Wanted:
    """
    What the caller says about columns.

    Parameters
    ----------
    label : str or int, optional
        The column of labels by name or position; -1 is the last.
    features, drop : sequence of str or int
        The columns to take and to leave out; no features means all.
    id : str or int, optional
        A column to hand on as it is.
    network : sequence of str, optional
        The feature names of the network that the table is for.
    with_labels : bool
        Whether labels are looked for where `label` does not say.
    """

    label: str | int | None = None
    features: Sequence[str | int] = ()
    drop: Sequence[str | int] = ()
    id: str | int | None = None
    network: Sequence[str] | None = None
    with_labels: bool = True

    def __post_init__(self) -> None:
        """Check what kinds of things the columns are."""
        for name in ("label", "id"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _column(getattr(self, name), name))
        for name in ("features", "drop"):
            given = getattr(self, name)
            if isinstance(given, str) or not isinstance(given, Iterable):
                raise TypeError(f"{name} must be a sequence of columns, got {shown(given)}")
            object.__setattr__(self, name, tuple(_column(column, name) for column in given))
        if self.network is not None:
            text_names("feature_names", self.network)

    @property
    def names(self) -> list[str]:
        """The columns that are given by name; positions may come as text."""
        given = (self.label, self.id, *self.features, *self.drop)
        return [name for name in given if isinstance(name, str) and not is_position(name)]


@dataclass(frozen=True)
class Columns:
    """
    Positions of the columns of a table.

    Parameters
    ----------
    features : tuple of int
        The features in their order.
    label, id : int or None
        The columns of labels and of identifiers.
    notes : tuple of str
        What was left out without being told to, in one line each.
    """

    features: tuple[int, ...]
    label: int | None
    id: int | None
    notes: tuple[str, ...] = ()


def choose(
    names: Sequence[str] | None, width: int, wanted: Wanted, source: str, *, index: bool = False
) -> Columns:
    """
    Find the columns.

    Parameters
    ----------
    names : sequence of str or None
        The names of the columns, where there are some.
    width : int
        How many columns there are.
    wanted : Wanted
        What is known about them.
    source : str
        The table, for error messages.
    index : bool
        Whether the first column holds what an index may hold: whole numbers or text.

    Raises
    ------
    ValueError
        If a column is not there, has two roles, or has no name and is needed, if features of the
        network are missing, or if nothing says where the labels are.
    """
    check_distinct(names, source)
    find = _Finder(names, width, source)
    dropped = {find(name, "drop") for name in wanted.drop}
    identifier = None if wanted.id is None else find(wanted.id, "id")
    chosen = [find(name, "features") for name in wanted.features]
    if both := dropped.intersection(chosen):
        raise ValueError(f"{source}: column {find.name(min(both))} is in features and in drop")
    label = None if wanted.label is None else find(wanted.label, "label")
    for role, column in (("label", label), ("id", identifier)):
        if column is not None and (column in dropped or column in chosen):
            raise ValueError(f"{source}: column {find.name(column)} is the {role}, no feature")
    taken = {identifier, *dropped}
    network = set(map(repr, wanted.network or ()))
    notes: list[str] = []
    for at in _index(names, index):
        if at in {*taken, *chosen, label} or find.name(at) in network:
            continue
        taken.add(at)
        notes.append(f"column {find.name(at)} counts the rows, as the index of pandas: left out")
    free = [at for at in range(width) if at not in taken]
    if wanted.network is not None and names is not None:
        features = _of_network(names, chosen or free, wanted.network, source)
    else:
        features = chosen
    if label is None and wanted.with_labels:
        label = _last(free, features, find)
        notes += _other_label(names, label)
    if label is not None and label in features:
        raise ValueError(f"{source}: column {find.name(label)} is a feature of the network")
    if wanted.network is not None and names is not None:
        notes += _unused(names, {*features, *taken, label})
    features = features or [at for at in free if at != label]
    if not features:
        raise ValueError(f"{source}: there are no features, no column beside the labels")
    if names is not None and (nameless := [at for at in features if not names[at].strip()]):
        raise ValueError(
            f"{source}: column {nameless[0]} has no name; give it one, or pass features=NAMES"
        )
    return Columns(tuple(features), label, identifier, tuple(notes))


def matched(names: Sequence[str], network: Sequence[str], source: str) -> list[int]:
    """
    Return the position of every feature of a network among the columns of a table.

    Raises
    ------
    ValueError
        If some are missing; the message lists them.
    """
    check_distinct(names, source)
    return _of_network(names, range(len(names)), network, source)


def unused(names: Sequence[str], features: Sequence[int]) -> tuple[str, ...]:
    """Return a line on the columns that are no features, if there are some."""
    return tuple(_unused(names, set(features)))


def check_distinct(names: Sequence[str] | None, source: str) -> None:
    """Raise ValueError for names that are given twice."""
    twice = sorted({name for name in names or () if list(names or ()).count(name) > 1})
    if twice:
        raise ValueError(
            f"{source}: the columns {listed([repr(name) for name in twice])} occur more than once"
        )


class _Finder:
    """Positions of columns by name or position."""

    def __init__(self, names: Sequence[str] | None, width: int, source: str) -> None:
        self._names, self._width, self.source = names, width, source

    @property
    def _as_pandas_has_them(self) -> list[str]:
        """The names that pandas.read_csv gives columns without one."""
        return [name or f"Unnamed: {at}" for at, name in enumerate(self._names or ())]

    def __call__(self, column: str | int, role: str) -> int:
        """Return a position, or raise ValueError."""
        for names in (self._names or (), self._as_pandas_has_them):
            if isinstance(column, str) and column in names:
                return list(names).index(column)
        if not is_position(column):
            have = "none, because the file has no header"
            if self._names is not None:
                have = listed([name or "''" for name in self._names])
            raise ValueError(f"{self.source}: no column {column!r}; the columns are {have}")
        position = int(column)
        if not -self._width <= position < self._width:
            raise ValueError(
                f"{self.source}: {role} column {shown(position)} is not among {self._width} columns"
            )
        return position % self._width

    def name(self, position: int) -> str:
        """Return a name, or the position where there are none."""
        return str(position) if self._names is None else repr(self._names[position])


def text_names(what: str, names: Any) -> Sequence[str]:
    """Return a sequence of names as it is, or raise TypeError."""
    if not isinstance(names, Iterable):
        raise TypeError(f"{what} must be a sequence of names, got {shown(names)}")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{what} must be text, got {shown(name)}")
    return names  # type: ignore[return-value]


def _column(column: Any, name: str) -> str | int:
    """Return a column's name or position, or raise TypeError."""
    if isinstance(column, str):
        return column
    position = read_integer(column)
    if position is None:
        raise TypeError(f"{name} must name a column or give its position, got {shown(column)}")
    return position


def is_position(column: str | int) -> bool:
    """Say whether a column may be meant by its position; a name like that comes first."""
    return isinstance(column, int) or column.removeprefix("-").isdecimal()


def _of_network(
    names: Sequence[str], available: Sequence[int], network: Sequence[str], source: str
) -> list[int]:
    """Return the positions of a network's features."""
    position = {names[at]: at for at in available}
    missing = [name for name in network if name not in position]
    if missing:
        raise ValueError(
            f"{source}: the network has features that the table lacks: {listed(missing)}; "
            f"the table has {listed([names[at] for at in available]) or 'none'}"
        )
    return [position[name] for name in network]


def _last(free: Sequence[int], features: Sequence[int], find: _Finder) -> int | None:
    """Return the column of labels that nobody named: the last, or the only one left."""
    left = [at for at in free if at not in features]
    if not left:
        return None
    if left[-1] == free[-1] or len(left) == 1:
        return left[-1]
    raise ValueError(
        f"{find.source}: one of the columns {', '.join(map(find.name, left))} has the labels; "
        "pass labels=NAME"
    )


def _index(names: Sequence[str] | None, index: bool) -> list[int]:
    """Return the positions of pandas' index; in text it must also look like one."""
    names = names or ()
    leading = takewhile(lambda at: _INDEX.fullmatch(names[at]), range(len(names) * index))
    return [*leading, *(at for at in range(len(names)) if _PARQUET_INDEX.fullmatch(names[at]))]


def _other_label(names: Sequence[str] | None, label: int | None) -> list[str]:
    """Say so if a column that was not chosen has the name of one with labels."""
    if names is None or label is None or names[label].lower() in _LABEL_NAMES:
        return []
    other = [name for name in names if name.lower() in _LABEL_NAMES]
    chosen = f"the labels are taken from the last column, {names[label]}"
    return [f"{chosen} (labels={other[0]} takes the others)"] if other else []


def _unused(names: Sequence[str], used: set[int | None]) -> list[str]:
    extra = [names[at] for at in range(len(names)) if at not in used]
    if not extra:
        return []
    return [f"columns that are no features of the network are ignored: {listed(extra)}"]
