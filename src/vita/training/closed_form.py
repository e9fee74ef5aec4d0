"""Heads without a training loop: ridge for numbers and logistic regression for classes; validation chooses the
penalty.

A class that few participants have is hard to find among some hundred features. Where a disease acts through numbers
that are known for everybody (a large atrium, a low ejection fraction), the way through these numbers needs fewer cases:
features to numbers by ridge, numbers to class by logistic regression, which together are one linear map of features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_predict

PENALTIES = tuple(10.0**power for power in range(-2, 6))  # for standardised features
_NEVER = -30.0  # logit of a class that no training participant has
_FOLDS = 5
_MOST_STEPS = 5000  # of the logistic regression; the weakest penalties on a hundred features need up to a thousand


@dataclass(frozen=True)
class Head:
    """A linear map of features.

    Attributes:
        weights_of: (outputs, features).
        bias_o: (outputs,).
        penalty: the penalty that was chosen.
    """

    weights_of: np.ndarray
    bias_o: np.ndarray
    penalty: float

    def __call__(self, features_nf: np.ndarray) -> np.ndarray:
        """Features (participants, features) to numbers or logits (participants, outputs)."""
        mapped: np.ndarray = features_nf @ self.weights_of.T + self.bias_o
        return mapped


@dataclass(frozen=True)
class Between:
    """Numbers that a class is reached through.

    Attributes:
        head: features to standardised numbers.
        predicted_nk: (participants, numbers) standardised; for those whom `head` was fitted to, by a head that was
            fitted to the other four fifths of them.
    """

    head: Head
    predicted_nk: np.ndarray


def scale(features_nf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD (features,) of known values; 0 and infinity for features that are constant or never known.

    Then (features - mean) / SD is 0 for a feature without information.
    """
    known = ~np.isnan(features_nf).all(axis=0)
    mean, spread = np.zeros(features_nf.shape[1]), np.full(features_nf.shape[1], np.inf)
    mean[known] = np.nanmean(features_nf[:, known], axis=0, dtype=np.float64)
    found = np.nanstd(features_nf[:, known], axis=0, dtype=np.float64)
    spread[known] = np.where(found > 1e-12, found, np.inf)
    return mean, spread


def standardised(features_nf: np.ndarray, train_n: np.ndarray) -> np.ndarray:
    """Features with mean 0 and SD 1 over the training participants; missing ones become the training mean.

    Args:
        features_nf: (participants, features), NaN where unknown.
        train_n: (participants,) bool.

    Returns:
        (participants, features) without the features that are constant or never known in training.
    """
    mean, spread = scale(features_nf[train_n])
    varying = np.isfinite(spread)
    scaled = (features_nf[:, varying].astype(np.float64) - mean[varying]) / spread[varying]
    known: np.ndarray = np.nan_to_num(scaled, nan=0.0)
    return known


def fit_number(features_nf: np.ndarray, truth_n: np.ndarray, split_n: np.ndarray) -> Head:
    """A ridge regression fitted on training, with the penalty that has the lowest absolute error on validation.

    Args:
        features_nf: (participants, features), standardised.
        truth_n: (participants,), NaN where unknown.
        split_n: (participants,) train, val or test.
    """
    train, validate = _known(truth_n, split_n, "train"), _known(truth_n, split_n, "val")
    best, least = None, np.inf
    for penalty in PENALTIES:
        model = Ridge(alpha=penalty).fit(features_nf[train], truth_n[train])
        head = Head(model.coef_[None], np.array([model.intercept_]), penalty)
        # without validation participants, the largest penalty is the safest guess
        error = np.abs(head(features_nf[validate])[:, 0] - truth_n[validate]).mean() if validate.any() else -penalty
        if best is None or error < least:
            best, least = head, error
    assert best is not None
    return best


def fit_classes(
    features_nf: np.ndarray,
    truth_n: np.ndarray,
    split_n: np.ndarray,
    classes: int,
    between: Between | None = None,
) -> Head:
    """A logistic regression fitted on training, with the penalty that has the lowest log loss on validation.

    Args:
        features_nf: (participants, features), standardised.
        truth_n: (participants,) class from 0, NaN where unknown.
        split_n: (participants,) train, val or test.
        classes: number of classes.
        between: numbers through which the class may also be reached, see `numbers_between`; the way with the lower log
            loss on validation is taken.

    Returns:
        A head with a logit per class; it ignores the features where training has a single class.
    """
    direct = _fit_logistic(features_nf, truth_n, split_n, classes)
    validate = _known(truth_n, split_n, "val")
    if between is None or not validate.any():
        return direct
    through = _fit_through(between, features_nf, truth_n, split_n, classes)
    losses = [_loss(head(features_nf[validate]), truth_n[validate]) for head in (direct, through)]
    return through if losses[1] < losses[0] else direct


