"""One table of the true phenotypes from those of all batches; for tests only, no later step reads it."""

from pathlib import Path

import pandas as pd

from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--batches", type=Path, nargs="+", required=True, help="tables that vita.phantom.scans wrote")
    parser.add_argument("--output", type=Path, required=True, help="truth.parquet")
    args = parser.parse_args(arguments)
    tables = [pd.read_parquet(path) for path in args.batches]
    table = pd.concat([table for table in tables if len(table)], ignore_index=True).sort_values("eid")
    if table["eid"].duplicated().any():
        raise UserError("--batches: a participant is in two tables; give only the tables of one run")
    with replacing(args.output) as output:
        table.to_parquet(output, index=False)


if __name__ == "__main__":
    cli.run(main)
