"""What is kept of a view: pixels, slices and frames."""

import numpy as np
import pytest

from vita.images.crop import (
    choose_slices,
    cut_image,
    cut_mask,
    nearest_frames,
    place,
    resample_frames,
    slices_from_base,
)
from vita.images.header import ScanError


def test_center_crop_keeps_pixels():
    image = np.arange(2 * 10 * 13).reshape(2, 10, 13).astype(np.int16)
    crop = place((10, 13), (3.6, 3.6), 6, None)
    np.testing.assert_array_equal(cut_image(image, crop), image[:, 2:8, 3:9])
    np.testing.assert_array_equal(cut_mask(image.astype(np.uint8), crop), image.astype(np.uint8)[:, 2:8, 3:9])


def test_small_images_are_padded_with_their_darkest_value():
    image = np.full((1, 4, 5), 7, np.int16)
    image[0, 0, 0] = -3
    crop = place((4, 5), (1, 1), 8, None)
    result = cut_image(image, crop)
    np.testing.assert_array_equal(result[0, 2:6, 2:7], image[0])
    assert (result[0, :2] == -3).all()
    assert (cut_mask(np.ones((1, 4, 5), np.uint8), crop)[0, :2] == 255).all()


@pytest.mark.parametrize(("spacing", "target"), [((3.6, 3.6), 1.8), ((1.0, 1.5), 2.0), ((1.8, 1.8), 1.8)])
def test_resampling_keeps_positions(spacing, target):
    """A ramp in mm stays the same ramp in mm."""
    rows, columns = np.indices((40, 44))
    ramp = (rows * spacing[0] + 2 * columns * spacing[1]).astype(np.float32)[None]
    crop = place((40, 44), spacing, 12, target)
    result = cut_image(ramp, crop)[0]
    middle = 19.5 * spacing[0] + 2 * 21.5 * spacing[1]
    expected = middle + (np.arange(12)[:, None] - 5.5) * target + 2 * (np.arange(12) - 5.5) * target
    np.testing.assert_allclose(result, expected, atol=0.06)  # a wide triangle over a ramp ripples a little


def test_resampled_masks_keep_their_area():
    rows, columns = np.indices((80, 80))
    disc = (np.hypot(rows - 39.5, columns - 39.5) < 20).astype(np.uint8)[None]
    result = cut_mask(disc, place((80, 80), (1, 1), 40, 2.0))
    assert (result == 1).sum() * 4 == pytest.approx(disc.sum(), rel=0.03)


def test_a_crop_around_a_point():
    image = np.zeros((1, 30, 30), np.int16)
    image[0, 7, 21] = 1
    result = cut_image(image, place((30, 30), (1, 1), 9, None, (7, 21)))
    assert np.argwhere(result[0]).tolist() == [[4, 4]]


@pytest.mark.parametrize("count", range(6, 31))
def test_slices_are_distinct_and_spread(count):
    chosen = choose_slices(0, count - 1)
    assert len(set(chosen)) == 6
    assert chosen == sorted(chosen)
    assert max(np.diff(chosen)) - min(np.diff(chosen)) <= 1
    assert chosen[0] <= count / 6
    assert chosen[-1] >= count - 1 - count / 6


def test_slices_by_hand():
    """Ten slices are six parts of 5/3, with middles 1/3, 2, 3 2/3, 5 1/3, 7 and 8 2/3."""
    assert choose_slices(0, 9) == [0, 2, 4, 5, 7, 9]
    assert choose_slices(3, 12) == [3, 5, 7, 8, 10, 12]


def test_too_few_slices():
    with pytest.raises(ScanError, match="5 slices, 6 are needed"):
        choose_slices(0, 4)


@pytest.mark.parametrize(("count", "wanted"), [(25, 20), (20, 50), (50, 20), (20, 20)])
def test_frames_follow_the_cycle(count, wanted):
    cycle = np.cos(2 * np.pi * np.arange(count) / count)
    result = resample_frames(cycle, wanted)
    np.testing.assert_allclose(result, np.cos(2 * np.pi * np.arange(wanted) / wanted), atol=0.03)
    assert result[0] == 1
    nearest = nearest_frames(count, wanted)
    assert nearest[0] == 0
    apart = np.abs(nearest / count - np.arange(wanted) / wanted)
    assert np.minimum(apart, 1 - apart).max() <= 0.5 / count + 1e-9  # the last may be nearest to the first of the next


def test_whole_numbers_stay_whole():
    result = resample_frames(np.array([[0], [101]], np.int16), 4)
    assert result.dtype == np.int16
    assert result.ravel().tolist() == [0, 50, 101, 50]


@pytest.mark.parametrize(
    ("first", "expected"), [(1, range(3, 9)), (0, range(2, 8)), (6, range(4, 10)), (None, range(2, 8))]
)
def test_slices_in_a_row_from_the_third_with_a_left_ventricle(first, expected):
    """Of ten; where the stack ends before, its last six."""
    cavity = np.zeros((10, 4, 4), bool)
    if first is not None:
        cavity[first:, 1:3, 2] = True
    assert slices_from_base(cavity) == list(expected)
    with pytest.raises(ScanError, match="has 5 slices, 6 are needed"):
        slices_from_base(cavity[:5])
