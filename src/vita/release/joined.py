"""Rows of a table that hold the numbers of one participant: evidence is added up over a row's numbers."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.release.cohort import Cohort
from vita.release.matches import COPIES, FARTHEST, FEWEST, FEWEST_DIGITS, NEAREST, ROUGH, ROWS, Cells, Compared, Match
from vita.release.values import Values

_ALONE = 1e-3  # probability, over all rows of a table, that a row is wrongly said to single somebody out

_ROW = 0.02  # probability below which a row counts towards that of its table

_LEAD = 3.0  # in logarithms, for a single row

_MORE_COPIES = 100  # for a single row that leads COPIES of them

_TRIED = 1000  # rows of a table

_TABLE = 1e-6

_MOST_PAIRS = 10_000_000  # pairs of a number and a participant at a time


_Part = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Values]


def by_row(cells: Cells, cohort: Cohort, compared: Compared) -> list[Match]:
    """Rows that single out a participant, one by one or because so many of a table do."""
    found: list[Match] = []
    compared.rows += len(np.unique(cells.row))
    for pool in cohort.pools:
        logs, best, rows, singled = _best(cells, cohort, pool)
        likely = logs < np.log(_ROW)
        alone = logs < np.log(_ALONE / max(len(np.unique(cells.row)), 1))
        places = np.flatnonzero(likely | alone)
        if not len(places):
            continue
        tried = _spread(places)
        lead = _lead(cells, cohort, pool, rows[tried], logs[tried])
        together = likely.sum() >= FEWEST and _are_peoples(cells, cohort, pool, rows[likely], logs[likely])
        if together:
            first = np.ones(len(rows), bool)  # rows that were not tried are as those that were
            first[tried] = lead > 0
            chosen = likely & first & singled
        else:
            chosen = np.zeros(len(rows), bool)
            chosen[tried] = alone[tried] & (lead > _LEAD)
            chosen &= singled
            if chosen.any():
                chosen[chosen] = _lead(cells, cohort, pool, rows[chosen], logs[chosen], _MORE_COPIES) > _LEAD
        found += [
            Match(
                int(rows[place]),
                "a row holds the numbers of one participant",
                {int(best[place])},
                chance=0.0 if together else float(np.exp(logs[place])),
                family=ROWS,
            )
            for place in np.flatnonzero(chosen)
        ]
    return found


def _spread(places: np.ndarray) -> np.ndarray:
    """At most _TRIED of them, evenly."""
    evenly: np.ndarray = np.linspace(0, len(places) - 1, min(len(places), _TRIED)).astype(int)
    return np.take(places, evenly)


def _are_peoples(cells: Cells, cohort: Cohort, pool: Values, rows: np.ndarray, logs: np.ndarray) -> bool:
    """Whether the rows of a table match participants more often than their copies with shifted numbers do.

    By chance, a row and each of its copies are equally often the best. Rows of which only a copy matches count as much
    as those of which only the row itself does; `rows` and their `logs` are those that match well.
    """
    own = np.zeros(int(cells.row.max()) + 1)
    own[rows] = logs
    sample = _spread(np.unique(cells.row))
    lead = _lead(cells, cohort, pool, sample, own[sample])
    matched = np.minimum(own[sample], own[sample] + lead) < np.log(_ROW)
    first = int((matched & (lead > 0)).sum())
    return first >= FEWEST and bool(scipy.stats.binom.sf(first - 1, matched.sum(), 1 / (COPIES + 1)) < _TABLE)


def _lead(
    cells: Cells, cohort: Cohort, pool: Values, rows: np.ndarray, logs: np.ndarray, copies: int = COPIES
) -> np.ndarray:
    """How far the probability of each row is below that of its copies with shifted numbers.

    People near the mean in one variable are often near it in others, so means over groups match many numbers of some
    participant. They still do after a small shift, but a participant's own numbers do not.
    """
    those = np.flatnonzero(np.isin(cells.row, rows))
    kept = replace(
        cells,
        value=cells.value[those],
        step=cells.step[those],
        digits=cells.digits[those],
        row=cells.row[those],
        column=cells.column[those],
        name=cells.name[those],
    )
    rng = np.random.default_rng(0)
    least = np.zeros(int(rows.max()) + 1)
    for _ in range(copies):
        moved = rng.integers(NEAREST, FARTHEST + 1, len(those)) * rng.choice([-1, 1], len(those))
        copy = replace(kept, value=kept.value + moved * kept.step)
        copied, _, of, _ = _best(copy, cohort, pool)
        least[of] = np.minimum(least[of], copied)
    return np.asarray(least[rows] - logs)


def _best(cells: Cells, cohort: Cohort, pool: Values) -> tuple[np.ndarray, ...]:
    """For each row with a match: log probability, the participant who fits best, the row, and whether nobody else fits
    as well.
    """
    order = np.lexsort((cells.value, cells.row))
    new = np.ones(len(order), bool)  # a number that a row repeats is not new evidence
    new[1:] = (np.diff(cells.row[order]) != 0) | (np.diff(cells.value[order]) != 0)
    chosen = order[new]
    size = len(cohort.eid)
    parts = []
    for name in np.unique(cells.name[chosen]):
        values = cohort.columns[cells.names[name]] if name >= 0 else pool
        those = chosen[cells.name[chosen] == name]
        step = cells.step[those]
        first, last, expected = values.find(cells.value[those] - step, cells.value[those] + step)
        count = last - first
        floor = np.where(cells.digits[those] <= ROUGH, count, count - 1)
        weight = np.log(size / np.clip(np.maximum(expected, floor), 1e-9, size))
        telling = (count > 0) & (weight > np.log(2)) & (cells.digits[those] >= FEWEST_DIGITS)
        parts.append((those[telling], first[telling], count[telling], weight[telling], values))
    pairs = sum(int(part[2].sum()) for part in parts)
    kept = _sample(np.unique(cells.row), pairs)
    row, person, weight = _expanded(parts, cells.row, kept)
    if not len(row):
        return np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, bool)
    sums, matched, row, person = _summed(row, person, weight, size)
    numbers_of_row = np.bincount(cells.row[chosen], minlength=int(cells.row.max()) + 1)[row]
    gamma = scipy.special.gammaln
    ways = gamma(numbers_of_row + 1) - gamma(matched + 1) - gamma(numbers_of_row - matched + 1)
    logs = np.log(size) - sums + ways
    ranked = np.lexsort((logs, row))
    row, person, logs = row[ranked], person[ranked], logs[ranked]
    begin = np.flatnonzero(np.r_[True, np.diff(row) != 0])
    second = np.minimum(begin + 1, len(row) - 1)
    singled = (second == begin) | (row[second] != row[begin]) | (logs[second] > logs[begin] + 1e-9)
    return np.minimum(logs[begin], 0), person[begin], row[begin], singled


def _sample(rows: np.ndarray, pairs: int) -> np.ndarray:
    """The rows to examine: all of them, or as many, evenly spread, as memory allows."""
    share = min(1.0, _MOST_PAIRS / max(pairs, 1))
    return np.asarray(rows[np.linspace(0, len(rows) - 1, max(1, int(len(rows) * share))).astype(int)])


def _expanded(parts: Sequence[_Part], rows: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, participant and weight of every pair of a number and a participant who has it."""
    found_row, found_person, found_weight = [], [], []
    for those, first, count, weight, values in parts:
        inside = np.isin(rows[those], kept)
        those, first, count, weight = those[inside], first[inside], count[inside], weight[inside]
        if not len(those):
            continue
        start = np.repeat(first - np.r_[0, np.cumsum(count)[:-1]], count)
        place, number, repeated = start + np.arange(count.sum()), np.repeat(those, count), np.repeat(weight, count)
        strongest = np.argsort(-repeated, kind="stable")
        _, once = np.unique((rows[number] * len(values.value) + place)[strongest], return_index=True)
        taken = strongest[once]  # a value of the cohort is one number's of a row at the most
        _, once = np.unique(number[taken] * (1 << 32) + values.person[place[taken]], return_index=True)
        taken = taken[once]  # and a number once a participant's
        found_row.append(rows[number[taken]])
        found_person.append(values.person[place[taken]])
        found_weight.append(repeated[taken])
    if not found_row:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    return np.concatenate(found_row), np.concatenate(found_person), np.concatenate(found_weight)


def _summed(
    row: np.ndarray, person: np.ndarray, weight: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights and numbers of matches by row and participant."""
    pair, place = np.unique(row * size + person, return_inverse=True)
    return np.bincount(place, weight), np.bincount(place), pair // size, pair % size
