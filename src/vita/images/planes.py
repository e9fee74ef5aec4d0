"""Planes of a participant in space: which long-axis view each is, where two intersect, and whether both show the same.

Long-axis planes meet in the long axis, and turn around it: the 2-chamber plane lies about 60 degrees from the patient's
left, the 3-chamber plane about 112, the 4-chamber plane about 165 (measured on a public patient, who has 61, 125 and
183, and on phantoms).
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.images.geometry import APEX, LEFT, Orientation

POINTS = 200
PARALLEL = 0.05  # length of the cross product of two normals below which planes count as parallel
FEWEST_POINTS = 10
ANGLE_OF_VIEW = {"la_2ch": 60.0, "la_3ch": 112.0, "la_4ch": 165.0}
# Planes closer to each other than this, in degrees, cannot be distinguished.
LEAST_APART = 20.0


@dataclass(frozen=True)
class Plane:
    """One slice of a view: its orientation, the slice's number, and a frame (rows, columns)."""

    orientation: Orientation
    number: int
    image_hw: np.ndarray

    @property
    def normal(self) -> np.ndarray:
        """Unit vector across the plane."""
        across = np.cross(self.orientation.affine[:3, 1], self.orientation.affine[:3, 2])
        normal: np.ndarray = across / np.linalg.norm(across)
        return normal

    @property
    def origin(self) -> np.ndarray:
        """Scanner position of the first pixel."""
        origin: np.ndarray = self.orientation.affine[:3, 0] * self.number + self.orientation.affine[:3, 3]
        return origin

    def pixels(self, positions_mm: np.ndarray) -> np.ndarray:
        """(n, 2) row and column of scanner positions (n, 3) in the plane."""
        axes = self.orientation.affine[:3, 1:3]
        pixels: np.ndarray = np.linalg.lstsq(axes, (positions_mm - self.origin).T, rcond=None)[0].T
        return pixels

    def inside(self, positions_mm: np.ndarray) -> np.ndarray:
        """(n,) whether positions in the plane lie within the image."""
        pixels = self.pixels(positions_mm)
        return cast(np.ndarray, ((pixels >= 0) & (pixels <= np.array(self.image_hw.shape) - 1)).all(axis=1))

    def sample(self, positions_mm: np.ndarray) -> np.ndarray:
        """(n,) intensities, linearly interpolated."""
        image = self.image_hw.astype(np.float32)
        values: np.ndarray = scipy.ndimage.map_coordinates(image, self.pixels(positions_mm).T, order=1)
        return values


def meeting_line(first: Plane, second: Plane) -> np.ndarray:
    """Points (n, 3) in mm on the line where two planes intersect, within both images; n is 0 if there is none."""
    direction = np.cross(first.normal, second.normal)
    length = np.linalg.norm(direction)
    if length < PARALLEL:
        return np.zeros((0, 3))
    direction /= length
    sides = np.array([first.normal, second.normal, direction])
    centre = first.orientation.affine[:3, 1:3] @ ((np.array(first.image_hw.shape) - 1) / 2) + first.origin
    point = np.linalg.solve(sides, [first.normal @ first.origin, second.normal @ second.origin, direction @ centre])
    reach = np.linalg.norm(first.orientation.affine[:3, 1:3] @ np.array(first.image_hw.shape))
    line: np.ndarray = point + np.linspace(-reach, reach, 10 * POINTS)[:, None] * direction
    line = line[first.inside(line) & second.inside(line)]
    return line[np.linspace(0, len(line) - 1, POINTS).round().astype(int)] if len(line) > POINTS else line


def common_point(planes: Sequence[Plane]) -> np.ndarray:
    """The scanner position (3,) in mm closest to all planes; of those, the one closest to the last plane's centre."""
    last = planes[-1]
    centre = last.orientation.affine[:3, 1:3] @ ((np.array(last.image_hw.shape) - 1) / 2) + last.origin
    normals = np.array([plane.normal for plane in planes])
    distances = np.array([plane.normal @ (plane.origin - centre) for plane in planes])
    closest: np.ndarray = centre + np.linalg.lstsq(normals, distances, rcond=None)[0]
    return closest


def agreement(first: Plane, second: Plane) -> float:
    """Correlation of both images along their common line; NaN where they hardly meet."""
    line = meeting_line(first, second)
    if len(line) < FEWEST_POINTS:
        return float("nan")
    samples = first.sample(line), second.sample(line)
    if min(np.ptp(values) for values in samples) == 0:
        return float("nan")
    return float(np.corrcoef(*samples)[0, 1])


def long_axis(normals_ras: Sequence[np.ndarray]) -> np.ndarray:
    """The direction (3,) towards the apex that lies in all planes of these unit normals."""
    axis: np.ndarray = np.linalg.svd(np.array(normals_ras))[2][-1]
    return axis if axis @ APEX > 0 else -axis


def angles_around(axis: np.ndarray, normals_ras: Sequence[np.ndarray]) -> np.ndarray:
    """(planes,) degrees from 0 to 180 between the patient's left and each plane, turning around the axis."""
    left = LEFT - (LEFT @ axis) * axis
    left = left / np.linalg.norm(left)
    across = np.cross(axis, left)
    within = [np.cross(normal, axis) for normal in normals_ras]
    return np.array([np.degrees(np.arctan2(line @ across, line @ left)) % 180 for line in within])


def away(first: float, second: float) -> float:
    """Degrees between two lines of these angles, at most 90."""
    apart = abs(first - second) % 180
    return min(apart, 180 - apart)


def name_planes(normals_ras: Sequence[np.ndarray]) -> Mapping[str, int] | None:
    """The number of the plane that is each view.

    Args:
        normals_ras: of three planes, unit vectors in scanner space (RAS).

    Returns:
        None where there are not three planes that are clearly apart.
    """
    if len(normals_ras) != len(ANGLE_OF_VIEW):
        return None
    angles = angles_around(long_axis(normals_ras), normals_ras)
    if min(away(a, b) for a, b in itertools.combinations(angles, 2)) < LEAST_APART:
        return None

    def misfit(order: tuple[int, ...]) -> float:
        return sum(away(angles[plane], angle) ** 2 for plane, angle in zip(order, ANGLE_OF_VIEW.values(), strict=True))

    best = min(itertools.permutations(range(3)), key=misfit)
    return dict(zip(ANGLE_OF_VIEW, best, strict=True))
