"""How far the table moves an image's answer: factors by hand and by another library."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from vita.extensions.availability import VALIDATED
from vita.extensions.part_update import LEAST_WEIGHT, fit_numbers, fit_odds, log_odds, moved, moves, updated


def halves(rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
    """An answer of 10 times the row, and one more for each feature that is seen."""
    return (10.0 * rows + seen_nf.sum(axis=1))[:, None]


def doubles(rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
    return 2 * halves(rows, seen_nf)


def test_a_move_is_what_is_said_less_what_is_said_of_nothing() -> None:
    seen = np.array([[True, True, False], [False, False, False]])
    found = moves([halves, doubles], np.array([3, 4]), seen)
    assert found.tolist() == [[[2.0], [0.0]], [[4.0], [0.0]]]
    assert moved(np.array([[1.0], [1.0]]), found, np.array([[0.5], [0.25]])).tolist() == [[3.0], [1.0]]


def test_numbers_have_factors_of_their_own_that_are_never_negative() -> None:
    rng = np.random.default_rng(0)
    move = rng.standard_normal((2, len(VALIDATED), 60, 3))
    image = rng.standard_normal((60, 3))
    move[:, 1:] = move[:, :1]  # the same for all parts
    truth = image + 0.7 * move[0, 0] + 0.2 * move[1, 0]
    truth[:, 1] = image[:, 1] - 3 * move[0, 0, :, 1]
    truth[:, 2] = np.nan
    factors = fit_numbers(image, move, truth)
    assert factors[:, 0] == pytest.approx([0.7, 0.2])
    assert factors[0, 1] == 0
    assert factors[:, 2].tolist() == [0, 0]


def test_odds_are_those_of_logistic_regression_without_a_penalty_relative_to_the_image() -> None:
    rng = np.random.default_rng(1)
    move, image = rng.standard_normal((2, 1, 4000, 1)), rng.standard_normal((4000, 1))
    odds = 0.8 * move[0, 0] + 0.3 * move[1, 0] + 2 * image - 1
    truth = (rng.random((4000, 1)) < 1 / (1 + np.exp(-odds))).astype(float)
    columns = np.column_stack([move[:, 0, :, 0].T, image])
    other = LogisticRegression(C=np.inf, max_iter=1000).fit(columns, truth[:, 0]).coef_[0]
    assert fit_odds(image, move, truth)[:, 0] == pytest.approx(other[:2] / other[2], abs=2e-3)
    truth[:20] = np.nan
    assert np.isfinite(fit_odds(image, move, truth)).all()
    assert fit_odds(image, -move, truth).max() == 0
    assert fit_odds(image, move, truth * np.nan).tolist() == [[0], [0]]
    assert fit_odds(-image, move, truth)[:, 0] == pytest.approx(
        LogisticRegression(C=np.inf, fit_intercept=True).fit(columns[20:, :2], truth[20:, 0]).coef_[0] / LEAST_WEIGHT,
        rel=0.5,
    ), "an image that is wrong keeps the least weight"


def test_diseases_share_factors() -> None:
    rng = np.random.default_rng(2)
    move = rng.standard_normal((1, 1, 500, 2))
    truth = (rng.random((500, 2)) < 0.5).astype(float)
    factors = fit_odds(np.zeros((500, 2)), move, truth)
    assert factors.shape == (1, 2)
    assert factors[0, 0] == factors[0, 1]


def test_log_odds_are_finite() -> None:
    assert log_odds(np.array([0.0, 0.5, 0.75, 1.0])) == pytest.approx([-9.2102, 0, np.log(3), 9.2102], abs=1e-4)


def test_people_without_an_answer_of_the_image_have_the_mean_of_the_others() -> None:
    image = np.array([[np.nan], [1.0], [3.0], [np.nan]])
    truth = np.array([[0.0], [1.0], [3.0], [2.0]])
    rows = {"val": np.array([1, 2]), "test": np.array([2, 3])}
    found = updated(image, [halves], truth, rows, features=4, seed=1, fit=fit_numbers)
    assert found(np.zeros((2, 4), bool)).tolist() == [[3.0], [2.0]]


def test_without_validation_the_answer_is_the_images() -> None:
    image, rows = np.array([[1.0], [3.0]]), {"val": np.array([], int), "test": np.array([0, 1])}
    found = updated(image, [halves], np.array([[0.0], [1.0]]), rows, features=4, seed=1, fit=fit_numbers)
    assert found(np.ones((2, 4), bool)).tolist() == image.tolist()
