"""Shadow models of Stage III's heads: linear heads on given features, fitted to many random halves of the people.

A closed-form head can be fitted from the products of people's features alone, whatever their number, so that a hundred
shadow models of a task take seconds. Numbers have a ridge regression. Classes have a logistic regression, whose
likelihood is maximised by steps with a bound on its curvature (Böhning, 1992): the same matrix for all targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy  # its parts are imported where they are first used

PENALTIES = tuple(10.0**power for power in range(6))  # for standardised features
_STEPS = 40  # of a logistic regression, or fewer, if no logit changes by more than
_CLOSE = 0.01
_CONSTANT = 10.0  # column of the intercept, so large that its penalty hardly matters
_TRIED = 3  # shadow models by which a penalty is chosen


@dataclass(frozen=True)
class Goal:
    """A target of the people.

    Attributes:
        kind: numerical (standardised), binary (one logit) or categorical (a logit per class).
        truth: (people,) number or class, NaN where unknown.
        classes: number of classes; 1 for a number.
    """

    kind: Literal["numerical", "binary", "categorical"]
    truth: np.ndarray
    classes: int = 1

    @property
    def width(self) -> int:
        """Number of raw outputs."""
        return self.classes if self.kind == "categorical" else 1


def statistics(raw_po: np.ndarray, goals: Sequence[Goal]) -> np.ndarray:
    """(people, targets): the error of a number, the logit of the true class; NaN where the target is unknown.

    Args:
        raw_po: (people, outputs) standardised numbers and logits, target by target.
        goals: the targets.
    """
    found, start = [], 0
    for goal in goals:
        raw, start = raw_po[:, start : start + goal.width], start + goal.width
        if goal.kind == "numerical":
            found.append(raw[:, 0] - goal.truth)
            continue
        logits = np.column_stack([np.zeros(len(raw)), raw]) if goal.kind == "binary" else raw
        true = np.nan_to_num(goal.truth).astype(int)[:, None] == np.arange(logits.shape[1])
        rest = scipy.special.logsumexp(np.where(true, -np.inf, logits), axis=1)
        found.append(np.where(np.isnan(goal.truth), np.nan, logits[true] - rest))
    return np.column_stack(found)


def losses(raw_po: np.ndarray, goals: Sequence[Goal]) -> np.ndarray:
    """(people,) mean over a person's known targets of squared errors and of log losses; NaN without any."""
    values = statistics(raw_po, goals)
    for column, goal in enumerate(goals):
        own = values[:, column]
        values[:, column] = own**2 if goal.kind == "numerical" else np.logaddexp(0, -np.nan_to_num(own)) + 0 * own
    count = np.isfinite(values).sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.nansum(values, axis=1) / np.where(count, count, np.nan)
    return mean


def products(features_pf: np.ndarray) -> np.ndarray:
    """(people, people) inner products of standardised features and a constant."""
    spread = features_pf.std(axis=0)
    varying = spread > 1e-12
    scaled = (features_pf[:, varying] - features_pf[:, varying].mean(axis=0)) / spread[varying]
    found: np.ndarray = scaled @ scaled.T + _CONSTANT**2
    return found


