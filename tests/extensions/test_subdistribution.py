"""Fine and Gray's model: against libraries where they compute the same, by brute force, and in a known world."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.nonparametric import cumulative_incidence_competing_risks
from sksurv.util import Surv
from statsmodels.duration.hazard_regression import PHReg

from vita.extensions.hazard_models import fit
from vita.extensions.outcomes import CENSORED, DEATH, DISEASE
from vita.extensions.subdistribution import AtRisk, fine_gray, fit_weights, incidence, log_likelihood
from vita.extensions.timed_metrics import Followed, concordance, concordance_competing


def people(seed: int, n: int, censored: float = 0.15, dies: float = 0.2) -> tuple[np.ndarray, Followed]:
    """Covariates (n, 2) and follow-up in days, so that there are ties; death hastened by what protects."""
    rng = np.random.default_rng(seed)
    design = rng.standard_normal((n, 2))
    rates = np.stack([0.2 * np.exp(design @ [0.8, -0.4]), dies * np.exp(design @ [-0.5, 0]), np.full(n, censored)])
    with np.errstate(divide="ignore"):
        times = rng.exponential(1.0, rates.shape) / rates
    years = np.ceil(times.min(axis=0) * 20) / 20
    return design, Followed(years, np.array([DISEASE, DEATH, CENSORED])[times.argmin(axis=0)])


def test_without_deaths_it_is_scikit_survivals_cox_model() -> None:
    design, known = people(0, 300, dies=0.0)
    assert (known.event != DEATH).all()
    for penalty in (0.1, 10.0):
        expected = CoxPHSurvivalAnalysis(alpha=penalty, tol=1e-12).fit(design, known.surv())
        found = fit_weights(design, known, penalty)
        np.testing.assert_allclose(found, expected.coef_, atol=1e-6)
        model = fine_gray(design, known, np.ones(300, bool), DISEASE, penalty)
        own = expected.cum_baseline_hazard_
        reached = np.asarray(own.y)[np.searchsorted(own.x, model.times)]
        # scikit-survival's baseline is that of the mean participant
        np.testing.assert_allclose(model.cumulative, reached, rtol=1e-5)


def test_without_censoring_it_is_the_cox_model_in_which_the_dead_are_followed_for_ever() -> None:
    design, known = people(1, 300, censored=0.0)
    assert {DISEASE, DEATH} == set(known.event)
    forever = np.where(known.ill, known.years, known.years.max() + 1)
    expected = PHReg(forever, design, status=known.ill, ties="breslow").fit()
    np.testing.assert_allclose(fit_weights(design, known, 0.0), expected.params, atol=1e-6)
    ratio = design @ expected.params
    assert log_likelihood(known, ratio) == pytest.approx(expected.llf / 300, abs=1e-9)


def test_without_covariates_it_is_aalen_and_johansens_estimate() -> None:
    _, known = people(2, 400)
    assert len(np.unique(known.years)) < 200, "ties of events, deaths and censoring"
    risk = AtRisk.of(known)
    product = 1 - np.cumprod(1 - risk.cases / risk.sums(np.ones(400)))
    times, expected = cumulative_incidence_competing_risks(known.event, known.years)
    np.testing.assert_allclose(product, expected[DISEASE][np.searchsorted(times, risk.times)], atol=1e-12)


def expanded(known: Followed, ratio: np.ndarray) -> float:
    """The partial log likelihood from an explicit table of everybody at every event time."""

    def followed(time: float) -> float:
        """G(time-), a product over the censoring times before."""
        chance = 1.0
        for at in np.unique(known.years[known.event == CENSORED]):
            if at < time:
                leave = (known.years == at) & (known.event == CENSORED)
                chance *= 1 - leave.sum() / (leave.sum() + (known.years > at).sum())
        return chance

    total = 0.0
    for case in np.flatnonzero(known.ill):
        at, weighted = known.years[case], 0.0
        for other, time in enumerate(known.years):
            if time >= at:
                weighted += np.exp(ratio[other])
            elif known.event[other] == DEATH:
                weighted += np.exp(ratio[other]) * followed(at) / followed(time)
        total += ratio[case] - np.log(weighted)
    return total / len(ratio)


def test_likelihood_and_maximum_are_those_of_the_expanded_table() -> None:
    design, known = people(3, 40, censored=0.25)
    assert min((known.event == kind).sum() for kind in (CENSORED, DISEASE, DEATH)) >= 8
    for weights in ([0.0, 0.0], [0.7, -0.2]):
        ratio = design @ weights
        assert log_likelihood(known, ratio) == pytest.approx(expanded(known, ratio), abs=1e-12)
    best = minimize(lambda own: -expanded(known, design @ own) + 0.5 * own @ own / 40, np.zeros(2), tol=1e-8)
    np.testing.assert_allclose(fit_weights(design, known, 1.0), best.x, atol=1e-4)


def test_likelihood_by_hand() -> None:
    """A death at 1, a case at 2, a censoring at 3, a case at 4, one followed to 5: G is 1 to 3 and 2/3 after it."""
    known = Followed(np.arange(1.0, 6), np.array([DEATH, DISEASE, CENSORED, DISEASE, CENSORED]))
    risk = AtRisk.of(known)
    np.testing.assert_allclose(risk.sums(np.ones(5)), [5, 2 + 2 / 3])
    assert log_likelihood(known, np.zeros(5)) == pytest.approx(-(np.log(5) + np.log(8 / 3)) / 5)


def test_a_planted_subdistribution_is_found_and_its_risks_are_calibrated() -> None:
    """Fine and Gray's own simulation: incidence 1 - (1 - p (1 - exp(-t)))^exp(x b), the others die."""
    rng = np.random.default_rng(4)
    n, share, slope = 6000, 0.4, 0.7
    x = rng.standard_normal(n)
    ever = 1 - (1 - share) ** np.exp(slope * x)
    drawn = rng.random(n)
    ill = drawn < ever
    inside = (1 - (1 - np.where(ill, drawn, 0)) ** np.exp(-slope * x)) / share
    times = np.where(ill, -np.log1p(-inside), rng.exponential(1.0, n))
    censored = rng.exponential(3.0, n)
    event = np.where(censored < times, CENSORED, np.where(ill, DISEASE, DEATH))
    known = Followed(np.minimum(times, censored), event)
    split = np.repeat(["train", "val", "test"], [3000, 1000, 2000])
    model = fit([x[:, None]], known, split, learn=fine_gray, worth_of=log_likelihood)
    assert np.polyfit(x, model.log_ratio, 1)[0] == pytest.approx(slope, abs=0.08)
    found = incidence(model, np.array([0.5, 2.0]))
    for place, time in enumerate((0.5, 2.0)):
        expected = 1 - (1 - share * (1 - np.exp(-time))) ** np.exp(slope * x)
        assert np.abs(found[:, place] - expected).mean() < 0.02


