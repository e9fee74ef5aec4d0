"""The blocks of the configuration about the cohort: where data come from, labels, and the split."""

from typing import Annotated, Literal

from pydantic import Field

from vita.config.models.kinds import (
    Block,
    Count,
    NonEmpty,
    NotNegative,
    Number,
    Positive,
    Rate,
    Share,
    Task,
    Unique,
    unit,
)

# UK Biobank's coding 1001
Ethnicity = Literal[
    1, 1001, 1002, 1003, 2, 2001, 2002, 2003, 2004, 3, 3001, 3002, 3003, 3004, 4, 4001, 4002, 4003, 5, 6
]
Code = Annotated[
    str, Field(pattern="^[A-Z][0-9]{2}([0-9A-Z]{0,3}|-[A-Z][0-9]{2})$", examples=["I252", "I21", "I20-I25"])
]
Codes = Annotated[Unique[Code], Field(min_length=1, description="ICD-10 codes of the disease")]


class Input(Block):
    """Where the data come from."""

    source: Literal["phantom", "files"] = "phantom"
    """phantom: the built-in cohort; files: the tables and scans named below"""
    tables: Unique[NonEmpty] = []
    """UK Biobank tables, joined by `eid`; an empty list: a run from scans alone"""
    withdrawals: NonEmpty | None = None
    """CSV of withdrawn ids, one per line, without a header"""
    scans: str | None = None
    """folder of scans: UK Biobank's zips, or <scans>/<eid>/sa.nii.gz, la_2ch.nii.gz, ..."""


class Phantom(Block):
    """The built-in cohort."""

    participants: Annotated[int, Field(ge=20, le=899999)] = 1500
    """size of the cohort"""
    batches: Count = 8
    """number of jobs that make scans in parallel"""
    matrix: Annotated[list[Annotated[int, Field(ge=24, le=512)]], Field(min_length=2, max_length=2)] = [72, 80]
    """rows, columns of a plane"""
    pixel_mm: Annotated[float, Field(ge=0.5, le=10), unit("mm")] = 3.6
    """in-plane pixel size"""
    frames: Annotated[int, Field(ge=5, le=100)] = 20
    """frames of a cardiac cycle"""
    sa_slices: Annotated[int, Field(ge=6, le=30)] = 10
    """slices of the short-axis stack"""
    sa_spacing_mm: Annotated[float, Field(ge=2, le=20), unit("mm")] = 10
    """distance between short-axis slices, including the gap"""
    broken_scans: Number = 3
    """participants with a truncated scan, as in any real cohort"""
    withdrawn: Number = 5
    """participants who withdrew consent"""
    labelled: Rate = 0.58
    """share of participants with masks, phenotypes and disease labels; the others have scans and the table, and are in
    Stages I and II only"""


class Cohort(Block):
    """How features are taken from the table."""

    instance: Literal[2, 3] = 2
    """imaging visit: 2 first, 3 repeat"""
    cutoff: Literal["none", "imaging"] = "none"
    """imaging: nothing dated after the scan enters a feature; none: no cutoff, as in the paper"""
    missing_fields: Literal["error", "drop"] = "error"
    """if a required field is not in the tables: error | drop the features that need it"""
    cleaning: Literal["right", "paper"] = "right"
    """right: clean all special codes | paper: only those that the published code treats"""
    ethnicity: Unique[Ethnicity] | None = None
    """keep only these codes of field 21000, e.g. [1001]; null keeps all"""
    max_contradictions: Share = 0.01
    """share of a column's values that may differ between two tables before they are refused"""
    implausible: Literal["keep", "missing"] = "keep"
    """numbers that cannot be (a height of 17 m; limits.tsv): keep | missing; the log and the data card count them"""


class Labels(Block):
    """Which diagnoses make a case."""

    timing: Literal["ever", "prevalent", "incident"] = "ever"
    """ever (the paper) | prevalent | incident"""
    incident_years: Positive | None = None
    """with incident: follow-up in years after the scan; null: unlimited"""
    follow_up_end: str | dict[str, str] | None = None
    """with incident: last day of hospital data, '2022-10-31', or one day each for england, scotland and wales; null:
    the last diagnosis in the table"""
    no_record: Literal["exclude", "negative"] = "exclude"
    """participants without a hospital record: exclude (the paper) | negative"""
    high_bp: Literal["any", "scan", "published"] = "any"
    """visits at which a report of high blood pressure counts: any | scan: that of the scan | published: only a
    non-empty field 2966 at visit 2 makes a case"""
    codes: dict[Literal["cad", "stroke", "hypertension", "infarct", "diabetes"], Codes] = {}
    """ICD-10 codes of a disease that replace those in icd10.tsv, e.g. {infarct: [I21, I252]}; I21 includes all codes
    below it, and I20-I25 is a range. The split does not change"""


class Split(Block):
    """How participants are divided, once for every stage and task."""

    val: NotNegative = 0.15
    """fraction (below 1) or number of participants, for early stopping and thresholds"""
    test: NotNegative = 0.2
    """fraction (below 1) or number of participants, never seen in training"""
    held_out: Annotated[float, Field(gt=0, lt=1)] | None = None
    """share that is never trained on, from which val and test are drawn; null: val and test together"""


class Tabular(Block):
    """How the table is encoded."""

    impute: Literal["mean", "median"] = "mean"
    """missing numbers are replaced by the mean | median of the training split"""
    exclude: Unique[str] | dict[Task, Unique[str]] = []
    """features kept out of Stage II, by name or group (see features.tsv), or one list per task, each of which needs a
    separate Stage II: {diseases: [diagnoses], sa_phenotypes: [sa_phenotypes]}"""
