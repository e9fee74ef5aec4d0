"""Attacks on membership against hand counts and another library; memory is found, and found to be none."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from vita.evaluation.membership import Signal, attack, calibrated, measured, verdict
from vita.evaluation.statistics import delong_interval

GATE = 0.55


def test_auc_and_recognised_members_by_hand() -> None:
    """Of ten others at 0 to 9, one may be taken for a member; those above the second highest, 8, are recognised."""
    score = np.array([8.5, 8.0, 20.0, 3.0, 9.5, 1.5, 2.5, 0.5, 4.5, 5.5, *range(10)], float)
    member = np.arange(20) < 10
    found = attack(score, member, 1)
    assert found.auc == pytest.approx(roc_auc_score(member, score))
    assert (found.tpr, found.fpr) == (0.3, 0.1)
    assert np.isnan(attack(score[1:], member[1:], 1).auc)  # nine members are too few


def test_interval_is_that_of_delong() -> None:
    rng = np.random.default_rng(2)
    member = np.arange(500) < 300
    score = rng.normal(size=500) + 0.4 * member
    found = attack(score, member, 1)
    _, low, high = delong_interval(member, score)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_one_in_a_thousand_may_be_taken_for_a_member() -> None:
    score = np.r_[np.full(40, 2000.5), np.full(60, 100.5), np.arange(2000)]
    found = attack(score, np.arange(2100) < 100, 1)
    assert (found.tpr, found.fpr) == (0.4, 0.001)


def test_members_are_found_among_people_of_any_difficulty() -> None:
    """A loss that memory lowers by half a unit, under difficulty that varies by two: AUC is that of two normals."""
    rng = np.random.default_rng(3)
    member = np.arange(1200) < 600
    difficulty = rng.normal(0, 2, (1200, 1))
    loss = np.exp(difficulty[:, 0] + rng.normal(0, 0.3, 1200) - 0.5 * member)
    assert attack(-loss, member, 1).auc < 0.6
    assert attack(calibrated(loss, difficulty, member, 1), member, 1).auc == pytest.approx(0.881, abs=0.025)


def test_the_control_tells_how_splits_differ() -> None:
    """Members are harder for any model: the untrained one is told from as well, and calibrated neither is."""
    rng = np.random.default_rng(4)
    group = np.repeat(["train", "val", "test"], [600, 300, 300])
    hard = rng.normal(size=1200) - (group == "train")
    trained, untrained = (np.exp(hard + rng.normal(0, 0.2, 1200)) for _ in range(2))
    rows = measured("m", Signal("loss", trained, untrained, hard[:, None]), group, 1).set_index("attack")
    assert rows.loc["loss", "auc"] > 0.7
    assert rows.loc["loss", "untrained_auc"] == pytest.approx(rows.loc["loss", "auc"], abs=0.02)
    assert abs(rows.loc["calibrated", "auc"] - 0.5) < 0.05
    assert abs(rows.loc["loss", "val_test_auc"] - 0.5) < 0.06


PEOPLE, CANARIES = 1500, 60  # of each group; canaries have targets that follow from nothing


@pytest.fixture(scope="module")
def cohort() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns, target, group and who is a canary, half of them in the training."""
    rng = np.random.default_rng(5)
    columns = rng.normal(size=(2 * PEOPLE, 12))
    target = columns @ rng.normal(size=12) + rng.normal(0, 1, 2 * PEOPLE)
    group = np.repeat(["train", "val", "test"], [PEOPLE, PEOPLE // 2, PEOPLE // 2])
    canary = np.arange(2 * PEOPLE) % (PEOPLE // (CANARIES // 2)) == 0
    target[canary] = rng.choice([-9.0, 9.0], canary.sum())
    return columns, target, group, canary


def judged(features: np.ndarray, target: np.ndarray, group: np.ndarray, who: np.ndarray | bool = True) -> pd.DataFrame:
    """Rows of a linear model of the training's people, the smallest one that fits them best."""
    member = group == "train"
    weights = np.linalg.lstsq(features[member], target[member], rcond=None)[0]
    loss, nothing = (features @ weights - target) ** 2, target**2
    chosen = np.broadcast_to(who, member.shape)
    signal = Signal("loss", loss[chosen], nothing[chosen], np.log(nothing[chosen, None] + 1e-6))
    return measured("m", signal, group[chosen], 1)


def test_a_well_trained_model_passes(cohort: tuple[np.ndarray, ...]) -> None:
    columns, target, group, canary = cohort
    rows = judged(columns, target, group)
    assert verdict(rows, GATE).passes
    assert judged(columns, target, group, canary)["auc"].max() < 0.65  # nor does it know its canaries


def test_an_overfit_model_is_refused_and_sings(cohort: tuple[np.ndarray, ...]) -> None:
    """With a column of noise for every other member it learns a part of everybody by heart, canaries too."""
    columns, target, group, canary = cohort
    noise = np.random.default_rng(6).normal(size=(2 * PEOPLE, 1200))
    rows = judged(np.c_[columns, noise], target, group)
    found = verdict(rows, GATE)
    assert not found.passes
    assert "reveals who was in its training" in found.words
    songs = judged(np.c_[columns, noise], target, group, canary).set_index("attack")
    assert songs.loc["loss", "auc"] > 0.9
    assert songs.loc["loss", "untrained_auc"] == pytest.approx(0.5)


def test_few_people_are_too_few_to_tell(cohort: tuple[np.ndarray, ...]) -> None:
    columns, target, group, _ = cohort
    some = np.arange(2 * PEOPLE) % 30 == 3  # 50 members and 50 others of the same model
    found = verdict(judged(columns, target, group, some), GATE)
    assert not found.passes
    assert "too few people to show" in found.words
    nine = np.isin(np.arange(2 * PEOPLE), [*range(9), *range(PEOPLE, PEOPLE + 100)])
    assert verdict(judged(columns, target, group, nine), GATE).words == "fewer than 10 people: too few to decide"
    assert verdict(pd.DataFrame(), GATE).words == "not measured"


def test_nobody_is_judged_by_a_reference_that_they_helped_to_fit() -> None:
    """Fifty others of equal difficulty, one of them far off: by the other four fifths he is 40 SD away, not 7."""
    rng = np.random.default_rng(7)
    loss, member = np.exp(rng.normal(0, 0.1, 100)), np.arange(100) < 50
    loss[99] = np.exp(5)
    score = calibrated(loss, np.zeros((100, 1)), member, 1)
    assert score[99] < -40
    assert np.median(np.abs(score)) < 3


@pytest.mark.parametrize(("high", "passes"), [(0.55, True), (0.551, False)])
def test_the_gate_is_for_the_upper_bound_of_the_worst_attack(high: float, passes: bool) -> None:
    rows = pd.DataFrame({"auc": [0.5, 0.53], "low": [0.48, 0.51], "high": [0.52, high]})
    assert verdict(rows, GATE).passes == passes
