"""Cox models on blocks of features: principal components, a ridge penalty chosen on validation, and absolute risks.

Each block is scaled to a total variance of 1 over training, so that a block of a thousand features has the same weight
as one of three; with two blocks, their relative weight is also chosen on validation. The absolute risk of a disease
treats death as a competing event: the cause-specific hazards of both are integrated (Aalen-Johansen with Cox hazards).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vita.extensions.outcomes import DEATH, DISEASE
from vita.extensions.timed_metrics import Followed

MOST_COMPONENTS = 40
PENALTIES = tuple(10.0**power for power in range(-1, 4))
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)  # of the first of two blocks
FEWEST = 5  # events in training, below which nothing is fitted
_PER_COMPONENT = 2  # events in training, at least


@dataclass(frozen=True)
class Hazards:
    """Log hazard ratios of everybody, and the baseline's cumulative hazard over training's times."""

    log_ratio: np.ndarray  # (n,)
    times: np.ndarray  # (t,) years
    cumulative: np.ndarray  # (t,)

    def steps(self, times: np.ndarray) -> np.ndarray:
        """Increments of the baseline at these times (t,), which hold all of its own."""
        reached = np.searchsorted(self.times, times, side="right")
        values = np.concatenate([[0.0], self.cumulative])[reached]
        return np.diff(values, prepend=0.0)


def components(features_nf: np.ndarray, train_n: np.ndarray, most: int = MOST_COMPONENTS) -> np.ndarray:
    """Principal components of training's standardised features, the strongest first, of total variance at most 1.

    Args:
        features_nf: (participants, features), NaN where unknown.
        train_n: (participants,) bool.
        most: components.

    Returns:
        (participants, components).
    """
    from vita.training.closed_form import standardised  # start-up: scikit-learn

    scaled = standardised(features_nf, train_n)
    if not scaled.shape[1]:
        return scaled
    train = scaled[train_n]
    _, _, axes = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)
    return np.asarray(scaled @ axes[:most].T / np.sqrt(scaled.shape[1]))


def log_likelihood(known: Followed, log_ratio: np.ndarray, kind: int) -> float:
    """Cox's partial log likelihood (Breslow) of these participants, divided by their number."""
    from sksurv.linear_model.coxph import CoxPHOptimizer  # start-up

    optimizer = CoxPHOptimizer(log_ratio[:, None], known.event == kind, known.years, np.zeros(1), "breslow")
    return -float(optimizer.nlog_likelihood(np.ones(1)))


def cox(design_np: np.ndarray, known: Followed, train_n: np.ndarray, kind: int, penalty: float) -> Hazards:
    """A Cox model of training: log ratios of everybody, and the baseline's cumulative hazard."""
    from sksurv.linear_model import CoxPHSurvivalAnalysis  # start-up
    from sksurv.util import Surv

    outcome = Surv.from_arrays(known.event[train_n] == kind, known.years[train_n])
    model = CoxPHSurvivalAnalysis(alpha=penalty).fit(design_np[train_n], outcome)
    baseline = model.cum_baseline_hazard_
    return Hazards(model.predict(design_np), np.asarray(baseline.x), np.asarray(baseline.y))


Learn = Callable[[np.ndarray, Followed, np.ndarray, int, float], Hazards]
Worth = Callable[[Followed, np.ndarray, int], float]


def fit(
    blocks: Sequence[np.ndarray], known: Followed, split_n: np.ndarray, kind: int = DISEASE,
    learn: Learn = cox, worth_of: Worth = log_likelihood,
) -> Hazards | None:  # fmt: skip
    """The best Cox model by validation.

    Args:
        blocks: one or two times (participants, components).
        known: the participants' follow-up.
        split_n: (participants,) train, val or test.
        kind: the event, DISEASE or DEATH; the other one censors, or competes if `learn` says so.
        learn: a model from design, follow-up, who trains, event and penalty.
        worth_of: what validation judges it by.

    Returns:
        None where training has too few events, or no feature varies.
    """
    train, validate = split_n == "train", split_n == "val"
    events = int((known.event[train] == kind).sum())
    if events < FEWEST or not all(block.shape[1] for block in blocks):
        return None
    own = Followed(known.years[validate], known.event[validate])
    most = max(1, events // _PER_COMPONENT)
    best: tuple[float, Hazards] | None = None
    for share in SHARES if len(blocks) == 2 else (1.0,):
        weights = (np.sqrt(share), np.sqrt(1 - share))
        design = np.hstack([weight * block[:, :most] for weight, block in zip(weights, blocks, strict=False)])
        for penalty in reversed(PENALTIES):
            model = learn(design, known, train, kind, penalty)
            # without validation cases, the largest penalty is the safest guess
            worth = worth_of(own, model.log_ratio[validate], kind) if (own.event == kind).any() else penalty
            if best is None or worth > best[0]:
                best = worth, model
    return best[1] if best else None


def absolute_risk(disease: Hazards, death: Hazards | None, horizons: np.ndarray) -> np.ndarray:
    """Probability (n, horizons) of the disease by each horizon in years; death competes if its hazard is known."""
    times = np.union1d(disease.times, death.times) if death else disease.times
    ill = np.exp(disease.log_ratio)[:, None] * disease.steps(times)
    dead = np.exp(death.log_ratio)[:, None] * death.steps(times) if death else np.zeros_like(ill)
    gone = np.cumsum(ill + dead, axis=1)
    free = np.exp(-np.concatenate([np.zeros((len(ill), 1)), gone[:, :-1]], axis=1))
    # the share of the disease in all events of a step
    leaving = free * -np.expm1(-(ill + dead))
    risk = np.cumsum(leaving * np.divide(ill, ill + dead, out=np.zeros_like(ill), where=ill + dead > 0), axis=1)
    whole = np.concatenate([np.zeros((len(ill), 1)), risk], axis=1)
    return whole[:, np.searchsorted(times, horizons, side="right")]


def fit_both(
    blocks: Sequence[np.ndarray], known: Followed, split_n: np.ndarray
) -> tuple[Hazards, Hazards | None] | None:
    """Hazards of the disease and of death before it (None if too few died); None if too few fell ill."""
    disease = fit(blocks, known, split_n)
    return None if disease is None else (disease, fit(blocks, known, split_n, DEATH))
