"""The likelihood-ratio attack on membership (LiRA; Carlini et al., 2022), and the exposure of canaries.

Shadow models are trained as the attacked model was, each on a random half of the people. What they say about a person
when they learned from the person, and when they did not, gives two Gaussians. The score is the logarithm of how much
better the first explains what the attacked model says than the second.
"""

import numpy as np
import scipy  # its parts are imported where they are first used

_TINY = 1e-16  # added to a standard deviation, so that a constant is no division by zero


def likelihood_ratio(target_pt: np.ndarray, shadows_spt: np.ndarray, inside_sp: np.ndarray) -> np.ndarray:
    """The logarithm of the likelihood ratio of each person, high for a member: the sum over the person's targets.

    For a single target this is the "online" attack of Carlini et al. with a variance for each person.

    Args:
        target_pt: (people, targets) statistic of the attacked model, such as the logit of the true class or the error
            of a number; NaN where a target is unknown.
        shadows_spt: (shadows, people, targets) the same statistic of each shadow model.
        inside_sp: (shadows, people) bool: who was in the shadow model's training.

    Returns:
        (people,); NaN for a person without any known target, or who was in the training of no shadow, or of all.
    """
    inside = inside_sp[:, :, None]
    found = {}
    for member in (True, False):
        chosen = inside == member
        count = chosen.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(chosen, shadows_spt, 0).sum(axis=0) / count
            spread = np.sqrt((np.where(chosen, shadows_spt - mean, 0) ** 2).sum(axis=0) / count)
            found[member] = scipy.stats.norm.logpdf(target_pt, mean, spread + _TINY)
    ratio = found[True] - found[False]
    known = ~np.isnan(ratio).all(axis=1)
    score = np.full(len(ratio), np.nan)
    score[known] = np.nansum(ratio[known], axis=1)
    return score


def exposure(inserted: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Exposure of inserted canaries in bits (Carlini et al., 2019): how much earlier than by chance each would be
    guessed among canaries like it that were not inserted.

    Args:
        inserted: (n,) losses of canaries that were in the training.
        others: (m,) losses of canaries of the same kind that were not.

    Returns:
        (n,) from 0 to log2(m + 1). The mean over canaries that nothing remembers is a little below 1.44, which is that
        of a uniform rank; equal losses share their ranks.
    """
    below = (others[None, :] < inserted[:, None]).sum(axis=1)
    equal = (others[None, :] == inserted[:, None]).sum(axis=1)
    ranks = 1 + below + equal / 2
    bits: np.ndarray = np.log2(len(others) + 1) - np.log2(ranks)
    return bits
