"""Metrics of predicted diseases, binary and categorical features, one row per target, on the test split.

    python -m vita.evaluation.classification --task disease_cad --model vita
        --predictions results/predictions/disease_cad/vita.parquet
        --baselines results/predictions/disease_cad/resnet50.parquet ...   (optional)
        --targets workflow/resources/targets.tsv
        --settings '{"seed": 2025, "evaluation": {"bootstrap": 1000}}'
        --output results/metrics/disease_cad/vita.csv

Binary: AUC-ROC with DeLong's interval, F1, recall and precision at the threshold chosen on validation and stored
with the predictions, average precision, Brier score, prevalence, mean prediction, slope and intercept of calibration
(Wald intervals); bootstrap intervals for everything except the AUC. With baselines: DeLong's paired test against the
one with the highest AUC, and Holm's correction over the targets. Categorical (predictions with a column `class`, a row
per class): macro AUC, accuracy, macro F1. Calibration in the large: for a binary target, the mean prediction divided by
the prevalence (`calibration_ratio`), with its bootstrap interval over participants; for a categorical one, the number
of classes with enough participants in which the mean probability is off by more than `OFF`. A metric that is undefined,
such as the AUC without positives, is empty, and `note` says why.
"""

import numpy as np
import pandas as pd

from vita.evaluation import weighted
from vita.evaluation.predictions import Pairs, complete, identity, measure_command, pairs, why_none
from vita.evaluation.statistics import (
    WIDEST_SLOPE,
    calibration,
    delong_interval,
    delong_p,
    holm,
    interval,
    resamples,
)
from vita.runtime import cli
from vita.runtime.errors import UserError

Row = dict[str, float | int | str]
BINARY = ("auc", "f1", "recall", "precision", "average_precision", "brier")
CALIBRATION = ("calibration_slope", "calibration_intercept", "calibration_ratio")
CATEGORICAL = ("macro_auc", "accuracy", "macro_f1")
OFF = 0.15  # a mean prediction further from the prevalence, relatively, is called off
HARDLY_VARY = f"predictions hardly vary (its 95 % interval would be wider than ± {WIDEST_SLOPE:g})"
ENOUGH = 20  # participants of a class: of fewer, chance alone moves the prevalence by more
COLUMNS = [
    *("task", "model", "target", "title", "unit", "kind", "in_table", "decimals", "n", "positives"),
    *("prevalence", "threshold", "classes"),
    *(f"{name}{end}" for name in BINARY + CATEGORICAL for end in ("", "_low", "_high")),
    *(f"{name}{end}" for name in CALIBRATION for end in ("", "_low", "_high")),
    *("mean_prediction", "calibration_classes", "calibration_classes_off"),
    *("best_baseline", "best_baseline_auc", "p", "p_holm", "note"),
]


def is_off(ratio: np.ndarray | float) -> np.ndarray:
    """Whether ratios of mean prediction to prevalence differ from 1 by more than `OFF`."""
    off: np.ndarray = np.abs(np.asarray(ratio) - 1) > OFF
    return off


def binary(found: Pairs, name: str, bootstrap: int, seed: int) -> Row:
    """Metrics of one binary target.

    Raises:
        UserError: a truth is neither 0 nor 1, or a prediction is not a probability.
    """
    if not np.isin(found.truth, (0, 1)).all():
        raise UserError(f"{name}: the truth of a binary target must be 0 or 1")
    if found.prediction.size and (found.prediction.min() < 0 or found.prediction.max() > 1):
        raise UserError(f"{name}: predictions of a binary target must be probabilities between 0 and 1")
    truth, score = found.truth.astype(bool), found.prediction
    n, positives = truth.size, int(truth.sum())
    row: Row = {"n": n, "positives": positives, "threshold": found.threshold}
    if n == 0:
        return row
    row["prevalence"] = positives / n
    row["auc"], row["auc_low"], row["auc_high"] = delong_interval(truth, score)
    weights = np.vstack([np.ones(n), resamples(n, bootstrap, seed, name)])
    values = {
        "average_precision": weighted.average_precision(truth, score, weights),
        "brier": weights @ (truth - score) ** 2 / n,
        "calibration_ratio": weighted.ratio(weights @ score, weights @ truth),
    }
    if np.isfinite(found.threshold):
        values |= weighted.threshold_metrics(truth, score >= found.threshold, weights)
    for metric, value in values.items():
        row[metric] = float(value[0])
        row[f"{metric}_low"], row[f"{metric}_high"] = interval(value[1:])
    row["mean_prediction"] = float(score.mean())
    for metric, ends in calibration(truth, score).items():
        row[metric], row[f"{metric}_low"], row[f"{metric}_high"] = ends
    row["note"] = "; ".join(_notes(truth, score, found.threshold, row))
    return row


