"""What labels need of the delivered tables, read once: hospital diagnoses, reports of high blood pressure, the scan.

A row per participant, withdrawn ones left out. Hospital diagnoses are all of them, whatever the code lists say: so a
changed list is looked up here, and no table is read again.

    python -m vita.cohort.diagnoses --table ukb.csv --output results/cohort/diagnoses.parquet
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from vita.cohort.cleaning import dates, numbers
from vita.cohort.delivery import Delivery, open_delivery
from vita.cohort.hospital import CODES, DATES, KEY, diagnosis_codes, diagnosis_dates
from vita.cohort.reading import EID, stream
from vita.cohort.settings import CohortSettings
from vita.cohort.spellings import Column
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.withdrawals import load_withdrawals

LOG = logging.getLogger(__name__)
SCAN_DATE = 53
HIGH_BP_AGE = 2966
AGE = 21003  # not required; without it high blood pressure is timed by visits alone
TITLES = {
    CODES: "Diagnoses - ICD10",
    DATES: "Date of first in-patient diagnosis - ICD10",
    SCAN_DATE: "Date of attending assessment centre",
    HIGH_BP_AGE: "Age high blood pressure diagnosed",
}
_PARTS = 16  # of the participants, joined one after the other: for all 502,000 at once it takes 2.5 GB
_AGES = {EID: pl.Int64, "imaging_age": pl.Float64}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.diagnoses`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--table", required=True, nargs="+", type=Path, help="tables that share participants' ids")
    parser.add_argument("--withdrawals", type=Path, help="ids of withdrawn participants, one a line")
    parser.add_argument("--output", required=True, type=Path, help="diagnoses.parquet")
    cli.add_settings(parser, "block cohort of config.yaml")
    args = parser.parse_args(arguments)
    instance = CohortSettings.read(args.settings).instance
    frame = collect(args.table, instance, load_withdrawals(args.withdrawals))
    with replacing(args.output) as path:
        frame.write_parquet(path, compression="zstd")
    recorded = frame.select((pl.col("codes").list.len() > 0).sum()).item()
    LOG.info("%d participants, %d of them with a hospital diagnosis", len(frame), recorded)


@dataclass
class _Found:
    """Rows gathered over batches and tables."""

    people: list[pl.DataFrame] = field(default_factory=list)
    codes: list[pl.DataFrame] = field(default_factory=list)
    days: list[pl.DataFrame] = field(default_factory=list)
    scans: list[pl.DataFrame] = field(default_factory=list)
    reports: list[pl.DataFrame] = field(default_factory=list)
    ages: list[pl.DataFrame] = field(default_factory=list)


def collect(tables: Sequence[Path], instance: int, withdrawn: Collection[int]) -> pl.DataFrame:
    """A row per participant, sorted by `eid`.

    Args:
        tables: files that share `eid`.
        instance: the scan's visit.
        withdrawn: ids left out.

    Returns:
        `eid`; `codes`, a list of the ICD-10 codes of all hospital diagnoses, each once, sorted, and `dates`, the first
        known date of each or null; `imaging_date`; `high_bp_visit` (first visit at which an age of high blood pressure
        was given, or missing), `high_bp_age` (the youngest one given, years), `imaging_age` (age at the scan's visit,
        years, missing without field 21003).

    Raises:
        UserError: a field lacks in all tables, or a cell is none of its column's.
    """
    deliveries = [open_delivery(path) for path in tables]
    _require_fields(deliveries, instance)
    found = _Found()
    for delivery in deliveries:
        _gather(delivery, instance, withdrawn, found)
    frame = pl.concat(found.people).unique().join(_lists(found), on=EID, how="left")
    for part in (found.scans, found.reports, found.ages or [pl.DataFrame(schema=_AGES)]):
        frame = frame.join(pl.concat(part).group_by(EID).agg(pl.all().min()), on=EID, how="left")
    return frame.with_columns(pl.col("codes", "dates").fill_null([])).sort(EID)


def _lists(found: _Found) -> pl.DataFrame:
    """`eid`, `codes`, `dates` of everybody with a diagnosis; codes and dates may come from several tables."""
    codes, days = pl.concat(found.codes), pl.concat(found.days)
    parts = []
    for part in range(_PARTS):
        own = pl.col(EID) % _PARTS == part
        rows = codes.filter(own).join(days.filter(own), on=KEY, how="left")
        once = rows.group_by(EID, "code").agg(pl.col("date").min()).sort(EID, "code")
        lists = once.group_by(EID, maintain_order=True).agg(
            pl.col("code").alias("codes"), pl.col("date").alias("dates")
        )
        parts.append(lists)
    return pl.concat(parts)


def _require_fields(deliveries: Sequence[Delivery], instance: int) -> None:
    there = {column.field for delivery in deliveries for column in delivery.header.columns}
    absent = [f"{each} ({title})" for each, title in TITLES.items() if each not in there]
    if absent:
        raise UserError(f"labels need fields that are in no table: {', '.join(absent)}; add the table that has them")
    scans = [c for d in deliveries for c in d.header.columns if (c.field, c.instance) == (SCAN_DATE, instance)]
    if not scans:
        raise UserError(f"labels need field {SCAN_DATE} ({TITLES[SCAN_DATE]}) of instance {instance}, the scan's visit")


def _gather(delivery: Delivery, instance: int, withdrawn: Collection[int], found: _Found) -> None:
    columns = [c for c in delivery.header.columns if c.field in TITLES or c.field == AGE]
    columns = [c for c in columns if c.field not in (SCAN_DATE, AGE) or c.instance == instance]
    for batch in stream(delivery, columns, withdrawn):
        found.people.append(batch.select(EID))
        found.codes.append(diagnosis_codes(batch, columns, delivery.name))
        found.days.append(diagnosis_dates(batch, columns, delivery.name))
        found.scans += _scan_dates(batch, columns, delivery.name)
        found.reports += _reports(batch, columns, delivery.name)
        found.ages += _ages(batch, columns, delivery.name)


def _scan_dates(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> list[pl.DataFrame]:
    names = [column.canonical for column in columns if column.field == SCAN_DATE]
    if not names:
        return []
    return [batch.select(EID).with_columns(dates(batch, names, table)[names[0]].alias("imaging_date"))]


def _reports(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> list[pl.DataFrame]:
    """The first visit with an age of diagnosis, and the youngest age given.

    -1 (do not know) and -3 (prefer not to answer) are none.
    """
    visits = {column.canonical: column.instance for column in columns if column.field == HIGH_BP_AGE}
    if not visits:
        return []
    ages = numbers(batch, list(visits), table, dict.fromkeys(visits, TITLES[HIGH_BP_AGE]))
    first = pl.min_horizontal(pl.when(pl.col(name) >= 0).then(visit) for name, visit in visits.items())
    youngest = pl.min_horizontal(pl.when(pl.col(name) >= 0).then(name) for name in visits)
    found = ages.select(first.cast(pl.Int8).alias("high_bp_visit"), youngest.alias("high_bp_age"))
    return [pl.concat([batch.select(EID), found], how="horizontal")]


def _ages(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> list[pl.DataFrame]:
    names = [column.canonical for column in columns if column.field == AGE]
    if not names:
        return []
    ages = numbers(batch, names, table, {names[0]: "Age when attended assessment centre"})
    return [batch.select(EID).with_columns(ages[names[0]].alias("imaging_age"))]


if __name__ == "__main__":
    cli.run(main)
