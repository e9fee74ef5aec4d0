"""Metrics of predicted numbers, one row per target, on the test split.

    python -m vita.evaluation.regression --task sa_phenotypes --model vita
        --predictions results/predictions/sa_phenotypes/vita.parquet
        --baselines results/predictions/sa_phenotypes/mean_guess.parquet ...   (optional)
        --targets workflow/resources/targets.tsv
        --settings '{"seed": 2025, "evaluation": {"bootstrap": 1000}}'
        --output results/metrics/sa_phenotypes/vita.csv

MAE and SD of the absolute error, R2 both as squared correlation (the paper's) and as explained variance
(1 - residual / total sum of squares), bootstrap 95 % intervals over participants. With baselines, a paired
two-sided Wilcoxon test of the absolute errors against the baseline with the lowest MAE, per target, and Holm's
correction over the targets that a table prints. A baseline is named by its file.
"""

import numpy as np
import pandas as pd

from vita.evaluation.predictions import Pairs, complete, identity, measure_command, pairs, why_none
from vita.evaluation.statistics import holm, interval, resamples, wilcoxon_p
from vita.runtime import cli


def r2_correlation(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Squared Pearson correlation under (count, n) weights: (count,); NaN if either is constant."""
    total = weights.sum(axis=1)
    truth, prediction = truth - truth.mean(), prediction - prediction.mean()
    mean_t, mean_p = weights @ truth / total, weights @ prediction / total
    covariance = weights @ (truth * prediction) / total - mean_t * mean_p
    variance_t = weights @ truth**2 / total - mean_t**2
    variance_p = weights @ prediction**2 / total - mean_p**2
    defined = (variance_t > _noise(truth)) & (variance_p > _noise(prediction))
    found: np.ndarray = np.full(len(weights), np.nan)
    np.divide(covariance**2, variance_t * variance_p, out=found, where=defined)
    return found


def r2_explained(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """1 - residual / total sum of squares under (count, n) weights: (count,); NaN if the truth is constant."""
    total = weights.sum(axis=1)
    centred = truth - truth.mean()
    variance = weights @ centred**2 / total - (weights @ centred / total) ** 2
    residual = weights @ (truth - prediction) ** 2 / total
    ratio: np.ndarray = np.full(len(weights), np.nan)
    np.divide(residual, variance, out=ratio, where=variance > _noise(centred))
    return 1 - ratio


def _noise(centred: np.ndarray) -> float:
    """Variance below which centred values (n,) differ only by rounding."""
    return 1e-12 * max(float(np.mean(centred**2)), 1e-12)


def measure(found: Pairs, name: str, bootstrap: int, seed: int) -> dict[str, float | int | str]:
    """All metrics of one target; NaN and a note for an undefined metric."""
    n = found.truth.size
    row: dict[str, float | int | str] = {"n": n, "note": ""}
    if n == 0:
        return row
    error = np.abs(found.truth - found.prediction)
    row |= {
        "mae": error.mean(),
        "sd": error.std(ddof=1) if n > 1 else np.nan,
        "bias": (found.prediction - found.truth).mean(),
        "truth_mean": found.truth.mean(),
        "truth_sd": found.truth.std(ddof=1) if n > 1 else np.nan,
    }
    weights = resamples(n, bootstrap, seed, name)
    row["mae_low"], row["mae_high"] = interval(weights @ error / n)
    for metric in (r2_correlation, r2_explained):
        label = metric.__name__
        row[label] = metric(found.truth, found.prediction, np.ones((1, n)))[0]
        row[f"{label}_low"], row[f"{label}_high"] = interval(metric(found.truth, found.prediction, weights))
    if n > 1 and np.ptp(found.truth) == 0:
        row["note"] = "the target is constant in the test split"
    return row


def compare(found: Pairs, target: str, baselines: dict[str, pd.DataFrame]) -> dict[str, float | str]:
    """The baseline with the lowest MAE over the same participants, and the paired Wilcoxon p against it."""
    errors: dict[str, np.ndarray] = {}
    own = pd.Series(np.abs(found.truth - found.prediction), index=found.eid)
    for name, table in baselines.items():
        other = pairs(table, target)
        errors[name] = pd.Series(np.abs(other.truth - other.prediction), index=other.eid).reindex(own.index).to_numpy()
    errors = complete(errors, target)
    if not errors:
        return {}
    best = min(errors, key=lambda name: errors[name].mean())
    return {
        "best_baseline": best,
        "best_baseline_mae": errors[best].mean(),
        "p": wilcoxon_p(own.to_numpy(), errors[best]),
    }


def evaluate(
    predictions: pd.DataFrame,
    targets: pd.DataFrame,
    baselines: dict[str, pd.DataFrame],
    model: str,
    bootstrap: int,
    seed: int,
) -> pd.DataFrame:
    """The metrics table, with one row per row of `targets`, in the same order."""
    rows = []
    for _, target in targets.iterrows():
        found = pairs(predictions, target["target"])
        row = identity(target, target["task"], model) | measure(found, target["target"], bootstrap, seed)
        row |= {} if found.truth.size else {"note": why_none(predictions, target["target"])}
        rows.append(row | compare(found, target["target"], baselines))
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    shown = table["in_table"].astype(int) == 1
    table.loc[shown, "p_holm"] = holm(table.loc[shown, "p"].to_numpy(float))
    return table


COLUMNS = [
    *("task", "model", "target", "title", "unit", "kind", "in_table", "decimals", "n"),
    *("mae", "mae_low", "mae_high", "sd", "bias"),
    *("r2_correlation", "r2_correlation_low", "r2_correlation_high"),
    *("r2_explained", "r2_explained_low", "r2_explained_high"),
    *("truth_mean", "truth_sd", "best_baseline", "best_baseline_mae", "p", "p_holm", "note"),
]


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    measure_command(__doc__, evaluate, arguments)


if __name__ == "__main__":
    cli.run(main)