class Heads:
    """Fits heads to the products of people's features.

    Args:
        products_pp: (people, people), see `products`.
        goals: targets.
        halves_sp: (shadows, people) bool, some of the trainings by whose other people the penalties are chosen.
    """

    def __init__(self, products_pp: np.ndarray, goals: Sequence[Goal], halves_sp: np.ndarray) -> None:
        self.products, self.goals = products_pp, goals
        self.penalties = self._chosen(halves_sp[:_TRIED])

    def _chosen(self, halves_sp: np.ndarray) -> list[float]:
        """The penalty of each kind of target with which it is best predicted for people outside the trainings."""
        errors = np.zeros((len(PENALTIES), len(self.goals)))
        for inside in halves_sp:
            for row, penalty in enumerate(PENALTIES):
                raw = self.fitted(inside, [penalty] * len(self.goals))
                for column, (goal, part) in enumerate(zip(self.goals, _parts(raw, self.goals), strict=True)):
                    outside = losses(part, [goal])[~inside]
                    errors[row, column] += outside[np.isfinite(outside)].mean() if np.isfinite(outside).any() else 0.0
        found = [0.0] * len(self.goals)
        for places in _kinds(self.goals).values():
            best = PENALTIES[int(np.argmin(errors[:, places].mean(axis=1)))]
            for place in places:
                found[place] = best
        return found

    def fitted(self, inside_p: np.ndarray, penalties: Sequence[float] | None = None) -> np.ndarray:
        """(people, outputs): the outputs for everybody of heads that were fitted to the people inside.

        Args:
            inside_p: (people,) bool.
            penalties: of each target, equal within a kind; without them, those that were chosen.
        """
        penalties = self.penalties if penalties is None else penalties
        found: list[np.ndarray] = [np.empty(0)] * len(self.goals)
        own = self.products[np.ix_(inside_p, inside_p)]
        for kind, places in _kinds(self.goals).items():
            goals, penalty = [self.goals[place] for place in places], penalties[places[0]]
            truths = [goal.truth[inside_p] for goal in goals]
            if kind == "numerical":
                weights = _ridge(own, np.column_stack(truths), penalty)
            else:
                weights = _logistic(own, goals, truths, penalty)
            for place, part in zip(places, _parts(self.products[:, inside_p] @ weights, goals), strict=True):
                found[place] = part
        return np.concatenate(found, axis=1)


def _kinds(goals: Sequence[Goal]) -> dict[str, list[int]]:
    """Places of the targets of each kind."""
    found: dict[str, list[int]] = {}
    for place, goal in enumerate(goals):
        found.setdefault(goal.kind, []).append(place)
    return found


def _parts(raw_po: np.ndarray, goals: Sequence[Goal]) -> list[np.ndarray]:
    return np.split(raw_po, np.cumsum([goal.width for goal in goals])[:-1], axis=1)


def _ridge(own_nn: np.ndarray, truth_nt: np.ndarray, penalty: float) -> np.ndarray:
    """(n, targets) weights of the products; 0 for people with an unknown target."""
    weights = np.zeros_like(truth_nt)
    patterns: dict[bytes, list[int]] = {}
    for column in range(truth_nt.shape[1]):
        patterns.setdefault(np.isfinite(truth_nt[:, column]).tobytes(), []).append(column)
    for key, columns in patterns.items():
        known = np.frombuffer(key, bool)
        factor = scipy.linalg.cho_factor(
            own_nn[np.ix_(known, known)] + penalty * np.eye(known.sum()), check_finite=False
        )
        place = np.ix_(known, np.array(columns))
        weights[place] = scipy.linalg.cho_solve(factor, truth_nt[place], check_finite=False)
    return weights


def _logistic(own_nn: np.ndarray, goals: Sequence[Goal], truths: Sequence[np.ndarray], penalty: float) -> np.ndarray:
    """(n, outputs) weights of the products, by the majorised Newton method.

    The curvature of a logistic loss is at most 1/2, that of two classes with one logit at most 1/4; a person with an
    unknown target has none, for which the bound holds too.
    """
    binary = goals[0].kind == "binary"
    factor = scipy.linalg.cho_factor(
        (0.25 if binary else 0.5) * own_nn + penalty * np.eye(len(own_nn)), check_finite=False
    )
    wanted = np.concatenate([_indicator(goal, truth) for goal, truth in zip(goals, truths, strict=True)], axis=1)
    known = np.repeat(np.isfinite(np.column_stack(truths)), [goal.width for goal in goals], axis=1)
    weights, said = np.zeros_like(wanted), np.zeros_like(wanted)
    for _ in range(_STEPS):
        if binary:
            sure = 1 / (1 + np.exp(-said))
        else:
            sure = np.concatenate([scipy.special.softmax(part, axis=1) for part in _parts(said, goals)], axis=1)
        gap = np.where(known, sure - wanted, 0.0)
        weights -= scipy.linalg.cho_solve(factor, gap + penalty * weights, check_finite=False)
        before, said = said, own_nn @ weights
        if np.abs(said - before).max() < _CLOSE:
            break
    return weights


def _indicator(goal: Goal, truth: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.nan_to_num(truth)[:, None]
    return found if goal.kind == "binary" else (found == np.arange(goal.classes)).astype(float)
