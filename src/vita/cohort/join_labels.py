"""The labels of all six diseases in one table and their summaries in another, for the data card and for readers.

Trainings read the file of their own disease, so that a changed code list reruns that disease alone.

    python -m vita.cohort.join_labels --labels results/cohort/labels/*.parquet \\
        --summaries results/cohort/labels/*.csv --output results/cohort/labels.parquet \\
        --summary results/cohort/labels_summary.csv
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from vita.cohort.reading import EID
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

_SCAN = "imaging_date"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.join_labels`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--labels", required=True, nargs="+", type=Path, help="labels of each disease, Parquet")
    parser.add_argument("--summaries", required=True, nargs="+", type=Path, help="summary of each disease, CSV")
    parser.add_argument("--output", required=True, type=Path, help="labels.parquet")
    parser.add_argument("--summary", required=True, type=Path, help="labels_summary.csv")
    args = parser.parse_args(arguments)
    joined = join(args.labels)
    with replacing(args.output) as path:
        joined.write_parquet(path, compression="zstd")
    with replacing(args.summary) as path:
        pl.concat([pl.read_csv(each) for each in args.summaries]).write_csv(path)


def join(paths: Sequence[Path]) -> pl.DataFrame:
    """Labels of several diseases side by side.

    Args:
        paths: files as vita.cohort.labels writes them, of one diagnoses.parquet.

    Returns:
        `eid`, a nullable boolean per disease, `date_<disease>` of each, `imaging_date`; in the order of the files.

    Raises:
        UserError: the files are not of the same participants.
    """
    tables = [pl.read_parquet(path) for path in paths]
    first = tables[0]
    for path, table in zip(paths, tables, strict=True):
        if not table[EID].equals(first[EID]):
            raise UserError(
                f"{path} does not have the same participants as {paths[0]}; make both from one diagnoses.parquet"
            )
    named = [next(name for name in table.columns if name not in (EID, _SCAN)) for table in tables]
    labels = [table[name] for table, name in zip(tables, named, strict=True)]
    days = [table[f"date_{name}"] for table, name in zip(tables, named, strict=True)]
    return pl.DataFrame([first[EID], *labels, *days, first[_SCAN]])


if __name__ == "__main__":
    cli.run(main)
