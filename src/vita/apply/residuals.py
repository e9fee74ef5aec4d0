"""Errors of the training run's predictions, as a few numbers per target that describe no single participant."""

from typing import Final

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from vita.apply.records import Errors
from vita.runtime.privacy import SMALLEST_COUNT

ERRORS: Final = ("test_mae", "error_mean", "error_sd", "test_auc", "test_accuracy")
Z90 = 1.645  # standard deviations on either side of a 90 % interval


def copy_errors(errors: Errors, to: Errors) -> None:
    """Copy those that are known."""
    for name in ERRORS:
        if name in errors:
            to[name] = errors[name]


def of_target(predictions: pd.DataFrame, kind: str) -> Errors:
    """Errors of a target.

    Intervals are of the errors' mean and standard deviation on validation, since quantiles would be single people's.

    Args:
        predictions: its rows, with `split`, `truth`, `prediction`, and `class` for several classes.
        kind: numerical | binary | categorical.

    Returns:
        Some of ERRORS: for numbers the mean absolute error on test, and mean and SD of truth - prediction on
        validation; the AUC of two classes; the share of several classes that were right. Nothing that fewer
        participants than may be shown would decide.
    """
    known = predictions.dropna(subset=["truth"])
    val, test = (known[known["split"] == split] for split in ("val", "test"))
    found: Errors = {}
    if kind == "numerical":
        if len(test) >= SMALLEST_COUNT:
            found["test_mae"] = float((test["truth"] - test["prediction"]).abs().mean())
        if len(val) >= SMALLEST_COUNT:
            errors = val["truth"] - val["prediction"]
            found |= {"error_mean": float(errors.mean()), "error_sd": float(errors.std(ddof=1))}
    elif kind == "binary":
        if min((test["truth"] == 1).sum(), (test["truth"] == 0).sum()) >= SMALLEST_COUNT:
            found["test_auc"] = float(roc_auc_score(test["truth"], test["prediction"]))
    elif len(test):
        likeliest = test.loc[test.groupby("eid")["prediction"].idxmax()]
        if len(likeliest) >= SMALLEST_COUNT:
            found["test_accuracy"] = float(np.mean(likeliest["class"] == likeliest["truth"]))
    return found
