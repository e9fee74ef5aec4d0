"""From a cell's text to a clean value: numbers, dates, special codes and plausible ranges, as features.tsv has them."""

import re
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from vita.cohort.features import Feature
from vita.cohort.midnights import of_the_calendar
from vita.cohort.spellings import form_of, holds_lists, settled, settled_lists, settled_text, split, without_empty
from vita.runtime.errors import UserError

# data-codings 272 and 819: the date is unknown, before or in the year of birth, or a placeholder in the future
UNKNOWN_DATES = tuple(
    date.fromisoformat(day)
    for day in ("1900-01-01", "1901-01-01", "1902-02-02", "1903-03-03", "1909-09-09", "2037-07-07")
)

_TIME = r"[T ]\d\d:\d\d.*$"  # a time of day after a date


def known_day(name: str) -> pl.Expr:
    """A column of dates in which placeholders such as 1900-01-01 are missing."""
    return pl.when(~pl.col(name).is_in(UNKNOWN_DATES)).then(name)


def numbers(
    frame: pl.DataFrame, names: Sequence[str], table: str, titles: Mapping[str, str], several: bool = True
) -> pl.DataFrame:
    """Parse text columns (or lists of text) to Float64; missing stays missing.

    Args:
        frame: a batch with text columns.
        names: columns to parse.
        table: the table's name in messages.
        titles: printed title of each column, for messages.
        several: cells may hold several values; a column with such a cell becomes one of lists.

    Raises:
        UserError: a cell is not a number, as in an export with labels instead of codes.
    """
    text = frame.select(names)
    parsed = text.select(_number(name, kind) for name, kind in text.schema.items())
    endless = parsed.select(pl.col(pl.Float64).is_finite().all())
    if endless.width and not all(endless.row(0)):  # the texts nan and inf are not numbers, and hardly ever occur
        parsed = parsed.with_columns(pl.when(pl.col(n).is_finite()).then(n).alias(n) for n in endless.columns)
    lost = [each for each in names if _lost(text[each], parsed[each])]
    single = [each for each in lost if text.schema[each] == pl.String]
    if single:  # most often blanks or words for "missing", for all columns at once
        bare = text.select(settled_text(pl.col(each)) for each in single)
        parsed = parsed.with_columns(bare.select(_finite(each, pl.String()) for each in single).get_columns())
        lost = [each for each in lost if each not in single or _lost(bare[each], parsed[each])]
    for name in lost:
        cells = _looked_at_again(text[name], several)
        again = cells.to_frame().select(_finite(name, cells.dtype))[name]
        if _lost(cells, again):
            title = titles.get(name, "no title")
            raise UserError(f"{table}, column {name} ({title}): {_no_number(_first_lost(cells, again))}")
        parsed = parsed.with_columns(again)
    _refuse_mixture(parsed, table)
    return parsed


def dates(frame: pl.DataFrame, names: Sequence[str], table: str, several: bool = False) -> pl.DataFrame:
    """Parse columns of ISO dates (a time of day after them is cut off) to Date; missing stays missing.

    Args:
        frame: a batch with text columns.
        names: columns to parse.
        table: the table's name in messages.
        several: cells may hold several dates; a column with such a cell becomes one of lists, with unknown dates null.

    Raises:
        UserError: a cell is not a date.
    """
    text = frame.select(names)
    if several:
        text = text.with_columns(split(text[name]) for name in names if holds_lists(text[name]))
    parsed = text.select(_date(name, kind) for name, kind in text.schema.items())
    for name in [each for each in names if _lost(text[each], parsed[each])]:
        cells = _looked_at_again(text[name], several=False)
        again = cells.to_frame().select(_date(name, cells.dtype, timed=True))[name]
        if _lost(cells, again):
            raise UserError(f"{table}, column {name}: {_no_date(_first_lost(cells, again))}")
        again = of_the_calendar(cells, again, f"{table}, column {name}")
        parsed = parsed.with_columns(again)
    return parsed


def _number(name: str, kind: pl.DataType) -> pl.Expr:
    """The numbers that a column of text, or of lists of text, spells; in lists, `nan` and `inf` are not numbers."""
    return _finite(name, kind) if isinstance(kind, pl.List) else pl.col(name).cast(pl.Float64, strict=False)


