"""Means and SDs over seeds in the tables: they are joined to the metrics and explained below the table."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vita.evaluation.over_seeds import AVERAGE, KEYS
from vita.report.reading import read_numbers


def join_seeds(metrics: pd.DataFrame, paths: Sequence[Path]) -> pd.DataFrame:
    """Metrics with the columns `<metric>_seeds_mean`, `<metric>_seeds_sd` and `seeds`; unchanged without files.

    Args:
        metrics: rows of metrics files, any number of systems.
        paths: what `vita.evaluation.over_seeds` wrote for some of them. Its row `Average` is added to the metrics.

    Raises:
        UserError: a file is missing, or holds no means over seeds.
    """
    if not paths:
        return metrics
    tables = [read_numbers(path, ("model", "target", "seeds"), "means over seeds", "average_seeds") for path in paths]
    found = pd.concat(tables, ignore_index=True)
    keys = [name for name in KEYS if name in metrics and name in found]
    average = found[found["target"] == AVERAGE]
    joined = metrics.merge(found, on=keys, how="left", validate="one_to_one")
    return pd.concat([joined, average], ignore_index=True) if len(average) else joined


def seeds_remark(metrics: pd.DataFrame) -> list[str]:
    """The explanation of "over seeds" below a table that has it."""
    if "seeds" not in metrics or metrics["seeds"].isna().all():
        return []
    return [
        f"Over seeds: mean ± SD of {int(metrics['seeds'].max())} trainings of Stages I to III that differ only in "
        "their seed, evaluated on the same test split; other intervals and SDs are over participants."
    ]
