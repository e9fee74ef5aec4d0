"""Views that are turned or mirrored are told from upright ones, on hearts drawn by hand."""

import json

import numpy as np
import pytest
import torch

from vita.apply import upright, ways
from vita.apply.tolerance import limits


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
        one[0, :, 20:22] += 0.6  # long-axis views, told apart by a line of their own
        one[1, :, :, 1:3] += 0.6
    return result


@pytest.fixture(scope="module")
def records() -> dict:
    train, val = (np.stack([upright.maps(each) for each in hearts(n, seed)]) for n, seed in ((60, 0), (30, 1)))
    return limited(upright.fit(train, val), train, val)


def limited(found: dict, *parts: np.ndarray) -> dict:
    """With a limit that no more than a few of the validation's hearts are beyond."""
    return found | {"limit": max(float(limits(*(upright.highest(found, part)[:, None] for part in parts))[0]), 0)}


def test_upright_views_pass_and_turned_ones_are_named(records: dict) -> None:
    new = hearts(40, 2)
    views = list(upright.PLANES_OF_VIEW)
    alarms = [len(upright.turned(records, cine, views)) for cine in new]
    assert sum(count > 0 for count in alarms) / 40 <= 0.05
    named = 0
    for number, cine in enumerate(new):
        view, way = views[number % 4], 1 + number % 7
        changed = cine.copy()
        changed[upright.PLANES_OF_VIEW[view]] = ways.turn(cine[upright.PLANES_OF_VIEW[view]], way)
        named += f"{view} looks turned or mirrored, unlike the training's" in upright.turned(records, changed, views)
    assert named >= 38


def test_views_of_each_other_are_named(records: dict) -> None:
    named = 0
    for cine in hearts(20, 4):
        swapped = cine[[1, 0, *range(2, 9)]]
        first, second = list(upright.PLANE_OF_VIEW)[:2]
        found = upright.turned(records, swapped, upright.PLANES_OF_VIEW)
        named += found == [f"{first} looks like {second}", f"{second} looks like {first}"]
    assert named >= 18


def test_only_views_that_are_there_are_judged(records: dict) -> None:
    turned = ways.turn(hearts(1, 3)[0], 2)
    assert len(upright.turned(records, turned, ["sa", "la_2ch"])) == 2
    assert upright.turned({}, turned, ["sa"]) == []


def test_maps_and_ways_by_hand() -> None:
    cine = np.zeros((1, 4, 32, 32))
    cine[0, 1, :2, 2:4] = 1.0  # one part of 2 x 2 pixels, in the second of four frames: a quarter of the cycle
    found = upright.maps(cine)
    assert found.shape == (1, 4, 16, 16)
    mean, deviation, cosine, sine = found[0, :, 0, 1]
    assert (mean, sine) == (0.25, 0.25)
    assert deviation == pytest.approx(np.sqrt(3) / 4)
    assert cosine == pytest.approx(0, abs=1e-7)
    assert np.abs(found[0, :, 0, 0]).max() == 0
    small = np.array([[1, 2], [3, 4]])
    turned = {tuple(ways.turn(small, way).ravel().tolist()) for way in range(8)}
    assert len(turned) == 8
    assert ways.turn(small, 0).tolist() == small.tolist()


def test_scans_of_any_size_have_the_same_parts() -> None:
    """A plane that is brighter to the right, at sizes that 16 parts do not divide, and one smaller than these."""
    for size in (8, 30, 49):
        cine = np.broadcast_to(np.linspace(0, 1, size), (9, 3, size, size))
        found = upright.maps(cine)
        assert found.shape == (9, 4, 16, 16)
        assert (np.diff(found[0, 0], axis=1) >= 0).all()
        assert found[0, 1].max() < 1e-6
        np.testing.assert_allclose(upright.maps(ways.turn(cine, 2)), ways.turn(found, 2), atol=1e-6)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training of 20 steps, where it does not matter how much is learnt."""
    monkeypatch.setattr(ways, "_EPOCHS", 0)
    monkeypatch.setattr(ways, "_LEAST_STEPS", 20)


def test_too_few_participants_are_not_learnt_from(short: None) -> None:
    few = np.stack([upright.maps(each) for each in hearts(49, 0)])
    assert upright.fit(few, few) == {}
    empty = np.stack([upright.maps(each) for each in hearts(60, 0)])
    empty[:, 1] = 0  # nobody has a 3-chamber view
    assert set(upright.known(upright.fit(empty, empty))) == {"la_2ch", "la_4ch", "sa"}


def test_the_least_usual_view_counts(records: dict) -> None:
    maps = np.stack([upright.maps(each) for each in hearts(8, 5)])
    before = upright.highest(records, maps)
    maps[3, [0]] = ways.turn(maps[3, [0]], 2)
    maps[5] = 0  # no view at all
    after = upright.highest(records, maps)
    assert after[3] > max(0, before[3])
    assert np.isnan(after[5])
    rest = [0, 1, 2, 4, 6, 7]
    assert after[rest] == pytest.approx(before[rest], abs=1e-4)


def test_weights_are_kept_as_text_and_learnt_alike_again(short: None) -> None:
    train, val = (np.stack([upright.maps(each) for each in hearts(n, seed)]) for n, seed in ((60, 0), (30, 1)))
    first = upright.fit(train, val)["groups"]
    torch.manual_seed(99)  # what was drawn before changes nothing
    assert upright.fit(train, val)["groups"] == json.loads(json.dumps(first))


def test_scores_of_turned_maps_are_those_of_other_ways() -> None:
    """Turned by a quarter, a map's score in way 0 is that of way 1 before."""
    torch.manual_seed(0)
    model = ways.network(1, 3).eval()
    maps = np.random.default_rng(0).normal(size=(2, 1, 4, 16, 16))
    with torch.inference_mode():
        before, after = ways.scores(model, maps), ways.scores(model, ways.turn(maps, 1))
    assert before.shape == (2, 3, 8)
    torch.testing.assert_close(after[..., 0], before[..., 1])