def numbers_between(features_nf: np.ndarray, numbers_nk: np.ndarray | None, split_n: np.ndarray) -> Between | None:
    """A ridge regression of all numbers at once, with the penalty that has the lowest absolute error on validation.

    Numbers that fewer than half of the training participants have, or that do not vary, are left out.

    Args:
        features_nf: (participants, features), standardised.
        numbers_nk: (participants, numbers), NaN where unknown; None for no numbers.
        split_n: (participants,) train, val or test.

    Returns:
        None if no number is left, or too few participants have all of them.
    """
    if numbers_nk is None:
        return None
    mean, spread = scale(numbers_nk[split_n == "train"])
    kept = np.isfinite(spread) & (np.isfinite(numbers_nk[split_n == "train"]).mean(axis=0) >= 0.5)
    wanted = (numbers_nk[:, kept] - mean[kept]) / spread[kept]
    known = np.isfinite(wanted).all(axis=1)
    train, validate = (known & (split_n == name) for name in ("train", "val"))
    if not kept.any() or train.sum() < _FOLDS or not validate.any():
        return None

    def error(penalty: float) -> float:
        found = Ridge(alpha=penalty).fit(features_nf[train], wanted[train]).predict(features_nf[validate])
        return float(np.abs(found.reshape(wanted[validate].shape) - wanted[validate]).mean())

    penalty = min(PENALTIES, key=error)
    model = Ridge(alpha=penalty).fit(features_nf[train], wanted[train])
    head = Head(np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_), penalty)
    predicted = head(features_nf)
    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    others = cross_val_predict(Ridge(alpha=penalty), features_nf[train], wanted[train], cv=folds)
    predicted[train] = others.reshape(wanted[train].shape)
    return Between(head, predicted)


def _fit_through(
    between: Between, features_nf: np.ndarray, truth_n: np.ndarray, split_n: np.ndarray, classes: int
) -> Head:
    """A logistic regression on predicted numbers, as a linear map of features."""
    mean, spread = scale(between.predicted_nk[_known(truth_n, split_n, "train")])
    last = _fit_logistic((between.predicted_nk - mean) / spread, truth_n, split_n, classes)
    weights = last.weights_of / spread
    return Head(weights @ between.head.weights_of, last.bias_o + weights @ (between.head.bias_o - mean), last.penalty)


def _fit_logistic(features_nf: np.ndarray, truth_n: np.ndarray, split_n: np.ndarray, classes: int) -> Head:
    train, validate = _known(truth_n, split_n, "train"), _known(truth_n, split_n, "val")
    present = np.unique(truth_n[train]).astype(int)
    weights, bias = np.zeros((classes, features_nf.shape[1])), np.full(classes, _NEVER)
    bias[present] = 0.0
    best, least = Head(weights, bias, PENALTIES[-1]), np.inf
    for penalty in PENALTIES if present.size > 1 else ():
        model = LogisticRegression(C=1 / penalty, max_iter=_MOST_STEPS).fit(
            features_nf[train], truth_n[train].astype(int)
        )
        head = Head(weights.copy(), bias.copy(), penalty)
        rows = present[1:] if present.size == 2 else present  # with two classes, sklearn gives only the second's
        head.weights_of[rows], head.bias_o[rows] = model.coef_, model.intercept_
        loss = _loss(head(features_nf[validate]), truth_n[validate]) if validate.any() else -penalty
        if loss < least:
            best, least = head, loss
    return best


def _loss(logits_nc: np.ndarray, truth_n: np.ndarray) -> float:
    labels: Sequence[int] = range(logits_nc.shape[1])
    return float(log_loss(truth_n.astype(int), softmax(logits_nc, axis=1), labels=list(labels)))


def _known(truth_n: np.ndarray, split_n: np.ndarray, split: str) -> np.ndarray:
    known: np.ndarray = (split_n == split) & ~np.isnan(truth_n)
    return known
