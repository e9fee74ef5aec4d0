"""Numbers looked up in all columns at once, against a search of one column after the other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy
from tests.release.conftest import people

from vita.release import columns
from vita.release.cohort import Cohort, Values, read_cohort
from vita.release.transforms import UNDO
from vita.release.values import ColumnIndex


def _columns(count: int, size: int, seed: int) -> dict[str, Values]:
    """Columns of several lengths and roundings, with repeated values and values that columns share."""
    rng = np.random.default_rng(seed)
    found = {}
    for number in range(count):
        values = np.sort(np.round(rng.normal(0, 10, int(rng.integers(1, size))), int(rng.integers(0, 6))))
        found[f"c{number}"] = Values(values, np.arange(len(values), dtype=np.int32))
    return found


@pytest.mark.parametrize(("count", "size", "seed"), [(1, 3, 0), (7, 40, 1), (40, 300, 2), (12, 3000, 3)])
def test_every_column_that_has_a_number_is_found(count: int, size: int, seed: int) -> None:
    """From a single block of the index to a dozen of them, and with ranges that end at a value."""
    found = _columns(count, size, seed)
    rng = np.random.default_rng(seed)
    middle = np.concatenate([rng.normal(0, 12, 60), rng.choice(np.concatenate([v.value for v in found.values()]), 60)])
    width = rng.choice([0.0, 1e-6, 0.01, 1.0, 100.0], len(middle))
    low, high = middle - width, middle + width
    hits = ColumnIndex.of(found).hits(low, high)
    expected = [
        [bool(((v.value >= a) & (v.value <= b)).any()) for v in found.values()] for a, b in zip(low, high, strict=True)
    ]
    assert hits.tolist() == expected
    assert hits.any()
    assert not hits.all()


def _one_by_one(numbers: np.ndarray, steps: np.ndarray, cohort: Cohort) -> list[tuple[str, int]]:
    """The column and form that chance explains least, from a search of each column in each form."""
    best, linked = 1e-12, []
    for name, values in cohort.columns.items():
        for form, undo in enumerate(UNDO):
            value, step = undo((numbers, steps))
            if value.max() < values.value[0] or value.min() > values.value[-1]:
                continue
            first, last, expected = values.find(value - step, value + step)
            hits, chance = int((last > first).sum()), 1 - np.exp(-expected)
            if hits >= 8 and hits > 2 * chance.sum():
                tail = float(scipy.stats.binom.sf(hits - 1, len(numbers), min(chance.mean(), 1.0)))
                if tail < best and columns._is_ahead(values, value, step, hits):
                    best, linked = tail, [(name, form)]
    return linked


def test_columns_are_linked_as_if_each_were_searched(results: Path) -> None:
    """Rows of participants in several units and roundings, and of people who are in no table."""
    cohort, rng = read_cohort([results], 10), np.random.default_rng(4)
    tables = [people()["images/phenotypes"], people(seed=77)["images/phenotypes"]]
    linked = []
    for _ in range(24):
        table = tables[int(rng.integers(2))]
        name = rng.choice(table.columns[1:])
        places = int(rng.integers(0, 6))
        step = 10.0**-places
        values = np.unique(np.round(table[name].sample(int(rng.integers(8, 120)), random_state=rng), places))
        unit = rng.choice([1.0, 0.001, 100.0])
        numbers, steps = values * unit, np.full(len(values), step * unit)
        spans = [undo((numbers, steps)) for undo in UNDO]
        linked.append(columns._likeliest(spans, cohort.index, cohort.columns))
        assert linked[-1] == _one_by_one(numbers, steps, cohort)
    assert 3 < sum(bool(each) for each in linked) < 21


def test_a_long_table_is_split_by_what_it_measures(tmp_path: Path) -> None:
    """By hand: two measures of two people, one of them unknown for one person."""
    table = pd.DataFrame({"eid": [1, 2, 1, 2], "target": ["b", "b", "A x", "A x"], "truth": [4.0, 3.0, np.nan, 9.0]})
    table.to_parquet(tmp_path / "long.parquet")
    found = read_cohort([tmp_path / "long.parquet"], 10).columns
    assert {name: (v.value.tolist(), v.person.tolist()) for name, v in found.items()} == {
        "ax": ([9.0], [1]),
        "b": ([3.0, 4.0], [1, 0]),
    }
