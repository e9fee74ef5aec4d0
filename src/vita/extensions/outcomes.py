"""Incident disease after the scan: time at risk and how it ended, of everybody who did not have the disease before.

Time zero is the day of the scan. The first of the disease's first diagnosis, death, loss to follow-up and the end of
the hospital records ends it. Who had the disease by then, or has it without a date, is not at risk. Who has no hospital
record at all is: that nobody admitted them later is known only because they were followed.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from vita.runtime.errors import UserError

if TYPE_CHECKING:
    import polars as pl

CENSORED, DISEASE, DEATH = range(3)
End = datetime.date | Mapping[str, datetime.date] | None
DAYS_PER_YEAR = 365.25
HEART_FAILURE = ("I110", "I130", "I132", "I500", "I501", "I509")
TITLES = {
    "heart_failure": "Heart failure",
    "cad": "Coronary artery disease",
    "stroke": "Stroke",
    "hypertension": "Hypertension",
    "infarct": "Myocardial infarction",
    "diabetes": "Diabetes",
}


def record_end(diagnoses: pl.DataFrame, follow_up: pl.DataFrame) -> datetime.date | None:
    """The last day that the delivered records tell of: nobody is known to be healthy after it."""
    import polars as pl  # start-up

    last = [diagnoses.select(pl.col("dates").list.max().max()).item(), follow_up["death"].max()]
    return max((day for day in last if day is not None), default=None)


def read_end(written: str | Mapping[str, str] | None) -> End:
    """The config's `labels.follow_up_end`: one day, or one for each country.

    Raises:
        UserError: it is no day.
    """
    try:
        if isinstance(written, Mapping):
            return {name: datetime.date.fromisoformat(day) for name, day in written.items()}
        return None if written is None else datetime.date.fromisoformat(written)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"config labels.follow_up_end: {written!r} is no day written '2022-10-31', in quotes"
        ) from error


def _last_day(diagnoses: pl.DataFrame, end: datetime.date | Mapping[str, datetime.date]) -> pl.Expr:
    """The end of hospital data of each participant; the earliest of the countries' where none is known."""
    import polars as pl  # start-up

    if not isinstance(end, Mapping):
        return pl.lit(end)
    earliest = min(end.values())
    if "country" not in diagnoses.columns:
        return pl.lit(earliest)
    return pl.col("country").replace_strict(dict(end), default=earliest, return_dtype=pl.Date)


def at_risk(diagnoses: pl.DataFrame, follow_up: pl.DataFrame, codes: Collection[str], end: End = None) -> pd.DataFrame:
    """Time and event of everybody who is at risk of a disease.

    Args:
        diagnoses: diagnoses.parquet, see vita.cohort.diagnoses.
        follow_up: see vita.cohort.follow_up.
        codes: entries of the disease's ICD-10 list.
        end: of the hospital records, for all or by country; None is the last day that they tell of.

    Returns:
        By `eid`: `years` from the scan, above 0, and `event`, one of CENSORED, DISEASE, DEATH.
    """
    import polars as pl  # start-up

    from vita.cohort.cases import find_cases
    from vita.cohort.icd10 import expand_all

    end = end or record_end(diagnoses, follow_up)
    if end is None:
        return pd.DataFrame({"years": [], "event": []}, index=pd.Index([], name="eid"))
    own = diagnoses.drop(set(follow_up.columns) - {"eid"}, strict=False)
    facts = find_cases(own, {"it": expand_all(codes)}).join(follow_up, on="eid", how="left")
    first, scan = pl.col("date_it"), pl.col("imaging_date")
    facts = facts.filter(scan.is_not_null() & (~pl.col("has_it") | (first > scan)).fill_null(value=False))
    stop = pl.min_horizontal("lost", "death", _last_day(diagnoses, end))
    event = pl.when(first <= stop).then(DISEASE).when(pl.col("death") <= stop).then(DEATH).otherwise(CENSORED)
    last = pl.min_horizontal(first, stop)
    facts = facts.with_columns(event=event, years=(last - scan).dt.total_days() / DAYS_PER_YEAR)
    facts = facts.filter(pl.col("years") > 0).select("eid", "years", "event")
    return facts.to_pandas().set_index("eid").sort_index()


def code_lists(lists: Mapping[str, Collection[str]]) -> dict[str, Collection[str]]:
    """The code lists of all outcomes: those given, and heart failure's, which may be among them too."""
    return {name: lists.get(name) or HEART_FAILURE for name in TITLES if name in lists or name == "heart_failure"}
