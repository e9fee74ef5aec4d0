"""From delivered tables to the frame of features: plan which columns are needed, stream them, evaluate the rules, and
join batches and tables.
"""

import io
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from vita.cohort.cleaning import dates, numbers
from vita.cohort.delivery import Delivery, open_delivery
from vita.cohort.features import COVERAGE, Feature
from vita.cohort.plan import Plan, make_plan
from vita.cohort.reading import EID, report_withdrawals, stream
from vita.cohort.settings import CohortSettings
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
_OTHER = "/other"  # suffix of a column that is in both tables; no column of UK Biobank's has a slash


def extract(
    tables: Sequence[Path], features: Sequence[Feature], settings: CohortSettings, withdrawn: Collection[int]
) -> pl.DataFrame:
    """A row per participant sorted by `eid`, a column per feature: Float64 for numbers, Int16 for codes.

    Args:
        tables: files that share `eid`; a participant may be in some of them only.
        features: rows of the feature table; filters are read only if the settings use them.
        settings: the block cohort.
        withdrawn: ids that are left out.

    Raises:
        UserError: a table cannot be read, a cell does not fit its column, a needed field is in no table, or tables
            contradict each other.
    """
    deliveries = [open_delivery(path) for path in tables]
    wanted = [each for each in features if each.role != "filter" or settings.ethnicity]
    plan = make_plan(deliveries, wanted, settings)
    unknown = dict.fromkeys((each.name for each in plan.features), 0)
    gone: set[int] = set()
    parts = {delivery.name: _table_part(delivery, plan, withdrawn, gone, unknown) for delivery in deliveries}
    frame = merge(parts, plan.shared, settings.max_contradictions)
    if plan.spanning:
        frame = frame.with_columns(_values(frame, plan.spanning, plan, unknown)).drop(plan.raw_columns)
    for name, count in unknown.items():
        if count:
            LOG.warning("feature %s: %d cells hold a code that is not in its valid_codes; set to missing", name, count)
    frame = frame.select(EID, *(each.name for each in plan.features))
    report_withdrawals(withdrawn, gone, len(frame))
    _report_coverage(frame)
    return frame if len(parts) == 1 else frame.sort(EID)


def _report_coverage(frame: pl.DataFrame) -> None:
    """Warn about features that are missing in over half of those at the scan's visit (who have an age at it)."""
    people = frame.filter(pl.col("age").is_not_null()) if "age" in frame.columns else frame
    absent = people.null_count().row(0, named=True) if people.height else {}
    shares = {name: 1 - count / people.height for name, count in absent.items()}
    named = ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share < COVERAGE)
    if named:
        LOG.warning("fewer than half of the %d participants at the scan's visit have: %s", people.height, named)


def _table_part(
    delivery: Delivery, plan: Plan, withdrawn: Collection[int], gone: set[int], unknown: dict[str, int]
) -> pl.DataFrame:
    """Features of one table, and the parsed columns for features that need several tables."""
    columns = plan.columns[delivery.path]
    own = plan.own[delivery.path]
    raw = [name for name in plan.raw_columns if name in {column.canonical for column in columns}]
    parts = []
    for batch in stream(delivery, columns, withdrawn, gone):
        names = [column.canonical for column in columns]
        parsed = pl.concat(
            [
                batch.select(EID),
                numbers(batch, [n for n in names if n not in plan.dates], delivery.name, plan.titles),
                dates(batch, [n for n in names if n in plan.dates], delivery.name),
            ],
            how="horizontal",
        )
        part = io.BytesIO()
        parsed.select(EID, *_values(parsed, own, plan, unknown), *raw).write_ipc(part, compression="lz4")
        parts.append(part.getvalue())
    return _sorted(parts)


def _sorted(parts: list[bytes]) -> pl.DataFrame:
    """Batches joined and sorted by `eid`; held compressed (Arrow's IPC) while the table is read, and given up here."""
    if not parts:
        return pl.DataFrame(schema={EID: pl.Int64})
    frames = []
    for place, part in enumerate(parts):
        frames.append(pl.read_ipc(part))
        parts[place] = b""  # or all batches would be in memory twice
    frame = pl.concat(of_one_kind(frames))
    return frame if frame[EID].is_sorted() else frame.sort(EID)  # as UK Biobank delivers it


def _values(frame: pl.DataFrame, features: Sequence[Feature], plan: Plan, unknown: dict[str, int]) -> list[pl.Series]:
    """Columns of features, each of its final type, recoded; counts codes that are not valid."""
    lists = frozenset(name for name, kind in frame.schema.items() if isinstance(kind, pl.List))
    # with eid, since features without any column are constants, which alone would be one row
    raw = frame.select(EID, *(plan.expression(feature, lists) for feature in features)).drop(EID)
    final = raw.select(_typed(feature) for feature in features)
    for name, before, after in zip(raw.columns, raw.null_count().row(0), final.null_count().row(0), strict=True):
        unknown[name] += after - before
    return final.get_columns()


def _typed(feature: Feature) -> pl.Expr:
    """Numbers as they are; codes recoded as Int16, with invalid ones missing."""
    value = pl.col(feature.name)
    if feature.kind == "numerical":
        return value
    if feature.valid_codes:
        valid = [float(code) for code in feature.valid_codes]
        value = pl.when(value.is_in(valid)).then(value)
    codes = value.cast(pl.Int16)
    return codes.replace(feature.recode) if feature.recode else codes


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
        _compare(joined, (frame.columns, other.columns), names[: names.index(name)], name, most)
        frame = joined.with_columns(pl.coalesce(column, column + _OTHER).alias(column) for column in both)
        frame = frame.drop(column + _OTHER for column in both)
    return frame


def _answers(joined: pl.DataFrame, column: str, names: Sequence[str], other: bool) -> pl.Series:
    """What one side of a join says in a column; if cells are lists, all values of the field at that visit, sorted.

    The same answers may be one list in one table and a column per array in another, or stand in another order.

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


def _compare(
    joined: pl.DataFrame, sides: tuple[Sequence[str], Sequence[str]], before: Sequence[str], table: str, most: float
) -> None:
    """Count what a table adds to the ones before it, and refuse it if it contradicts them.

    Args:
        joined: both sides; a column of both has the suffix _OTHER on the other side.
        sides: columns of the tables before, and of this one.
        before: names of the tables before.
        table: name of this one.
        most: of those who have a value on both sides, the share whose values may differ.
    """
    columns = [column for column in sides[1] if column + _OTHER in joined.columns]
    if not columns:
        return
    added = overlap = 0
    for column in columns:
        left, right = (_answers(joined, column, sides[place], bool(place)) for place in (0, 1))
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
