"""Columns of a table whose values are those of a column of the cohort, although no single row proves it."""

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.release.cohort import Cohort
from vita.release.contents import Table, is_weights
from vita.release.matches import COPIES, FARTHEST, FEWEST, NEAREST, Cells, Match
from vita.release.transforms import PLAIN, UNDO
from vita.release.values import ColumnIndex, Values

_AHEAD = 1.2  # matches of a column, relative to its best shifted copy
_COLUMN = 1e-12
_SAMPLE = 300  # numbers of a column that are compared with all columns of the cohort
_LABELS = 1e-6
_FEWEST_LABELS = 5
_DIGITS = 3  # of a value that could be one participant's


def by_column(table: Table, cells: Cells, cohort: Cohort) -> list[Match]:
    """Columns, or parts of them under one label, whose values match those of one of the cohort's columns."""
    found = []
    plain = table.kind != "table" or is_weights(table)  # there are many of these
    for column in np.unique(cells.column):
        those = np.flatnonzero(cells.column == column)
        _, once = np.unique(cells.value[those], return_index=True)
        those = those[once]
        labels = cells.name[those]
        groups = [those[labels == label] for label in np.unique(labels)] if len(np.unique(labels)) > 1 else [those]
        for group in groups:
            if len(group) < FEWEST:
                continue
            for name, form in _linked(cells, group, cohort, plain):
                values = cohort.columns[name] if name in cohort.columns else cohort.derived[name]
                value, step = UNDO[form]((cells.value[group], cells.step[group]))
                first, last, _ = values.find(value - step, value + step)
                people = set(values.person[first[last - first == 1]].tolist())
                title = table.name(int(column)) or f"column {column + 1}"
                found.append(Match(None, f"{title}: the values are those of participants' {name}", people))
    return found


def by_label(table: Table, cells: Cells, cohort: Cohort) -> list[Match]:
    """Columns with one participant's value of each of many variables, which the rows name: thresholds, percentiles."""
    found = []
    for column in np.unique(cells.column):
        those = np.flatnonzero((cells.column == column) & (cells.name >= 0) & (cells.digits >= _DIGITS))
        if len(np.unique(cells.name[those])) < _FEWEST_LABELS:
            continue
        those = those[np.linspace(0, len(those) - 1, min(len(those), _SAMPLE)).astype(int)]
        hits, people, tail = 0, set(), np.ones(1)
        for place in those:
            values = cohort.columns[cells.names[cells.name[place]]]
            low, high = (np.array([cells.value[place] + side * cells.step[place] / 2]) for side in (-1, 1))
            first, last, chance = values.find(low, high)
            hits += bool(last[0] > first[0])
            likely = float(1 - np.exp(-chance[0]))
            tail = np.convolve(tail, [1 - likely, likely])  # how probable each number of hits is
            people |= {int(values.person[first[0]])} if last[0] - first[0] == 1 else set()
        if people and tail[hits:].sum() < _LABELS:
            title = table.name(int(column)) or f"column {column + 1}"
            found.append(Match(None, f"{title}: each value is a participant's", people))
    return found


def _linked(cells: Cells, group: np.ndarray, cohort: Cohort, plain: bool) -> list[tuple[str, int]]:
    """The cohort's column, if any, that has more of these values than chance would, and the form they are in."""
    if len(group) > _SAMPLE:
        group = group[np.linspace(0, len(group) - 1, _SAMPLE).astype(int)]
    key = bytes([plain]) + blake2b(cells.value[group].tobytes() + cells.step[group].tobytes(), digest_size=16).digest()
    if key not in cohort.compared:  # a table is often printed in several forms
        cohort.compared[key] = _best(cells.value[group], cells.step[group], cohort, plain)
    return cohort.compared[key]


def _best(numbers: np.ndarray, steps: np.ndarray, cohort: Cohort, plain: bool = False) -> list[tuple[str, int]]:
    """The column and form for which chance explains the matches least, if any; also of columns that are derived."""
    spans = [undo((numbers, steps)) for undo in (UNDO[:PLAIN] if plain else UNDO)]
    if plain:
        return _likeliest(spans, cohort.index, cohort.columns)
    return _likeliest(spans, cohort.index, cohort.columns) or _likeliest(
        spans[:1], cohort.derived_index, cohort.derived
    )


def _likeliest(
    spans: list[tuple[np.ndarray, np.ndarray]], index: ColumnIndex, columns: Mapping[str, Values]
) -> list[tuple[str, int]]:
    if not len(index.names):
        return []
    counts = np.stack([index.hits(value - step, value + step).sum(axis=0) for value, step in spans], axis=1)
    best, linked = _COLUMN, []
    for place, unit in np.argwhere(counts >= FEWEST):
        hits, name, (value, step) = int(counts[place, unit]), index.names[place], spans[unit]
        values = columns[name]
        if value.max() < values.value[0] or value.min() > values.value[-1]:
            continue
        _, _, expected = values.find(value - step, value + step)
        chance = 1 - np.exp(-expected)
        if hits > 2 * chance.sum():
            tail = float(scipy.stats.binom.sf(hits - 1, len(value), min(chance.mean(), 1.0)))
            if tail < best and _is_ahead(values, value, step, hits):
                best, linked = tail, [(name, int(unit))]
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
