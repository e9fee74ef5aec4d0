"""Limits that doubt few scans like the training's, by numbers worked out by hand and by simulation."""

import numpy as np
import pytest
from scipy.stats import beta

from vita.apply import tolerance


def test_how_many_may_be_doubted() -> None:
    """0.95^44 is 0.1047 and 0.95^45 is 0.0994: 45 people are the fewest; with k doubted, 1 - 0.05 must be within the
    confidence's quantile of Beta(k + 1, n - k).
    """
    assert [tolerance.most_doubted(people) for people in (10, 44, 45, 120, 1000)] == [-1, -1, 0, 2, 40]
    for people in (45, 120, 313, 1000):
        k = tolerance.most_doubted(people)
        assert beta(k + 1, people - k).ppf(tolerance.CONFIDENCE) <= tolerance.SHARE
        assert beta(k + 2, people - k - 1).ppf(tolerance.CONFIDENCE) > tolerance.SHARE


def test_reasons_share_the_doubted_people() -> None:
    """Two of 120 may be doubted: the two who are furthest out, whichever reason they are."""
    rng = np.random.default_rng(0)
    train, val = (rng.uniform(-1, 1, (people, 3)) * (1, 10, 100) for people in (500, 120))
    val[7, 0], val[8, 2] = 9.0, 700.0
    doubted = (val > tolerance.limits(train, val)).any(axis=1)
    assert np.flatnonzero(doubted).tolist() == [7, 8]
    val[9, 1] = 80.0  # further out than person 8
    assert np.flatnonzero((val > tolerance.limits(train, val)).any(axis=1)).tolist() == [7, 9]


def test_limits_by_hand() -> None:
    """The training's mean is 2 and its deviation 1; the furthest of 50 is 2.345 deviations out, rounded up to 2.35."""
    train = np.array([[1.0], [2.0], [3.0]])
    val = np.append(np.linspace(0, 4, 49), 4.345)[:, None]
    assert tolerance.limits(train, val) == pytest.approx([4.35])


def test_nobody_of_few_is_doubted_and_no_limit_is_a_participants_value() -> None:
    train, val = (np.random.default_rng(1).normal(size=(people, 2)) for people in (60, 20))
    found = tolerance.limits(train, val)
    assert not (val > found).any()
    assert not np.isin(found, val).any()


def test_who_is_not_judged_and_who_are_all_alike() -> None:
    scores = np.random.default_rng(2).normal(size=(60, 2))
    scores[:, 1] = 0.0
    scores[:5, 0] = np.nan
    found = tolerance.limits(scores, scores)
    assert np.isfinite(found).all()
    assert 0 < found[1] < 0.5  # what rounding does is allowed


# with 20 people even a limit at the furthest promises only 10.87 %: 0.8913^20 is 0.1
@pytest.mark.parametrize(("people", "promised"), [(20, 0.1087), (45, 0.05), (120, 0.05), (300, 0.05)])
def test_the_promise_is_kept_as_often_as_it_says(people: int, promised: float) -> None:
    """Skewed scores of four reasons, of which two go together; limits from few people, counted in many others."""
    rng = np.random.default_rng(people)

    def drawn(count: int) -> np.ndarray:
        own = rng.normal(size=(count, 4))
        return np.stack([np.exp(own[:, 0] / 2), own[:, 1], own[:, 1] + own[:, 2], own[:, 3] ** 2], axis=1)

    train, others = drawn(500) * (0.8, 0.5, 1, 1), drawn(20_000)  # who were learnt from look more usual than others
    shares = np.array([(others > tolerance.limits(train, drawn(people))).any(axis=1).mean() for _ in range(400)])
    broken = (shares > promised).mean()
    assert broken <= 1 - tolerance.CONFIDENCE + 3 * np.sqrt(0.1 * 0.9 / 400)
