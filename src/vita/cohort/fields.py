"""Features from UK Biobank's delivered table(s): a row per participant, a column per feature of features.tsv.

Deliveries. The spelling of columns is detected for each table and named in the log:
    31-0.0              main dataset as CSV, quoted or not; Table Exporter, UKB-FORMAT
    f.31.0.0            R or tab-separated, missing is NA
    p31, p4080_i2_a0    Research Analysis Platform, Table Exporter, FIELD-NAME, coding RAW
    participant.p31     Research Analysis Platform, dx extract_dataset
Tables are CSV or tab-separated, plain or gzip, latin-1 or UTF-8, or Parquet. Several values may be one column per
array, or one cell `I10|I251` or `["I10","I251"]`. Several tables that share the participant ids are joined.

Only the needed columns are read, a few thousand rows at a time, so memory does not depend on the table's size.
Withdrawn participants are left out. What was not answered is missing; special codes are a feature's own.

Settings (block cohort of config.yaml):
    instance            2 or 3: the visit of the scan, which features are taken from
    cutoff              imaging: nothing dated after the scan enters a feature; none: as the paper
    missing_fields      error, or drop: features whose fields are in no table are left out
    cleaning            right, or paper: what the paper's code put in place of missing answers
    ethnicity           codes of field 21000 to keep, or null

    python -m vita.cohort.fields --table ukb.csv more.tab.gz --features workflow/resources/features.tsv \\
        --withdrawals withdrawals.csv --settings '{"cohort": {"cutoff": "imaging"}}' --output fields.parquet
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from vita import cli
from vita.atomic import replacing
from vita.cohort.dictionary import report_disagreements
from vita.cohort.extraction import extract
from vita.cohort.settings import CohortSettings
from vita.cohort.withdrawals import load_withdrawals
from vita.tabular.features import load_features

LOG = logging.getLogger(__name__)
ROW_GROUP = 1 << 16


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.fields`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--table", required=True, nargs="+", type=Path, help="tables that share participants' ids")
    parser.add_argument("--features", required=True, type=Path, help="the feature table, features.tsv")
    parser.add_argument("--withdrawals", type=Path, help="ids of withdrawn participants, one a line")
    parser.add_argument("--output", required=True, type=Path, help="fields.parquet")
    cli.add_settings(parser, "block cohort of config.yaml")
    args = parser.parse_args(arguments)
    settings = CohortSettings.read(args.settings)
    withdrawn = load_withdrawals(args.withdrawals)
    features = load_features(args.features)
    report_disagreements(features)
    frame = extract(args.table, features, settings, withdrawn)
    write_table(frame, args.output)
    LOG.info("%d participants, %d features", len(frame), frame.width - 1)


def write_table(frame: pl.DataFrame, output: Path) -> None:
    """Write a table as Parquet, whole or not at all; the same table gives the same bytes."""
    with replacing(output) as path:
        # rows in groups of one size, or the bytes would tell in which batches the table was read
        frame.write_parquet(path, compression="zstd", statistics=True, row_group_size=ROW_GROUP)


if __name__ == "__main__":
    cli.run(main)
