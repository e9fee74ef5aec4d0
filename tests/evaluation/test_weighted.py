import numpy as np
import pytest
from sklearn import metrics

from vita.evaluation import weighted


@pytest.fixture(params=[0, 1, 2])
def sample(request):
    draw = np.random.default_rng(request.param)
    n = 50
    truth = draw.random(n) < 0.4
    score = np.round(draw.random(n), 1)
    weights = np.vstack([np.ones(n), draw.multinomial(n, np.full(n, 1 / n), size=4)])
    return truth, score, weights


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (weighted.auc, metrics.roc_auc_score),
        (weighted.average_precision, metrics.average_precision_score),
    ],
)
def test_curves_are_scikit_learns(sample, ours, theirs):
    truth, score, weights = sample
    expected = [theirs(truth, score, sample_weight=row) for row in weights]
    assert ours(truth, score, weights) == pytest.approx(expected)


def test_threshold_metrics_are_scikit_learns(sample):
    truth, score, weights = sample
    found = weighted.threshold_metrics(truth, score >= 0.5, weights)
    for name in ("f1", "recall", "precision"):
        function = getattr(metrics, f"{name}_score")
        assert found[name] == pytest.approx([function(truth, score >= 0.5, sample_weight=row) for row in weights])


def test_nothing_to_divide_by_is_nan_not_zero():
    one = np.ones((1, 4))
    none = np.zeros(4, bool)
    found = weighted.threshold_metrics(none, none, one)
    assert all(np.isnan(value).all() for value in found.values())
    assert np.isnan(weighted.auc(none, np.arange(4.0), one)).all()
    assert np.isnan(weighted.average_precision(none, np.arange(4.0), one)).all()
    missed = weighted.threshold_metrics(np.array([True, False, False, False]), none, one)
    assert missed["f1"] == missed["recall"] == 0
    assert np.isnan(missed["precision"]).all()


def test_constant_scores_have_auc_one_half():
    assert weighted.auc(np.array([True, False, True]), np.full(3, 0.2), np.ones((1, 3))) == [0.5]


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_scikit_learns(seed):
    draw = np.random.default_rng(seed)
    truth, probability = draw.integers(0, 3, 60), draw.dirichlet(np.ones(3), 60)
    called, classes = probability.argmax(axis=1), np.arange(3)
    for row in (np.ones(60), draw.multinomial(60, np.full(60, 1 / 60))):
        accuracy, f1 = weighted.accuracy_and_macro_f1(truth, called, classes, row[None])
        assert accuracy[0] == pytest.approx(metrics.accuracy_score(truth, called, sample_weight=row))
        assert f1[0] == pytest.approx(metrics.f1_score(truth, called, average="macro", sample_weight=row))
        auc = weighted.macro_auc(truth, probability, classes, row[None])
        expected = [metrics.roc_auc_score(truth == k, probability[:, k], sample_weight=row) for k in classes]
        assert auc[0] == pytest.approx(np.mean(expected))
    whole = weighted.macro_auc(truth, probability, classes, np.ones((1, 60)))
    assert whole[0] == pytest.approx(metrics.roc_auc_score(truth, probability, multi_class="ovr"))
