"""Who has a hospital diagnosis of a code list, since when, and until which day a diagnosis would be known.

Labels, the split's strata and times to a disease start from these facts. A participant is followed until the end of
hospital data, death or loss to follow-up. Hospital data end on a different day in each country, which UK Biobank
publishes with every release; the country is that of the first visit's centre (field 54, data-coding 10).
`labels.follow_up_end` is one day for all, or one for each country. Without it the data's own last hospital diagnosis is
the end, which is right to within a few days in a large cohort, and a warning says so where few diagnoses come near it.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import date, timedelta

import polars as pl

from vita.cohort.reading import EID

LOG = logging.getLogger(__name__)
_LAST_DAYS, _FEWEST, _MANY = 365, 1e-3, 1000  # of many dated diagnoses, a smaller share in the last year is no end
SCOTLAND = (11004, 11005)  # Glasgow, Edinburgh
WALES = (11003, 11022, 11023)  # Cardiff, Swansea, Wrexham


def find_cases(diagnoses: pl.DataFrame, lists: Mapping[str, Collection[str]]) -> pl.DataFrame:
    """Look up code lists in everybody's diagnoses.

    Args:
        diagnoses: as in diagnoses.parquet, see vita.cohort.diagnoses.
        lists: every ICD-10 code of each disease.

    Returns:
        The same rows in the same order: the other columns, `record` (whether there is any hospital diagnosis), and for
        each disease `has_<disease>` and `date_<disease>`, the earliest known date.
    """
    wanted = sorted(set().union(*lists.values()))
    rows = diagnoses.select(EID, code="codes", date="dates").explode("code", "date")
    rows = rows.filter(pl.col("code").is_in(wanted))
    aggregates: list[pl.Expr] = []
    for disease, codes in lists.items():
        hit = pl.col("code").is_in(sorted(codes))
        aggregates += [hit.any().alias(f"has_{disease}"), pl.col("date").filter(hit).min().alias(f"date_{disease}")]
    found = rows.group_by(EID).agg(aggregates)
    facts = diagnoses.with_columns(record=pl.col("codes").list.len() > 0).drop("codes", "dates")
    facts = facts.join(found, on=EID, how="left", maintain_order="left")
    return facts.with_columns(pl.col(f"has_{disease}").fill_null(value=False) for disease in lists)


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
        known = pl.lit(end or _last_day(diagnoses), pl.Date)
    others = [pl.col(name) for name in ("death", "lost") if name in diagnoses.columns]
    return diagnoses.with_columns(pl.min_horizontal(known, *others).alias("followed_to"))["followed_to"]


def _last_day(diagnoses: pl.DataFrame) -> date | None:
    """The last day of a diagnosis, with a warning if it is far from the others, as with a mistyped year."""
    days = diagnoses["dates"].explode().drop_nulls()
    last = days.max()
    if not isinstance(last, date):
        return None
    late = int((days > last - timedelta(_LAST_DAYS)).sum())
    if len(days) >= _MANY and late < _FEWEST * len(days):
        LOG.warning(
            "follow-up ends on the last day of a hospital diagnosis (41280), %s, but only %d of %d are of the year "
            "before it, so that this day may be a mistake: set labels.follow_up_end", last, late, len(days),
        )  # fmt: skip
    return last
