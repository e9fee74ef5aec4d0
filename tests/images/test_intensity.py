"""What becomes 0 and 1, by hand: each view by its own range, all planes by one, or by percentiles."""

from pathlib import Path

import numpy as np
import pytest

import filled
from images import scans
from images.test_build_shard import build
from vita.apply.reading import read_scan
from vita.apply.scans import new_scans
from vita.images.crop import place
from vita.images.intensity import ranges
from vita.images.shards import intensities
from vita.images.view import ViewPlanes
from vita.runtime.errors import UserError

BLOCK = {"frames": 8, "size": 24, "quality": {"pixel_mm": None}}


def planes(values: np.ndarray) -> ViewPlanes:
    return ViewPlanes(
        0, values, place((4, 4), (1.0, 1.0), 4, None), (1.0, 1.0), values.min(axis=(2, 3)), values.max(axis=(2, 3))
    )


def test_ranges_of_two_views() -> None:
    """0 to 99 and 50 to 249: percentiles of 0, 1, ... n - 1 lie at p (n - 1) / 100."""
    first = planes(np.arange(100).reshape(1, 4, 5, 5))
    second = planes(np.arange(50, 250).reshape(2, 4, 5, 5))
    assert ranges([first, second], "minmax") == [(0, 99), (50, 249)]
    assert ranges([first, second], "minmax_joint") == [(0, 249), (0, 249)]
    low, high = ranges([first, second], "percentile")
    assert low == pytest.approx((0.99, 98.01))
    assert high == pytest.approx((51.99, 247.01))


def test_percentiles_of_a_view_of_one_value_and_a_bright_spot_are_its_range() -> None:
    values = np.zeros((1, 4, 10, 10))
    values[0, 2, 3, 3] = 8
    assert ranges([planes(values)], "percentile") == [(0, 8)]


def test_values_beyond_the_range_are_0_and_1() -> None:
    stored = np.array([5, 10, 15, 20, 99], np.uint8).reshape(1, 1, 1, 5)
    assert intensities(stored, [10], [20]).ravel().tolist() == pytest.approx([0, 0, 0.5, 1, 1])
    assert intensities(stored, [7], [7]).ravel().tolist() == [0] * 5


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One participant, whose 2-chamber view is three times as bright as the others."""
    folder = tmp_path_factory.mktemp("cohort")
    for view in ("sa", "la_2ch", "la_3ch", "la_4ch"):
        matrix, image, _ = scans.heart(view, (40, 36, 9 if view == "sa" else 1), 8)
        scans.write(folder / "1000011" / f"{view}.nii.gz", image * 3 if view == "la_2ch" else image, matrix)
    return folder


@pytest.mark.parametrize("intensity", ["minmax", "minmax_joint", "percentile"])
def test_shards_and_new_scans_have_the_same_values(cohort: Path, tmp_path: Path, intensity: str) -> None:
    block = BLOCK | {"intensity": intensity}
    reader, _ = build(cohort, tmp_path, block, shards=1)
    shard = reader.voxels(1000011, range(8))
    settings = filled.images(**block)
    with new_scans([cohort / "1000011"], 2, 100) as found:
        read = read_scan(found[0], settings, {"pixel_mm": [3.0, 3.0]}, 8)
    np.testing.assert_array_equal(read.cine_sthw, shard)
    stored = reader.stored(1000011).astype(float)
    parts = (stored[:1], stored[1:2], stored[2:3], *[stored[3:]] * 6)
    bounds = {
        "minmax": [(part.min(), part.max()) for part in parts],
        "minmax_joint": [(stored.min(), stored.max())] * 9,
        "percentile": [
            np.percentile(part, (1, 99)) for part in (stored[:1], stored[1:2], stored[2:3], *[stored[3:]] * 6)
        ],
    }[intensity]
    expected = [((plane - low) / (high - low)).clip(0, 1) for plane, (low, high) in zip(stored, bounds, strict=True)]
    np.testing.assert_allclose(shard, expected, atol=1e-5)
    assert (shard[4].max() < 0.5) == (intensity == "minmax_joint")  # dark beside the 2-chamber view


def test_another_word_is_refused() -> None:
    with pytest.raises(UserError, match=r"'images.intensity' is 'zscore'; choose one of minmax, minmax_joint"):
        filled.images(**{"intensity": "zscore"})
