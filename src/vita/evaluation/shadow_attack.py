"""Attack on a model of Stage III with shadow trainings of its head, and canaries planted in further ones.

The attacker has the released network and people of whom some were in its training. They compute the network's features
of everybody, fit the head anew to many random halves of the people, and compare what the released head says about a
person with what those heads say that did, or did not, learn from the person. The network below the head is not trained
again.

The comparison is the likelihood-ratio attack (LiRA; Carlini et al., 2022): what the heads say about a person gives two
Gaussians, one of heads that learned from the person and one of those that did not. The score is the logarithm of how
much better the first explains what the attacked model says than the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.evaluation.shadow_heads import Goal, Heads, losses, products, statistics
from vita.runtime.privacy import SMALLEST_COUNT

SHADOWS = 64
CANARY_SHADOWS = 16
_CANARIES = 0.1  # share of the people
_STREAM = 12  # of random numbers
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


@dataclass(frozen=True)
class Shadowed:
    """Result of shadow trainings for an attack on membership.

    Attributes:
        score: (people,) log likelihood ratio, high for a member; NaN without a known target.
        control: (people,) the same of a head that learned from a random half, independent of the split: it shows how
            the splits differ.
    """

    score: np.ndarray
    control: np.ndarray


@dataclass(frozen=True)
class Canaries:
    """Losses of canaries in the shadow trainings in which they were planted.

    Attributes:
        inserted: (trainings, canaries of a half) of those that a training learned from.
        others: (trainings, canaries of the other half).
    """

    inserted: np.ndarray
    others: np.ndarray

    @property
    def pairs(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Losses of both halves, training by training."""
        return list(zip(self.inserted, self.others, strict=True))

    @property
    def bits(self) -> np.ndarray:
        """(trainings,) mean exposure of the inserted canaries."""
        return np.array([exposure(inside, outside).mean() for inside, outside in self.pairs])


def halves(people: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, people) bool: random halves, in pairs that complement each other, so that everybody is in as many."""
    found = np.zeros((count, people), bool)
    for row in range(0, count, 2):
        found[row, rng.permutation(people)[: people // 2]] = True
        if row + 1 < count:
            found[row + 1] = ~found[row]
    return found


def shadowed(features_pf: np.ndarray, raw_po: np.ndarray, goals: Sequence[Goal], seed: int) -> Shadowed:
    """Attack a head with shadow trainings.

    Args:
        features_pf: (people, features) of the network, in which the head is linear.
        raw_po: (people, outputs) what the released head says, with the log odds of the training's prevalence.
        goals: the targets.
        seed: of the halves.
    """
    rng = np.random.default_rng([seed, _STREAM])
    inside = halves(len(features_pf), SHADOWS + 2, rng)
    heads = Heads(products(features_pf), goals, inside)
    fitted = np.stack([heads.fitted(half) for half in inside])
    middle = fitted[2:].mean(axis=0)
    said = np.stack([statistics(raw, goals) for raw in fitted[2:]])
    own, control = (
        likelihood_ratio(statistics(aligned(raw, middle), goals), said, inside[2:]) for raw in (raw_po, fitted[0])
    )
    return Shadowed(own, control)


def aligned(raw_po: np.ndarray, middle_po: np.ndarray) -> np.ndarray:
    """The attacked head's outputs on the scale of the shadow models': each is mapped by the line that fits their mean
    best over all people.

    A head that was trained longer is more certain about everybody, which reveals nothing about who was in its training.
    Nobody's membership is used.

    Args:
        raw_po: (people, outputs).
        middle_po: (people, outputs) mean over the shadow models.
    """
    found = np.empty_like(raw_po)
    for column, (own, middle) in enumerate(zip(raw_po.T, middle_po.T, strict=True)):
        slope, start = np.polyfit(own, middle, 1) if np.ptp(own) > 0 else (0.0, middle.mean())
        found[:, column] = start + slope * own
    return found


def canaries(features_pf: np.ndarray, goals: Sequence[Goal], seed: int) -> Canaries | None:
    """Plant canaries in shadow trainings: people whose targets are those of other people, so that nothing but memory
    can predict them.

    Each training learns from a random half of the canaries. The other half are their control: no difference between
    splits can look like memory.

    Args:
        features_pf: (people, features) of the network.
        goals: the targets.
        seed: of the choices.

    Returns:
        None if too few people have all targets.
    """
    complete = np.flatnonzero(~np.isnan(np.column_stack([goal.truth for goal in goals])).any(axis=1))
    count = int(len(complete) * _CANARIES) // 2 * 2
    if count < 2 * SMALLEST_COUNT:
        return None
    rng = np.random.default_rng([seed, _STREAM, 1])
    planted = rng.permutation(complete)[:count]
    sung = [Goal(goal.kind, goal.truth.copy(), goal.classes) for goal in goals]
    for goal, canary in zip(goals, sung, strict=True):
        canary.truth[planted] = goal.truth[np.roll(planted, 1)]
    inside = halves(len(features_pf), CANARY_SHADOWS, rng)
    inside[:, planted] = halves(count, CANARY_SHADOWS, rng)
    heads = Heads(products(features_pf), sung, inside)
    found = np.stack([losses(heads.fitted(half), sung)[planted] for half in inside])
    chosen = inside[:, planted]
    return Canaries(found[chosen].reshape(len(found), -1), found[~chosen].reshape(len(found), -1))
