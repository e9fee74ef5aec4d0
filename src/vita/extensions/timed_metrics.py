"""Discrimination and calibration of risks over time, for many bootstrap resamples at once.

A resample is a row of counts, how often each participant was drawn. Concordance is then a ratio of quadratic forms in
the counts, and the Aalen-Johansen estimate a few cumulative sums. With counts of one they equal scikit-survival's.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from vita.extensions.outcomes import DEATH, DISEASE

TIE = 1e-8  # risks that differ by less are equal, as in scikit-survival


@dataclass(frozen=True)
class Followed:
    """The time at risk of participants and how it ended."""

    years: np.ndarray  # (n,) above 0
    event: np.ndarray  # (n,) CENSORED, DISEASE or DEATH

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Followed":
        """From `outcomes.at_risk`."""
        return cls(table["years"].to_numpy(float), table["event"].to_numpy(int))

    @property
    def ill(self) -> np.ndarray:
        """(n,) whether the disease occurred."""
        return np.asarray(self.event == DISEASE)

    def surv(self) -> np.ndarray:
        """For scikit-survival: the disease is the event, death censors."""
        from sksurv.util import Surv  # start-up

        return np.asarray(Surv.from_arrays(self.ill, self.years))


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.full(np.shape(bottom), np.nan)
    np.divide(top, bottom, out=found, where=bottom > 0)
    return found


def _higher(risk_case: np.ndarray, risk_other: np.ndarray) -> np.ndarray:
    """(cases, others): 1 if the case's risk is higher, 0.5 if they are equal."""
    difference = risk_case[:, None] - risk_other[None, :]
    return np.where(np.abs(difference) <= TIE, 0.5, difference > 0).astype(float)


def _pairs(
    top: np.ndarray, bottom: np.ndarray, cases: np.ndarray, weight: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """The weighted share of comparable pairs that are concordant, in each resample.

    Args:
        top, bottom: (cases, n) concordant, comparable.
        cases: (cases,) places among the n.
        weight: (cases,) of each case.
        counts: (resamples, n).
    """
    drawn = counts[:, cases] * weight
    return _ratio(((counts @ top.T) * drawn).sum(axis=1), ((counts @ bottom.T) * drawn).sum(axis=1))


def concordance(known: Followed, risk: np.ndarray, counts: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Harrell's C of each resample, or Uno's with squared inverse censoring weights; NaN without a comparable pair.

    Args:
        known: (n,) participants.
        risk: (n,), higher is sooner.
        counts: (resamples, n).
        weight: (n,) of each case's pairs; None weighs all alike.
    """
    cases = np.flatnonzero(known.ill)
    later = known.years[None, :] > known.years[cases, None]
    comparable = later | ((known.years[None, :] == known.years[cases, None]) & ~known.ill[None, :])
    own = np.ones(len(known.years)) if weight is None else weight
    return _pairs(comparable * _higher(risk[cases], risk), comparable.astype(float), cases, own[cases], counts)


def concordance_competing(known: Followed, risk: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concordance of each resample where death competes (Wolbers et al. 2009): whoever died without the disease is
    comparable to every case, as one who will not fall ill any more; otherwise as Harrell's C.

    Args:
        known, risk, counts: as of `concordance`.
    """
    never = Followed(np.where(known.event == DEATH, np.inf, known.years), known.event)
    return concordance(never, risk, counts)


def censoring_weights(train: Followed, known: Followed) -> np.ndarray:
    """1 / the probability (n,) of not being censored by a participant's own time, estimated on training; 0 if censored.
    Beyond the last training time with a positive probability the weight is 0, since it cannot be estimated there.
    """
    from sksurv.nonparametric import CensoringDistributionEstimator  # start-up

    found = np.zeros(len(known.years))
    cases = np.flatnonzero(known.ill)
    if cases.size and train.ill.any():
        estimate = CensoringDistributionEstimator().fit(train.surv())
        inside = cases[known.years[cases] <= train.years.max()]
        chance = estimate.predict_proba(known.years[inside])
        found[inside[chance > 0]] = 1 / chance[chance > 0]
    return found


def auc_by(known: Followed, risk: np.ndarray, horizon: float, weight: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """AUC of people with the disease by `horizon` years against those who are still followed then, for each resample.

    Args:
        known, risk, counts: as of `concordance`.
        horizon: years.
        weight: `censoring_weights`.
    """
    cases = np.flatnonzero(known.ill & (known.years <= horizon))
    controls = np.broadcast_to(known.years > horizon, (cases.size, known.years.size)).astype(float)
    return _pairs(controls * _higher(risk[cases], risk), controls, cases, weight[cases], counts)


def incidence_by(known: Followed, horizons: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Cumulative incidence of the disease with death competing (Aalen-Johansen) at each horizon.

    Args:
        known: (n,) participants.
        horizons: (h,) years.
        counts: (resamples, n).

    Returns:
        (resamples, h); NaN where nobody is at risk any more at a horizon.
    """
    times, place = np.unique(known.years, return_inverse=True)
    at: np.ndarray = np.zeros((3, len(counts), times.size))
    for kind, chosen in enumerate((known.ill, known.event == DEATH, np.ones(len(place), bool))):
        np.add.at(at[kind].T, place[chosen], counts[:, chosen].T)
    ill, dead, leave = at
    staying = np.cumsum(leave[:, ::-1], axis=1)[:, ::-1]  # at risk just before each time
    hazard = np.divide(ill, staying, out=np.zeros_like(ill), where=staying > 0)
    both = np.divide(ill + dead, staying, out=np.zeros_like(ill), where=staying > 0)
    alive = np.cumprod(1 - both, axis=1)
    before = np.concatenate([np.ones((len(counts), 1)), alive[:, :-1]], axis=1)
    curve = np.concatenate([np.zeros((len(counts), 1)), np.cumsum(before * hazard, axis=1)], axis=1)
    found = curve[:, np.searchsorted(times, horizons, side="right")]
    last = np.array([np.max(times, initial=0.0, where=row > 0) for row in leave])
    return np.where(horizons[None, :] <= last[:, None], found, np.nan)