def _notes(truth: np.ndarray, score: np.ndarray, threshold: float, row: Row) -> list[str]:
    """Why some metrics of a binary target are empty."""
    notes = []
    if not truth.any():
        notes.append("no positives in the test split")
    elif truth.all():
        notes.append("no negatives in the test split")
    if not np.isfinite(threshold):
        notes.append("no threshold stored")
    elif not (score >= threshold).any():
        notes.append("nobody was called positive, so precision is undefined")
    if truth.any() and not truth.all() and np.isnan(float(row["calibration_slope"])):
        apart = score[truth].min() > score[~truth].max() or score[truth].max() < score[~truth].min()
        notes.append("no calibration slope: " + ("all positives lie beyond all negatives" if apart else HARDLY_VARY))
    return notes


def categorical(predictions: pd.DataFrame, name: str, bootstrap: int, seed: int) -> Row:
    """Metrics of one categorical target from a probability per participant and class.

    Raises:
        UserError: there is no column `class`, or a participant's class is missing or repeated.
    """
    if "class" not in predictions.columns:
        raise UserError(f"{name}: predictions of a categorical target need a column `class`")
    rows = predictions[(predictions["target"] == name) & predictions["truth"].notna()]
    if rows.empty:
        return {"n": 0}
    if rows.duplicated(["eid", "class"]).any():
        raise UserError(f"{name}: some participants have a class twice")
    probability = rows.pivot_table(index="eid", columns="class", values="prediction")
    if probability.isna().any(axis=None):
        raise UserError(f"{name}: some participants have no probability for a class")
    truth = rows.drop_duplicates("eid").set_index("eid")["truth"].reindex(probability.index).to_numpy(float)
    classes = probability.columns.to_numpy(float)
    called = classes[probability.to_numpy().argmax(axis=1)]
    weights = np.vstack([np.ones(truth.size), resamples(truth.size, bootstrap, seed, name)])
    occurring = np.union1d(truth, called)
    accuracy, macro_f1 = weighted.accuracy_and_macro_f1(truth, called, occurring, weights)
    row: Row = {"n": truth.size, "classes": int(np.unique(truth).size)}
    counts = (truth[:, None] == classes).sum(axis=0)
    ratios = probability.to_numpy(float).sum(axis=0)[counts >= ENOUGH] / counts[counts >= ENOUGH]
    row |= {"calibration_classes": ratios.size, "calibration_classes_off": int(is_off(ratios).sum())}
    values = {"accuracy": accuracy, "macro_f1": macro_f1}
    if np.unique(truth).size > 1:
        values["macro_auc"] = weighted.macro_auc(truth, probability.to_numpy(float), classes, weights)
    else:
        row["note"] = "only one class in the test split"
    for metric, value in values.items():
        row[metric] = float(value[0])
        row[f"{metric}_low"], row[f"{metric}_high"] = interval(value[1:])
    return row


def compare(found: Pairs, target: str, baselines: dict[str, pd.DataFrame]) -> Row:
    """The baseline with the highest AUC over the same participants, and DeLong's paired p against it."""
    truth = found.truth.astype(bool)
    scores: dict[str, np.ndarray] = {}
    for name, table in baselines.items():
        other = pairs(table, target)
        scores[name] = pd.Series(other.prediction, index=other.eid).reindex(found.eid).to_numpy(float)
    scores = complete(scores, target)
    if not scores or truth.all() or not truth.any():
        return {}
    areas = {name: delong_interval(truth, score)[0] for name, score in scores.items()}
    best = max(areas, key=lambda name: areas[name])
    return {
        "best_baseline": best,
        "best_baseline_auc": areas[best],
        "p": delong_p(truth, found.prediction, scores[best]),
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
        name = target["target"]
        row = identity(target, target["task"], model)
        if target["kind"] == "categorical":
            row |= categorical(predictions, name, bootstrap, seed)
        else:
            found = pairs(predictions, name)
            row |= binary(found, name, bootstrap, seed) | compare(found, name, baselines)
        row |= {} if row["n"] else {"note": why_none(predictions, name)}
        rows.append(row)
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    table["p_holm"] = holm(table["p"].to_numpy(float))
    table["note"] = [row.get("note", "") for row in rows]
    return table


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    measure_command(__doc__, evaluate, arguments)


if __name__ == "__main__":
    cli.run(main)
