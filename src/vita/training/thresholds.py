"""The probability above which a participant counts as positive: best F1 on validation."""

import numpy as np
import torch
from torchmetrics.functional.classification import binary_precision_recall_curve


def best_f1_threshold(truth: np.ndarray, probability: np.ndarray) -> float:
    """Threshold with the highest F1; the lowest of several.

    Args:
        truth: (n,) 0 or 1, NaN where unknown.
        probability: (n,).

    Returns:
        A value t such that `probability >= t` is positive; 0.5 if there is no positive or no negative.
    """
    known = ~np.isnan(truth)
    truth, probability = truth[known].astype(int), probability[known]
    if truth.size == 0 or truth.min() == truth.max():
        return 0.5
    precision, recall, thresholds = binary_precision_recall_curve(
        torch.from_numpy(np.ascontiguousarray(probability)), torch.from_numpy(truth)
    )
    f1 = 2 * precision * recall / (precision + recall).clamp(min=1e-12)
    return float(thresholds[int(f1[: len(thresholds)].argmax())])
