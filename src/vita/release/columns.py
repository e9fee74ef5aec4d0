"""Columns of a table whose values are those of a column of the cohort, although no single row proves it."""

from hashlib import blake2b

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.release.cohort import Cohort, Values
from vita.release.contents import Table
from vita.release.matches import COPIES, FARTHEST, FEWEST, NEAREST, Cells, Match

_AHEAD = 1.2  # matches of a column, relative to its best shifted copy
_COLUMN = 1e-12
_SAMPLE = 300  # numbers of a column that are compared with all columns of the cohort
_SCALES = (1.0, 1e-3, 1e3, 1e-2, 1e2, 0.1, 10.0)  # the same in other units


def by_column(table: Table, cells: Cells, cohort: Cohort) -> list[Match]:
    """Columns, or parts of them under one label, whose values match those of one of the cohort's columns."""
    found = []
    for column in np.unique(cells.column):
        those = np.flatnonzero(cells.column == column)
        _, once = np.unique(cells.value[those], return_index=True)
        those = those[once]
        labels = cells.name[those]
        groups = [those[labels == label] for label in np.unique(labels)] if len(np.unique(labels)) > 1 else [those]
        for group in groups:
            if len(group) < FEWEST:
                continue
            for name, scale in _linked(cells, group, cohort):
                values = cohort.columns[name]
                value, step = cells.value[group] * scale, cells.step[group] * scale
                first, last, _ = values.find(value - step, value + step)
                people = set(values.person[first[last - first == 1]].tolist())
                title = table.name(int(column)) or f"column {column + 1}"
                found.append(Match(None, f"{title}: the values are those of participants' {name}", people))
    return found


def _linked(cells: Cells, group: np.ndarray, cohort: Cohort) -> list[tuple[str, float]]:
    """The cohort's column, if any, that has more of these values than chance would, and the unit's factor."""
    if len(group) > _SAMPLE:
        group = group[np.linspace(0, len(group) - 1, _SAMPLE).astype(int)]
    key = blake2b(cells.value[group].tobytes() + cells.step[group].tobytes(), digest_size=16).digest()
    if key not in cohort.compared:  # a table is often printed in several forms
        cohort.compared[key] = _best(cells.value[group], cells.step[group], cohort)
    return cohort.compared[key]


def _best(numbers: np.ndarray, steps: np.ndarray, cohort: Cohort) -> list[tuple[str, float]]:
    """The column and factor for which chance explains the matches least, if any."""
    scaled = [(numbers * scale, steps * scale) for scale in _SCALES]
    counts = np.stack([cohort.index.hits(value - step, value + step).sum(axis=0) for value, step in scaled], axis=1)
    best, linked = _COLUMN, []
    for place, unit in np.argwhere(counts >= FEWEST):
        hits, name, (value, step) = int(counts[place, unit]), cohort.index.names[place], scaled[unit]
        values = cohort.columns[name]
        if value.max() < values.value[0] or value.min() > values.value[-1]:
            continue
        _, _, expected = values.find(value - step, value + step)
        chance = 1 - np.exp(-expected)
        if hits > 2 * chance.sum():
            tail = float(scipy.stats.binom.sf(hits - 1, len(numbers), min(chance.mean(), 1.0)))
            if tail < best and _is_ahead(values, value, step, hits):
                best, linked = tail, [(name, _SCALES[unit])]
    return linked


def _is_ahead(values: Values, value: np.ndarray, step: np.ndarray, hits: int) -> bool:
    """Whether more numbers match than after a shift, with which heaped values would still match."""
    rng = np.random.default_rng(0)
    others = []
    for _ in range(COPIES):
        moved = value + step * rng.integers(NEAREST, FARTHEST + 1, len(value)) * rng.choice([-1, 1], len(value))
        first, last, _ = values.find(moved - step, moved + step)
        others.append(int((last > first).sum()))
    return hits > _AHEAD * max(others) + FEWEST / 2
