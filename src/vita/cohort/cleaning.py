"""From a cell's text to a clean value: numbers, dates, special codes, plausible ranges, by the feature's own row."""

from collections.abc import Sequence

import polars as pl

from vita.cohort.features import Feature
from vita.runtime.errors import UserError


def numbers(frame: pl.DataFrame, names: list[str], table: str, titles: dict[str, str]) -> pl.DataFrame:
    """Parse text columns (or lists of text) to Float64; missing stays missing.

    Args:
        frame: a batch with text columns.
        names: columns to parse.
        table: how messages call the table.
        titles: printed title of each column, for messages.

    Raises:
        UserError: a cell is no number, as in an export with labels instead of codes.
    """
    text = frame.select(names)
    parsed = text.select(_number(name, kind) for name, kind in text.schema.items())
    endless = parsed.select(pl.col(pl.Float64).is_finite().all())
    if endless.width and not all(endless.row(0)):  # the texts nan and inf are no numbers, and hardly ever occur
        parsed = parsed.with_columns(pl.when(pl.col(n).is_finite()).then(n).alias(n) for n in endless.columns)
    lost = [name for name in names if _lost(text[name], parsed[name])]
    if lost:
        cell = _first_lost(text[lost[0]], parsed[lost[0]])
        raise UserError(
            f"{table}, column {lost[0]} ({titles.get(lost[0], 'no title')}): {cell!r} is no number or code; "
            "on the Research Analysis Platform export with coding option RAW, not REPLACE"
        )
    return parsed


def dates(frame: pl.DataFrame, names: list[str], table: str) -> pl.DataFrame:
    """Parse columns of ISO dates (a time of day after them is cut off) to Date; missing stays missing.

    Raises:
        UserError: a cell is no date.
    """
    text = frame.select(names)
    days = pl.element().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    parsed = text.select(
        pl.col(name).list.eval(days)
        if isinstance(kind, pl.List)
        else pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        for name, kind in text.schema.items()
    )
    for name in names:
        if _lost(text[name], parsed[name]):
            cell = _first_lost(text[name], parsed[name])
            raise UserError(f"{table}, column {name}: {cell!r} is no date of the form 2019-05-31")
    return parsed


def _number(name: str, kind: pl.DataType) -> pl.Expr:
    """The numbers that a column of text, or of lists of text, spells; in lists `nan` and `inf` are none."""
    if not isinstance(kind, pl.List):
        return pl.col(name).cast(pl.Float64, strict=False)
    number = pl.element().cast(pl.Float64, strict=False)
    return pl.col(name).list.eval(pl.when(number.is_finite()).then(number))


def _lost(text: pl.Series, parsed: pl.Series) -> bool:
    """Did a cell that held something become missing?"""
    if isinstance(text.dtype, pl.List):
        text, parsed = text.explode(), parsed.explode()
    return parsed.null_count() > text.null_count()


def _first_lost(text: pl.Series, parsed: pl.Series) -> str:
    if isinstance(text.dtype, pl.List):
        text, parsed = text.explode(), parsed.explode()
    return str(text.filter(parsed.is_null() & text.is_not_null())[0])[:40]


def clean(value: pl.Expr, feature: Feature) -> pl.Expr:
    """A reading of a feature: missing codes become missing, special codes their number, outliers missing."""
    value = without_missing(value, feature)
    if feature.special_values:
        value = value.replace({float(code): number for code, number in feature.special_values.items()})
    return within_range(value, feature)


def without_missing(value: pl.Expr, feature: Feature) -> pl.Expr:
    """Codes that mean "not answered" become missing."""
    return pl.when(is_none_of(value, feature.missing_codes)).then(value) if feature.missing_codes else value


def is_none_of(value: pl.Expr, codes: Sequence[int]) -> pl.Expr:
    """Whether a number is there and none of the codes; null or false where it is missing."""
    if not codes:
        return value.is_not_null()
    return pl.all_horizontal(value != float(code) for code in codes)  # faster than is_in for a few codes


def within_range(value: pl.Expr, feature: Feature) -> pl.Expr:
    """Readings outside the feature's plausible range become missing; the bounds themselves are kept."""
    if feature.low is not None:
        value = pl.when(value >= feature.low).then(value)
    if feature.high is not None:
        value = pl.when(value <= feature.high).then(value)
    return value
