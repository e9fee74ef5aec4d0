"""UK Biobank's dictionary of fields as the package fmrib-unpack brings it, and the feature table checked against it."""

import logging
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from vita.cohort.features import Feature
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)


def dictionary_file(*parts: str) -> Path:
    """A file of fmrib-unpack's schema folder, found without importing the package (which takes a second).

    Raises:
        UserError: the package is not installed.
    """
    spec = find_spec("funpack")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the package fmrib-unpack is not installed; it brings UK Biobank's codes: pip install -e .")
    return Path(spec.submodule_search_locations[0], "schema", *parts)


@cache
def titles() -> dict[int, str]:
    """Title of every field of the dictionary."""
    columns = {"field_id": pl.Int64, "title": pl.String}
    table = pl.read_csv(
        dictionary_file("field.txt"),
        columns=list(columns),
        schema_overrides=columns,
        separator="\t",
        quote_char=None,
        encoding="latin-1",
    )
    return dict(table.with_columns(pl.col("title").str.strip_chars()).iter_rows())


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
