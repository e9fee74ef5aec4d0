"""UK Biobank's dictionary of fields, codes, tree of ICD-10, and what a reading can be, as tables of this project.

The tables are fields.tsv, codings.tsv, coding19.tsv and limits.tsv of workflow/resources; their first lines name their
source. The feature table is checked against the first.
"""

import logging
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import polars as pl

from vita.cohort.features import Feature
from vita.runtime.clone import clone
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)


class Limits(NamedTuple):
    """What a reading of a field can be, both ends included, in words with its unit."""

    low: float
    high: float
    reason: str


@cache
def titles() -> dict[int, str]:
    """Title of every field of the dictionary."""
    return {int(number): title for number, title in _rows("fields.tsv", ("field", "title"))}


def codes() -> list[tuple[str, str]]:
    """Every code, block and chapter of data-coding 19 with what is directly above it, which for chapters is empty."""
    return [(code, parent) for code, parent in _rows("coding19.tsv", ("coding", "parent"))]


@cache
def codings() -> dict[int, frozenset[float]]:
    """Every code of the data-codings of single- and multi-select fields, by the coding's number."""
    rows = _rows("codings.tsv", ("coding", "codes"))
    return {int(coding): frozenset(map(float, listed.split())) for coding, listed in rows}


@cache
def limits() -> dict[int, Limits]:
    """The range of possible readings, by field; special codes such as -3 are allowed in addition."""
    rows = _rows("limits.tsv", ("field", "low", "high", "reason"))
    return {int(field): Limits(float(low), float(high), reason) for field, low, high, reason in rows}


def _rows(name: str, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Rows of a table of workflow/resources, whose first lines, each with a `#`, say where it comes from.

    Raises:
        UserError: the table is missing, or is not such a table.
    """
    path = clone() / "workflow" / "resources" / name
    try:
        table = pl.read_csv(path, separator="\t", comment_prefix="#", quote_char=None, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a table of public facts ({reason}); restore it from git") from error
    if table.columns != list(columns):
        has = ", ".join(table.columns)
        raise UserError(f"{path}: has the columns {has}, not {', '.join(columns)}; restore it from git")
    return list(table.fill_null("").iter_rows())


def check_features(features: Sequence[Feature]) -> list[str]:
    """What does not agree between the feature table and the dictionary: unknown fields and renamed titles."""
    known = titles()
    found = []
    for feature in features:
        for (field, _), title in zip(feature.fields, feature.field_titles, strict=False):
            if field not in known:
                found.append(f"feature {feature.name}: field {field} is not in UK Biobank's dictionary")
            elif known[field] != title:
                found.append(f"feature {feature.name}: field {field} is titled {known[field]!r}, not {title!r}")
    return found


def report_disagreements(features: Sequence[Feature]) -> None:
    """Log every disagreement as a warning; a field of a newer dictionary than ours is no error."""
    for line in check_features(features):
        LOG.warning("%s", line)
