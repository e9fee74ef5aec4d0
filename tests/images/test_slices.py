import numpy as np
import pytest

from vita.images.header import ScanError
from vita.images.slices import choose_slices, nearest_frames, resample_frames, slices_from_base


@pytest.mark.parametrize("count", range(6, 31))
def test_slices_are_distinct_and_spread(count):
    chosen = choose_slices(0, count - 1)
    assert len(set(chosen)) == 6
    assert chosen == sorted(chosen)
    assert max(np.diff(chosen)) - min(np.diff(chosen)) <= 1
    assert chosen[0] <= count / 6
    assert chosen[-1] >= count - 1 - count / 6


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
    assert np.abs(nearest / count - np.arange(wanted) / wanted).max() <= 0.5 / count + 1e-9 or nearest[-1] == 0


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
