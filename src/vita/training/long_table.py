"""Predictions of a trained Stage III model, in the long table that the evaluation reads."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from vita.training.calibration import Line, Lines, fit_line, fit_lines
from vita.training.data import People, Samples
from vita.training.frozen import mean_over_sections
from vita.training.task import Task

if TYPE_CHECKING:  # it imports Lightning
    from vita.training.predictor import PredictionLearner

# of the long table
COLUMNS = {"eid": "int64", "split": "str", "target": "str", "truth": float, "prediction": float}
COLUMNS |= {"class": "int64", "threshold": float}
Predictions = list[np.ndarray]  # per target (participants,) or (participants, classes)


@torch.inference_mode()
def predict(learner: "PredictionLearner", samples: Samples, device: torch.device) -> Predictions:
    """Predictions for all participants, in their order, from the mean raw outputs over the sections of the cycle."""
    model = learner.model.to(device).eval()
    batch, workers = learner.settings.stage.batch, learner.settings.training.workers
    raw = mean_over_sections(model, model, samples, batch, workers)
    return [tensor.numpy() for tensor in learner.predict(raw)]


def calibrate(task: Task, split: pd.Series, samples: Samples, predictions: Predictions) -> dict[str, Line | Lines]:
    """Calibrate the probabilities of binary and categorical targets in place, by the validation split.

    Args:
        task: targets.
        split: of every participant; training and validation give the frequency of a target.
        samples: participants of the predictions, including the validation split.
        predictions: predictions of each target; those of classes are replaced.

    Returns:
        The calibration of each binary and each categorical target.
    """
    validation = (samples.split == "val").to_numpy()
    truth = task.truth.reindex(samples.eids).to_numpy(float)
    fitted = task.truth.reindex(split.index[split.isin(["train", "val"])])
    lines: dict[str, Line | Lines] = {}
    for column, target in enumerate(task.targets):
        if target.kind == "numerical":
            continue
        given, judged, own = predictions[column], truth[validation, column], fitted[target.name].dropna()
        if target.kind == "binary":
            line: Line | Lines = fit_line(judged, given[validation], float(own.mean()))
        else:
            counts = np.bincount(own.astype(int), minlength=given.shape[1])
            line = fit_lines(judged, given[validation], counts / max(counts.sum(), 1))
        lines[target.name], predictions[column] = line, line.apply(given)
    return lines


def thresholds(task: Task, samples: People, predictions: Predictions) -> dict[str, float]:
    """Best-F1 threshold of each binary target, on the validation split."""
    validation = (samples.split == "val").to_numpy()
    truth = task.truth.reindex(samples.eids).to_numpy(float)
    return {
        target.name: best_f1_threshold(truth[validation, column], predictions[column][validation])
        for column, target in enumerate(task.targets)
        if target.kind == "binary"
    }


def best_f1_threshold(truth: np.ndarray, probability: np.ndarray) -> float:
    """The threshold with the highest F1; of several, the lowest.

    Args:
        truth: (n,) 0 or 1, NaN where unknown.
        probability: (n,).

    Returns:
        A value t such that `probability >= t` is positive; 0.5 if there is no positive or no negative.
    """
    from torchmetrics.functional.classification import binary_precision_recall_curve  # start-up

    known = ~np.isnan(truth)
    truth, probability = truth[known].astype(int), probability[known]
    if truth.size == 0 or truth.min() == truth.max():
        return 0.5
    precision, recall, thresholds = binary_precision_recall_curve(
        torch.from_numpy(np.ascontiguousarray(probability)), torch.from_numpy(truth)
    )
    f1 = 2 * precision * recall / (precision + recall).clamp(min=1e-12)
    return float(thresholds[int(f1[: len(thresholds)].argmax())])


def long_table(task: Task, samples: People, predictions: Predictions, chosen: Mapping[str, float]) -> pd.DataFrame:
    """Rows per participant and target, and per class for categorical targets.

    Returns:
        Columns eid, split, target, truth, prediction, class (-1 without classes), threshold (NaN but for binary).
    """
    parts = []
    for column, target in enumerate(task.targets):
        values = predictions[column].reshape(len(samples), -1)
        truth = task.truth[target.name].reindex(samples.eids).to_numpy(float)
        for place in range(values.shape[1]):
            part = {"eid": samples.eids, "split": samples.split.to_numpy(), "target": target.name, "truth": truth}
            part |= {"prediction": values[:, place], "class": place if target.kind == "categorical" else -1}
            parts.append(pd.DataFrame(part | {"threshold": chosen.get(target.name, np.nan)}))
    return pd.concat(parts, ignore_index=True)
