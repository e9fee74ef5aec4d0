"""Classes reached through numbers: algebra by hand, cross-fitting, and the choice on validation."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

from vita.training.closed_form import PENALTIES, Head, fit_classes, numbers_between

SPLIT = np.array(["train"] * 200 + ["val"] * 60 + ["test"] * 400)
TRAIN, TEST = SPLIT == "train", SPLIT == "test"


def world(seed: int = 0, features: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Many features that follow three numbers, one of which makes a rare class likely, and more so other things."""
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(len(SPLIT), 3))
    other = 4 * generator.normal(size=(len(SPLIT), 40)) @ generator.normal(size=(40, features))
    seen = numbers @ generator.normal(size=(3, features)) + other + generator.normal(0, 2, size=(len(SPLIT), features))
    rare = (generator.random(len(SPLIT)) < expit(2.5 * numbers[:, 0] - 2.5)).astype(float)
    return seen / seen[TRAIN].std(axis=0), numbers * [10, 0.1, 3] + [100, 0, -5], rare


def through(features: np.ndarray, truth: np.ndarray, numbers: np.ndarray) -> Head:
    return fit_classes(features, truth, SPLIT, 2, numbers_between(features, numbers, SPLIT))


def auc(head, features: np.ndarray, truth: np.ndarray) -> float:
    logits = head(features)
    return roc_auc_score(truth[TEST], (logits[:, 1] - logits[:, 0])[TEST])


def test_a_rare_class_is_found_better_through_the_numbers_it_follows():
    gains = []
    for seed in range(5):
        features, numbers, truth = world(seed)
        direct = fit_classes(features, truth, SPLIT, 2)
        gains.append(auc(through(features, truth, numbers), features, truth) - auc(direct, features, truth))
    assert np.mean(gains) > 0.03
    assert min(gains) > -0.01


def test_numbers_that_have_nothing_to_do_with_the_class_leave_the_direct_way():
    features, _, _ = world(1, features=6)
    truth = (features[:, 0] > 0.3).astype(float)
    numbers = np.random.default_rng(3).normal(size=(len(SPLIT), 2))
    direct, chosen = fit_classes(features, truth, SPLIT, 2), through(features, truth, numbers)
    assert chosen.weights_of == pytest.approx(direct.weights_of)


def test_predicted_numbers_of_training_participants_come_from_the_other_folds():
    features, numbers, _ = world()
    between = numbers_between(features, numbers, SPLIT)
    assert between is not None
    wanted = (numbers - numbers[TRAIN].mean(axis=0)) / numbers[TRAIN].std(axis=0)
    rows = np.flatnonzero(TRAIN)
    others, own = next(iter(KFold(5, shuffle=True, random_state=0).split(rows)))
    model = Ridge(alpha=between.head.penalty).fit(features[rows[others]], wanted[rows[others]])
    assert between.predicted_nk[rows[own]] == pytest.approx(model.predict(features[rows[own]]))
    whole = Ridge(alpha=between.head.penalty).fit(features[TRAIN], wanted[TRAIN])
    assert between.predicted_nk[TEST] == pytest.approx(whole.predict(features[TEST]))


def test_the_penalty_of_the_numbers_has_the_lowest_error_on_validation():
    features, numbers, _ = world()
    wanted, val = (numbers - numbers[TRAIN].mean(axis=0)) / numbers[TRAIN].std(axis=0), SPLIT == "val"
    errors = [
        np.abs(Ridge(alpha=p).fit(features[TRAIN], wanted[TRAIN]).predict(features[val]) - wanted[val]).mean()
        for p in PENALTIES
    ]
    between = numbers_between(features, numbers, SPLIT)
    assert between is not None
    assert between.head.penalty == PENALTIES[int(np.argmin(errors))]


def test_the_head_is_both_steps_in_one():
    features, numbers, truth = world()
    head, between = through(features, truth, numbers), numbers_between(features, numbers, SPLIT)
    assert between is not None
    inner = between.predicted_nk[TRAIN]
    model = LogisticRegression(C=1 / head.penalty, max_iter=500)
    model.fit((inner - inner.mean(axis=0)) / inner.std(axis=0), truth[TRAIN].astype(int))
    by_hand = model.decision_function((between.predicted_nk[TEST] - inner.mean(axis=0)) / inner.std(axis=0))
    logits = head(features[TEST])
    assert logits[:, 1] - logits[:, 0] == pytest.approx(by_hand, rel=1e-6, abs=1e-6)


def test_numbers_of_the_test_split_change_nothing():
    features, numbers, truth = world()
    changed = numbers.copy()
    changed[TEST] = 1e6
    heads = [through(features, truth, each) for each in (numbers, changed)]
    assert heads[0].weights_of == pytest.approx(heads[1].weights_of, rel=1e-12)


@pytest.mark.parametrize("gap", ["constant", "mostly unknown", "unknown"])
def test_numbers_without_information_are_left_out(gap):
    features, numbers, truth = world()
    more = np.full((len(SPLIT), 1), 7.0 if gap == "constant" else np.nan)
    if gap == "mostly unknown":
        more[:80, 0] = np.arange(80)
    heads = [through(features, truth, each) for each in (numbers, np.hstack([numbers, more]))]
    assert heads[0].weights_of == pytest.approx(heads[1].weights_of)


def test_somebody_with_an_unknown_number_still_counts_for_the_class():
    features, numbers, truth = world()
    numbers[5:25, 1] = np.nan
    assert np.isfinite(through(features, truth, numbers).weights_of).all()
    between = numbers_between(features, numbers, SPLIT)
    assert between is not None
    assert between.predicted_nk[5:25] == pytest.approx(between.head(features)[5:25])


def test_without_any_known_number_the_class_is_fitted_directly():
    features, numbers, truth = world()
    nothing = through(features, truth, np.full_like(numbers, np.nan))
    assert nothing.weights_of == pytest.approx(fit_classes(features, truth, SPLIT, 2).weights_of)
