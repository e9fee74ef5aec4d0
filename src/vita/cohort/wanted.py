"""The fields of UK Biobank that the workflow reads, to apply for or to export from the platform.

Without a dictionary, prints number and title of a field per line. With the data dictionary of a dataset of the Research
Analysis Platform (`dx extract_dataset DATASET -ddd` writes it), prints the names of the columns to export, one per
line, `eid` first; fields of which it has no column are named in the log. This is the file that the Table Exporter takes
as "File containing Field Names" or, with `--prefix participant.`, that `dx extract_dataset --fields-file` takes.

    python -m vita.cohort.wanted
    python -m vita.cohort.wanted --dictionary app1.data_dictionary.csv > names.txt
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from vita.cohort.diagnoses import AGE, FOLLOW_UP, TITLES
from vita.cohort.features import load_features
from vita.cohort.plan import SCAN_DATE_FIELD
from vita.cohort.spellings import SPELLINGS
from vita.runtime import cli
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
ENTITY = "participant"
_AGE_TITLE = "Age when attended assessment centre"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.wanted`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--features", type=Path, default=Path("workflow/resources/features.tsv"), help="features.tsv")
    parser.add_argument("--dictionary", type=Path, help="data dictionary of a dataset, CSV or TSV")
    parser.add_argument("--prefix", default="", help="text before each name, such as participant.")
    args = parser.parse_args(arguments)
    fields = wanted_fields(args.features)
    if args.dictionary:
        lines = [args.prefix + name for name in columns(args.dictionary, fields)]
    else:
        lines = [f"{field}\t{title}" for field, title in sorted(fields.items())]
    print("\n".join(lines))


def wanted_fields(features: Path) -> dict[int, str]:
    """Numbers and titles of the fields behind features, labels and dates."""
    found = {**TITLES, **FOLLOW_UP, AGE: _AGE_TITLE, SCAN_DATE_FIELD: TITLES[SCAN_DATE_FIELD]}
    for feature in load_features(features):
        titles = dict(zip([field for field, _ in feature.fields], feature.field_titles, strict=False))
        for field, _ in feature.fields:
            found.setdefault(field, titles.get(field, feature.title))
        if feature.date_field:
            found.setdefault(feature.date_field, f"date of {feature.title}")
    return found


def columns(dictionary: Path, fields: dict[int, str]) -> list[str]:
    """Names of the columns of these fields in a dataset, `eid` first.

    Raises:
        UserError: the file is not a data dictionary, or has none of the fields.
    """
    try:
        with dictionary.open(encoding="utf-8", errors="replace") as lines:
            separator = max("\t,;", key=lines.readline().count)
        known = pl.read_csv(dictionary, columns=["entity", "name"], infer_schema=False, separator=separator)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"--dictionary {dictionary}: not a table with the columns entity and name ({error})") from error
    names = known.filter(pl.col("entity") == ENTITY)["name"].to_list()
    matches = [(name, SPELLINGS["platform"].fullmatch(name)) for name in names]
    found = [name for name, match in matches if match and int(match["field"]) in fields]
    if not found:
        raise UserError(f"--dictionary {dictionary}: entity {ENTITY} has no column of the fields that are needed")
    there = {int(match["field"]) for _, match in matches if match}
    if absent := [f"{field} ({title})" for field, title in sorted(fields.items()) if field not in there]:
        LOG.warning(
            "%s has no column of %d of the %d fields: %s. Ask UK Biobank to add them to the application and refresh "
            "the dataset, or do without the features that need them (cohort.missing_fields: drop)",
            dictionary, len(absent), len(fields), "; ".join(absent),
        )  # fmt: skip
    return ["eid", *found]


if __name__ == "__main__":
    cli.run(main)
