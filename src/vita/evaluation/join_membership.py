"""One table of the membership attacks on all models, which were made in separate jobs.

python -m vita.evaluation.join_membership --parts results/metrics/membership/tasks.csv ... --output membership.csv
"""

from pathlib import Path

from vita.runtime import cli


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--parts", type=Path, nargs="+", required=True, help="CSV files of measure_membership")
    parser.add_argument("--output", type=Path, required=True, help="CSV: their rows, in this order")
    args = parser.parse_args(arguments)
    # imported late, so that --help does not wait for pandas
    import pandas as pd

    from vita.runtime.atomic import replacing

    parts = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in args.parts]
    with replacing(args.output) as path:
        # as text, so that no number is rounded
        pd.concat(parts).to_csv(path, index=False)


if __name__ == "__main__":
    cli.run(main)
