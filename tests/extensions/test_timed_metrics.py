"""Concordance, AUC and incidence over time against scikit-survival, of the sample and of its resamples."""

import numpy as np
import pytest
from sksurv.metrics import concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
from sksurv.nonparametric import cumulative_incidence_competing_risks

from vita.extensions import survival, timed_metrics
from vita.extensions.outcomes import CENSORED, DEATH, DISEASE
from vita.extensions.timed_metrics import Followed


@pytest.fixture
def drawn() -> tuple[Followed, Followed, np.ndarray]:
    """Training, test and the test's risks, with ties in times and risks."""
    rng = np.random.default_rng(4)

    def follow(n: int) -> tuple[Followed, np.ndarray]:
        risk = np.round(rng.standard_normal(n), 1)
        times = np.stack([rng.exponential(6 * np.exp(-0.8 * risk)), rng.exponential(20, n), rng.uniform(2, 9, n)])
        kind = np.array([DISEASE, DEATH, CENSORED])[times.argmin(axis=0)]
        return Followed(np.ceil(times.min(axis=0) * 12) / 12, kind), risk

    train, _ = follow(300)
    test, risk = follow(120)
    inside = test.years < train.years.max()
    return train, Followed(test.years[inside], test.event[inside]), risk[inside]


def once(n: int) -> np.ndarray:
    return np.ones((1, n))


def test_harrell_equals_scikit_survival(drawn) -> None:
    _, test, risk = drawn
    expected = concordance_index_censored(test.ill, test.years, risk)[0]
    assert timed_metrics.concordance(test, risk, once(risk.size))[0] == pytest.approx(expected, abs=1e-12)


def test_uno_equals_scikit_survival(drawn) -> None:
    train, test, risk = drawn
    weight = timed_metrics.censoring_weights(train, test)
    expected = concordance_index_ipcw(train.surv(), test.surv(), risk)[0]
    assert timed_metrics.concordance(test, risk, once(risk.size), weight**2)[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("horizon", [2.0, 5.0])
def test_auc_equals_scikit_survival(drawn, horizon: float) -> None:
    train, test, risk = drawn
    weight = timed_metrics.censoring_weights(train, test)
    expected = cumulative_dynamic_auc(train.surv(), test.surv(), risk, [horizon])[0][0]
    found = timed_metrics.auc_by(test, risk, horizon, weight, once(risk.size))[0]
    assert found == pytest.approx(expected, abs=1e-9)


def test_incidence_equals_scikit_survival(drawn) -> None:
    _, test, _ = drawn
    times, curves = cumulative_incidence_competing_risks(test.event, test.years)
    found = timed_metrics.incidence_by(test, times, once(len(test.years)))[0]
    np.testing.assert_allclose(found, curves[DISEASE], atol=1e-12)


def test_a_resample_is_the_sample_with_its_members_repeated(drawn) -> None:
    _, test, risk = drawn
    counts = np.random.default_rng(0).multinomial(risk.size, np.full(risk.size, 1 / risk.size), size=3).astype(float)
    for row in counts:
        members = np.repeat(np.arange(risk.size), row.astype(int))
        again = Followed(test.years[members], test.event[members])
        c = concordance_index_censored(again.ill, again.years, risk[members])[0]
        assert timed_metrics.concordance(test, risk, row[None])[0] == pytest.approx(c, abs=1e-12)
        times, curves = cumulative_incidence_competing_risks(again.event, again.years)
        np.testing.assert_allclose(timed_metrics.incidence_by(test, times, row[None])[0], curves[DISEASE], atol=1e-12)


def test_nobody_ill_has_no_concordance() -> None:
    healthy = Followed(np.array([1.0, 2.0]), np.array([CENSORED, DEATH]))
    assert np.isnan(timed_metrics.concordance(healthy, np.array([0.0, 1.0]), once(2)))[0]
    assert timed_metrics.incidence_by(healthy, np.array([1.5]), once(2))[0, 0] == 0


def test_incidence_is_unknown_after_the_last_who_is_followed() -> None:
    known = Followed(np.array([1.0, 2.0, 3.0]), np.array([DISEASE, CENSORED, CENSORED]))
    found = timed_metrics.incidence_by(known, np.array([0.5, 1.0, 3.0, 3.5]), once(3))[0]
    np.testing.assert_allclose(found, [0, 1 / 3, 1 / 3, np.nan])


def test_the_studys_own_c_weighs_by_censoring_in_training(drawn) -> None:
    train, test, risk = drawn
    expected = concordance_index_ipcw(train.surv(), test.surv(), risk)[0]
    none = np.zeros((risk.size, survival.GRID.size))
    found = survival.measure(train, test, survival.Risk(risk, none, none), once(risk.size))
    assert found["c_uno"][0] == pytest.approx(expected, abs=1e-9)
