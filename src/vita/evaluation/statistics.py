"""Intervals and tests: bootstrap, paired Wilcoxon, DeLong, Holm, calibration, Bland and Altman's limits.

A bootstrap resample is a row of counts, how often each participant was drawn, so that a metric of all resamples takes a
few matrix products instead of a loop.
"""

from zlib import crc32

import numpy as np
import pandas as pd
import scipy  # its parts are imported where they are first used

LEVEL = 0.95
NEWTON_STEPS = 50
SMALLEST_PROBABILITY = 1e-7  # the log odds of 0 are not finite
WIDEST_SLOPE = 5.0  # to either side; beyond it the interval of a calibration slope is meaningless
AGREEMENT_LIMIT = 1.96  # standard deviations: 95 % of normal differences


def resamples(n: int, count: int, seed: int, name: str) -> np.ndarray:
    """Counts of `n` participants in `count` bootstrap resamples.

    Args:
        n: participants.
        count: resamples.
        seed: the run's seed; together with `name` it determines the draw, whatever was drawn before.
        name: what is resampled, such as the target's name.

    Returns:
        (count, n) float64; each row sums to n.
    """
    generator = np.random.default_rng([seed, crc32(name.encode())])
    return generator.multinomial(n, np.full(n, 1 / n), size=count).astype(float)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Percentile interval of bootstrap values (count,); NaN if fewer than half are defined."""
    values = values[np.isfinite(values)] if np.isfinite(values).mean() >= 0.5 else values[:0]
    if values.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def mean_interval(values: np.ndarray, count: int, seed: int, name: str) -> tuple[float, float]:
    """Bootstrap interval of the mean of `values` (n,); NaN when there are none."""
    if values.size == 0:
        return float("nan"), float("nan")
    return interval(resamples(values.size, count, seed, name) @ values / values.size)


def wilcoxon_p(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p of the paired Wilcoxon signed-rank test; 1 if no pair differs, NaN without pairs."""
    if first.size == 0:
        return float("nan")
    difference = first - second
    if not np.any(difference):
        return 1.0
    return float(scipy.stats.wilcoxon(difference).pvalue)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of (k,) p values; NaN values are not counted and stay NaN."""
    p = np.asarray(p, dtype=float)
    corrected = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(order.size, 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if order.size else steps
    return corrected


def _placements(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components: (positives,) and (negatives,), each with the AUC as its mean."""
    positive, negative = score[truth], score[~truth]
    ranks = scipy.stats.rankdata(np.concatenate([positive, negative]))
    m, n = positive.size, negative.size
    of_positive = (ranks[:m] - scipy.stats.rankdata(positive)) / n
    of_negative = 1 - (ranks[m:] - scipy.stats.rankdata(negative)) / m
    return of_positive, of_negative


def delong_interval(truth: np.ndarray, score: np.ndarray) -> tuple[float, float, float]:
    """AUC with DeLong's interval (DeLong, DeLong and Clarke-Pearson 1988; midranks after Sun and Xu 2014).

    Args:
        truth: (n,) bool.
        score: (n,) float.

    Returns:
        AUC, low and high, clipped to [0, 1]; all NaN without both classes, and the interval NaN if a class has a single
        member.
    """
    if truth.all() or not truth.any():
        return float("nan"), float("nan"), float("nan")
    of_positive, of_negative = _placements(truth, score)
    auc = float(of_positive.mean())
    if min(of_positive.size, of_negative.size) < 2:
        return auc, float("nan"), float("nan")
    variance = of_positive.var(ddof=1) / of_positive.size + of_negative.var(ddof=1) / of_negative.size
    half = float(scipy.stats.norm.ppf((1 + LEVEL) / 2) * np.sqrt(variance))
    return auc, max(0.0, auc - half), min(1.0, auc + half)


def auc_influence(truth: np.ndarray, score: np.ndarray) -> tuple[float, np.ndarray]:
    """AUC, and each participant's influence on it, whose squares add up to DeLong's variance.

    So the variance of a mean, or a difference, of AUCs of the same participants is that of the mean, or the difference,
    of their influences.

    Args:
        truth: (n,) bool, at least two of each kind.
        score: (n,) float.

    Returns:
        AUC, and (n,) influences.
    """
    influence = np.zeros(truth.size)
    parts = _placements(truth, score)
    auc = float(parts[0].mean())
    for own, part in zip((truth, ~truth), parts, strict=True):
        influence[own] = (part - auc) / np.sqrt(part.size * (part.size - 1))
    return auc, influence