def test_the_dead_are_comparable_to_every_case() -> None:
    """Cases at 2 and 4, a death at 1, one censored at 3: pairs by hand."""
    known = Followed(np.array([2.0, 4.0, 1.0, 3.0]), np.array([DISEASE, DISEASE, DEATH, CENSORED]))
    risk = np.array([0.4, 0.3, 0.9, 0.1])
    ones = np.ones((1, 4))
    # first case: before the second (right), before the censored (right), the dead (wrong); second: the dead (wrong)
    assert concordance_competing(known, risk, ones)[0] == pytest.approx(2 / 4)
    assert concordance(known, risk, ones)[0] == pytest.approx(1.0)
    drawn = np.array([[1, 2, 1, 0]])
    assert concordance_competing(known, risk, drawn)[0] == pytest.approx(2 / 5)


def test_death_that_is_hastened_by_what_protects_divides_the_two_models() -> None:
    """The cause-specific hazard of a covariate may be 0 while the incidence falls with it, as its bearers die first."""
    rng = np.random.default_rng(6)
    n = 4000
    x = rng.standard_normal(n)
    ill, dead, last = rng.exponential(5.0, n), rng.exponential(5.0, n) / np.exp(x), rng.uniform(2, 10, n)
    times = np.stack([ill, dead, last])
    known = Followed(times.min(axis=0), np.array([DISEASE, DEATH, CENSORED])[times.argmin(axis=0)])
    specific = CoxPHSurvivalAnalysis().fit(x[:, None], Surv.from_arrays(known.ill, known.years)).coef_[0]
    assert abs(specific) < 0.08
    assert fit_weights(x[:, None], known, 0.0)[0] < -0.2
