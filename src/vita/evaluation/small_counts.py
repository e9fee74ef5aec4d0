"""Small counts are withheld from tables, CSV files and pages that are meant for other people."""

import numpy as np
import pandas as pd

from vita.runtime.privacy import SMALLEST_COUNT, shown_count

SHARES = ("positives", "prevalence", "calibration_", "mean_prediction")  # names of columns that reveal small counts
FEW = f"fewer than {SMALLEST_COUNT} participants"
FEW_POSITIVES = f"fewer than {SMALLEST_COUNT} of one kind, so the share is withheld"


def is_small(counts: pd.Series) -> pd.Series:
    """Whether counts (n,) are from 1 to 9."""
    return pd.to_numeric(counts, errors="coerce").between(1, SMALLEST_COUNT - 1)


def withheld(table: pd.DataFrame, values: list[str]) -> pd.DataFrame:
    """A table for writing: `n` and `values` are removed from rows of small groups, and `note` says so."""
    small = is_small(table["n"])
    table = table.astype({"n": object})
    table.loc[small, "n"] = [shown_count(count) for count in table.loc[small, "n"]]
    table.loc[small, values] = np.nan
    table.loc[small, "note"] = FEW
    return table


def metrics_withheld(metrics: pd.DataFrame) -> pd.DataFrame:
    """Metrics files that become a table: small groups keep only their `n`, which `shown_count` prints. A binary target
    with few positives, or few negatives, keeps its metrics, but neither their number nor their share, nor the
    calibration from which the share could be computed.
    """
    metrics = metrics.reindex(columns=[*metrics.columns.difference(["note"], sort=False), "note"])
    small = is_small(metrics["n"])
    numbers = metrics.select_dtypes("number").columns.difference(["n", "in_table", "decimals"])
    metrics = metrics.astype(dict.fromkeys(numbers, float) | {"note": object})
    metrics.loc[small, numbers] = np.nan
    metrics.loc[small, "note"] = FEW
    if "positives" in metrics:
        few = is_small(metrics["positives"]) | is_small(metrics["n"] - metrics["positives"])
        shares = [name for name in metrics if name.startswith(SHARES)]
        metrics.loc[few, shares] = np.nan
        notes = metrics.loc[few, "note"].fillna("")
        metrics.loc[few, "note"] = [f"{note}; {FEW_POSITIVES}" if note else FEW_POSITIVES for note in notes]
    return metrics
