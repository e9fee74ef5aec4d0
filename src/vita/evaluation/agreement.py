"""Agreement between two measurements on the same people."""

import numpy as np
import pandas as pd
import scipy  # its parts are imported where they are first used

LIMIT = 1.96  # standard deviations: 95 % of normal differences


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
    return {"bias": bias, "sd": sd, "limit_low": bias - LIMIT * sd, "limit_high": bias + LIMIT * sd, "r": r}
