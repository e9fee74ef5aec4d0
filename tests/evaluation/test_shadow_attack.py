"""Shadow trainings of heads against another library; a head that learnt by heart is found, canaries sing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from vita.evaluation.membership import CANARIES, Signal, measured, verdict
from vita.evaluation.shadow_attack import canaries, halves, shadowed
from vita.evaluation.shadow_heads import Goal, Heads, losses, products, statistics

PEOPLE = 1200


@pytest.fixture(scope="module")
def targets() -> tuple[np.ndarray, list[Goal]]:
    """Features and a number, two classes and three classes that follow from them, some unknown."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(300, 40))
    score = features @ rng.normal(size=40) / 3
    number, two, three = (score + rng.normal(size=300) for _ in range(3))
    number[:7] = np.nan
    goals = [Goal("numerical", number), Goal("binary", (two > 0).astype(float), 2)]
    return features, [*goals, Goal("categorical", np.digitize(three, [-1, 1]).astype(float), 3)]


@pytest.mark.parametrize("penalty", [10.0, 100.0])
def test_heads_are_those_of_scikit_learn(targets: tuple[np.ndarray, list[Goal]], penalty: float) -> None:
    features, goals = targets
    inside = np.arange(300) % 2 == 0
    raw = Heads(products(features), goals, inside[None]).fitted(inside, [penalty] * 3)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    known = inside & ~np.isnan(goals[0].truth)
    ridge = Ridge(alpha=penalty).fit(scaled[known], goals[0].truth[known])
    assert raw[:, 0] == pytest.approx(ridge.predict(scaled), abs=0.02)
    for columns, goal in zip((raw[:, 1:2], raw[:, 2:]), goals[1:], strict=True):
        model = LogisticRegression(C=1 / penalty, max_iter=1000).fit(scaled[inside], goal.truth[inside])
        expected = model.decision_function(scaled).reshape(columns.shape)
        if goal.kind == "categorical":
            columns = columns - columns.mean(axis=1, keepdims=True)
        assert columns == pytest.approx(expected, abs=0.06)


def test_statistics_and_losses_by_hand() -> None:
    goals = [Goal("numerical", np.array([1.0, np.nan])), Goal("binary", np.array([0.0, 1.0]), 2)]
    goals.append(Goal("categorical", np.array([2.0, 0.0]), 3))
    raw = np.array([[3.0, 0.7, 0.0, 0.0, np.log(6)], [1.0, 0.7, 0.0, 0.0, 0.0]])
    found = statistics(raw, goals)
    assert found[0] == pytest.approx([2, -0.7, np.log(3)])
    assert found[1, 1:] == pytest.approx([0.7, -np.log(2)])
    assert np.isnan(found[1, 0])
    first = (4 + np.log1p(np.exp(0.7)) + np.log(4 / 3)) / 3
    assert losses(raw, goals) == pytest.approx([first, (np.log1p(np.exp(-0.7)) + np.log(3)) / 2])


def test_everybody_is_in_half_of_the_trainings() -> None:
    inside = halves(101, 10, np.random.default_rng(1))
    assert set(inside.sum(axis=0)) == {5}
    assert set(inside.sum(axis=1)) == {50, 51}


def world(columns: int, classes: bool) -> tuple[np.ndarray, list[Goal], np.ndarray, np.ndarray]:
    """Features, a target, who is a member, and what a head fitted to the members says."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(PEOPLE, columns))
    number = features @ rng.normal(size=columns) / np.sqrt(columns)
    number += rng.normal(size=PEOPLE) * np.exp(0.7 * rng.normal(size=PEOPLE))
    goal = Goal("binary", (number > 0).astype(float), 2) if classes else Goal("numerical", number / number.std())
    member = np.arange(PEOPLE) < PEOPLE // 2
    return features, [goal], member, Heads(products(features), [goal], member[None]).fitted(member)


@pytest.mark.parametrize("classes", [False, True])
def test_shadows_find_what_the_loss_does_not(classes: bool) -> None:
    """People differ in how hard they are, which blurs the loss; shadow models know how hard each of them is."""
    features, goals, member, raw = world(400, classes)
    found = shadowed(features, raw, goals, 1)
    by_loss, by_shadows = roc_auc_score(member, -losses(raw, goals)), roc_auc_score(member, found.score)
    assert by_shadows > by_loss + 0.03 > 0.58
    assert roc_auc_score(member, found.control) == pytest.approx(0.5, abs=0.05)
    louder = shadowed(features, 3 * raw + 1, goals, 1)  # more certain of everybody
    assert louder.score == pytest.approx(found.score, rel=1e-6)


def judged(columns: int) -> pd.DataFrame:
    features, goals, member, raw = world(columns, classes=True)
    group = np.where(member, "train", np.where(np.arange(PEOPLE) % 2, "val", "test"))
    own = losses(raw, goals)
    sung = canaries(features, goals, 1)
    signal = Signal("loss", own, np.full(PEOPLE, 0.7), features[:, :3], shadowed(features, raw, goals, 1), sung)
    return measured("m", signal, group, 1).set_index("attack")


def test_a_head_that_learnt_by_heart_is_refused_for_its_shadows_and_an_honest_one_passes() -> None:
    honest, overfit = judged(2), judged(400)
    assert overfit.loc["shadow", "low"] > 0.7
    assert overfit["high"].drop(CANARIES).idxmax() == "shadow"
    assert not verdict(overfit.reset_index(), 0.6).passes
    # with 600 people on each side an interval is 0.066 wide
    assert verdict(honest.reset_index(), 0.6).passes
    assert honest.loc["shadow", "auc"] == pytest.approx(0.5, abs=0.04)
    assert overfit.loc["shadow", "untrained_auc"] == pytest.approx(0.5, abs=0.04)
    assert overfit.loc["shadow", "val_test_auc"] == pytest.approx(0.5, abs=0.06)


def test_canaries_sing_where_a_head_learns_by_heart() -> None:
    honest, overfit = (judged(columns).loc[CANARIES] for columns in (2, 400))
    assert overfit["exposure_low"] > 1.6 > honest["exposure_high"]  # nothing remembered has 1.41 to 1.44 bits
    assert overfit["low"] > 0.6 > honest["high"]
    assert (honest["members"], honest["held_out"]) == (60, 60)


def test_the_gate_does_not_judge_a_model_by_canaries_that_it_never_saw() -> None:
    rows = pd.DataFrame({"attack": ["loss", CANARIES], "auc": [0.5, 0.9], "low": [0.48, 0.8], "high": [0.52, 0.95]})
    assert verdict(rows, 0.55).passes
    assert verdict(rows[1:], 0.55).words == "not measured"


def test_few_people_with_all_targets_have_no_canaries() -> None:
    features = np.random.default_rng(1).normal(size=(300, 4))
    truth = np.where(np.arange(300) < 199, 1.0, np.nan)
    assert canaries(features, [Goal("numerical", truth)], 1) is None
