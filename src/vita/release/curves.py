"""Curves over people as tables: ROC, precision and recall, survival, running means. Each step may be one of them."""

from collections.abc import Iterator, Sequence

import numpy as np

from vita.release.contents import Breach, Table
from vita.release.counts import count
from vita.release.numbers import numbers

_STEPS = 8  # of a curve
_EVENLY = 0.1  # of the largest step
_PER_STEP = {"epoch", "step", "iteration", "phase"}


def stepped(table: Table, columns: Sequence[int], cell: int) -> Iterator[Breach]:
    """Two columns that rise or fall together in uneven steps, without words and without a count of people."""
    names = {name.strip().lower() for name in table.header}
    rows = len(table.rows)
    if rows < _STEPS or columns or names & _PER_STEP:
        return
    width = max(map(len, table.rows))
    read = [[numbers(row[place]) if place < len(row) else [] for row in table.rows] for place in range(width)]
    if width < 2 or not all(len(each) == 1 for column in read for each in column):
        return
    values = [np.array([each[0].value for each in column]) for column in read]
    ordered = [np.diff(column) for column in values if _is_ordered(column)]
    if len(ordered) > 1 and _is_uneven(ordered[0]):
        yield Breach(None, "rows of participants", f"a curve of {rows} points without a count n: each may be a person")


def running(table: Table, columns: Sequence[int], cell: int) -> Iterator[Breach]:
    """Means over more and more people: the difference of two rows is a few of them."""
    for column in columns if 0 in columns else ():
        counts = [count(row[column]) if column < len(row) else None for row in table.rows]
        known = [value for value in counts if value is not None]
        if len(known) < _STEPS or len(known) < len(counts):
            continue
        steps = np.abs(np.diff(known))
        if _is_ordered(np.array(known)) and np.mean((steps > 0) & (steps < cell)) > 0.7:
            words = f"{table.name(column)} grows by few people from row to row, whose numbers follow"
            yield Breach(None, "differencing", words)


def _is_ordered(values: np.ndarray) -> bool:
    steps = np.diff(values)
    return bool(np.ptp(values) > 0 and ((steps >= 0).all() or (steps <= 0).all()))


def _is_uneven(steps: np.ndarray) -> bool:
    """Whether steps differ, unlike those of a grid."""
    return bool(np.ptp(steps) > _EVENLY * np.abs(steps).max())