def _finite(name: str, kind: pl.DataType) -> pl.Expr:
    """As above, without `nan` and `inf` anywhere."""
    if not isinstance(kind, pl.List):
        number = pl.col(name).cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number).alias(name)
    number = pl.element().cast(pl.Float64, strict=False)
    return pl.col(name).list.eval(pl.when(number.is_finite()).then(number))


def _date(name: str, kind: pl.DataType, timed: bool = False) -> pl.Expr:
    """The dates that a column of text, or of lists of text, spells, with a time of day after them only if `timed`."""
    cell = pl.element() if isinstance(kind, pl.List) else pl.col(name)
    alone = pl.when(~cell.str.contains("[|;]")).then(cell)
    bare = alone.str.strip_chars()
    day = (bare.str.replace(_TIME, "") if timed else bare).str.to_date("%Y-%m-%d", strict=False)
    day = pl.when(day >= UNKNOWN_DATES[0]).then(day)  # the year 16 is not 2016
    return pl.col(name).list.eval(day) if isinstance(kind, pl.List) else day


def _looked_at_again(text: pl.Series, several: bool) -> pl.Series:
    """The cells without blanks around them, with words for "missing" missing, and several values as lists."""
    if isinstance(text.dtype, pl.List):
        return settled_lists(text)
    return without_empty(split(text)) if several and holds_lists(text) else settled(text)


def _no_date(cell: str) -> str:
    """What is wrong with a cell that is no date, without the cell."""
    told = (
        f"a cell of the form {form_of(cell)!r} is not a date of the form 2019-05-31, or no day of the calendar since "
        "1900"
    )
    if re.fullmatch(r"\d{5}(\.\d+)?", cell):
        return (
            f"{told}; it may be a day as Excel counts them: format the column as yyyy-mm-dd before it is saved as CSV"
        )
    return told


def _no_number(cell: str) -> str:
    """What is wrong with a cell, and the remedy. The cell itself is not shown, since it describes a person."""
    told = f"a cell of the form {form_of(cell)!r} (9 a number, A and a letters)"
    if re.fullmatch(r"[-+]?[\d.]+(,[\d.]+)+", cell):
        return (
            f"{told} has a comma; write the table with decimal points and without commas between thousands, "
            "and several values as 1|2|3"
        )
    if re.match(r"c?\(|\{", cell):
        return f"{told} seems to hold several values; write them as 1|2|3"
    if re.fullmatch(r"[-+\d.]+(\s+[-+\d.]+)+", cell):
        return f"{told} holds several values with blanks between them; write them as 1|2|3"
    if re.fullmatch(r"[-+\d.]+([|;][-+\d.]+)+", cell):
        return f"{told} holds several values, but this field has one; export the table again"
    return (
        f"{told} is not a number or code; on the Research Analysis Platform, export with coding option RAW, not REPLACE"
    )


def _refuse_mixture(parsed: pl.DataFrame, table: str) -> None:
    """Refuse a column whose cells hold all values of a field if the field also has other array columns."""
    for name, kind in parsed.schema.items():
        start = name.partition(".")[0] + "."
        others = [other for other in parsed.columns if other.startswith(start) and other != name]
        if isinstance(kind, pl.List) and others and parsed.select(pl.col(name).list.len().max() > 1).item():
            raise UserError(
                f"{table}: cells of column {name} hold several values, and {others[0]} has more of the same field; "
                "keep either one column with all values or a column for each"
            )


def _lost(text: pl.Series, parsed: pl.Series) -> bool:
    """Whether a cell that held something became missing."""
    if isinstance(text.dtype, pl.List):
        text, parsed = text.explode(), parsed.explode()
    return parsed.null_count() > text.null_count()


def _first_lost(text: pl.Series, parsed: pl.Series) -> str:
    if isinstance(text.dtype, pl.List):
        text, parsed = text.explode(), parsed.explode()
    return str(text.filter(parsed.is_null() & text.is_not_null())[0])


def clean(value: pl.Expr, feature: Feature) -> pl.Expr:
    """A reading of a feature: missing codes and outliers become missing, special codes become their number."""
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
