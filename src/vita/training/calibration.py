"""Calibration of probabilities: a linear function of a model's log odds, fitted on the validation split.

With several classes, each class has a linear function of the model's log probability, all with the same slope. The same
functions go into the predictions that tables and figures show, and into config.json, which is used for new scans.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit, logsumexp, softmax

_SMALLEST_SLOPE = 0.05  # calibration must not reverse the model's order of participants
_EDGE = 1e-6


@dataclass(frozen=True)
class Line:
    """Calibrated log odds = slope x log odds + intercept."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, probability: np.ndarray | float) -> np.ndarray:
        """Calibrated probabilities, in the same order as the model's."""
        calibrated: np.ndarray = expit(self.slope * logit(np.clip(probability, _EDGE, 1 - _EDGE)) + self.intercept)
        return calibrated


@dataclass(frozen=True)
class Lines:
    """Calibrated log probability of each class = slope x log probability + its intercept, up to a constant."""

    slope: float
    intercepts: tuple[float, ...]

    def apply(self, probability_nk: np.ndarray) -> np.ndarray:
        """Calibrated probabilities (n, classes), or (classes,) for a single participant."""
        calibrated: np.ndarray = softmax(self.slope * _logs(probability_nk) + np.asarray(self.intercepts), axis=-1)
        return calibrated


def of_record(record: Mapping[str, Any]) -> Line | Lines:
    """The calibration of a target from its record in config.json or decisions.json; one of classes has a list of
    intercepts.
    """
    return Lines(**record) if "intercepts" in record else Line(**record)


def _logs(probability: np.ndarray) -> np.ndarray:
    logs: np.ndarray = np.log(np.clip(probability, _EDGE, 1))
    return logs


def fit_lines(truth: np.ndarray, probability_nk: np.ndarray, shares: np.ndarray) -> Lines:
    """The slope of a multinomial regression, and the intercepts with which the mean probabilities equal the shares.

    Targets are smoothed as in Platt's method; with two classes the result is that of `fit_line`.

    Args:
        truth: (n,) class in the validation split, NaN where unknown.
        probability_nk: (n, classes) of the model.
        shares: (classes,) share of each class in training and validation together.

    Returns:
        The identity if no participant's class is known.
    """
    known, classes = ~np.isnan(truth), probability_nk.shape[1]
    if not known.any():
        return Lines(1.0, (0.0,) * classes)
    logs = _logs(probability_nk[known].astype(float))
    slope = _slope_of_classes(truth[known].astype(int), logs)
    wanted = np.clip(shares, _EDGE, None) / np.clip(shares, _EDGE, None).sum()

    def excess(intercepts: np.ndarray) -> tuple[float, np.ndarray]:
        # convex; its gradient is the excess of the mean probabilities over the shares
        scaled = slope * logs + intercepts
        return float(logsumexp(scaled, axis=1).mean() - wanted @ intercepts), softmax(scaled, axis=1).mean(0) - wanted

    found = minimize(excess, np.zeros(classes), jac=True, options={"gtol": 1e-8}).x
    return Lines(slope, tuple((found - found.mean()).tolist()))


def _slope_of_classes(truth: np.ndarray, logs_nk: np.ndarray) -> float:
    """Slope of the multinomial regression on smoothed targets; 1 where only one class is known."""
    counts = np.bincount(truth, minlength=logs_nk.shape[1])
    if (counts > 0).sum() < 2:
        return 1.0
    missed = 1 / (counts[truth] + 2)
    target = np.repeat(missed[:, None] / (logs_nk.shape[1] - 1), logs_nk.shape[1], axis=1)
    target[np.arange(truth.size), truth] = 1 - missed

    def cost(line: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = line[0] * logs_nk + line[1:]
        wrong = softmax(scaled, axis=1) - target
        value = float((logsumexp(scaled, axis=1) - (target * scaled).sum(axis=1)).sum())
        return value, np.concatenate([[(wrong * logs_nk).sum()], wrong.sum(axis=0)])

    bounds = [(_SMALLEST_SLOPE, None)] + [(None, None)] * logs_nk.shape[1]
    return float(minimize(cost, [1.0, *np.zeros(logs_nk.shape[1])], jac=True, bounds=bounds).x[0])


def fit_line(truth: np.ndarray, probability: np.ndarray, prevalence: float) -> Line:
    """Platt's slope, and the intercept with which the mean probability equals the prevalence.

    The slope is Platt's (1999), whose smoothed targets keep it finite where positives are few. The intercept is not
    Platt's: a validation split often has only a dozen positives, so that the prevalence is taken from more
    participants.

    Args:
        truth: (n,) 0 or 1 in the validation split, NaN where unknown.
        probability: (n,) of the model.
        prevalence: share of positives in training and validation together.

    Returns:
        The identity if no participant's class is known, or if training and validation have no positives or no
        negatives.
    """
    known = ~np.isnan(truth)
    if not known.any() or not 0 < prevalence < 1:
        return Line()
    odds = logit(np.clip(probability[known].astype(float), _EDGE, 1 - _EDGE))
    slope = _platt_slope(truth[known], odds)
    scaled = slope * odds
    wanted = float(logit(prevalence))

    def excess(intercept: float) -> float:
        return float(expit(scaled + intercept).mean() - prevalence)

    low, high = wanted - scaled.max() - 1, wanted - scaled.min() + 1
    return Line(slope, float(brentq(excess, low, high)))


def _platt_slope(truth: np.ndarray, odds: np.ndarray) -> float:
    """Slope of the logistic regression on smoothed targets; 1 where only one class is known."""
    positives, negatives = truth.sum(), (1 - truth).sum()
    if not positives or not negatives:
        return 1.0
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def cost(line: np.ndarray) -> float:
        calibrated = line[0] * odds + line[1]
        return float((np.logaddexp(0, calibrated) - target * calibrated).sum())

    return float(minimize(cost, [1.0, 0.0], bounds=[(_SMALLEST_SLOPE, None), (None, None)]).x[0])
