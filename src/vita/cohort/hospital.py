"""Cells of hospital diagnoses (fields 41270 and 41280) as one row each."""

from collections.abc import Sequence

import polars as pl

from vita.cohort.cleaning import dates
from vita.cohort.reading import EID
from vita.cohort.spellings import Column
from vita.runtime.errors import UserError

CODES = 41270
DATES = 41280
KEY = (EID, "array")  # array i of 41280 is the date of array i of 41270
_CODE = r"^[A-Z]\d{2}[0-9A-Z]{0,3}$"
_UNKNOWN_DATE = pl.date(1900, 1, 1)


def diagnosis_codes(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> pl.DataFrame:
    """`eid`, `array`, `code` of every diagnosis in a batch of text columns.

    Raises:
        UserError: a cell is no ICD-10 code, as in an export with labels.
    """
    own = [column for column in columns if column.field == CODES]
    codes = _long(batch, own, "code", pl.String).with_columns(pl.col("code").str.strip_chars())
    bad = codes.filter(~pl.col("code").str.contains(_CODE))
    if len(bad):
        raise UserError(
            f"{table}, field {CODES} (Diagnoses - ICD10): {bad['code'][0][:40]!r} is no ICD-10 code such as I251; "
            "on the Research Analysis Platform export with coding option RAW, not REPLACE"
        )
    return codes


def diagnosis_dates(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> pl.DataFrame:
    """`eid`, `array`, `date` of the diagnoses in a batch of text columns; unknown dates have no row.

    Raises:
        UserError: a cell is no date.
    """
    own = [column for column in columns if column.field == DATES]
    parsed = dates(batch, [column.canonical for column in own], table)
    days = _long(pl.concat([batch.select(EID), parsed], how="horizontal"), own, "date", pl.Date)
    return days.filter(pl.col("date") != _UNKNOWN_DATE)


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
