"""Dates that were written as times, and the days that they stand for.

A program that takes dates for midnights in British time, and writes times in UTC, puts a date of summer at 23:00 of the
day before, `2015-06-30T23:00:00Z`, and one of winter at 00:00. So a column of such times alone is read as those days.
"""

import polars as pl

from vita.runtime.errors import UserError

_CLOCK = r"[T ](\d\d:\d\d(?::\d\d)?)"  # a time of day without fractions of a second and a zone
_ZONE = r"([+-]\d\d:?\d\d|\b[A-Z]{2,5}|Z)\s*$"  # at its end
_MIDNIGHT, _SUMMER = ("00:00", "00:00:00"), ("23:00", "23:00:00")  # in UTC, of midnight in winter and in summer
_UTC = ("Z", "UTC", "GMT", "+0000", "+00:00", "-0000", "-00:00")
_NOON = 12  # until then, midnight of a zone to the west is on the same day in UTC
_ZONE_HOURS = 2  # of midnights in winter and in summer
_SEVERAL = 20  # full hours in a column that are no accident


def of_the_calendar(cells: pl.Series, days: pl.Series, where: str) -> pl.Series:
    """Days that UK Biobank meant, where a program wrote dates as midnights in British time and then as times in UTC.

    A date of summer is then 23:00 of the day before. Such a column has no other times than 00:00 and 23:00.

    Raises:
        UserError: all times are at one or two other full hours after noon, as of midnights in another zone.
    """
    texts = cells.explode() if isinstance(cells.dtype, pl.List) else cells
    clocks = texts.str.extract(_CLOCK).drop_nulls()
    evening = clocks.str.slice(0, 2).cast(pl.Int8) > _NOON
    zones = texts.str.extract(_ZONE).drop_nulls()
    if not evening.any() or not zones.is_in(_UTC).all():
        return days  # the day is the one that is written, or that of a place
    if clocks.is_in((*_MIDNIGHT, *_SUMMER)).all():
        return _moved(cells, days)
    hours = clocks.str.slice(0, 2).unique().sort()
    if clocks.str.slice(3).is_in(("00", "00:00")).all() and len(hours) <= _ZONE_HOURS and len(clocks) >= _SEVERAL:
        raise UserError(
            f"{where}: all times of day are {' or '.join(hours)}:00, as if dates were midnights of another zone, so "
            "that the day may be the one before; export dates without times"
        )
    return days


def _moved(cells: pl.Series, days: pl.Series) -> pl.Series:
    """The day after, where a cell's time is 23:00."""
    frame = pl.DataFrame({"day": days, "cell": cells})
    if not isinstance(cells.dtype, pl.List):
        late = pl.col("cell").str.extract(_CLOCK).is_in(_SUMMER).fill_null(value=False)
        moved = pl.when(late).then(pl.col("day").dt.offset_by("1d")).otherwise("day")
        return frame.select(moved.alias(days.name)).to_series()
    rows = frame.with_row_index("row").explode("day", "cell")
    late = pl.col("cell").str.extract(_CLOCK).is_in(_SUMMER).fill_null(value=False)
    moved = pl.when(late).then(pl.col("day").dt.offset_by("1d")).otherwise("day")
    lists = rows.with_columns(day=moved).group_by("row", maintain_order=True).agg("day")["day"].alias(days.name)
    return (
        pl.DataFrame({"new": lists, "old": days})
        .select(pl.when(pl.col("old").is_not_null()).then("new").alias(days.name))
        .to_series()
    )
