"""From delivered tables to the frame of features: plan which columns are needed, stream, evaluate the rules."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from vita.cohort.cleaning import dates, numbers
from vita.cohort.delivery import Delivery, open_delivery
from vita.cohort.plan import Plan, make_plan
from vita.cohort.reading import EID, stream
from vita.cohort.rules import Cells, evaluate, finish
from vita.cohort.settings import CohortSettings
from vita.tabular.features import Feature

LOG = logging.getLogger(__name__)


def extract(
    tables: Sequence[Path], features: Sequence[Feature], settings: CohortSettings, withdrawn: Collection[int]
) -> pl.DataFrame:
    """A row per participant sorted by `eid`, a column per feature: Float64 for numbers, Int16 for codes.

    Args:
        tables: files that share `eid`; a participant may lack in some of them.
        features: rows of the feature table; filters enter only if the settings filter.
        settings: the block cohort.
        withdrawn: ids that are left out.

    Raises:
        UserError: a table cannot be read, a cell is none of its column's, or needed fields lack.
    """
    deliveries = [open_delivery(path) for path in tables]
    wanted = [each for each in features if each.role != "filter" or settings.ethnicity]
    plan = make_plan(deliveries, wanted, settings)
    unknown = dict.fromkeys((each.name for each in plan.features), 0)
    parts = [_table_part(delivery, plan, withdrawn, unknown) for delivery in deliveries]
    frame = parts[0]
    for part in parts[1:]:
        frame = frame.join(part, on=EID, how="full", coalesce=True)
    if plan.spanning:
        frame = frame.with_columns(_values(frame, plan.spanning, plan, unknown)).drop(plan.raw_columns)
    frame = frame.with_columns(finish(each, frame[each.name]) for each in plan.features)
    for name, count in unknown.items():
        if count:
            LOG.warning("feature %s: %d cells hold a code that is not in its valid_codes; set to missing", name, count)
    frame = frame.select(EID, *(each.name for each in plan.features))
    return frame if len(parts) == 1 else frame.sort(EID)


def _table_part(delivery: Delivery, plan: Plan, withdrawn: Collection[int], unknown: dict[str, int]) -> pl.DataFrame:
    """Features of one table, and the parsed columns that a feature of several tables needs."""
    columns = plan.columns[delivery.path]
    own = plan.own[delivery.path]
    raw = [name for name in plan.raw_columns if name in {column.canonical for column in columns}]
    parts = []
    for batch in stream(delivery, columns, withdrawn):
        names = [column.canonical for column in columns]
        parsed = pl.concat(
            [
                batch.select(EID),
                numbers(batch, [n for n in names if n not in plan.dates], delivery.name, plan.titles),
                dates(batch, [n for n in names if n in plan.dates], delivery.name),
            ],
            how="horizontal",
        )
        parts.append(parsed.select(EID, *_values(parsed, own, plan, unknown), *raw))
    return _sorted(parts)


def _sorted(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Batches joined and sorted by `eid`, column by column, so that no second copy of the whole is made."""
    if not parts:
        return pl.DataFrame(schema={EID: pl.Int64})
    order = pl.concat([part[EID] for part in parts]).arg_sort()
    names = parts[0].columns
    return pl.DataFrame([pl.concat([part.drop_in_place(name) for part in parts]).gather(order) for name in names])


def _values(frame: pl.DataFrame, features: Sequence[Feature], plan: Plan, unknown: dict[str, int]) -> list[pl.Series]:
    """Columns of features, each of its final type, recoded; counts codes that are not valid."""
    lists = frozenset(name for name, kind in frame.schema.items() if isinstance(kind, pl.List))
    expressions = []
    for feature in features:
        cells = Cells(plan.cells[feature.name], lists, plan.scan_date, plan.paper)
        value = evaluate(feature, cells)
        if plan.scan_date and feature.date_field:
            (written,) = plan.cells[feature.name][feature.date_field]
            value = pl.when(pl.col(written) <= pl.col(plan.scan_date)).then(value)
        expressions.append(value.alias(feature.name))
    values = frame.select(expressions)
    return [_typed(values[feature.name], feature, unknown) for feature in features]


def _typed(values: pl.Series, feature: Feature, unknown: dict[str, int]) -> pl.Series:
    if feature.kind == "numerical":
        return values
    if feature.valid_codes:
        valid = values.is_in([float(code) for code in feature.valid_codes]) | values.is_null()
        unknown[feature.name] += len(values) - int(valid.sum())
        values = values.zip_with(valid, pl.Series([None], dtype=pl.Float64))
    codes = values.cast(pl.Int32)
    return codes.replace(feature.recode).cast(pl.Int16) if feature.recode else codes.cast(pl.Int16)
