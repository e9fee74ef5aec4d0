"""Shadow models of Stage III's heads: linear heads on given features, fitted to many random halves of the people.

A closed-form head can be fitted from the products of people's features alone, whatever their number, so that a hundred
shadow models of a task take seconds. Numbers have a ridge regression. Classes have a logistic regression, whose
likelihood is maximised by steps with a bound on its curvature (Böhning, 1992): the same matrix for all targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import logsumexp, softmax

PENALTIES = tuple(10.0**power for power in range(6))  # for standardised features
_STEPS = 40  # of a logistic regression
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
        rest = logsumexp(np.where(true, -np.inf, logits), axis=1)
        found.append(np.where(np.isnan(goal.truth), np.nan, logits[true] - rest))
    return np.column_stack(found)


def losses(raw_po: np.ndarray, goals: Sequence[Goal]) -> np.ndarray:
    """(people,) mean over a person's known targets of squared errors and of log losses; NaN without any."""
    values = statistics(raw_po, goals)
    for column, goal in enumerate(goals):
        own = values[:, column]
        values[:, column] = own**2 if goal.kind == "numerical" else np.logaddexp(0, -own)
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
        """Of each target, the penalty with which it is best predicted for people outside the trainings."""
        errors = np.zeros((len(PENALTIES), len(self.goals)))
        for inside in halves_sp:
            for row, penalty in enumerate(PENALTIES):
                raw = self.fitted(inside, [penalty] * len(self.goals))
                for column, (goal, part) in enumerate(zip(self.goals, self._parts(raw), strict=True)):
                    errors[row, column] += np.nanmean(losses(part, [goal])[~inside])
        return [PENALTIES[row] for row in np.argmin(np.nan_to_num(errors, nan=np.inf), axis=0)]

    def _parts(self, raw_po: np.ndarray) -> list[np.ndarray]:
        ends = np.cumsum([goal.width for goal in self.goals])
        return np.split(raw_po, ends[:-1], axis=1)

    def fitted(self, inside_p: np.ndarray, penalties: Sequence[float] | None = None) -> np.ndarray:
        """(people, outputs): what heads fitted to the people inside say about everybody."""
        penalties = self.penalties if penalties is None else penalties
        found: list[np.ndarray] = [np.empty(0)] * len(self.goals)
        groups: dict[tuple[bytes, float, bool], list[int]] = {}
        for place, (goal, penalty) in enumerate(zip(self.goals, penalties, strict=True)):
            known = inside_p & ~np.isnan(goal.truth)
            groups.setdefault((known.tobytes(), penalty, goal.kind == "numerical"), []).append(place)
        for (key, penalty, numbers), places in groups.items():
            known = np.frombuffer(key, bool)
            own = [self.goals[place] for place in places]
            raw = (_ridge if numbers else _logistic)(self.products, own, known, penalty)
            ends = np.cumsum([goal.width for goal in own])
            for place, part in zip(places, np.split(raw, ends[:-1], axis=1), strict=True):
                found[place] = part
        return np.concatenate(found, axis=1)


def _ridge(products_pp: np.ndarray, goals: Sequence[Goal], known: np.ndarray, penalty: float) -> np.ndarray:
    own = products_pp[np.ix_(known, known)]
    truth = np.column_stack([goal.truth[known] for goal in goals])
    weights = cho_solve(cho_factor(own + penalty * np.eye(len(own)), check_finite=False), truth, check_finite=False)
    fitted: np.ndarray = products_pp[:, known] @ weights
    return fitted


def _logistic(products_pp: np.ndarray, goals: Sequence[Goal], known: np.ndarray, penalty: float) -> np.ndarray:
    """Steps of the majorised Newton method: the curvature of a logistic loss is at most 1/2, that of two classes with
    one logit at most 1/4.
    """
    own = products_pp[np.ix_(known, known)]
    raw_parts = []
    for binary in (True, False):
        chosen = [goal for goal in goals if (goal.kind == "binary") == binary]
        if not chosen:
            continue
        factor = cho_factor((0.25 if binary else 0.5) * own + penalty * np.eye(len(own)), check_finite=False)
        wanted = [_indicator(goal, known) for goal in chosen]
        ends = np.cumsum([part.shape[1] for part in wanted])[:-1]
        weights = np.zeros((len(own), sum(part.shape[1] for part in wanted)))
        for _ in range(_STEPS):
            scores = np.split(own @ weights, ends, axis=1)
            gaps = [
                (1 / (1 + np.exp(-score)) if binary else softmax(score, axis=1)) - truth
                for score, truth in zip(scores, wanted, strict=True)
            ]
            weights -= cho_solve(factor, np.concatenate(gaps, axis=1) + penalty * weights, check_finite=False)
        raw_parts += list(zip(chosen, np.split(products_pp[:, known] @ weights, ends, axis=1), strict=True))
    by_goal = {id(goal): part for goal, part in raw_parts}
    return np.concatenate([by_goal[id(goal)] for goal in goals], axis=1)


def _indicator(goal: Goal, known: np.ndarray) -> np.ndarray:
    truth: np.ndarray = goal.truth[known][:, None]
    return truth if goal.kind == "binary" else (truth == np.arange(goal.classes)).astype(float)
