"""What a phantom looks like apart from its heart's shape: patterns of tissue, coils near the skin, the point spread."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import filled
from vita.phantom.chest import CHEST_WALL_MM, FAT, HEART_TO_BODY_MM, Chest
from vita.phantom.receiver import Receiver
from vita.phantom.scans import Scanner
from vita.phantom.surroundings import Pattern, Surroundings

RECEIVER = Receiver(gain=2.0, slope=np.zeros(3), curvature=0.0, near=3.0, reach=10.0, noise=0.0, blur=0.1)


@pytest.fixture
def chest() -> Chest:
    """A body with half axes of 150 and 100 mm without its 20 mm of skin fat."""
    return Chest(150, 100, fat=20, heart_fat=4, lung=15, liver=72, heart_fat_signal=50, diaphragm=38, blood=130)


def in_body(x: float, y: float, z: float = 30.0) -> np.ndarray:
    """A point (1, 3) relative to the heart, from its place relative to the middle of the body."""
    return np.array([[x, y, z]], np.float32) - HEART_TO_BODY_MM.astype(np.float32)


def test_a_pattern_has_mean_0_and_standard_deviation_1() -> None:
    points = np.random.default_rng(0).uniform(-5000, 5000, (40_000, 3))
    values = Pattern.draw(10, 30, 12, np.random.default_rng(1)).at(points)
    assert values.mean() == pytest.approx(0, abs=0.02)
    assert values.std() == pytest.approx(1, abs=0.02)


def test_a_pattern_changes_over_its_waves_lengths() -> None:
    """A single wave of 20 mm: half of it further along its direction, the value has the opposite sign."""
    pattern = Pattern.draw(20, 20, 1, np.random.default_rng(2))
    along = pattern.vectors[:, 0] / np.linalg.norm(pattern.vectors)
    start = np.array([[3.0, -7.0, 11.0]])
    (here,), (half,), (whole,) = (pattern.at(start + way * along) for way in (0, 10, 20))
    assert half == pytest.approx(-here, abs=1e-4)
    assert whole == pytest.approx(here, abs=1e-4)


def test_coils_are_brightest_at_the_skin(chest: Chest) -> None:
    """Depths along the body's short axis; 1 + 3 exp(-depth / 10 mm) times the gain of 2."""
    for depth, factor in ((0.0, 8.0), (10.0, 2 * (1 + 3 * np.exp(-1))), (-5.0, 8.0)):
        found = RECEIVER.sensitivity(np.zeros((1, 3), np.float32), np.array([depth], np.float32))
        assert found[0] == pytest.approx(factor, rel=1e-5)
    assert chest.depth_mm(in_body(0, 120))[0] == pytest.approx(0, abs=1e-3)
    assert chest.depth_mm(in_body(0, 118))[0] == pytest.approx(2, abs=0.05)
    assert chest.depth_mm(in_body(0, 130))[0] < 0


def test_the_point_spread_gives_each_neighbour_its_share() -> None:
    """With a share of 0.1 a point keeps 0.8 in each direction: 0.64 of itself, 0.08 beside it, 0.01 at the corners."""
    point = np.zeros((1, 5, 5), np.float32)
    point[0, 2, 2] = 10_000
    found = RECEIVER.receive(point, np.random.default_rng(0))[0, 1:4, 1:4]
    assert found.tolist() == [[100, 800, 100], [800, 6400, 800], [100, 800, 100]]


def test_vessels_are_in_the_lungs_alone(chest: Chest) -> None:
    """Where vessels fill a voxel, lung turns into blood; fat under the skin and the wall stay what they are."""
    inside = CHEST_WALL_MM + 10
    lung, wall, fat = in_body(0, 100 - inside, 120), in_body(0, 100 - CHEST_WALL_MM / 2, 120), in_body(0, 110, 120)
    for point, plain, filled_up in ((lung, 15, 130), (wall, 52, 52), (fat, FAT, FAT)):
        assert chest.signal(point, 2.0)[0] == pytest.approx(plain, abs=0.01)
        assert chest.signal(point, 2.0, np.ones(1, np.float32))[0] == pytest.approx(filled_up, abs=0.01)


def test_fat_around_the_heart_lies_in_patches() -> None:
    surroundings = Surroundings.draw(np.random.default_rng(4))
    points = np.random.default_rng(5).uniform(-60, 60, (4000, 3))
    signal = surroundings.heart_fat(points, lung=10, fat=60)
    assert signal.min() >= 10
    assert signal.max() <= 60
    assert (signal < 20).mean() > 0.05
    assert (signal > 45).mean() > 0.05


def test_trabeculae_and_papillary_muscles_change_the_picture_and_no_mask(cohort: pd.DataFrame) -> None:
    person = cohort.iloc[2].to_dict()
    setup = filled.phantom(seed=2025, frames=2)
    rough, smooth = Scanner(person, setup), Scanner(person, setup)
    smooth.strands = replace(smooth.strands, vectors=np.zeros_like(smooth.strands.vectors))
    smooth.strands = replace(smooth.strands, phases=np.full_like(smooth.strands.phases, np.pi))  # -4.5 SD: none
    smooth.papillaries = ()
    (one, classes), (other, same) = rough.acquire("sa"), smooth.acquire("sa")
    assert np.array_equal(classes, same)
    assert one.shape == other.shape
    for name in (1, 3):  # muscle inside both ventricles makes them darker
        assert one[classes == name].mean() < 0.99 * other[classes == name].mean()


def test_hearts_have_papillary_muscles_of_their_own(cohort: pd.DataFrame) -> None:
    setup = filled.phantom(seed=2025, frames=2)
    found = [Scanner(person, setup).papillaries for person in cohort.head(30).to_dict("records")]
    assert {len(muscles) for muscles in found} == {2, 3}
    assert len({muscles[0] for muscles in found}) == 30
