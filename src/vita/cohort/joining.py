"""Tables joined by participant, a range of ids at a time; and what each table adds to the others, or contradicts.

A column of several tables takes each participant's value from the first table that has one.
"""

import logging
from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from vita.cohort.reading import EID
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
_OTHER = "/other"  # suffix of a column that is in both tables; no column of UK Biobank's has a slash


class Joiner:
    """Joins frames of several tables and counts, over all ranges, what the later ones add and contradict."""

    def __init__(self, names: Sequence[str], shared: Collection[str]) -> None:
        """Of tables with these names, in the order of the config.

        Args:
            names: of the tables, for messages.
            shared: columns that may be in several of them.
        """
        self._names = list(names)
        self._shared = frozenset(shared)
        # added values, values on both sides, different values; by the later table's place and the column
        self._counts: dict[int, dict[str, np.ndarray]] = {place: {} for place in range(1, len(self._names))}

    def join(self, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
        """One frame of all tables' columns for a range of ids, sorted by id.

        Args:
            frames: one of each table, with `eid`; a column that holds lists in one of them does so in all.
        """
        frame = frames[0]
        for place, other in enumerate(frames[1:], start=1):
            both = [column for column in other.columns if column in self._shared and column in frame.columns]
            joined = frame.join(other, on=EID, how="full", coalesce=True, suffix=_OTHER)
            for column in both:
                counts = self._counts[place].setdefault(column, np.zeros(3, int))
                counts += _compared(joined, column, frame.columns, other.columns)
            frame = joined.with_columns(pl.coalesce(column, column + _OTHER).alias(column) for column in both)
            frame = frame.drop(column + _OTHER for column in both)
        return frame if len(frames) == 1 else frame.sort(EID)

    def report(self, most: float) -> None:
        """Log what each table adds, once all ranges are joined, and refuse one that contradicts those before it.

        Args:
            most: of those who have a value of a column in two tables, the share whose values may differ.

        Raises:
            UserError: in a column more of them differ.
        """
        for place, columns in self._counts.items():
            table, before = self._names[place], " or ".join(self._names[:place])
            for column, (_, both, differ) in columns.items():
                if differ > most * both:
                    raise UserError(
                        f"{table}, column {column}: {differ} of {both} participants have a different value in "
                        f"{before}; these tables contradict each other. Remove the column from the older "
                        "release, or raise cohort.max_contradictions (the first table's value is kept)"
                    )
                if differ:
                    LOG.warning(
                        "%s, column %s: %d of %d values differ from those of %s, which are kept",
                        table, column, differ, both, before,
                    )  # fmt: skip
            if columns:
                added, both, _ = np.sum(list(columns.values()), axis=0)
                LOG.info(
                    "%s: %d columns are in earlier tables too; it adds %d values, and %d are in both",
                    table, len(columns), added, both,
                )  # fmt: skip


def _compared(joined: pl.DataFrame, column: str, own: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """Numbers of values that the second side adds, of those on both sides, and of different ones."""
    left, right = _answers(joined, column, own, other=False), _answers(joined, column, others, other=True)
    known = left.is_not_null() & right.is_not_null()
    differ = known & left.ne_missing(right)
    return np.array([(left.is_null() & right.is_not_null()).sum(), known.sum(), differ.sum()])


def _answers(joined: pl.DataFrame, column: str, names: Sequence[str], other: bool) -> pl.Series:
    """The values of one side of a join in a column; if cells are lists, all values of the field at that visit, sorted.

    The same answers may be one list in one table and a column per array in another, or be in another order.

    Args:
        joined: both sides; a column of both has the suffix _OTHER on the other side.
        column: a column of both sides.
        names: columns of the side.
        other: whether it is the other side.
    """
    if not isinstance(joined.schema[column], pl.List):
        return joined[column + _OTHER * other]
    own = [name for name in names if name.partition(".")[0] == column.partition(".")[0]]
    own = [name + _OTHER if other and name + _OTHER in joined.columns else name for name in own]
    empty = pl.lit([], dtype=pl.List(pl.Float64))  # concat_list gives null where one of its lists is missing
    lists = [pl.col(n).fill_null(empty) if isinstance(joined.schema[n], pl.List) else pl.concat_list(n) for n in own]
    values = pl.concat_list(lists).list.drop_nulls().list.unique().list.sort()
    return joined.select(pl.when(values.list.len() > 0).then(values).alias(column)).to_series()
