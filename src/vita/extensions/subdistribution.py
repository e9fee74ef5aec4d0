"""Fine and Gray's model of the incidence of a disease with death competing: a Cox model of the subdistribution.

People who died without the disease stay among those at risk, with the weight that they would not have been censored
until then: G(t-) / G(their own time-), where G is the distribution of censoring (Kaplan-Meier; an event precedes a
censoring of the same day). An expanded table of people and times is not needed, since the sums over those at risk at
all event times are cumulative sums:

    at risk(t) = sum of those still followed + G(t-) x sum of those dead before t, each divided by its own G

No library that the project has fits this with a ridge penalty. Without deaths it is scikit-survival's Cox model; with
no covariate its product-limit estimate is Aalen and Johansen's. Source: Fine and Gray 1999; Geskus 2011.
"""

from dataclasses import dataclass

import numpy as np

from vita.extensions.hazard_models import Hazards
from vita.extensions.outcomes import CENSORED, DISEASE
from vita.extensions.timed_metrics import Followed

_ENOUGH = 1e-9  # Newton's steps stop below this gain of the objective, relative to it
_MOST_STEPS = 50
_HALVINGS = 30


@dataclass(frozen=True)
class AtRisk:
    """Who is at risk at the event times, and how much each counts.

    Attributes:
        times: (t,) years, of the disease, ascending.
        cases: (t,) people who fall ill at each.
        first_after: (n,) number of event times up to and including a participant's own time.
        followed: (t,) censoring weight G(t-) at each event time.
        own: (n,) 1 / G(own time-) of those who died without the disease, 0 of the others.
        ill: (n,) whether a case.
    """

    times: np.ndarray
    cases: np.ndarray
    first_after: np.ndarray
    followed: np.ndarray
    own: np.ndarray
    ill: np.ndarray

    @classmethod
    def of(cls, known: Followed, kind: int = DISEASE) -> "AtRisk":
        """From follow-up; `kind` is the event, and the other one competes."""
        ill = known.event == kind
        times, cases = np.unique(known.years[ill], return_counts=True)
        competes = (known.event != CENSORED) & ~ill
        own = np.zeros(len(known.years))
        own[competes] = 1 / _uncensored_before(known, known.years[competes])
        first_after = np.searchsorted(times, known.years, side="right")
        return cls(times, cases, first_after, _uncensored_before(known, times), own, ill)

    def sums(self, values_n: np.ndarray) -> np.ndarray:
        """Weighted sums (t, ...) of values (n, ...) over those at risk at each event time."""
        shape = (len(self.times) + 1, *values_n.shape[1:])
        there, dead = np.zeros(shape), np.zeros(shape)
        np.add.at(there, self.first_after, values_n)
        np.add.at(dead, self.first_after, values_n * self.own.reshape(-1, *([1] * (values_n.ndim - 1))))
        still = np.cumsum(there[::-1], axis=0)[::-1][1:]  # own time at or after the event time
        gone = np.cumsum(dead, axis=0)[:-1]
        return np.asarray(still + self.followed.reshape(-1, *([1] * (values_n.ndim - 1))) * gone)

    def spread(self, values_t: np.ndarray) -> np.ndarray:
        """The sum (n,) of values (t,) over the event times at which each participant is at risk, with its weight."""
        before = np.concatenate([[0.0], np.cumsum(values_t)])
        weighted = np.concatenate([[0.0], np.cumsum(values_t * self.followed)])
        found: np.ndarray = before[self.first_after] + self.own * (weighted[-1] - weighted[self.first_after])
        return found


def _uncensored_before(known: Followed, times: np.ndarray) -> np.ndarray:
    """The probability (times,) of not being censored before each time."""
    from sksurv.nonparametric import kaplan_meier_estimator  # start-up

    own, chance = kaplan_meier_estimator(known.event != CENSORED, known.years, reverse=True)
    return np.concatenate([[1.0], chance])[np.searchsorted(own, times, side="left")]


def log_likelihood(known: Followed, log_ratio: np.ndarray, kind: int = DISEASE) -> float:
    """Fine and Gray's partial log likelihood (Breslow) of these participants, divided by their number."""
    risk = AtRisk.of(known, kind)
    at_risk = risk.sums(np.exp(log_ratio))
    return float((log_ratio[risk.ill].sum() - risk.cases @ np.log(at_risk)) / len(log_ratio))


def fit_weights(design_np: np.ndarray, known: Followed, penalty: float, kind: int = DISEASE) -> np.ndarray:
    """Log subdistribution hazard ratios (p,) that maximise the partial likelihood minus penalty / 2 x their squares.

    Args:
        design_np: (participants, covariates).
        known: their follow-up.
        penalty: as scikit-survival's `alpha`.
        kind: the event.
    """
    risk, weights = AtRisk.of(known, kind), np.zeros(design_np.shape[1])
    cases = design_np[risk.ill].sum(axis=0)

    def objective(own: np.ndarray) -> float:
        at_risk = risk.sums(np.exp(design_np @ own))
        return float(cases @ own - risk.cases @ np.log(at_risk) - penalty / 2 * own @ own)

    value = objective(weights)
    for _ in range(_MOST_STEPS):
        ratio = np.exp(design_np @ weights)
        at_risk = risk.sums(ratio)
        means = risk.sums(ratio[:, None] * design_np) / at_risk[:, None]
        gradient = cases - risk.cases @ means - penalty * weights
        everybody = ratio * risk.spread(risk.cases / at_risk)
        curvature = (design_np * everybody[:, None]).T @ design_np - (means * risk.cases[:, None]).T @ means
        step = np.linalg.solve(curvature + penalty * np.eye(len(weights)), gradient)
        for halving in range(_HALVINGS):
            following = weights + step / 2**halving
            reached = objective(following)
            if reached >= value:
                break
        else:
            return weights
        weights, gain, value = following, reached - value, reached
        if gain <= _ENOUGH * max(1.0, abs(value)):
            break
    return weights


def fine_gray(design_np: np.ndarray, known: Followed, train_n: np.ndarray, kind: int, penalty: float) -> Hazards:
    """The model of training: log ratios of everybody, and the baseline's cumulative hazard (Breslow)."""
    own = Followed(known.years[train_n], known.event[train_n])
    log_ratio = design_np @ fit_weights(design_np[train_n], own, penalty, kind)
    risk = AtRisk.of(own, kind)
    return Hazards(log_ratio, risk.times, np.cumsum(risk.cases / risk.sums(np.exp(log_ratio[train_n]))))


def incidence(model: Hazards, horizons: np.ndarray) -> np.ndarray:
    """Probability (n, horizons) of the disease by each horizon in years."""
    cumulative = np.concatenate([[0.0], model.cumulative])[np.searchsorted(model.times, horizons, side="right")]
    return np.asarray(-np.expm1(-np.exp(model.log_ratio)[:, None] * cumulative))
