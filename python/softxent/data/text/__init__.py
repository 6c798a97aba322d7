"""Tables as text: their form found out, split by the standard library's csv, and checked.

One reader for all files. pandas, polars and pyarrow read numbers two to three times as fast, but
they pad short rows, rename columns that occur twice or take an unclosed quote for a field; and a
quick way for plain files beside this one would be a second meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from softxent.data.columns import Wanted
from softxent.data.labels import Labels
from softxent.data.missing import check_policy
from softxent.data.source import Source
from softxent.data.table import Table
from softxent.data.text.head import Head, read_head
from softxent.data.text.lines import opened, without_comments
from softxent.data.text.options import TextOptions
from softxent.data.text.rows import Rows

__all__ = ["TextOptions", "read_text"]

# How much of a file is looked at to find out delimiter and header.
_SAMPLE_LINES, _SAMPLE_CHARACTERS = 200, 1 << 16


def read_text(source: Source, options: TextOptions, wanted: Wanted, missing: str) -> Table:
    """
    Read a table of numbers with, where asked for, a column of labels and one of identifiers.

    Parameters
    ----------
    source : Source
        The bytes.
    options : TextOptions
        How the text is written; what is not said is found out.
    wanted : Wanted
        Which columns are taken.
    missing : {"error", "drop", "mean"}
        Whether missing features are refused.

    Returns
    -------
    Table
        With a row for every row of the file; missing features are NaN.

    Raises
    ------
    ValueError
        If the file is empty or is no text, a quote is not closed, a row has too few or too many
        fields, a field that should be a finite number is not, a label is missing, or the columns
        are not there; the message has line and column.
    OSError
        If the file cannot be opened.
    """
    check_policy(missing)
    with opened(source) as stream:
        lines = stream if options.comment is None else without_comments(stream, options.comment)
        sample = _sample(lines)
        options = _stated(sample, options)
        head = read_head(sample, options, wanted, source.name)
        rows = Rows(chain(sample, lines), head, options, missing, source.name)
        rows.read()
    if not rows.features:
        raise ValueError(f"{source.name} has a header but no data")
    return _table(rows, head, source.name)


def _sample(lines: Iterable[str]) -> list[str]:
    """Take the first lines."""
    sample: list[str] = []
    length = 0
    for line in islice(lines, _SAMPLE_LINES):
        sample.append(line)
        length += len(line)
        if length > _SAMPLE_CHARACTERS:
            break
    return sample


def _stated(sample: list[str], options: TextOptions) -> TextOptions:
    """Take the delimiter from a first line like "sep=;", which Excel writes and reads."""
    stated = re.fullmatch(r"sep=([^\s\w])[\r\n]*", sample[0]) if sample else None
    if stated is None:
        return options
    sample[0] = "\n"
    return options if options.sep is not None else replace(options, sep=stated[1])


def _table(rows: Rows, head: Head, source: str) -> Table:
    """Put the pieces together."""
    labels, notes = None, head.notes
    if head.columns.label is not None:
        codes = np.array(rows.codes, dtype=np.int64)
        labels = Labels.of_texts(codes, rows.texts, rows.places, source)
        notes += _unsure(labels, head)
    X, names, identifier = np.concatenate(rows.features), head.feature_names, head.columns.id
    if identifier is None:
        return Table(X, labels, names, notes=notes)
    ids = np.array(rows.ids, dtype=object)
    return Table(X, labels, names, ids, head.name(identifier) or str(identifier), notes)


def _unsure(labels: Labels, head: Head) -> tuple[str, ...]:
    """Say so if the label of the first row may be the name of the column."""
    if head.certain or head.names is not None or labels.are_numbers:
        return ()
    counts = np.bincount(labels.codes)
    if len(counts) < 2 or counts[0] > 1 or (counts[1:] == 1).any():
        return ()
    return (
        f"the first line is read as a sample, but its label {labels.values[0]!r} occurs nowhere "
        "else (header=True if the line names the columns)",
    )
