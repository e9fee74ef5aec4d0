"""Mean and SD of a system's metrics over trainings with several seeds, one row per row of its metrics.

    python -m vita.evaluation.over_seeds
        --metrics results/metrics/sa_phenotypes/vita.csv results/seeds/7/metrics/sa_phenotypes/vita.csv ...
        --output results/seeds/metrics/sa_phenotypes/vita.csv

The test split is the same for all seeds, so the SD (n - 1) shows how much training alone changes a metric; the
intervals of the metrics show how much the choice of participants does. The row `Average` is over the targets that a
table of errors prints: the average of each seed, and the mean and SD of these averages.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vita.evaluation.small_counts import is_small
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

AVERAGE = "Average"
KEYS = ["task", "model", "target", "view", "phase"]
METRICS = (
    *("mae", "r2_correlation", "r2_explained"),
    *("auc", "f1", "recall", "precision", "average_precision", "brier"),
    *("macro_auc", "accuracy", "macro_f1"),
    *("dice", "hd_mm", "hd95_mm"),
)


def over_seeds(runs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Metrics over seeds.

    Args:
        runs: metrics of the same system on the same task, one table per seed, with the same rows.

    Returns:
        The keys of each row, `seeds` (how many), and `<metric>_seeds_mean`, `<metric>_seeds_sd` of each metric that the
        tables have. A metric that is undefined for any seed has neither.

    Raises:
        UserError: there are fewer than two tables, or their rows differ.
    """
    keys = [name for name in KEYS if name in runs[0]]
    if len(runs) < 2:
        raise UserError("a single table of metrics has no SD over seeds; give the tables of two seeds or more")
    first = runs[0][keys].reset_index(drop=True)
    if not all(run[keys].reset_index(drop=True).equals(first) for run in runs):
        raise UserError(
            "the tables of metrics belong to different systems, tasks or targets; give one table of "
            "the same system per seed"
        )
    metrics = [name for name in METRICS if name in runs[0] and runs[0][name].notna().any()]
    if "mae" in metrics:
        runs = [pd.concat([run, _average(run)], ignore_index=True) for run in runs]
    values = pd.concat([run[metrics].astype(float) for run in runs], keys=range(len(runs)), names=["seed", "row"])
    rows = values.groupby(level="row")
    whole = rows.count() == len(runs)
    table = runs[0][keys].assign(seeds=len(runs))
    for name in metrics:
        table[f"{name}_seeds_mean"] = rows[name].mean().where(whole[name])
        table[f"{name}_seeds_sd"] = rows[name].std(ddof=1).where(whole[name])
    return table


def _average(run: pd.DataFrame) -> pd.DataFrame:
    """One row with the mean over printed targets, without small ones, which a table withholds."""
    shown = run[(run["in_table"].astype(int) == 1) & ~is_small(run["n"])]
    about = {"task": run["task"][0], "model": run["model"][0], "target": AVERAGE}
    return pd.DataFrame([about | {"mae": shown["mae"].mean()}])


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", nargs="+", required=True, type=Path, help="metrics CSV of each seed")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    args = parser.parse_args(arguments)
    table = over_seeds([pd.read_csv(path) for path in args.metrics])
    with replacing(args.output) as path:
        table.to_csv(path, index=False)


if __name__ == "__main__":
    cli.run(main)
