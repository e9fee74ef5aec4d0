"""The label of one disease per participant, from hospital diagnoses or the touchscreen questionnaire.

Coronary artery disease, stroke, hypertension, infarct and diabetes are ICD-10 code lists over field 41270, with dates
from 41280. High blood pressure is what participants report: field 6150 has code 4, or field 2966, its age, is not empty
(only those who said yes are asked, and -1 and -3 are "age unknown"). Those who answered 6150 otherwise are negative;
those who did not answer, or with a code that its coding does not have, are missing. `labels.high_bp` says which visits
count: any (default), the scan's alone, or the published code's rule (a non-empty field 2966 at visit 2; everybody else
is negative).

High blood pressure is known by visit, not by date. Many people are diagnosed between two visits and first report it at
the scan's, years later. So the age given is compared with the age at the scan's visit (field 21003); in the same year,
or without an age at the scan, the visit of the report decides. First reported after the scan without an age, it is
undated.

`labels.timing` says which cases count:
    ever        a diagnosis at any time (the paper's rule)
    prevalent   a diagnosis up to the day of the scan; later ones are negative, undated ones missing
    incident    the first diagnosis after the scan (within `incident_years`); earlier and undated ones are missing.
                Everybody is followed to the end of hospital data (`follow_up_end`), death or loss to follow-up; who
                was not followed for all of `incident_years`, and had no diagnosis until then, is missing
`labels.no_record` says what a participant without any hospital diagnosis is: missing (exclude, the paper's rule for
its disease tasks, all six) or negative.
`--unlabelled` names people whose labels nobody knows: missing, whatever their records say.
`--codes` are entries of a code list, see vita.cohort.icd10: from icd10.tsv, or from the config's `labels.codes`.

    python -m vita.cohort.labels --diagnoses results/cohort/diagnoses.parquet --disease infarct --codes I21 I252 \\
        --output results/cohort/labels/infarct.parquet --summary results/cohort/labels/infarct.csv
"""

import logging
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from vita.cohort.cases import find_cases, followed_to
from vita.cohort.icd10 import HIGH_BP, LABELS, expand_all
from vita.cohort.reading import EID
from vita.cohort.settings import LabelSettings, imaging_visit
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.withdrawals import load_withdrawals

