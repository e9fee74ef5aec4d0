import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from vita.evaluation import statistics


def _scores(n=60, seed=0, digits=1):
    draw = np.random.default_rng(seed)
    truth = draw.random(n) < 0.3
    first = np.round(draw.normal(0, 1, n) + truth, digits)  # rounded, so that scores tie
    second = np.round(first + draw.normal(0, 1, n), digits)
    return truth, first, second


def _covariance_by_definition(truth, first, second):
    """DeLong's covariance of the two AUCs, straight from the paired comparisons."""

    def psi(score):
        positive, negative = score[truth][:, None], score[~truth][None, :]
        return (positive > negative) + 0.5 * (positive == negative)

    a, b = psi(first), psi(second)
    m, n = a.shape
    return np.cov(a.mean(1), b.mean(1)) / m + np.cov(a.mean(0), b.mean(0)) / n


@pytest.mark.parametrize("seed", range(5))
def test_delong_interval_is_the_definition(seed):
    truth, first, second = _scores(seed=seed)
    auc, low, high = statistics.delong_interval(truth, first)
    half = 1.959963984540054 * np.sqrt(_covariance_by_definition(truth, first, second)[0, 0])
    assert auc == pytest.approx(roc_auc_score(truth, first))
    assert low == pytest.approx(max(0, auc - half))
    assert high == pytest.approx(min(1, auc + half))


@pytest.mark.parametrize("seed", range(5))
def test_delong_test_is_the_definition(seed):
    truth, first, second = _scores(seed=seed)
    covariance = _covariance_by_definition(truth, first, second)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    z = (roc_auc_score(truth, first) - roc_auc_score(truth, second)) / np.sqrt(variance)
    assert statistics.delong_p(truth, first, second) == pytest.approx(2 * stats.norm.sf(abs(z)))


@pytest.mark.parametrize("seed", range(3))
def test_influences_add_up_to_delongs_variance_and_covariance(seed):
    truth, first, second = _scores(seed=seed)
    covariance = _covariance_by_definition(truth, first, second)
    (auc, one), (_, two) = (statistics.auc_influence(truth, score) for score in (first, second))
    assert auc == pytest.approx(roc_auc_score(truth, first))
    assert (one**2).sum() == pytest.approx(covariance[0, 0])
    assert (one * two).sum() == pytest.approx(covariance[0, 1])


def test_delong_edges():
    truth = np.array([True, False, False, True])
    assert statistics.delong_interval(truth, np.full(4, 0.3)) == (0.5, 0.5, 0.5)
    assert statistics.delong_interval(truth, np.array([1.0, 0, 0, 1])) == (1.0, 1.0, 1.0)
    assert np.isnan(statistics.delong_interval(np.zeros(4, bool), np.arange(4.0))).all()
    auc, low, high = statistics.delong_interval(np.array([True, False, False]), np.array([1.0, 0, 2]))
    assert auc == 0.5
    assert np.isnan([low, high]).all()
    assert statistics.delong_p(truth, np.arange(4.0), np.arange(4.0)) == 1.0
    assert np.isnan(statistics.delong_p(np.zeros(4, bool), np.arange(4.0), np.arange(4.0)))


def test_wilcoxon_is_scipys():
    draw = np.random.default_rng(1)
    first, second = draw.random(40), draw.random(40)
    assert statistics.wilcoxon_p(first, second) == stats.wilcoxon(first, second).pvalue
    assert statistics.wilcoxon_p(first, first) == 1.0
    assert np.isnan(statistics.wilcoxon_p(np.empty(0), np.empty(0)))


def test_holm():
    # The example of R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    assert statistics.holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm(np.array([0.5, np.nan, 0.9])) == pytest.approx([1, np.nan, 1], nan_ok=True)
    assert np.isnan(statistics.holm(np.full(3, np.nan))).all()


def test_resamples_depend_on_seed_and_name_only():
    first = statistics.resamples(20, 50, 3, "LVEDV")
    assert (first.sum(axis=1) == 20).all()
    assert (first == statistics.resamples(20, 50, 3, "LVEDV")).all()
    assert (first != statistics.resamples(20, 50, 3, "LVM")).any()
    assert (first != statistics.resamples(20, 50, 4, "LVEDV")).any()


def test_mean_interval_is_close_to_the_normal_one():
    values = np.random.default_rng(0).normal(10, 2, 400)
    low, high = statistics.mean_interval(values, 2000, 0, "x")
    assert (low, high) == pytest.approx((values.mean() - 0.196, values.mean() + 0.196), abs=0.03)
    assert np.isnan(statistics.mean_interval(np.empty(0), 100, 0, "x")).all()


def test_interval_of_mostly_undefined_values_is_undefined():
    assert np.isnan(statistics.interval(np.array([1.0, np.nan, np.nan]))).all()


def test_calibration_slope_is_that_of_logistic_regression():
    draw = np.random.default_rng(0)
    odds = draw.normal(-1, 1.5, 2000)
    truth = draw.random(2000) < expit(0.6 * odds + 0.3)
    found = statistics.calibration(truth, expit(odds))
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(odds[:, None], truth)
    slope, low, high = found["calibration_slope"]
    assert slope == pytest.approx(fitted.coef_[0, 0], rel=1e-4)
    assert low < 0.6 < high
    # the slope's error by the formula of the inverse information matrix
    p = fitted.predict_proba(odds[:, None])[:, 1]
    mean = np.average(odds, weights=p * (1 - p))
    error = 1 / np.sqrt(np.sum(p * (1 - p) * (odds - mean) ** 2))
    assert high - slope == pytest.approx(1.959964 * error, rel=1e-4)


def test_calibration_intercept_of_a_constant_prediction():
    truth = np.repeat([True, False], [30, 70])
    found = statistics.calibration(truth, np.full(100, 0.2))
    value, _, high = found["calibration_intercept"]
    assert value == pytest.approx(np.log(30 / 70) - np.log(0.2 / 0.8))
    assert high - value == pytest.approx(1.959964 / np.sqrt(100 * 0.3 * 0.7), rel=1e-6)
    assert np.isnan(found["calibration_slope"]).all()  # nothing varies


@pytest.mark.parametrize(("spread", "known"), [(0.2, True), (0.03, False)])
def test_calibration_slope_of_predictions_that_hardly_vary_is_unknown(spread, known):
    """Half of 400 are positive, independently of the log odds: the slope's error is about 2 / (sqrt(400) x spread)."""
    odds = np.tile([-spread, spread], 200)
    truth = np.tile([True, True, False, False], 100)
    half = 1.959964 * 2 / (np.sqrt(400) * spread)
    found = statistics.calibration(truth, expit(odds))
    assert (half < statistics.WIDEST_SLOPE) == known
    slope, low, high = found["calibration_slope"]
    if known:
        assert (high - slope, slope - low) == pytest.approx((half, half), rel=0.02)
        assert slope == pytest.approx(0, abs=1e-9)
    else:
        assert np.isnan(found["calibration_slope"]).all()
    assert np.isfinite(found["calibration_intercept"]).all()


def test_calibration_without_positives_is_unknown():
    found = statistics.calibration(np.zeros(20, bool), np.linspace(0.1, 0.9, 20))
    assert np.isnan([*found["calibration_slope"], *found["calibration_intercept"]]).all()
