"""The stratum of each participant whom the split divides: the rarest disease, else sex and age band.

A disease here is what the paper prints: a code of icd10.tsv at any time, or an age of high blood pressure, in those
with a hospital record. The block `labels` of the config is not used. So another code list, timing or rule for those
without a record moves nobody between the splits, and results before and after compare the same people. The price is
that where labels differ much from the paper's, as with `incident`, their cases are balanced by chance alone.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from vita.cohort.cases import find_cases
from vita.cohort.exclusions import LABELS_STEP
from vita.cohort.icd10 import HIGH_BP
from vita.cohort.reading import EID

RAREST_FIRST = ("infarct", "stroke", "diabetes", "cad", HIGH_BP, "hypertension")
AGE_BANDS = (65,)  # years; the imaging cohort is 45 to 85, half of it below 65
HEALTHY = "none"


def participants(
    index: Path,
    exclusions: Path,
    fields: Path | None = None,
    diagnoses: Path | None = None,
    lists: Mapping[str, Collection[str]] | None = None,
) -> pl.DataFrame:
    """Everybody who has a usable scan, a row in the tables, and is not excluded.

    Args:
        index: images/index.parquet.
        exclusions: exclusions.parquet.
        fields: fields.parquet; None for a run from scans alone.
        diagnoses: diagnoses.parquet; None for a run from scans alone.
        lists: every ICD-10 code of each disease; goes with `diagnoses`.

    Returns:
        `eid`, `stratum`, and `labelled`: false for those who are left out only where labels are needed.
    """
    out = pl.read_parquet(exclusions, columns=[EID, "step"])
    unlabelled = out.filter(pl.col("step") == LABELS_STEP)[EID]
    scans = pl.read_parquet(index, columns=[EID, "participant_usable"])
    people = scans.filter(pl.col("participant_usable")).select(EID).unique()
    people = people.join(out.filter(pl.col("step") != LABELS_STEP), on=EID, how="anti")
    if fields:
        people = people.join(_demography(fields), on=EID, how="inner")
    if diagnoses:
        own = pl.read_parquet(diagnoses).join(people.select(EID), on=EID, how="semi")
        people = people.join(diseases(own, lists or {}), on=EID, how="inner")
    labelled = ~pl.col(EID).is_in(unlabelled.implode())
    return people.select(EID, stratum(people.columns), labelled.alias("labelled")).sort(EID)


def _demography(fields: Path) -> pl.DataFrame:
    table = pl.read_parquet(fields)
    return table.select(EID, *(name for name in ("sex", "age") if name in table.columns))


def diseases(diagnoses: pl.DataFrame, lists: Mapping[str, Collection[str]]) -> pl.DataFrame:
    """`eid` and, for each list and high blood pressure, whether it was ever found; null without a hospital record."""
    facts = find_cases(diagnoses, lists)
    ever = {disease: pl.col(f"has_{disease}") for disease in lists} | {HIGH_BP: pl.col("high_bp_visit").is_not_null()}
    return facts.select(EID, *(pl.when("record").then(case).alias(disease) for disease, case in ever.items()))


def stratum(columns: Sequence[str]) -> pl.Expr:
    """The rarest disease of a participant, otherwise sex and age band, as far as these columns exist."""
    parts = [pl.lit(HEALTHY)]
    if "sex" in columns:
        parts.append(pl.col("sex").cast(pl.String).fill_null("?"))
    if "age" in columns:
        band = pl.sum_horizontal(pl.col("age") >= edge for edge in AGE_BANDS)
        parts.append(pl.when(pl.col("age").is_not_null()).then(band).cast(pl.String).fill_null("?"))
    found = pl.concat_str(parts, separator=" ")
    for disease in reversed(RAREST_FIRST):
        if disease in columns:
            found = pl.when(pl.col(disease)).then(pl.lit(disease)).otherwise(found)
    return found.alias("stratum")
