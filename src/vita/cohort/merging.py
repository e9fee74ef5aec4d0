"""Frames of several batches or tables as one: columns of one kind, and each participant's value of a shared column."""

import logging
from collections.abc import Collection, Mapping, Sequence

import polars as pl

from vita.cohort.reading import EID
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
_OTHER = "/other"  # suffix of a column that is in both tables; no column of UK Biobank's has a slash


def of_one_kind(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """The frames, in which a column that holds lists in one of them holds lists in all.

    A multi-select field is a list only in a block of rows where somebody gave two answers.
    """
    lists = {name: kind for frame in frames for name, kind in frame.schema.items() if isinstance(kind, pl.List)}
    return [frame.with_columns(_wrapped(frame, lists)) for frame in frames]


def _wrapped(frame: pl.DataFrame, lists: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    single = [name for name, kind in frame.schema.items() if name in lists and not isinstance(kind, pl.List)]
    return [pl.when(pl.col(n).is_not_null()).then(pl.concat_list(n)).cast(lists[n]).alias(n) for n in single]


def merge(parts: Mapping[str, pl.DataFrame], shared: Collection[str], most: float) -> pl.DataFrame:
    """Tables joined by `eid`; a column of several tables takes each participant's value from the first that has one.

    Args:
        parts: a frame per table, by the table's name, in the order of the config.
        shared: columns that may be in several of them.
        most: of those who have a value in two tables, the share whose values may differ.

    Raises:
        UserError: in a column more of them differ.
    """
    names, frames = list(parts), of_one_kind(list(parts.values()))
    frame = frames[0]
    for name, other in zip(names[1:], frames[1:], strict=True):
        both = [column for column in other.columns if column in shared and column in frame.columns]
        joined = frame.join(other, on=EID, how="full", coalesce=True, suffix=_OTHER)
        _compare(joined, both, names[: names.index(name)], name, most)
        frame = joined.with_columns(pl.coalesce(column, column + _OTHER).alias(column) for column in both)
        frame = frame.drop(column + _OTHER for column in both)
    return frame


def _first(values: pl.Series) -> pl.Series:
    """The first entry of lists: the same answers may be one list in one table and a column per array in another."""
    return values.list.first() if isinstance(values.dtype, pl.List) else values


def _compare(joined: pl.DataFrame, columns: Sequence[str], before: Sequence[str], table: str, most: float) -> None:
    """Count what a table adds to the ones before it, and refuse it if it contradicts them."""
    if not columns:
        return
    added = overlap = 0
    for column in columns:
        left, right = (_first(joined[name]) for name in (column, column + _OTHER))
        known = left.is_not_null() & right.is_not_null()
        differ = int((known & left.ne_missing(right)).sum())
        added += int((left.is_null() & right.is_not_null()).sum())
        overlap += int(known.sum())
        if differ > most * int(known.sum()):
            raise UserError(
                f"{table}, column {column}: {differ} of {known.sum()} participants have a different value in "
                f"{' or '.join(before)}; these tables contradict each other. Remove the column from the older release, "
                "or raise cohort.max_contradictions (the first table's value is kept)"
            )
        if differ:
            LOG.warning(
                "%s, column %s: %d of %d values differ from those of %s, which are kept",
                table, column, differ, known.sum(), " or ".join(before),
            )  # fmt: skip
    LOG.info(
        "%s: %d columns are in earlier tables too; it adds %d values, and %d are in both",
        table, len(columns), added, overlap,
    )  # fmt: skip
