"""Probabilities: a loss that does not depend on who else is in the batch, and calibration by the validation split."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit, softmax
from sklearn.calibration import _SigmoidCalibration
from torch import nn

from training import toy
from vita.tabular.targets import Target
from vita.training.calibration import Line, fit_line, fit_lines
from vita.training.long_table import calibrate
from vita.training.predictor import PredictionLearner
from vita.training.settings import read_settings
from vita.training.task import Statistics, Task, class_weights, odds_shifts

BINARY = Target("cad", "CAD", "", "binary", "labels", "cad", 2)


def learner(prevalence: float, imbalance: str, model: nn.Module | None = None, batch: int = 8) -> PredictionLearner:
    task = Task((BINARY,), pd.DataFrame(columns=["cad"]), (Statistics(shares=(1 - prevalence, prevalence)),))
    return PredictionLearner(
        model or nn.Identity(), read_settings("stage3", toy.blocks(imbalance=imbalance, batch=batch)), task
    )


def test_weighted_loss_by_hand():
    """At prevalence 0.1 a positive weighs 9 and a participant on average 1.8, whoever is in the batch."""
    softplus = torch.nn.functional.softplus
    raw = torch.tensor([[1.0], [-2.0], [0.5]])
    own = learner(0.1, "weights")
    mixed = own.loss(raw, torch.tensor([[1.0], [0.0], [0.0]]))
    by_hand = (9 * softplus(torch.tensor(-1.0)) + softplus(torch.tensor(-2.0)) + softplus(torch.tensor(0.5))) / (
        3 * 1.8
    )
    assert mixed.item() == pytest.approx(by_hand.item())
    alone = own.loss(raw[:1], torch.tensor([[1.0]]))
    assert alone.item() == pytest.approx(9 * np.log1p(np.exp(-1)) / 1.8)  # torch's own mean would divide by 9


def test_focal_loss_by_hand():
    """(1 - p)^2 times the log loss: an answer that is right with probability 0.8 counts 0.04 of it."""
    raw = torch.tensor([[logit(0.8)], [logit(0.8)]])
    both = learner(0.1, "focal").loss(raw, torch.tensor([[1.0], [0.0]]))
    assert both.item() == pytest.approx((0.2**2 * -np.log(0.8) + 0.8**2 * -np.log(0.2)) / 2)


def test_odds_shift_at_a_prevalence_of_a_tenth():
    statistics = [Statistics(shares=(0.9, 0.1))]
    assert class_weights((0.9, 0.1)).tolist() == pytest.approx([1, 9])
    for imbalance in ("weights", "sampling"):
        assert odds_shifts(statistics, imbalance)[0].tolist() == pytest.approx([0, np.log(9)])
        even = learner(0.1, imbalance).predict(torch.zeros(1, 1))[0]
        assert even.item() == pytest.approx(0.1)  # even odds among balanced classes are the prevalence
    for imbalance in ("focal", "none"):
        assert learner(0.1, imbalance).predict(torch.zeros(1, 1))[0].item() == pytest.approx(0.5)


def test_class_weights_are_capped():
    assert class_weights((0.999, 0.001)).tolist() == pytest.approx([1, 50])


def cohort(generator: np.random.Generator, people: int, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    """Features (people, 3) and a disease that they explain in part."""
    features = generator.normal(size=(people, 3))
    risk = expit(features @ [1.0, -0.5, 0.0] + intercept)
    return features, (generator.random(people) < risk).astype(float)


@pytest.mark.parametrize(("imbalance", "intercept"), [("weights", -4.2), ("weights", -3.0), ("focal", -3.0)])
def test_mean_prediction_is_the_prevalence(imbalance, intercept):
    """Prevalences of 3 and 7 %, batches of 8, in which a positive is rare: on people that nothing was fitted on."""
    generator = np.random.default_rng(3)
    torch.manual_seed(0)
    features, truth = cohort(generator, 6000, intercept)
    model = nn.Linear(3, 1)
    own = learner(float(truth.mean()), imbalance, model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.0)
    rows, values = torch.from_numpy(features).float(), torch.from_numpy(truth).float()[:, None]
    steps = 3 * len(rows) // 8
    for step, batch in enumerate(torch.randperm(3 * len(rows)).remainder(len(rows)).view(steps, 8)):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - step / steps)
        optimizer.zero_grad()
        own.loss(model(rows[batch]), values[batch]).backward()
        optimizer.step()

    def predicted(people: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return own.predict(model(torch.from_numpy(people).float()))[0].numpy()

    test, outcome = cohort(generator, 40_000, intercept)
    raw = predicted(test).mean() / outcome.mean()
    if imbalance == "weights":
        assert raw == pytest.approx(1, abs=0.15)  # before any calibration
    else:
        assert raw > 1.5
    validation, known = cohort(generator, 1500, intercept)
    line = fit_line(known, predicted(validation), float(truth.mean()))
    assert line.apply(predicted(test)).mean() / outcome.mean() == pytest.approx(1, abs=0.15)


def test_a_known_line_is_found():
    generator = np.random.default_rng(0)
    odds = generator.normal(0, 2, 4000)
    truth = (generator.random(4000) < expit(0.5 * odds - 1)).astype(float)
    line = fit_line(truth, expit(odds), float(expit(0.5 * odds - 1).mean()))
    assert line.slope == pytest.approx(0.5, abs=0.06)
    assert line.intercept == pytest.approx(-1, abs=0.05)


def test_the_slope_is_that_of_scikit_learn():
    generator = np.random.default_rng(1)
    odds = generator.normal(-2, 1.5, 200)
    truth = (generator.random(200) < expit(0.7 * odds)).astype(float)
    own = fit_line(truth, expit(odds), 0.2)
    assert own.slope == pytest.approx(-_SigmoidCalibration().fit(odds, truth).a_, rel=1e-3)


def test_the_mean_is_the_prevalence_of_more_people_and_unknown_truths_do_not_count():
    truth = np.array([1.0, 0.0, 0.0, 0.0, np.nan])
    probability = np.array([0.6, 0.5, 0.3, 0.2, 0.99])
    line = fit_line(truth, probability, 0.1)
    assert line.apply(probability[:4]).mean() == pytest.approx(0.1)
    assert line == fit_line(truth[:4], probability[:4], 0.1)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_the_order_stays(pairs, prevalence):
    truth = np.array([float(positive) for positive, _ in pairs])
    line = fit_line(truth, np.array([value for _, value in pairs]), prevalence)
    assert np.isfinite([line.slope, line.intercept]).all()
    assert (np.diff(line.apply(np.linspace(0, 1, 11))) >= 0).all()


@pytest.mark.parametrize("prevalence", [0.0, 1.0])
def test_nothing_to_go_by(prevalence):
    assert fit_line(np.zeros(5), np.full(5, 0.3), prevalence) == Line()
    assert fit_line(np.full(5, np.nan), np.full(5, 0.3), 0.5) == Line()


def test_without_positives_in_validation_the_mean_alone_changes():
    line = fit_line(np.zeros(5), np.full(5, 0.3), 0.04)
    assert line.slope == 1
    assert line.apply(0.3) == pytest.approx(0.04)


@pytest.mark.parametrize("people", [400, 40])  # of 40, smoothing of the targets is a tenth of the slope
def test_lines_of_two_classes_are_the_line_of_a_binary_target(people):
    generator = np.random.default_rng(3)
    odds = generator.normal(-1, 1.5, people)
    truth = (generator.random(people) < expit(0.6 * odds - 0.5)).astype(float)
    truth[::7] = np.nan
    positive = expit(odds)
    line = fit_line(truth, positive, 0.3)
    lines = fit_lines(truth, np.stack([1 - positive, positive], 1), np.array([0.7, 0.3]))
    assert lines.slope == pytest.approx(line.slope, rel=1e-3)
    assert np.diff(lines.intercepts)[0] == pytest.approx(line.intercept, abs=2e-3)
    both = lines.apply(np.array([0.8, 0.2]))
    assert both.sum() == pytest.approx(1)
    assert both[1] == pytest.approx(float(line.apply(0.2)), abs=1e-3)


def test_lines_undo_what_made_classes_too_sure_and_the_rare_one_too_likely():
    """Log probabilities were doubled and the third class was weighed four-fold: slope 1/2, intercept lower by ln 2."""
    generator = np.random.default_rng(0)
    right = softmax(generator.normal(0, 1, (6000, 3)) + np.log([0.6, 0.3, 0.1]), axis=1)
    truth = (generator.random((6000, 1)) > right.cumsum(axis=1)).sum(axis=1)
    given = softmax(2 * np.log(right) + np.log([1, 1, 4]), axis=1)
    shares = np.bincount(truth, minlength=3) / 6000
    lines = fit_lines(truth.astype(float), given, shares)
    assert lines.slope == pytest.approx(0.5, abs=0.04)
    first, second, third = lines.intercepts
    assert second - first == pytest.approx(0, abs=0.12)
    assert third - first == pytest.approx(-np.log(2), abs=0.12)
    assert lines.apply(given).mean(axis=0) == pytest.approx(shares, abs=1e-5)
    assert abs(given.mean(axis=0) / shares - 1).max() > 0.15


def test_lines_without_anybody_or_with_one_class_leave_the_order():
    given = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
    nobody = fit_lines(np.full(2, np.nan), given, np.array([0.2, 0.3, 0.5]))
    assert nobody.apply(given) == pytest.approx(given)
    one = fit_lines(np.array([1.0, 1.0]), given, np.array([0.2, 0.3, 0.5]))
    assert one.slope == 1
    assert one.apply(given).mean(axis=0) == pytest.approx([0.2, 0.3, 0.5], abs=1e-5)


def test_classes_are_calibrated_by_validation_and_their_shares_come_from_training_too():
    """Everybody gets (1/2, 1/4, 1/4); of six in training and validation three, two and one have class 0, 1 and 2."""
    split = pd.Series(["train"] * 3 + ["val"] * 3 + ["test"] * 2, index=range(8))
    target = Target("group", "Group", "", "categorical", "fields", "group", 3)
    truth = pd.DataFrame({"group": [0.0, 0, 1, 0, 1, 2, 2, 2]})
    task = Task((target,), truth, (Statistics(shares=(2 / 3, 1 / 3, 0)),))
    samples = SimpleNamespace(eids=np.arange(3, 8), split=split[3:])
    predictions = [np.tile([0.5, 0.25, 0.25], (5, 1))]
    lines = calibrate(task, split, samples, predictions)
    assert predictions[0] == pytest.approx(np.tile([3 / 6, 2 / 6, 1 / 6], (5, 1)), abs=1e-5)
    assert lines["group"].apply(np.array([0.5, 0.25, 0.25])) == pytest.approx([3 / 6, 2 / 6, 1 / 6], abs=1e-5)
