import numpy as np
import pytest

from vita.images.curves import _third_centres, area_and_length, volume_ml


def ellipse(half: tuple[float, float], spacing: tuple[float, float], angle: float = 0.0, shift: float = 0.0):
    """An ellipse with half axes (mm) along rows and columns, turned by `angle`."""
    rows, columns = np.indices((120, 120))
    y, x = (rows - 59.3 - shift) * spacing[0], (columns - 60.1) * spacing[1]
    along, across = y * np.cos(angle) + x * np.sin(angle), -y * np.sin(angle) + x * np.cos(angle)
    return np.hypot(along / half[0], across / half[1]) < 1


@pytest.mark.parametrize("spacing", [(1.8, 1.8), (1.0, 1.4), (3.6, 3.6)])
@pytest.mark.parametrize("angle", [0.0, 0.3, -0.5])
def test_area_and_length_of_an_ellipse(spacing, angle):
    mask = np.stack([ellipse((28, 20), spacing, angle), ellipse((22, 17), spacing, angle)])
    axis = np.array([np.cos(angle), np.sin(angle)])
    area, length = area_and_length(mask, spacing, axis)
    np.testing.assert_allclose(area, [np.pi * 28 * 20, np.pi * 22 * 17], rtol=0.04 if spacing[0] > 3 else 0.015)
    np.testing.assert_allclose(length, [56, 44], rtol=0.06 if spacing[0] > 3 else 0.035)


def test_without_a_long_axis_the_longest_direction_is_taken():
    mask = ellipse((30, 18), (1.5, 1.5), 0.7)[None]
    known = area_and_length(mask, (1.5, 1.5), np.array([np.cos(0.7), np.sin(0.7)]))[1]
    np.testing.assert_allclose(area_and_length(mask, (1.5, 1.5), None)[1], known, rtol=0.03)


def test_specks_do_not_count():
    mask = ellipse((28, 20), (1.8, 1.8))[None].copy()
    clean = area_and_length(mask, (1.8, 1.8), np.array([1.0, 0.0]))
    mask[0, 2:4, 2:4] = True
    speckled = area_and_length(mask, (1.8, 1.8), np.array([1.0, 0.0]))
    np.testing.assert_allclose(speckled, clean)


def test_frames_without_pixels_are_unknown():
    mask = np.stack([ellipse((28, 20), (2, 2)), np.zeros((120, 120), bool)])
    area, length = area_and_length(mask, (2, 2), np.array([1.0, 0.0]))
    assert np.isfinite(area).tolist() == np.isfinite(length).tolist() == [True, False]
    assert np.isnan(area_and_length(mask[1:], (2, 2), None)).all()


def test_a_single_pixel_has_a_length():
    mask = np.zeros((1, 5, 5), bool)
    mask[0, 2, 2] = True
    area, length = area_and_length(mask, (2, 2), np.array([1.0, 0.0]))
    assert area[0] == 4
    assert length[0] == pytest.approx(2, abs=0.2)


def test_the_axis_of_an_atrium_goes_through_the_centres_of_its_outer_thirds():
    """Of a column of nine pixels of 2 mm, the first three have their centre at 2 mm, the last three at 14 mm."""
    points = np.stack([2.0 * np.arange(9), np.zeros(9)], axis=1)
    top, bottom = _third_centres(np.ones((1, 9), bool), points, np.array([1.0, 0.0]))
    assert (top.tolist(), bottom.tolist()) == ([[14, 0]], [[2, 0]])


def test_volumes_count_the_gap():
    np.testing.assert_allclose(volume_ml(np.array([1000, 500, 0]), (10, 1.8, 1.8)), [32.4, 16.2, np.nan])
