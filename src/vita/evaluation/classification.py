"""Metrics of predicted diseases, binary and categorical features, one row per target, on the test split.

    python -m vita.evaluation.classification --task disease_cad --model vita
        --predictions results/predictions/disease_cad/vita.parquet
        --baselines results/predictions/disease_cad/resnet50.parquet ...   (optional)
        --targets workflow/resources/targets.tsv
        --settings '{"seed": 2025, "evaluation": {"bootstrap": 1000}}'
        --output results/metrics/disease_cad/vita.csv

Binary: AUC-ROC with DeLong's interval, F1, recall and precision at the threshold chosen on validation and stored
with the predictions, average precision, Brier score, prevalence; bootstrap intervals for all but the AUC; with
baselines, DeLong's paired test against the one with the highest AUC and Holm's correction over the targets.
Categorical (predictions with a column `class`, a row per class): macro AUC, accuracy, macro F1.
A metric that is undefined, such as the AUC without positives, is empty, and `note` says why.
"""

import numpy as np
import pandas as pd

from vita.evaluation.classification_metrics import Row, binary, categorical
from vita.evaluation.measuring import command
from vita.evaluation.predictions import Pairs, complete, identity, pairs
from vita.evaluation.statistics import delong_interval, delong_p, holm
from vita.runtime import cli

BINARY = ("auc", "f1", "recall", "precision", "average_precision", "brier")
CATEGORICAL = ("macro_auc", "accuracy", "macro_f1")
COLUMNS = [
    *("task", "model", "target", "title", "unit", "kind", "in_table", "decimals", "n", "positives"),
    *("prevalence", "threshold", "classes"),
    *(f"{name}{end}" for name in BINARY + CATEGORICAL for end in ("", "_low", "_high")),
    *("best_baseline", "best_baseline_auc", "p", "p_holm", "note"),
]


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
    """The metrics table: a row per row of `targets`, in their order."""
    rows = []
    for _, target in targets.iterrows():
        name = target["target"]
        row = identity(target, target["task"], model)
        if target["kind"] == "categorical":
            row |= categorical(predictions, name, bootstrap, seed)
        else:
            found = pairs(predictions, name)
            row |= binary(found, name, bootstrap, seed) | compare(found, name, baselines)
        rows.append(row)
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    table["p_holm"] = holm(table["p"].to_numpy(float))
    table["note"] = [row.get("note", "") for row in rows]
    return table


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    command(__doc__, evaluate, arguments)


if __name__ == "__main__":
    cli.run(main)
