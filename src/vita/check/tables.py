"""UK Biobank's tables before a run: their columns, their first rows, and whether they belong to the people with scans.
Only the first rows are read, so that a table of 50 GB takes no longer than a small one; mistakes in later rows are
reported by the rules that read all of them.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from vita.check.findings import Finding, error, warning
from vita.cohort.cleaning import dates, numbers
from vita.cohort.delivery import Delivery, open_delivery
from vita.cohort.diagnoses import SCAN_DATE, TITLES
from vita.cohort.features import load_features
from vita.cohort.hospital import refuse_apart
from vita.cohort.plan import make_plan
from vita.cohort.reading import BATCH_ROWS, EID, stream
from vita.cohort.settings import CohortSettings
from vita.config.typed import Configuration
from vita.plan.systems import tasks_of

# UK Biobank's own phenotypes, by the task with these targets
_PHENOTYPE_FIELDS = {"sa_phenotypes": range(24100, 24110), "la_phenotypes": range(24110, 24118)}


def table_findings(config: Configuration, resources: Path, scanned: Collection[int]) -> Iterator[Finding]:
    """Findings about the tables.

    Args:
        config: a whole configuration with existing `input.tables`.
        resources: folder of features.tsv.
        scanned: participants who have scans; empty if unknown.

    Raises:
        UserError: a table cannot be read, a field is missing, or a cell does not fit its column.
    """
    tables = [Path(path) for path in config["input"]["tables"]]
    if not tables or config["products"] != "all":
        return
    deliveries = [open_delivery(path) for path in tables]
    lacking = list(_label_fields(deliveries, config["cohort"]["instance"]))
    if lacking:
        yield from lacking
        return
    refuse_apart(deliveries)
    if config["phenotypes"]["source"] == "fields":
        yield from _phenotype_fields(deliveries, config)
    settings = CohortSettings.read({"cohort": config["cohort"]})
    features = [f for f in load_features(resources / "features.tsv") if f.role != "filter" or settings.ethnicity]
    plan = make_plan(deliveries, features, settings)
    known: set[int] = set()
    for delivery in deliveries:
        columns = plan.columns[delivery.path]
        batch = next(stream(delivery, columns), None)
        if batch is None or batch.is_empty():
            yield error(f"{delivery.name}: the table has no row; deliver it again")
            continue
        names = [column.canonical for column in columns]
        numbers(batch, [name for name in names if name not in plan.dates], delivery.name, plan.titles)
        dates(batch, [name for name in names if name in plan.dates], delivery.name)
        known |= set(batch[EID])
    yield from _scan_dates(deliveries, config["cohort"]["instance"])
    yield from _strangers(known, scanned, config["input"]["scans"] or "")


def _label_fields(deliveries: Sequence[Delivery], instance: int) -> Iterator[Finding]:
    """Fields that the labels of diseases need."""
    there = {(column.field, column.instance) for delivery in deliveries for column in delivery.header.columns}
    fields = {field for field, _ in there}
    absent = [f"{field} ({title})" for field, title in TITLES.items() if field not in fields]
    if absent:
        yield error(
            f"config: 'input.tables': labels need fields that are in no table: {', '.join(absent)}; add the table that "
            "has them"
        )
    elif (SCAN_DATE, instance) not in there:
        yield error(
            f"config: 'cohort.instance' is {instance}, but no table has field {SCAN_DATE} ({TITLES[SCAN_DATE]}) of "
            "that visit; add the table that has it, or set the visit of your scans"
        )


def _scan_dates(deliveries: Sequence[Delivery], instance: int) -> Iterator[Finding]:
    """The first dates of the scan in each table that has them: whether they are dates, and whether there are any."""
    for delivery in deliveries:
        columns = [each for each in delivery.header.columns if (each.field, each.instance) == (SCAN_DATE, instance)]
        batch = next(stream(delivery, columns), None) if columns else None
        if batch is None or batch.is_empty():
            continue
        names = [column.canonical for column in columns]
        found = dates(batch, names, delivery.name)
        if all(found[name].null_count() == len(found) for name in names):
            yield warning(
                f"{delivery.name}, column {names[0]} ({TITLES[SCAN_DATE]}): empty for all of the first {len(found):,} "
                "participants; without the day of the scan, no diagnosis is before or after it"
            )


def _phenotype_fields(deliveries: Sequence[Delivery], config: Configuration) -> Iterator[Finding]:
    """UK Biobank's phenotypes, if they are the source."""
    there = {column.field for delivery in deliveries for column in delivery.header.columns}
    wanted = {task for system in config["systems"] for task in tasks_of(config, system)}
    for task, fields in _PHENOTYPE_FIELDS.items():
        if task in wanted and not there & set(fields):
            yield error(
                f"config: 'phenotypes.source' is fields, but no table has a column of fields {fields[0]} to "
                f"{fields[-1]}; add the table that has them, set it to masks, or leave {task} out of 'systems'",
                "training",
            )


def _strangers(known: set[int], scanned: Collection[int], scans: str) -> Iterator[Finding]:
    """Tables and scans of different people, since ids differ between applications."""
    if known and scanned and not known & set(scanned):
        text = (
            f"none of the first {len(known):,} participants of 'input.tables' has a scan under 'input.scans' "
            f"({scans}); ids differ between applications, so take both from the same one"
        )
        whole = len(known) < BATCH_ROWS  # the first batch was the whole table
        yield error(f"config: {text}") if whole else warning(text)
