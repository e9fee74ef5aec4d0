"""Cells of hospital diagnoses (fields 41270 and 41280) as one row each.

Array i of 41280 is the date of array i of 41270 in the same table. Arrays differ between releases of the two fields,
so codes and dates are never paired across tables.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from vita.cohort.cleaning import dates, known_day
from vita.cohort.delivery import Delivery
from vita.cohort.icd10 import tree
from vita.cohort.reading import EID
from vita.cohort.spellings import Column, form_of, holds_lists, settled, split
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
CODES = 41270
DATES = 41280
_CODE = r"^[A-Z]\d{2}[0-9A-Z]{0,3}$"
_DOTTED = r"^([A-Z]\d{2})\.([0-9A-Z]{1,3})$"  # `I21.9`, which UK Biobank writes I219


class Dated(NamedTuple):
    """Diagnoses of a batch.

    Args:
        rows: `eid`, `code`, `date` of each; unknown dates are null, and dates without a code have a null code.
        people: how many participants have a code or a date in an array of which the table has both columns.
        uneven: how many of them have one but not the other.
    """

    rows: pl.DataFrame
    people: int
    uneven: int


def refuse_apart(deliveries: Sequence[Delivery]) -> None:
    """Refuse a table that has codes without dates or dates without codes.

    Raises:
        UserError: with both tables' names.
    """
    fields = {each.name: {column.field for column in each.header.columns} & {CODES, DATES} for each in deliveries}
    for name, own in fields.items():
        if len(own) == 1:
            (there,) = own
            absent = DATES if there == CODES else CODES
            other = next(each for each, found in fields.items() if absent in found)
            raise UserError(
                f"{name} has field {there} but not {absent}, which is in {other}; codes (41270) and dates (41280) "
                "belong together by array and differ between releases: export both fields into one table, and remove "
                "the other copies"
            )


def dated_codes(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> Dated:
    """Every diagnosis in a batch of text columns of one table, with its date.

    Raises:
        UserError: a cell is not an ICD-10 code, or not a date.
    """
    batch = _paired_lists(batch, columns)
    _refuse_mixture(batch, columns, table)
    codes, days = diagnosis_codes(batch, columns, table), diagnosis_dates(batch, columns, table)
    rows = codes.join(days, on=[EID, "array"], how="full", coalesce=True)
    arrays = [own for number in (CODES, DATES) if (own := _arrays(batch, columns, number)) is not None]
    both = rows.filter(pl.col("array").is_in(sorted(set.intersection(*arrays)))) if arrays else rows
    uneven = both.filter(pl.col("code").is_null() | pl.col("date").is_null())
    rows = rows.with_columns(known_day("date")).filter(~pl.all_horizontal(pl.col("code", "date").is_null()))
    return Dated(rows.select(EID, "code", "date"), both[EID].n_unique(), uneven[EID].n_unique())


def _arrays(batch: pl.DataFrame, columns: Sequence[Column], number: int) -> set[int] | None:
    """Arrays of a field that a table has; None for all of them, in one column of lists."""
    own = [column for column in columns if column.field == number]
    if any(isinstance(batch.schema[column.canonical], pl.List) for column in own):
        return None
    return {column.array or 0 for column in own}


def _paired_lists(batch: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """The batch with cells of several codes or dates as lists, in which a participant's codes and dates correspond.

    A leading separator, as in `|I10|I251`, marks an unknown first entry, or nothing at all. It is taken for an entry if
    codes and dates then have the same number.
    """
    own = [column.canonical for column in columns if column.field in (CODES, DATES)]
    batch = batch.with_columns(split(batch[name]) for name in own if holds_lists(batch[name]))
    lists = {name: pl.col(name).list.len() for name in own if isinstance(batch.schema[name], pl.List)}
    if not lists:
        return batch
    even = pl.lit(value=len(lists) > 1) & pl.all_horizontal(n == next(iter(lists.values())) for n in lists.values())
    bare = {name: _without_first_empty(name) for name in lists}
    return batch.with_columns(pl.when(even).then(pl.col(n)).otherwise(each).alias(n) for n, each in bare.items())


def _refuse_mixture(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> None:
    """Refuse cells of several codes or dates beside other arrays of the field: the arrays would be counted twice.

    Raises:
        UserError: with the names of two such columns.
    """
    for number in (CODES, DATES):
        own = [column.canonical for column in columns if column.field == number]
        lists = [name for name in own if isinstance(batch.schema[name], pl.List)]
        for name in lists:
            others = [other for other in own if other != name and batch[other].null_count() < len(batch)]
            if others and batch.select(pl.col(name).list.len().max() > 1).item():
                raise UserError(
                    f"{table}: cells of column {name} hold several values, and {others[0]} has more of the same field; "
                    "keep either one column with all values or a column for each"
                )


def _without_first_empty(name: str) -> pl.Expr:
    first = pl.col(name).list.first().is_null() & (pl.col(name).list.len() > 1)
    return pl.when(first).then(pl.col(name).list.slice(1)).otherwise(pl.col(name))


def report_codes(parts: Sequence[pl.DataFrame]) -> None:
    """Log how many diagnoses have no date, and which codes are not in UK Biobank's tree, and so in no code list.

    Args:
        parts: `eid`, `code`, `date`, as from dated_codes.
    """
    total = sum(map(len, parts))
    undated = sum(part["date"].null_count() for part in parts)
    if undated:
        LOG.warning("%d of %d hospital diagnoses (41270) have no known date (41280)", undated, total)
    counts = pl.concat([part.select("code") for part in parts])["code"].value_counts()
    unknown = counts.filter(~pl.col("code").is_in(sorted(tree())))
    if len(unknown):
        form = pl.col("code").str.replace_all(r"\d", "9").str.replace_all("[A-Z]", "A").alias("form")
        forms = unknown.group_by(form).agg(pl.col("count").sum()).sort("count", "form", descending=[True, False])
        LOG.warning(
            "%d of %d hospital diagnoses have a code outside data-coding 19, which no code list can match; their forms "
            "(UK Biobank's codes are A99 or A999): %s",
            unknown["count"].sum(), total, ", ".join(f"{count} of {name}" for name, count in forms.iter_rows()),
        )  # fmt: skip


def diagnosis_codes(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> pl.DataFrame:
    """`eid`, `array`, `code` of every diagnosis in a batch of text columns.

    Raises:
        UserError: a cell is not an ICD-10 code, as in an export with labels.
    """
    own = [column for column in columns if column.field == CODES]
    # the filler X of hospital records (`I10X`) is not part of a code of data-coding 19
    text = pl.col("code").str.to_uppercase().str.replace(_DOTTED, "$1$2").str.replace(r"^([A-Z]\d{2})X$", "$1")
    cells = _long(batch, own, "code", pl.String)
    codes = cells.with_columns(settled(cells["code"])).filter(pl.col("code").is_not_null()).with_columns(text)
    bad = codes.filter(~pl.col("code").str.contains(_CODE))
    if len(bad):
        raise UserError(
            f"{table}, field {CODES} (Diagnoses - ICD10): a cell of the form {form_of(bad['code'][0])!r} is not an "
            "ICD-10 code such as I251; on the Research Analysis Platform, export with coding option RAW, not REPLACE"
        )
    return codes


def diagnosis_dates(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> pl.DataFrame:
    """`eid`, `array`, `date` of the diagnoses in a batch of text columns, placeholders such as 1900-01-01 among them.

    Raises:
        UserError: a cell is not a date.
    """
    own = [column for column in columns if column.field == DATES]
    parsed = dates(batch, [column.canonical for column in own], table, several=True)
    return _long(pl.concat([batch.select(EID), parsed], how="horizontal"), own, "date", pl.Date)


def _long(batch: pl.DataFrame, columns: Sequence[Column], name: str, kind: type[pl.DataType]) -> pl.DataFrame:
    """Array columns and list cells turned to rows `eid`, `array`, value; missing values have no row."""
    parts = [pl.DataFrame(schema={EID: pl.Int64, "array": pl.Int16, name: kind})]
    arrays = {}
    for column in columns:
        if isinstance(batch.schema[column.canonical], pl.List):
            parts.append(_from_lists(batch.select(EID, pl.col(column.canonical).alias(name)), name))
        else:
            arrays[column.canonical] = column.array or 0
    if arrays:
        long = batch.select(EID, *arrays).unpivot(index=EID, variable_name="array", value_name=name)
        long = long.filter(pl.col(name).is_not_null())
        parts.append(long.with_columns(pl.col("array").replace_strict(arrays, return_dtype=pl.Int16)))
    return pl.concat(parts).filter(pl.col(name).is_not_null())


def _from_lists(cells: pl.DataFrame, name: str) -> pl.DataFrame:
    filled = cells.filter(pl.col(name).list.len() > 0)
    places = pl.int_ranges(pl.col(name).list.len(), dtype=pl.Int16).alias("array")
    return filled.with_columns(places).explode(name, "array").select(EID, "array", name)
