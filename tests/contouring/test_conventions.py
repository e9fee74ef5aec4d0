"""Papillary muscles count as cavity, and a slice without enough wall around its blood shows no left ventricle."""

import numpy as np
import pytest

from vita.contouring.conventions import as_read, wall_share, with_papillary_muscles
from vita.images.layout import LVBP, LVMYO, RVBP

PIXEL_MM = (1.5, 1.5)


def ring(size: int = 40, inner: float = 9.0, outer: float = 15.0) -> np.ndarray:
    """A round cavity within a round wall."""
    row, column = np.mgrid[:size, :size] - (size - 1) / 2
    radius = np.hypot(row, column)
    return np.where(radius < inner, LVBP, np.where(radius < outer, LVMYO, 0)).astype(np.uint8)


def test_a_papillary_muscle_becomes_cavity() -> None:
    plane = ring()
    plane[19:22, 20:31][plane[19:22, 20:31] == LVBP] = LVMYO  # from the wall to the middle
    read = as_read(plane[None, None], PIXEL_MM)[0, 0]
    middle = (slice(19, 22), slice(20, 27))
    assert (plane[middle] == LVMYO).all()
    assert (read[middle] == LVBP).all()
    assert not (read != ring())[ring() != LVBP].any()  # the wall around it stays wall
    assert plane[20, 22] == LVMYO  # what was given is left as it is


def test_a_smooth_cavity_stays_as_it_is() -> None:
    plane = ring()
    plane[:5] = RVBP
    assert (as_read(plane[None, None], PIXEL_MM)[0, 0] == plane).all()


@pytest.mark.parametrize(("depth", "muscle"), [(1, False), (2, False), (3, True)])
def test_a_bend_of_the_outline_is_no_muscle(depth: int, muscle: bool) -> None:
    """Wall reaches so many pixels of 1.5 mm into a square of blood, whose outermost pixels are the hull's."""
    plane = np.full((30, 30), LVMYO, np.uint8)
    plane[8:22, 8:22] = LVBP
    plane[8 : 8 + depth, 14] = LVMYO
    inside = with_papillary_muscles(plane, PIXEL_MM)
    assert inside[7 + depth, 14] == muscle
    assert not inside[8, 14]


@pytest.mark.parametrize(("degrees", "kept"), [(360, True), (250, True), (110, False)])
def test_blood_needs_wall_around_half_of_it(degrees: float, kept: bool) -> None:
    plane = ring()
    row, column = np.mgrid[:40, :40] - 19.5
    away = np.degrees(np.arctan2(row, column)) % 360 >= degrees
    plane[away & (plane == LVMYO)] = 0
    plane[0, :7] = RVBP
    assert wall_share(plane, plane == LVBP) == pytest.approx(degrees / 360, abs=0.03)
    read = as_read(plane[None, None], PIXEL_MM)[0, 0]
    assert (read == LVBP).any() == kept
    assert (read == LVMYO).any() == kept
    assert (read[0, :7] == RVBP).all()


@pytest.mark.parametrize("places", [[], [(5, 5)], [(5, 5), (5, 9)], [(5, 5), (6, 6), (7, 7), (8, 8)]])
def test_few_pixels_of_cavity_enclose_nothing(places: list[tuple[int, int]]) -> None:
    plane = np.full((12, 12), LVMYO, np.uint8)
    for place in places:
        plane[place] = LVBP
    assert (with_papillary_muscles(plane, PIXEL_MM) == (plane == LVBP)).all()