def delong_p(truth: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p that two scores of the same participants have the same AUC; NaN where undefined."""
    if min(truth.sum(), (~truth).sum()) < 2:
        return float("nan")
    a_positive, a_negative = _placements(truth, first)
    b_positive, b_negative = _placements(truth, second)
    positive, negative = a_positive - b_positive, a_negative - b_negative
    variance = positive.var(ddof=1) / positive.size + negative.var(ddof=1) / negative.size
    difference = positive.mean()
    if variance <= 1e-15:
        return 1.0 if abs(difference) < 1e-12 else 0.0
    return float(2 * scipy.stats.norm.sf(abs(difference) / np.sqrt(variance)))


def logistic(truth: np.ndarray, columns: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression by Newton's method.

    Args:
        truth: (n,) bool.
        columns: (n, k) of the design.
        offset: (n,) part of the log odds whose coefficient is 1.

    Returns:
        Coefficients (k,) and their standard errors (k,); NaN if the likelihood has no maximum, as when the truth is
        constant or separated by the columns.
    """
    unknown = np.full(columns.shape[1], np.nan)
    coefficients = np.zeros(columns.shape[1])
    for _ in range(NEWTON_STEPS):
        p = scipy.special.expit(columns @ coefficients + offset)
        information = columns.T @ (columns * (p * (1 - p))[:, None])
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e12:
            return unknown, unknown
        step = np.linalg.solve(information, columns.T @ (truth - p))
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-9:
            return coefficients, np.sqrt(np.diag(np.linalg.inv(information)))
    return unknown, unknown


def calibration(truth: np.ndarray, probability: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Slope and intercept of calibration with Wald's interval: value, low and high of each.

    `calibration_slope`: of the truth's log odds on the predicted ones; 1 is right, below 1 the predictions are too
    extreme. NaN where its interval says nothing, see `vague`. `calibration_intercept`: what must be added to all
    predicted log odds so that their mean fits (slope 1); 0 is right, below 0 the predictions are too high.
    """
    odds = scipy.special.logit(np.clip(probability, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
    ones, nothing = np.ones((truth.size, 1)), np.zeros(truth.size)
    fits = {
        "calibration_slope": logistic(truth, np.column_stack([odds, ones]), nothing),
        "calibration_intercept": logistic(truth, ones, odds),
    }
    if vague(fits["calibration_slope"][1][0]):
        fits["calibration_slope"] = (np.full(2, np.nan), np.full(2, np.nan))
    half = float(scipy.stats.norm.ppf((1 + LEVEL) / 2))
    return {
        name: (float(value[0]), float(value[0] - half * error[0]), float(value[0] + half * error[0]))
        for name, (value, error) in fits.items()
    }


def vague(error: float) -> bool:
    """Whether the interval of a calibration slope with this standard error reaches further than `WIDEST_SLOPE`.

    Around the right slope, 1, such an interval contains 0, where predictions carry no information, as well as slopes of
    predictions that are far too cautious: predicted log odds hardly vary between people, and the slope is their noise.
    """
    return bool(scipy.stats.norm.ppf((1 + LEVEL) / 2) * error > WIDEST_SLOPE)


def bland_altman(reference: pd.Series, predicted: pd.Series) -> dict[str, float]:
    """Bland and Altman's bias and limits of agreement of two or more pairs, and their correlation.

    Returns:
        `bias` (predicted minus reference), `sd`, `limit_low`, `limit_high`, and `r`, which is NaN if one of the two
        does not vary.
    """
    difference = predicted - reference
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    varied = np.ptp(reference.to_numpy()) > 0 and np.ptp(predicted.to_numpy()) > 0
    r = float(scipy.stats.pearsonr(reference, predicted)[0]) if varied else np.nan
    return {
        "bias": bias,
        "sd": sd,
        "limit_low": bias - AGREEMENT_LIMIT * sd,
        "limit_high": bias + AGREEMENT_LIMIT * sd,
        "r": r,
    }
