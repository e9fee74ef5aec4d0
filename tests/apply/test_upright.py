"""Views that are turned or mirrored are told from upright ones, on hearts drawn by hand."""

import numpy as np
import pytest

from vita.apply import upright


def hearts(count: int, seed: int) -> np.ndarray:
    """(participants, 9, 4, 24, 24): a bright disc up on the left and a bar at the right, somewhat moved, with noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:24, :24]
    result = rng.uniform(0, 0.3, (count, 9, 4, 24, 24))
    for one in result:
        y, x = rng.normal((7, 8), 1.0)
        for time in range(4):
            one[:, time][:, np.hypot(rows - y, columns - x) < 4 + time / 2] += 0.6
        one[:, :, 14:20, 17:20] += 0.5
    return result


@pytest.fixture(scope="module")
def records() -> dict:
    train, val = (np.stack([upright.maps(each) for each in hearts(n, seed)]) for n, seed in ((60, 0), (30, 1)))
    return upright.fit(train, val)


def test_upright_views_pass_and_turned_ones_are_named(records: dict) -> None:
    new = hearts(40, 2)
    views = list(upright.PLANES_OF_VIEW)
    alarms = [len(upright.turned(records, cine, views)) for cine in new]
    assert sum(alarms) / (40 * len(views)) <= 0.05
    named = 0
    for number, cine in enumerate(new):
        view, way = views[number % 4], 1 + number % 7
        changed = cine.copy()
        changed[upright.PLANES_OF_VIEW[view]] = upright.turn(cine[upright.PLANES_OF_VIEW[view]], way)
        named += f"{view} looks turned or mirrored, unlike the training's" in upright.turned(records, changed, views)
    assert named >= 38


def test_only_views_that_are_there_are_judged(records: dict) -> None:
    turned = upright.turn(hearts(1, 3)[0], 2)
    assert len(upright.turned(records, turned, ["sa", "la_2ch"])) == 2
    assert upright.turned({}, turned, ["sa"]) == []


def test_maps_and_ways_by_hand() -> None:
    cine = np.zeros((1, 2, 16, 16))
    cine[0, 1, :2, 2:4] = 1.0  # one part of 2 x 2 pixels, in one of two frames
    found = upright.maps(cine)
    assert found.shape == (1, 2, 8, 8)
    assert found[0, :, 0, 1].tolist() == [0.5, 0.5]
    assert found.sum() == 1.0
    small = np.array([[1, 2], [3, 4]])
    ways = {tuple(upright.turn(small, way).ravel().tolist()) for way in range(8)}
    assert len(ways) == 8
    assert upright.turn(small, 0).tolist() == small.tolist()


def test_too_few_participants_are_not_learnt_from() -> None:
    few = np.stack([upright.maps(each) for each in hearts(49, 0)])
    assert upright.fit(few, few) == {}
    empty = np.stack([upright.maps(each) for each in hearts(60, 0)])
    empty[:, 1] = 0  # nobody has a 3-chamber view
    assert set(upright.fit(empty, empty)) == {"la_2ch", "la_4ch", "sa"}
