"""Heads without a training loop: ridge for numbers, logistic regression for classes; the penalty by validation."""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss

PENALTIES = tuple(10.0**power for power in range(-2, 6))  # of standardised features


def standardised(features_nf: np.ndarray, train_n: np.ndarray) -> np.ndarray:
    """Features with mean 0 and SD 1 over the training participants; missing ones become the training mean.

    Args:
        features_nf: (participants, features), NaN where unknown.
        train_n: (participants,) bool.

    Returns:
        (participants, features) without the features that do not vary, or that nobody in training has.
    """
    known = ~np.isnan(features_nf[train_n]).all(axis=0)
    features = features_nf[:, known].astype(np.float64)
    mean, spread = np.nanmean(features[train_n], axis=0), np.nanstd(features[train_n], axis=0)
    varying = spread > 1e-12
    scaled = (features[:, varying] - mean[varying]) / spread[varying]
    return np.nan_to_num(scaled, nan=0.0)


def predict_number(features_nf: np.ndarray, truth_n: np.ndarray, split_n: np.ndarray) -> tuple[np.ndarray, float]:
    """A ridge fitted on training; of the penalties, the one with the lowest absolute error on validation.

    Args:
        features_nf: (participants, features), standardised.
        truth_n: (participants,), NaN where unknown.
        split_n: (participants,) train, val or test.

    Returns:
        Predictions (participants,) and the penalty.
    """
    train, validate = _known(truth_n, split_n, "train"), _known(truth_n, split_n, "val")
    best = (np.inf, np.zeros(0), PENALTIES[-1])
    for penalty in PENALTIES:
        model = Ridge(alpha=penalty).fit(features_nf[train], truth_n[train])
        predicted = model.predict(features_nf)
        # without anybody to choose by, the largest penalty: the safest guess
        error = np.abs(predicted[validate] - truth_n[validate]).mean() if validate.any() else -penalty
        if error < best[0]:
            best = (float(error), predicted, penalty)
    return best[1], best[2]


def predict_classes(
    features_nf: np.ndarray, truth_n: np.ndarray, split_n: np.ndarray, classes: int
) -> tuple[np.ndarray, float]:
    """A logistic regression fitted on training; of the penalties, the one with the lowest log loss on validation.

    Args:
        features_nf: (participants, features), standardised.
        truth_n: (participants,) class from 0, NaN where unknown.
        split_n: (participants,) train, val or test.
        classes: number of classes.

    Returns:
        Probabilities (participants, classes) and the penalty; the training shares where training has a single class.
    """
    train, validate = _known(truth_n, split_n, "train"), _known(truth_n, split_n, "val")
    present = np.unique(truth_n[train]).astype(int)
    if present.size < 2:
        constant = np.zeros((len(features_nf), classes))
        constant[:, present] = 1.0
        return constant, PENALTIES[-1]
    best = (np.inf, np.zeros((0, 0)), PENALTIES[-1])
    for penalty in PENALTIES:
        model = LogisticRegression(C=1 / penalty, max_iter=500).fit(features_nf[train], truth_n[train].astype(int))
        probability = np.zeros((len(features_nf), classes))
        probability[:, present] = model.predict_proba(features_nf)
        loss = _loss(probability[validate], truth_n[validate], range(classes)) if validate.any() else -penalty
        if loss < best[0]:
            best = (loss, probability, penalty)
    return best[1], best[2]


def _loss(probability_nc: np.ndarray, truth_n: np.ndarray, labels: Sequence[int]) -> float:
    return float(log_loss(truth_n.astype(int), probability_nc, labels=list(labels)))


def _known(truth_n: np.ndarray, split_n: np.ndarray, split: str) -> np.ndarray:
    return (split_n == split) & ~np.isnan(truth_n)
