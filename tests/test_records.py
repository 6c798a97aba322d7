"""The rows that tools/adversary.py found, and the fast oracle it climbs with."""

from __future__ import annotations

import numpy as np
import pytest

import softxent
from reference.dtypes import DTYPES, cast
from reference.records import Record, read
from reference.subjects import EXACT, FAST, SUBJECTS, Batch, bound_of

RECORDS = read()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: " ".join(record.key))
def test_record_within_bound(record: Record) -> None:
    limit = bound_of(record.bound, record.dtype)
    for count in (1, 40):  # alone, and as one of many: they may take another way
        measured = SUBJECTS[record.function].measure(softxent, EXACT, record.batch(count))
        name, errors = measured[record.output]
        assert name == record.bound
        assert errors.max() <= limit, f"{errors.max():.3f} ULP, bound {limit}, {count} rows"


def test_records_cover_every_function() -> None:
    assert {record.function for record in RECORDS} == set(SUBJECTS)


@pytest.mark.skipif(not FAST.usable(), reason="long doubles are doubles here")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", SUBJECTS)
def test_fast_oracle_agrees_with_the_exact_one(
    name: str, dtype: np.dtype, rng: np.random.Generator
) -> None:
    subject = SUBJECTS[name]
    x = cast(rng.normal(size=(20, 1 if subject.single else 7)) * 4, dtype)
    beside = {
        "nothing": None,
        "labels": rng.integers(7, size=20),
        "bits": rng.integers(2, size=x.shape),
        "probabilities": cast(rng.dirichlet(np.ones(7), 20)[:, : x.shape[1]], dtype),
        "any": cast(rng.normal(size=x.shape), dtype),
    }[subject.beside]
    batch = Batch(x, beside, subject.options(rng, x.shape[1]))
    exact, fast = (subject.measure(softxent, oracle, batch) for oracle in (EXACT, FAST))
    for output, (bound, errors) in exact.items():
        assert fast[output][0] == bound
        np.testing.assert_allclose(fast[output][1], errors, atol=0.02)
