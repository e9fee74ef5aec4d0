"""Conformal intervals and sets: the quantile by hand and by numpy, coverage by simulation, and what is too small."""

import numpy as np
import pandas as pd
import pytest

from vita.extensions import conformal
from vita.extensions.conformal import Known, known_classes, known_numbers, limit, limits_by, measure


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """1,600 participants whose errors differ by sex and age."""
    rng = np.random.default_rng(1)
    return pd.DataFrame({"eid": np.arange(1600), "sex": rng.integers(0, 2, 1600), "age": rng.integers(46, 83, 1600)})


def numbers(people: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    truth = rng.normal(150, 30, len(people))
    spread = 5 + 10 * people["sex"] + 0.3 * (people["age"] - 46)
    prediction = truth + spread * rng.standard_t(4, len(people))
    return pd.DataFrame(
        {"eid": people["eid"], "target": "LVEDV", "truth": truth, "prediction": prediction, "class": -1}
    )


def test_the_limit_by_hand_and_against_numpy() -> None:
    assert limit(np.arange(1.0, 10.0)) == 9  # the ceil(10 x 0.9) = 9th of nine
    assert limit(np.arange(1.0, 9.0)) == np.inf
    scores = np.random.default_rng(0).random(137)
    rank = np.ceil(138 * 0.9) / 137
    assert limit(scores) == np.quantile(scores, rank, method="inverted_cdf")


@pytest.mark.parametrize("seed", [3, 4])
def test_coverage_of_every_group_is_90_percent(people, seed: int) -> None:
    """Over 20 splits, of every subgroup with at least 100 people, though errors differ threefold between them."""
    targets = pd.DataFrame({"target": ["LVEDV"], "title": ["LVEDV"], "unit": ["mL"], "kind": ["numerical"]})
    found = conformal.of_file(numbers(people, seed), targets, people, seed=1)
    large = found[found["n"] >= 100]
    assert len(large) == 7
    assert large["coverage"].between(0.87, 0.93).all(), large
    width = found.set_index("level")["width"]
    assert width["male"] > 1.4 * width["female"]


def test_one_limit_for_all_would_miss_groups(people) -> None:
    known = known_numbers(numbers(people, 3))
    groups = [people["sex"].to_numpy() == code for code in (0, 1)]
    same = measure(known, np.zeros((len(people), 1), int), groups, seed=1)
    assert same["coverage"][0] > 0.94
    assert same["coverage"][1] < 0.87


def test_sets_of_classes_cover_and_are_smaller_where_probabilities_are_sharper(people) -> None:
    rng = np.random.default_rng(5)
    sizes = []
    for sharpness in (0.5, 4):
        logits = sharpness * rng.standard_normal((len(people), 4))
        probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        truth = np.array([rng.choice(4, p=row) for row in probability])
        rows = pd.DataFrame({"eid": np.repeat(people["eid"], 4), "truth": np.repeat(truth, 4).astype(float)})
        rows = rows.assign(prediction=probability.ravel(), **{"class": np.tile(range(4), len(people))})
        known = known_classes(rows.sample(frac=1, random_state=0))
        row = measure(known, np.zeros((len(people), 1), int), [np.ones(len(people), bool)], seed=2).iloc[0]
        assert 0.87 <= row["coverage"] <= 0.93
        assert row["ratio"] == pytest.approx(row["width"] / 4)
        sizes.append(row["width"])
    assert sizes[1] < 2 < sizes[0]


def test_a_set_by_hand() -> None:
    rows = pd.DataFrame({"eid": [1, 2], "truth": [1.0, 0.0], "prediction": [0.7, 0.2], "class": -1})
    known = known_classes(rows)
    np.testing.assert_allclose(known.score, [0.3, 0.2])
    np.testing.assert_array_equal(known.width(np.array([0.25, 0.9]), np.array([0, 1])), [0, 2])


def test_small_cells_take_the_limit_of_what_holds_them() -> None:
    scores = np.concatenate([np.arange(1.0, 34.0), np.arange(101.0, 133.0)])
    cells = np.array([[0, 0]] * 33 + [[0, 1]] * 32)
    found = limits_by(scores, cells, np.array([[0, 0], [0, 1], [0, 7]]))
    np.testing.assert_array_equal(found, [31, 127, 127])  # 33: the ceil(30.6) = 31st; all 65: the ceil(59.4) = 60th
    assert limits_by(scores[-8:], cells[-8:], cells[:1])[0] == np.inf


@pytest.mark.parametrize("n", range(33, 200))
def test_rounding_covers_at_most_three_per_cent_more(n: int) -> None:
    """The rank of the limit among n and the new person: its expected coverage."""
    assert 0.9 - 1e-9 <= limit(np.arange(1.0, n + 1)) / (n + 1) <= 0.93


def test_participants_without_sex_or_age_are_a_cell_of_their_own() -> None:
    fields = pd.DataFrame({"eid": [1, 2, 3], "sex": [0, None, 1], "age": [50.0, 60.0, None]})
    cells = conformal.cells_of(np.array([3, 2, 1, 4]), fields)
    assert len({tuple(row) for row in cells}) == 4
    assert (cells[:, 0] == 0).all()
    assert (conformal.cells_of(np.array([3, 2]), fields[["eid"]])[:, 1] == -1).all()


def test_a_small_test_split_has_no_numbers() -> None:
    known = Known(np.arange(19), np.ones(19), None, 1.0)
    row = measure(known, np.zeros((19, 1), int), [np.ones(19, bool)], seed=0).iloc[0]
    assert row["n"] == 19
    assert row[["coverage", "width", "ratio"]].isna().all()


def test_the_half_that_is_measured_does_not_set_the_limit() -> None:
    """Of ten the limit is the largest, in each of the 20 divisions of the 20 people with errors 0 to 19."""
    known = Known(np.arange(20), np.arange(20.0), None, 1.0)
    row = measure(known, np.zeros((20, 1), int), [np.ones(20, bool)], seed=6).iloc[0]
    generator = np.random.default_rng(6)
    orders = [generator.permutation(20) for _ in range(20)]
    largest = [order[:10].max() for order in orders]
    assert row["width"] == pytest.approx(2 * np.mean(largest))
    inside = [(order[10:] <= limit).mean() for order, limit in zip(orders, largest, strict=True)]
    assert row["coverage"] == pytest.approx(np.mean(inside))
