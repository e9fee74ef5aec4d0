"""What labels need from the delivered tables, read once: hospital diagnoses, reports of high blood pressure, the scan.

Written as a row per participant, without withdrawn ones. It holds all hospital diagnoses, whatever the code lists say,
so that a changed list is looked up here and no table is read again.

    python -m vita.cohort.diagnoses --table ukb.csv --output results/cohort/diagnoses.parquet
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from vita.cohort import reports
from vita.cohort.cases import country
from vita.cohort.cleaning import dates, known_day, numbers
from vita.cohort.delivery import Delivery, open_delivery
from vita.cohort.hospital import CODES, DATES, dated_codes, refuse_apart, report_codes
from vita.cohort.order import refuse_out_of_order, refuse_uneven, tables_of
from vita.cohort.reading import EID, stream
from vita.cohort.remarks import Remarks
from vita.cohort.settings import imaging_visit, max_contradictions
from vita.cohort.spellings import Column, refuse_mixed
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.withdrawals import load_withdrawals

LOG = logging.getLogger(__name__)
SCAN_DATE = 53
AGE = 21003  # optional; without it high blood pressure is timed by visits alone
TITLES = {
    CODES: "Diagnoses - ICD10",
    DATES: "Date of first in-patient diagnosis - ICD10",
    SCAN_DATE: "Date of attending assessment centre",
    **reports.TITLES,
}
DEATH, LOST, CENTRE = 40000, 191, 54  # optional: they end the follow-up of incident disease
FOLLOW_UP = {DEATH: "Date of death", LOST: "Date lost to follow-up", CENTRE: "UK Biobank assessment centre"}
_FIRST_VISITS = date(2006, 1, 1)  # nobody was seen, died or was lost as a participant before
_EARLIEST = dict.fromkeys((SCAN_DATE, DEATH, LOST), _FIRST_VISITS) | {DATES: date(1934, 1, 1)}  # the oldest were born
_PARTS = 16  # of the participants, joined one after the other: all 502,000 at once would take 2.5 GB
_AGES = {EID: pl.Int64, "imaging_age": pl.Float64}
_ENDS = pl.Schema(
    {EID: pl.Int64, "death": pl.Date, "lost": pl.Date, "country": pl.String, "centre": pl.Float64},
)
_FIELDS = {"imaging_date": SCAN_DATE, "imaging_age": AGE, "death": DEATH, "lost": LOST}
_FIELDS |= dict.fromkeys(("country", "centre"), CENTRE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.diagnoses`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--table", required=True, nargs="+", type=Path, help="tables that share participants' ids")
    parser.add_argument("--withdrawals", type=Path, help="ids of withdrawn participants, one a line")
    parser.add_argument("--output", required=True, type=Path, help="diagnoses.parquet")
    parser.add_argument("--remarks", type=Path, help="unknown codes and impossible dates by column, CSV to write")
    cli.add_settings(parser, "`instance` and `max_contradictions` of the block cohort of config.yaml")
    args = parser.parse_args(arguments)
    instance, most = imaging_visit(args.settings), max_contradictions(args.settings)
    remarks = Remarks()
    frame = collect(args.table, instance, load_withdrawals(args.withdrawals), most, remarks)
    with replacing(args.output) as path:
        frame.write_parquet(path, compression="zstd")
    if args.remarks:
        with replacing(args.remarks) as path:
            remarks.write(path)
    recorded = frame.select((pl.col("codes").list.len() > 0).sum()).item()
    LOG.info("%d participants, %d of them with a hospital diagnosis", len(frame), recorded)


@dataclass
class _Found:
    """Rows gathered over batches and tables."""

    people: list[pl.DataFrame] = field(default_factory=list)
    codes: list[pl.DataFrame] = field(default_factory=list)
    scans: list[pl.DataFrame] = field(default_factory=list)
    reports: list[tuple[Delivery, pl.DataFrame]] = field(default_factory=list)
    ages: list[pl.DataFrame] = field(default_factory=list)
    ends: list[pl.DataFrame] = field(default_factory=list)
    early: Counter[tuple[str, int]] = field(default_factory=Counter)  # dates that are too early, by table and field
    future: Counter[tuple[str, int]] = field(default_factory=Counter)  # dates after today
    people_dated: Counter[str] = field(default_factory=Counter)  # with a code or a date, by table
    uneven: Counter[str] = field(default_factory=Counter)  # those of them with a code or a date without the other
    remarks: Remarks = field(default_factory=Remarks)
    alone: Counter[str] = field(default_factory=Counter)  # dates without a diagnosis, by table


def collect(
    tables: Sequence[Path],
    instance: int,
    withdrawn: Collection[int],
    most: float,
    remarks: Remarks | None = None,
) -> pl.DataFrame:
    """A row per participant, sorted by `eid`.

    Args:
        tables: files that share `eid`.
        instance: the scan's visit.
        withdrawn: ids left out.
        most: of those who have a date of the scan, of death or loss, an age or a centre in two tables, the share whose
            values may differ; the first table's value is kept. And of those with hospital dates, the share whose dates
            may lie before birth.
        remarks: where unknown codes, and dates and ages that cannot be, are counted; they are logged in any case.

    Returns:
        `eid`; `codes`, a list of the ICD-10 codes of all hospital diagnoses, each once, sorted, and `dates`, the first
        known date of each or null; `imaging_date`; `high_bp_visit` (first visit at which an age of high blood pressure
        was given, or missing), `high_bp_age` (the youngest one given, years), `imaging_age` (age at the scan's visit,
        years, missing without field 21003); `death` and `lost` (fields 40000 and 191), `country` (of the first visit's
        centre, field 54) and `centre` (its code at the scan's visit), missing without the field; and four lists of
        visits: `high_bp_told` (6150 has high blood pressure, or 2966 is not empty), `high_bp_denied` (6150 was answered
        without it), `high_bp_asked` (2966 is not empty), `high_bp_unclear` (6150 has only unknown codes beside answers
        without it).

    Raises:
        UserError: a field is in no table, a table has only codes or only dates of diagnoses, its dates cannot be those
            of its codes, tables contradict each other, or a cell cannot be read.
    """
    deliveries = [open_delivery(path) for path in tables]
    _require_fields(deliveries, instance)
    refuse_apart(deliveries)
    _name_absent(deliveries, instance)
    found = _Found(remarks=remarks or Remarks())
    for delivery in deliveries:
        _gather(delivery, instance, withdrawn, found)
    _report(found)
    refuse_uneven(found.people_dated, found.uneven, most)
    report_codes(found.codes)
    frame = pl.concat(found.people).unique().join(_lists(found, deliveries, most), on=EID, how="left")
    frame = frame.join(reports.by_person(found.reports, most), on=EID, how="left")
    for part in (found.scans, found.ages or [pl.DataFrame(schema=_AGES)], found.ends):
        frame = frame.join(_one_each(part, deliveries, most), on=EID, how="left")
    _name_scanned_later(frame)
    refuse_out_of_order(frame, tables_of(deliveries), most, found.remarks)
    found.remarks.log()
    return frame.with_columns(pl.col("codes", "dates", *reports.ANSWERS).fill_null([])).sort(EID)


def _lists(found: _Found, deliveries: Sequence[Delivery], most: float) -> pl.DataFrame:
    """`eid`, `codes`, `dates` of everybody with a diagnosis; a diagnosis in several tables takes its first date.

    Raises:
        UserError: of the diagnoses that several tables date, a larger share than `most` has different dates.
    """
    codes = pl.concat(found.codes)
    parts = []
    several = differ = 0
    for part in range(_PARTS):
        rows = codes.filter(pl.col(EID) % _PARTS == part)
        once = rows.group_by(EID, "code").agg(pl.col("date").min(), last=pl.col("date").max(), n=pl.col("date").count())
        several += int((once["n"] > 1).sum())
        differ += int((once["date"] != once["last"]).sum())
        once = once.sort(EID, "code")
        lists = once.group_by(EID, maintain_order=True).agg(
            pl.col("code").alias("codes"), pl.col("date").alias("dates")
        )
        parts.append(lists)
    tables = tables_of(deliveries)
    if " and " in tables and differ > most * several:
        raise UserError(
            f"{tables}: {differ} of {several} hospital diagnoses that are there more than once have different dates "
            f"({DATES}); export both fields again, keep them in the newest table alone, or raise "
            "cohort.max_contradictions (the first date is kept)"
        )
    if differ:
        LOG.warning("%s: %d of %d repeated diagnoses have different dates; the first is kept", tables, differ, several)
    return pl.concat(parts)


def _one_each(parts: Sequence[pl.DataFrame], deliveries: Sequence[Delivery], most: float) -> pl.DataFrame:
    """`eid` and the first table's value of each column.

    Raises:
        UserError: of those who have a value in several tables, a larger share than `most` has different ones.
    """
    by_person = pl.concat(parts).group_by(EID)
    if len(deliveries) > 1:
        counts = by_person.agg(pl.all().drop_nulls().n_unique().name.suffix("/different"), pl.all().count())
        for name in (each for each in parts[0].columns if each != EID):
            _refuse_contradictions(counts, name, deliveries, most)
    return by_person.agg(pl.all().drop_nulls().first())


def _refuse_contradictions(counts: pl.DataFrame, name: str, deliveries: Sequence[Delivery], most: float) -> None:
    both, differ = counts.select((pl.col(name) > 1).sum(), (pl.col(name + "/different") > 1).sum().alias("n")).row(0)
    number = _FIELDS[name]
    tables = " and ".join(d.name for d in deliveries if any(column.field == number for column in d.header.columns))
    if differ > most * both:
        raise UserError(
            f"{tables}, field {number}: {differ} of {both} participants have different values; these tables "
            "contradict each other. Remove the field from the older release, or raise cohort.max_contradictions "
            "(the first table's value is kept)"
        )
    if differ:
        LOG.warning("%s, field %d: %d of %d values differ; the first table's are kept", tables, number, differ, both)


def _require_fields(deliveries: Sequence[Delivery], instance: int) -> None:
    for delivery in deliveries:
        refuse_mixed(delivery.header, {*TITLES, AGE}, delivery.name)
    there = {column.field for delivery in deliveries for column in delivery.header.columns}
    absent = [f"{each} ({title})" for each, title in TITLES.items() if each not in there]
    if absent:
        raise UserError(f"labels need fields that are in no table: {', '.join(absent)}; add the table that has them")
    scans = [c for d in deliveries for c in d.header.columns if (c.field, c.instance) == (SCAN_DATE, instance)]
    if not scans:
        own = {c.instance for d in deliveries for c in d.header.columns if c.field == SCAN_DATE}
        raise UserError(
            f"labels need field {SCAN_DATE} ({TITLES[SCAN_DATE]}) of instance {instance}, the scan's visit; the tables "
            f"only have instance {', '.join(map(str, sorted(own)))}: export that instance too"
        )


def _name_absent(deliveries: Sequence[Delivery], instance: int) -> None:
    """Warn about fields of follow-up that no table has: without them nobody dies, is lost or has another centre."""
    columns = [column for delivery in deliveries for column in delivery.header.columns]
    there = {column.field for column in columns if column.field != CENTRE or column.instance == instance}
    for each, title in FOLLOW_UP.items():
        if each not in there:
            LOG.warning("field %d (%s) is in no table: no participant is counted as such", each, title)


def _gather(delivery: Delivery, instance: int, withdrawn: Collection[int], found: _Found) -> None:
    columns = [c for c in delivery.header.columns if c.field in {*TITLES, AGE, *FOLLOW_UP}]
    columns = [c for c in columns if c.field not in (SCAN_DATE, AGE) or c.instance == instance]
    columns = [c for c in columns if c.field != CENTRE or c.instance in (0, instance)]
    said = [pl.DataFrame(schema=reports.SAID)]
    for batch in stream(delivery, columns, withdrawn):
        found.people.append(batch.select(EID))
        codes, people, uneven = dated_codes(batch, columns, delivery.name)
        found.people_dated[delivery.name] += people
        found.uneven[delivery.name] += uneven
        found.alone[delivery.name] += codes["code"].null_count()
        codes = codes.filter(pl.col("code").is_not_null())
        found.codes.append(_plausible(codes, {"date": DATES}, delivery.name, found))
        for scans in _scan_dates(batch, columns, delivery.name):
            found.scans.append(_plausible(scans, {"imaging_date": SCAN_DATE}, delivery.name, found))
        said.append(reports.read_reports(batch, columns, delivery.name, found.remarks))
        found.ages += _ages(batch, columns, delivery.name, found.remarks)
        ends = _ends(batch, columns, instance, delivery.name)
        found.ends.append(_plausible(ends, {"death": DEATH, "lost": LOST}, delivery.name, found))
    found.reports.append((delivery, pl.concat(said)))


def _plausible(frame: pl.DataFrame, fields: Mapping[str, int], table: str, found: _Found) -> pl.DataFrame:
    """Dates that cannot be are unknown: one in the future would otherwise stretch everybody's follow-up to it."""
    today = date.today()
    for name, number in fields.items():
        found.early[table, number] += int((frame[name] < _EARLIEST[number]).sum())
        found.future[table, number] += int((frame[name] > today).sum())
    return frame.with_columns(
        pl.when(pl.col(name).is_between(_EARLIEST[number], today)).then(name).alias(name)
        for name, number in fields.items()
    )


def _report(found: _Found) -> None:
    """Log what was left out of the dates of each table."""
    for counts, told in ((found.early, "too early for UK Biobank"), (found.future, "in the future")):
        for (table, number), count in counts.items():
            if count:
                title = (TITLES | FOLLOW_UP)[number]
                LOG.warning("%s, field %d (%s): %d dates are %s; taken as unknown", table, number, title, count, told)
    for table, count in found.alone.items():
        if count:
            LOG.warning("%s: %d dates (41280) have no diagnosis (41270) at their place; left out", table, count)


def _name_scanned_later(frame: pl.DataFrame) -> None:
    for name, number in (("death", DEATH), ("lost", LOST)):
        later = frame.filter(pl.col("imaging_date") > pl.col(name)).height
        if later:
            LOG.warning(
                "%d participants were scanned (53) after field %d (%s); their incident disease is missing",
                later, number, FOLLOW_UP[number],
            )  # fmt: skip


def _scan_dates(batch: pl.DataFrame, columns: Sequence[Column], table: str) -> list[pl.DataFrame]:
    names = [column.canonical for column in columns if column.field == SCAN_DATE]
    if not names:
        return []
    days = dates(batch, names, table).select(known_day(names[0]).alias("imaging_date"))
    return [pl.concat([batch.select(EID), days], how="horizontal")]


def _ends(batch: pl.DataFrame, columns: Sequence[Column], instance: int, table: str) -> pl.DataFrame:
    """`eid`, `death`, `lost`, `country` and `centre`, each missing if its field is not in the table."""
    own = {each: [column.canonical for column in columns if column.field == each] for each in FOLLOW_UP}
    days = dates(batch, own[DEATH] + own[LOST], table)
    centres = numbers(batch, own[CENTRE], table, dict.fromkeys(own[CENTRE], FOLLOW_UP[CENTRE]), several=False)
    read = pl.concat([batch.select(EID), days, centres], how="horizontal")
    first = {
        name: pl.min_horizontal(pl.lit(None, pl.Date), *map(known_day, own[each]))
        for each, name in ((DEATH, "death"), (LOST, "lost"))
    }
    centre_at = {
        visit: pl.min_horizontal(
            pl.lit(None, pl.Float64), *(c.canonical for c in columns if (c.field, c.instance) == (CENTRE, visit))
        )
        for visit in (0, instance)
    }
    return read.select(EID, **first, country=country(centre_at[0]), centre=centre_at[instance]).cast(_ENDS)


def _ages(batch: pl.DataFrame, columns: Sequence[Column], table: str, remarks: Remarks) -> list[pl.DataFrame]:
    names = [column.canonical for column in columns if column.field == AGE]
    if not names:
        return []
    ages = numbers(batch, names, table, {names[0]: "Age when attended assessment centre"}, several=False)
    ages, _ = reports.EXPECTED.judge(ages, table, remarks)
    return [batch.select(EID).with_columns(ages[names[0]].alias("imaging_age"))]


if __name__ == "__main__":
    cli.run(main)