LOG = logging.getLogger(__name__)
_DAYS_PER_YEAR = 365.25
_PUBLISHED_VISIT = 2  # whose field 2966 the published code reads


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.labels`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--diagnoses", required=True, type=Path, help="diagnoses.parquet")
    parser.add_argument("--disease", required=True, choices=LABELS, help="which one")
    parser.add_argument("--codes", nargs="+", default=[], help=f"its ICD-10 codes; none for {HIGH_BP}")
    parser.add_argument("--unlabelled", type=Path, help="ids of those without labels, one a line")
    parser.add_argument("--output", required=True, type=Path, help="labels of the disease, Parquet")
    parser.add_argument("--summary", required=True, type=Path, help="cases before, at and after the scan, as CSV")
    cli.add_settings(parser, "`instance` of the block cohort, and the block labels, of config.yaml")
    args = parser.parse_args(arguments)
    settings, instance = LabelSettings.read(args.settings), imaging_visit(args.settings)
    diagnoses = pl.read_parquet(args.diagnoses)
    facts = find_cases(diagnoses, _lists(args.disease, args.codes))
    if settings.timing == "incident":
        facts = facts.with_columns(followed_to(diagnoses, settings.follow_up_end))
    label = make_label(facts, args.disease, settings, instance)
    unknown = pl.col(EID).is_in(sorted(load_withdrawals(args.unlabelled)))
    label = label.with_columns(pl.when(~unknown).then(pl.col(args.disease, f"date_{args.disease}")))
    with replacing(args.output) as path:
        label.write_parquet(path, compression="zstd")
    with replacing(args.summary) as path:
        pl.DataFrame([summarise(facts, label, args.disease, settings, instance)]).write_csv(path)
    LOG.info("%s: %d participants labelled (%s)", args.disease, len(label), settings.timing)


def _lists(disease: str, entries: Collection[str]) -> dict[str, frozenset[str]]:
    if (disease == HIGH_BP) == bool(entries):
        raise UserError(f"--disease {disease}: high blood pressure has no code list, and every other disease needs one")
    return {} if disease == HIGH_BP else {disease: expand_all(entries)}


def make_label(facts: pl.DataFrame, disease: str, settings: LabelSettings, instance: int) -> pl.DataFrame:
    """A disease's label by the chosen timing.

    Args:
        facts: from vita.cohort.cases.find_cases, for the disease's code list or without one (high blood pressure); and
            `followed_to`, the last day of follow-up; without that column follow-up has no end.
        disease: one of the six.
        settings: the block labels.
        instance: the scan's visit.

    Returns:
        `eid`, a nullable boolean named as the disease, `date_<disease>`, `imaging_date`.
    """
    followed = pl.col("followed_to") if "followed_to" in facts.columns else pl.lit(date.max, pl.Date)
    label = _high_bp(settings, instance) if disease == HIGH_BP else _timed(disease, settings, followed)
    if settings.no_record == "exclude":
        label = pl.when(pl.col("record")).then(label)
    day = pl.lit(None, pl.Date) if disease == HIGH_BP else pl.col(f"date_{disease}")
    return facts.select(EID, label.alias(disease), day.alias(f"date_{disease}"), "imaging_date")


def _timed(disease: str, settings: LabelSettings, followed: pl.Expr) -> pl.Expr:
    has, first, scan = pl.col(f"has_{disease}"), pl.col(f"date_{disease}"), pl.col("imaging_date")
    if settings.timing == "ever":
        return has
    if settings.timing == "prevalent":
        return pl.when(scan.is_null()).then(None).when(has).then(first <= scan).otherwise(statement=False)
    return pl.when(scan.is_not_null()).then(_incident(has, first, scan, followed, settings.incident_years))


def _incident(has: pl.Expr, first: pl.Expr, scan: pl.Expr, followed: pl.Expr, years: float | None) -> pl.Expr:
    """Positive: a first diagnosis after the scan, during follow-up. Negative: only where follow-up was long enough."""
    late, seen = pl.lit(value=True), followed > scan
    if years is not None:
        late = (first - scan).dt.total_days() <= years * _DAYS_PER_YEAR
        seen = (followed - scan).dt.total_days() >= years * _DAYS_PER_YEAR
    healthy = pl.when(seen).then(statement=False)
    # a diagnosis after the end of follow-up is not a case and, without a limit of years, not a healthy person either
    afterwards = pl.lit(None, pl.Boolean) if years is None else healthy
    found = pl.when(first <= followed).then(late).otherwise(afterwards)
    return pl.when(has).then(pl.when(first > scan).then(found)).otherwise(healthy)


def _high_bp_cases(settings: LabelSettings, instance: int) -> tuple[pl.Expr, pl.Expr]:
    """First visit at which a report makes a case (missing without one), and whether it was denied instead."""
    reported, denied, asked = (pl.col(f"high_bp_{each}") for each in ("told", "denied", "asked"))
    if settings.high_bp == "published":
        return pl.when(asked.list.contains(_PUBLISHED_VISIT)).then(pl.lit(_PUBLISHED_VISIT, pl.Int8)), pl.lit(
            value=True
        )
    if settings.high_bp == "scan":
        there = reported.list.contains(instance)
        return pl.when(there).then(pl.lit(instance, pl.Int8)), denied.list.contains(instance)
    # an unknown answer at another visit may have been high blood pressure
    return reported.list.min(), (denied.list.len() > 0) & (pl.col("high_bp_unclear").list.len() == 0)


def _high_bp_offset(settings: LabelSettings, instance: int) -> pl.Expr:
    """-1, 0 or 1: high blood pressure was found before, at or after the scan's visit; missing if unknown."""
    visit, age = _high_bp_cases(settings, instance)[0], pl.col("high_bp_age")
    by_visit = (visit.cast(pl.Int64) - instance).sign()
    younger = (age < pl.col("imaging_age")).fill_null(value=False)
    timed = pl.when(younger).then(-1).when(age.is_not_null() | (by_visit <= 0)).then(by_visit)
    return pl.when(visit.is_not_null()).then(timed)


def _high_bp(settings: LabelSettings, instance: int) -> pl.Expr:
    """By the age given and the visits; a limit of years applies only where both ages are known."""
    visit, denied = _high_bp_cases(settings, instance)
    case, offset = visit.is_not_null(), _high_bp_offset(settings, instance)
    never = pl.when(denied).then(statement=False)
    if settings.timing == "ever":
        return pl.when(case).then(statement=True).otherwise(never)
    before = offset <= 0
    if settings.timing == "prevalent":
        return pl.when(case).then(before).otherwise(never)
    late = pl.lit(value=True)
    if settings.incident_years is not None:
        years = pl.col("high_bp_age") - pl.col("imaging_age")
        late = (years <= settings.incident_years).fill_null(value=True)
    return pl.when(case).then(pl.when(~before).then(late)).otherwise(never)


def summarise(
    facts: pl.DataFrame, labels: pl.DataFrame, disease: str, settings: LabelSettings, instance: int
) -> dict[str, str | int]:
    """Label counts of a disease, and when its cases with an imaging date were first diagnosed.

    `at` means the day of the scan (for high blood pressure: at the scan's visit, and not at a younger age).
    """
    scanned = facts.filter(pl.col("imaging_date").is_not_null())
    if disease == HIGH_BP:
        offset = scanned.select(_high_bp_offset(settings, instance).alias("offset"))["offset"]
        cases = scanned.select(_high_bp_cases(settings, instance)[0].is_not_null().alias("case"))["case"]
    else:
        offset = (scanned[f"date_{disease}"] - scanned["imaging_date"]).dt.total_days()
        cases = scanned[f"has_{disease}"]
    label = labels[disease]
    return {
        "disease": disease,
        "positive": int(label.sum()),
        "negative": int((~label).sum()),
        "missing": label.null_count(),
        "cases_before_scan": int((offset < 0).sum()),
        "cases_at_scan": int((offset == 0).sum()),
        "cases_after_scan": int((offset > 0).sum()),
        "cases_undated": int((cases & offset.is_null()).sum()),
    }


if __name__ == "__main__":
    cli.run(main)
