"""Features from UK Biobank's delivered table(s).

Reads each table once, a few thousand rows at a time, and only the columns that the feature table asks for. Every
spelling of columns is understood (see vita.cohort.spellings), CSV or tab-separated, plain or gzip, and Parquet.
Writes a row per participant and a column per feature by its short name; what was not answered is missing.
Withdrawn participants are not in it.

    python -m vita.cohort.fields --table ukb.csv --features workflow/resources/features.tsv \\
        --withdrawals withdrawals.csv --output results/cohort/fields.parquet
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
        frame.write_parquet(path, compression="zstd", statistics=True)


if __name__ == "__main__":
    cli.run(main)
