"""Probabilities that mean what they say: a line on a model's log odds, fitted on the validation split.

The same line goes into the predictions that tables and figures show, and into config.json, from which new scans are
predicted.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

_SMALLEST_SLOPE = 0.05  # the order of participants is the model's, which calibration must not reverse
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


def fit_line(truth: np.ndarray, probability: np.ndarray, prevalence: float) -> Line:
    """Platt's slope, and the intercept with which the mean probability is the prevalence.

    The slope is Platt's (1999), whose smoothed targets keep it finite where positives are few. The intercept is not
    his: a validation split often has a dozen positives, so that the mean is taken from more participants.

    Args:
        truth: (n,) 0 or 1 in the validation split, NaN where unknown.
        probability: (n,) the model's.
        prevalence: share of positives in training and validation together.

    Returns:
        No change if nobody is known, or if positives or negatives are missing from training and validation.
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
