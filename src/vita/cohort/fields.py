"""Features from UK Biobank's delivered table(s): a row per participant, a column per feature of features.tsv.

WHAT IS READ
    Text with commas, tabs, semicolons, bars or blanks between cells (plain, gzip, bzip2, xz or lzma, UTF-8 or latin-1),
    or Parquet.
    The kind of file and the spelling of its columns are detected for each table and named in the log:
        31-0.0, 4080-2.0           main dataset as CSV, quoted or not; Table Exporter, header style UKB-FORMAT
        f.31.0.0, f.4080.2.0       R or tab-separated; NA is missing
        X31.0.0, 31_0_0, n_31_0_0  the same, after R's read.csv, a database or Stata
        p31, p4080_i2_a0           Research Analysis Platform, Table Exporter, header style FIELD-NAME
        participant.p4080_i2_a0    Research Analysis Platform, dx extract_dataset
    From the Table Exporter, ask for coding option RAW: with REPLACE, cells hold labels ("Male"), which are refused.
    Several values of a field are in one column per array, or in one cell, `I10|I251`, `I10;I251` or `["I10","I251"]`.
    Empty, NA, N/A, NULL, None, nan, a full stop and [] are missing, and blanks around a value mean nothing. A quoted
    cell may hold line breaks; a quote elsewhere is only text. R's row names, a delimiter after each row, and
    columns of your own are ignored.
    Several tables, such as a project's baskets or releases, are joined by participant id. A column that is in two
    takes each participant's value from the first table that has one; the log counts what each table adds, and tables
    that contradict each other in more than `max_contradictions` of the values are refused. Only needed columns are
    read, a few thousand rows at a time, and what they give is set aside, compressed, in a temporary file beside the
    output, up to 1 kB per participant and table, which is gone at the end. So memory does not grow with the table.

WHAT IS WRITTEN
    Parquet, sorted by eid: eid (int64), then a column per feature by its short name: numbers as doubles in the unit of
    features.tsv, codes as whole numbers. Missing is null: not answered, not asked, or outside the plausible range.
    Withdrawn participants are left out. The log, and the file of `--remarks`, count the codes that a column's coding
    does not have and the numbers that cannot be, and never name anybody.

FEATURES
    features.tsv says for each feature which fields it is made from, at which visit, by which rule, which codes are
    valid, missing or mean a number, and what is plausible. A new row is a new feature: the header of
    src/vita/cohort/features.py describes the columns, that of src/vita/cohort/rules.py the rules. Field ids and
    titles are checked against UK Biobank's dictionary; what differs is logged.

SETTINGS (the whole block cohort: config.yaml, or a file or JSON with all of its keys)
    instance        2 (default) or 3: the visit of the scan, which features are taken from
    cutoff          imaging: nothing dated after the scan is used (needs field 53); none (default): as in the paper
    missing_fields  error (default): an absent field is an error; drop: features that depend on it are left out
    cleaning        right (default); paper: what the paper's code put in place of missing answers
    max_contradictions  share of a column's values that may differ between two tables (0.01)
    implausible     keep (default) or missing: numbers that cannot be, see workflow/resources/limits.tsv
    ethnicity       codes of field 21000 to keep, such as [1001]; null (default) keeps everybody

WHAT IS REFUSED, in one line that names file, line or column, with exit code 1 and nothing written
    labels instead of codes, mixed spellings, a column or a participant twice, ids that are not whole numbers, invalid
    dates, lines with too few or too many cells, a quote never closed, a truncated table, a header without rows, NUL
    bytes, UTF-16, encrypted deliveries (with the commands that decrypt them), and files that are no table: archives,
    Excel, SAS, Stata, SPSS, R, Arrow or Feather files, web pages and others, each with what to do

EXAMPLES
    python -m vita.cohort.fields --table ukb12345.csv --features workflow/resources/features.tsv \\
        --settings config.yaml --output fields.parquet
    python -m vita.cohort.fields --table basket1.csv basket2.tab.gz --features workflow/resources/features.tsv \\
        --withdrawals withdrawals.csv --settings own.yaml --output fields.parquet
"""

import logging
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import polars as pl

from vita.cohort.dictionary import report_disagreements
from vita.cohort.extraction import extract
from vita.cohort.features import load_features
from vita.cohort.remarks import Remarks
from vita.cohort.settings import CohortSettings
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.withdrawals import load_withdrawals

LOG = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.fields`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--table", required=True, nargs="+", type=Path, help="tables that share participants' ids")
    parser.add_argument("--features", required=True, type=Path, help="the feature table, features.tsv")
    parser.add_argument("--withdrawals", type=Path, help="ids of withdrawn participants, one a line")
    parser.add_argument("--output", required=True, type=Path, help="fields.parquet")
    parser.add_argument("--remarks", type=Path, help="unknown codes and impossible numbers by column, CSV to write")
    cli.add_settings(parser, "block cohort of config.yaml")
    args = parser.parse_args(arguments)
    settings = CohortSettings.read(args.settings)
    withdrawn = load_withdrawals(args.withdrawals)
    features = load_features(args.features)
    report_disagreements(features)
    remarks = Remarks()
    with replacing(args.output) as path:
        rows = write_table(extract(args.table, features, settings, withdrawn, path.parent, remarks), path)
    if args.remarks:
        with replacing(args.remarks) as path:
            remarks.write(path)
    LOG.info("%d participants, %d features", *rows)


def write_table(frames: Iterator[pl.DataFrame], path: Path) -> tuple[int, int]:
    """Write frames as Parquet, each as a row group; the same frames give the same bytes.

    Returns:
        Number of rows, and of columns without `eid`.
    """
    import pyarrow.parquet as pq  # start-up: only at the end

    first = next(frames)
    schema = first.to_arrow().schema
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for frame in chain([first], frames):
            writer.write_table(frame.to_arrow())
            rows += len(frame)
    return rows, first.width - 1


if __name__ == "__main__":
    cli.run(main)
