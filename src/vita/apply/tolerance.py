"""Limits beyond which a scan is doubted, set so that scans like the training's rarely are, for all reasons together.

The limits are a tolerance bound of order statistics (Wilks, Ann Math Stat 1941; David and Nagaraja, Order Statistics,
section 7.2), which holds for scores of any distribution: if the limits are set so that at most k of n validation
participants are doubted for any reason, the share p of all such participants that they doubt has the distribution
Beta(k + 1, n - k), and P(p > SHARE) = P(Binomial(n, SHARE) <= k). The largest k for which this is at most
1 - CONFIDENCE is taken. With 120 participants k is 2, and 2.5 % of scans are expected to be doubted; with 1,000 k is
40, and 4.1 % are. Below 45 participants not even k = 0 promises so much. Then nobody may be doubted, and the share that
is promised is larger, 1 - (1 - CONFIDENCE) ** (1 / n): 11 % with 20 participants.
"""

import math

import numpy as np

SHARE = 0.05  # of scans like the training's may be doubted at most, by all reasons together
CONFIDENCE = 0.9
_STEP = 0.01  # limits are rounded up to it, so that none is one participant's value
_LEAST_SPREAD = 0.05  # of a score; participants who are all alike must not forbid what rounding does


def most_doubted(people: int) -> int:
    """The largest number of doubted validation participants that keeps the promise; -1 if none does."""
    from scipy.stats import binom

    counts = np.arange(people + 1)
    return int((binom.cdf(counts, people, SHARE) <= 1 - CONFIDENCE).sum()) - 1


def limits(train_nr: np.ndarray, val_nr: np.ndarray) -> np.ndarray:
    """(reasons,) limits, all equally many standard deviations above the mean of their score.

    Means and deviations are of the training participants, since the promise holds only if what the validation
    participants are ordered by does not depend on them.

    Args:
        train_nr: (participants, reasons) scores; higher is less usual, NaN where a participant is not judged.
        val_nr: (participants, reasons) of validation participants.
    """
    mean = np.nanmean(train_nr, axis=0)
    spread = np.maximum(np.nanstd(train_nr, axis=0, ddof=1), _LEAST_SPREAD)
    worst = np.sort(np.nan_to_num((val_nr - mean) / spread, nan=-np.inf).max(axis=1))
    beyond = worst[-1 - max(most_doubted(len(worst)), 0)]
    return np.asarray(mean + math.ceil(beyond / _STEP) * _STEP * spread)
