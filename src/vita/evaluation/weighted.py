"""Classification metrics of many bootstrap resamples at once.

scikit-learn computes each metric for one sample. Here the sample stays the same and only its weights change, with one
row of counts per resample, so that a single sort serves all of them. With unit weights the results equal
scikit-learn's.
"""

import numpy as np


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Quotients; NaN where the denominator is not above 0."""
    quotient: np.ndarray = np.full(np.shape(bottom), np.nan)
    np.divide(top, bottom, out=quotient, where=bottom > 0)
    return quotient


def threshold_metrics(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """F1, recall and precision of binary calls.

    Args:
        truth: (n,) bool.
        called: (n,) bool.
        weights: (count, n).

    Returns:
        `f1`, `recall`, `precision`, each (count,); NaN if the denominator is zero or there are no positives.
    """
    true_positive = weights @ (truth & called)
    positive, calls = weights @ truth, weights @ called
    found = {
        "f1": ratio(2 * true_positive, positive + calls),
        "recall": ratio(true_positive, positive),
        "precision": ratio(true_positive, calls),
    }
    return {name: np.where(positive > 0, value, np.nan) for name, value in found.items()}


def _ends_of_ties(descending: np.ndarray) -> np.ndarray:
    """Index of the last member of each run of equal scores."""
    return np.flatnonzero(np.append(np.diff(descending) != 0, True))


def average_precision(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Step-wise area under the precision-recall curve, (count,); NaN without positives."""
    order = np.argsort(-score, kind="stable")
    ends = _ends_of_ties(score[order])
    weights = weights[:, order]
    called = np.cumsum(weights, axis=1)[:, ends]
    true_positive = np.cumsum(weights * truth[order], axis=1)[:, ends]
    step = np.diff(true_positive, axis=1, prepend=0.0)
    precision = np.divide(true_positive, called, out=np.zeros_like(called), where=called > 0)
    return ratio((step * precision).sum(axis=1), true_positive[:, -1])


def auc(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve by the trapezoid rule, (count,); NaN without both classes."""
    order = np.argsort(-score, kind="stable")
    ends = _ends_of_ties(score[order])
    weights = weights[:, order]
    true_positive = np.cumsum(weights * truth[order], axis=1)[:, ends]
    false_positive = np.cumsum(weights * ~truth[order], axis=1)[:, ends]
    width = np.diff(false_positive, axis=1, prepend=0.0)
    height = true_positive - np.diff(true_positive, axis=1, prepend=0.0) / 2
    return ratio((width * height).sum(axis=1), true_positive[:, -1] * false_positive[:, -1])


def accuracy_and_macro_f1(
    truth: np.ndarray, called: np.ndarray, classes: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy and F1 averaged over `classes`, each (count,).

    A class that neither occurs nor is called in a resample is left out of its average.

    Args:
        truth: (n,) class of each participant.
        called: (n,) class with the highest probability.
        classes: (k,) classes that occur in the sample, in truth or among the calls.
        weights: (count, n).
    """
    accuracy = weights @ (truth == called) / weights.sum(axis=1)
    scores = []
    for label in classes:
        is_class, is_called = truth == label, called == label
        scores.append(ratio(2 * (weights @ (is_class & is_called)), weights @ is_class + weights @ is_called))
    return accuracy, _mean_of_defined(np.stack(scores))


def macro_auc(truth: np.ndarray, probability: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One-against-rest AUC averaged over the classes that occur, (count,).

    Args:
        truth: (n,) class of each participant.
        probability: (n, k) of `classes` (k,).
        classes: (k,) class labels.
        weights: (count, n).
    """
    present = [column for column, label in enumerate(classes) if (truth == label).any()]
    each = [auc(truth == classes[column], probability[:, column], weights) for column in present]
    return _mean_of_defined(np.stack(each))


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean of the values that are not NaN over the first axis; NaN if all are."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0).astype(float))
