"""The day until which each participant is followed: the end of hospital data, death or loss to follow-up.

Hospital data end on a different day in each country, which UK Biobank publishes with every release; the country is that
of the first visit's centre (field 54, data-coding 10). `labels.follow_up_end` is one day for all, or one for each
country. Without it the data's own last hospital diagnosis is the end, which is right to within a few days in a large
cohort.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

SCOTLAND = (11004, 11005)  # Glasgow, Edinburgh
WALES = (11003, 11022, 11023)  # Cardiff, Swansea, Wrexham


def country(centre: pl.Expr) -> pl.Expr:
    """Country of a centre's code: scotland, wales, otherwise england; missing without a centre."""
    code = centre.cast(pl.Int64, strict=False)
    named = pl.when(code.is_in(SCOTLAND)).then(pl.lit("scotland")).when(code.is_in(WALES)).then(pl.lit("wales"))
    return pl.when(centre.is_not_null()).then(named.otherwise(pl.lit("england")))


def followed_to(diagnoses: pl.DataFrame, end: date | Mapping[str, date] | None) -> pl.Series:
    """The last day on which a diagnosis of each participant would be known, row by row.

    Args:
        diagnoses: as in diagnoses.parquet.
        end: of hospital data, for all or by country; None takes the last diagnosis in the data. Without a centre the
            earliest of the countries' ends counts.
    """
    if isinstance(end, Mapping):
        known = pl.col("country").replace_strict(dict(end), default=min(end.values()), return_dtype=pl.Date)
    else:
        last = diagnoses.select(pl.col("dates").list.max().max()).item()
        known = pl.lit(end or last, pl.Date)
    others = [pl.col(name) for name in ("death", "lost") if name in diagnoses.columns]
    return diagnoses.with_columns(pl.min_horizontal(known, *others).alias("followed_to"))["followed_to"]
