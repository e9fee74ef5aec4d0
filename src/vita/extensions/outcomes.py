"""Incident disease after the scan: time at risk and its end, for everybody who did not have the disease before.
Follow-up starts on the day of the scan and ends with the first of the first diagnosis, death, loss to follow-up and the
end of the hospital records. People who had the disease by the day of the scan, or have it without a date, are not at
risk. People without any hospital record are at risk: that they were not admitted later is known only because they were
followed.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import pandas as pd

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


def record_end(diagnoses: pl.DataFrame) -> datetime.date | None:
    """The last day in the delivered records; nobody is known to be healthy after it."""
    import polars as pl  # start-up

    last = [diagnoses.select(pl.col("dates").list.max().max()).item(), diagnoses["death"].max()]
    return max((day for day in last if day is not None), default=None)


def at_risk(diagnoses: pl.DataFrame, codes: Collection[str], end: End = None) -> pd.DataFrame:
    """Time and event for everybody who is at risk of a disease.

    Args:
        diagnoses: diagnoses.parquet, see vita.cohort.diagnoses.
        codes: entries of the disease's ICD-10 list.
        end: end of the hospital records, for all or by country; None means the last day in them.

    Returns:
        By `eid`: `years` from the scan, above 0, and `event`, one of CENSORED, DISEASE, DEATH.
    """
    import polars as pl  # start-up

    from vita.cohort.cases import find_cases, followed_to
    from vita.cohort.icd10 import expand_all

    end = end or record_end(diagnoses)
    if end is None:
        return pd.DataFrame({"years": [], "event": []}, index=pd.Index([], name="eid"))
    facts = find_cases(diagnoses.with_columns(followed_to(diagnoses, end)), {"it": expand_all(codes)})
    first, scan, stop = pl.col("date_it"), pl.col("imaging_date"), pl.col("followed_to")
    facts = facts.filter(scan.is_not_null() & (~pl.col("has_it") | (first > scan)).fill_null(value=False))
    event = pl.when(first <= stop).then(DISEASE).when(pl.col("death") <= stop).then(DEATH).otherwise(CENSORED)
    last = pl.min_horizontal(first, stop)
    facts = facts.with_columns(event=event, years=(last - scan).dt.total_days() / DAYS_PER_YEAR)
    facts = facts.filter(pl.col("years") > 0).select("eid", "years", "event")
    return facts.to_pandas().set_index("eid").sort_index()


def code_lists(lists: Mapping[str, Collection[str]]) -> dict[str, Collection[str]]:
    """The code lists of all outcomes: those given, and heart failure's, which may be among them too."""
    return {name: lists.get(name) or HEART_FAILURE for name in TITLES if name in lists or name == "heart_failure"}
