"""Controls cross-validated over every labelled participant of a cohort.

The test split of a small cohort is one draw, and on it a control may do better or worse by chance. Here everybody is
predicted once: of five parts of the cohort one is predicted, the next chooses the penalties, and heads are fitted to
the other three as those of the tables are (`vita.training.closed_form`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita import names
from vita.report.measured_line import Line, read

if TYPE_CHECKING:
    from vita.training.closed_form import Between

FOLDS, SEED = 5, 0
CONTROLS = ("demographics", "brightness", "random_encoder")


def roles(people: int) -> list[np.ndarray]:
    """For each fold, the role of everybody (people,): train, val or test. Each is in test once and in val once."""
    part = np.random.default_rng(SEED).permutation(people) % FOLDS
    return [np.where(part == k, "test", np.where(part == (k + 1) % FOLDS, "val", "train")) for k in range(FOLDS)]


def mean_ratio(features_nf: np.ndarray, numbers_nt: np.ndarray) -> float:
    """Mean over the numbers of a ridge's absolute error over that of the mean guess, over everybody with the number."""
    from vita.training.closed_form import fit_number, standardised  # start-up: scikit-learn

    errors, guesses = np.full_like(numbers_nt, np.nan), np.full_like(numbers_nt, np.nan)
    for role in roles(len(numbers_nt)):
        known, test = standardised(features_nf, role == "train"), role == "test"
        for column, truth in enumerate(numbers_nt.T):
            errors[test, column] = np.abs(fit_number(known, truth, role)(known[test])[:, 0] - truth[test])
            guesses[test, column] = np.abs(np.nanmean(truth[role == "train"]) - truth[test])
    ratios: np.ndarray = np.nanmean(errors, axis=0) / np.nanmean(guesses, axis=0)
    return float(ratios.mean())


def mean_auc(features_nf: np.ndarray, diseases_nd: np.ndarray, numbers_nt: np.ndarray) -> float:
    """Mean over diseases and folds of the AUC; heads may go through the numbers, as in the tables."""
    from vita.training.closed_form import numbers_between, standardised  # start-up

    found = []
    for role in roles(len(diseases_nd)):
        known = standardised(features_nf, role == "train")
        between = numbers_between(known, numbers_nt, role)
        found += [_auc(known, disease, role, between) for disease in diseases_nd.T]
    return float(np.nanmean(found))


def _auc(features_nf: np.ndarray, disease_n: np.ndarray, role_n: np.ndarray, between: "Between | None") -> float:
    from sklearn.metrics import roc_auc_score  # start-up

    from vita.training.closed_form import fit_classes  # start-up

    logits = fit_classes(features_nf, disease_n, role_n, 2, between)(features_nf)
    test = (role_n == "test") & ~np.isnan(disease_n)
    if len(np.unique(disease_n[test])) < 2:
        return float("nan")
    return float(roc_auc_score(disease_n[test], logits[test, 1] - logits[test, 0]))


def cross_validated(results: Path) -> list[Line]:
    """Mean ratio and mean AUC of the controls, over all labelled participants instead of the test split."""
    phenotypes = read(results / "images/phenotypes.parquet").set_index("eid")
    in_table = list(read(results / "metrics/sa_phenotypes/mean_guess.csv").query("in_table == 1")["target"])
    labels = read(results / "cohort/labels.parquet").set_index("eid")
    diseases = labels[[task.removeprefix("disease_") for task in names.DISEASE_TASKS]]
    ratios, aucs, people = [], [], 0
    for control in CONTROLS:
        features = read(results / f"controls/{control}.parquet").set_index("eid").sort_index()
        people = len(features)
        known, numbers = features.to_numpy(float), phenotypes.reindex(features.index).select_dtypes("number")
        ratio = mean_ratio(known, numbers[in_table].to_numpy(float))
        auc = mean_auc(known, _numbers(diseases.reindex(features.index)), numbers.to_numpy(float))
        ratios.append(f"{names.title(control)} {ratio:.3f}")
        aucs.append(f"{names.title(control)} {auc:.3f}")
    over = f"cross-validated over all {people:,} labelled participants"
    return [
        Line(f"controls {over}: mean ratio on short-axis phenotypes", ", ".join(ratios)),
        Line(f"controls {over}: mean AUC of six diseases", ", ".join(aucs)),
    ]


def _numbers(table: pd.DataFrame) -> np.ndarray:
    numbers: np.ndarray = table.astype("Float64").to_numpy(float, na_value=np.nan)
    return numbers
