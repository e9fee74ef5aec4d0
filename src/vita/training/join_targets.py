"""Join the predictions of models that learnt one target each into one file for the task.

    python -m vita.training.join_targets
        --predictions results/predictions/sa_phenotypes/resnet50-LVEDV.parquet ...
        --output results/predictions/sa_phenotypes/resnet50.parquet

A target that could not be learnt has an empty file and gets no row.
"""

from pathlib import Path

from vita.runtime import cli
from vita.runtime.errors import UserError


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--predictions", type=Path, nargs="+", required=True, help="one file per target, in order")
    parser.add_argument("--output", type=Path, required=True, help="predictions of the task, parquet")
    args = parser.parse_args(arguments)
    join(args.predictions, args.output)


def join(paths: list[Path], output: Path) -> None:
    """Write the rows of all files, one file after the other.

    Raises:
        UserError: no file has a row, or two files predict the same target.
    """
    import pandas as pd

    from vita.runtime.atomic import replacing

    tables = [table for table in map(pd.read_parquet, paths) if len(table)]
    if not tables:
        raise UserError(f"none of the targets behind {output} is known for anybody in the training split")
    names = [name for table in tables for name in table["target"].unique()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"two of the files behind {output} predict {twice[0]}; name each target once")
    with replacing(output) as path:
        pd.concat(tables, ignore_index=True).to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)
