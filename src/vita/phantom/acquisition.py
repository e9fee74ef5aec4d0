"""The scanner's planes: where the heart is, and how the planes are planned.

Scanner space is RAS in mm. The heart's axes are those of an average adult, rotated at random; planes are planned on
them with small errors of planning. Stored images have columns along the first NIfTI axis, rows along the second.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.phantom.hearts import APEX_THINNING, Heart
from vita.phantom.settings import PhantomSettings

# The average heart in scanner space: its lateral wall to the left and back, its apex to the left, front and feet.
LATERAL = np.array([-1.0, -1.0, 0.0]) / np.sqrt(2)
APICAL = np.array([-0.62, 0.62, -0.48]) / np.linalg.norm([-0.62, 0.62, -0.48])
AVERAGE_AXES = np.stack([LATERAL, np.cross(APICAL, LATERAL), APICAL])
SA_THICKNESS_MM = 8.0
LA_THICKNESS_MM = 6.0
# Directions across the long axis that each long-axis plane contains, in degrees from lateral towards anterior.
LA_ANGLES = {"la_2ch": -96.0, "la_3ch": -50.0, "la_4ch": 0.0}
# Variation of planning between scans: rotation of the image in its plane, and shift in it.
TURN_SD_DEGREES, SHIFT_SD_MM = 20.0, 5.0


@dataclass(frozen=True)
class Pose:
    """Where the heart lies: `axes` (3, 3), rows x, y, z of the heart in scanner space, and its `origin` (3,) in mm."""

    axes: np.ndarray
    origin: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Pose":
        """A random pose: some degrees of tilt, some centimetres off the scanner's centre."""
        turn = scipy.spatial.transform.Rotation.from_rotvec(np.deg2rad(rng.normal(0, 3, 3)))
        return cls(AVERAGE_AXES @ turn.as_matrix().T, rng.normal([-35, 25, 10], [10, 10, 15]))

    def to_scanner(self, heart: np.ndarray) -> np.ndarray:
        """Heart points (..., 3) in scanner space."""
        scanner: np.ndarray = heart @ self.axes + self.origin
        return scanner


@dataclass(frozen=True)
class Plane:
    """A stack of parallel planes.

    Attributes:
        first: (3,) scanner position of voxel (0, 0, 0) in mm.
        column, row, across: unit vectors along increasing column, row and slice.
        shape: slices, rows, columns.
        pixel, spacing, thickness: mm; spacing includes the gap.
    """

    first: np.ndarray
    column: np.ndarray
    row: np.ndarray
    across: np.ndarray
    shape: tuple[int, int, int]
    pixel: float
    spacing: float
    thickness: float

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) from NIfTI index (column, row, slice) to scanner space."""
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = self.column * self.pixel, self.row * self.pixel
        affine[:3, 2], affine[:3, 3] = self.across * self.spacing, self.first
        return affine

    def points(self) -> np.ndarray:
        """(slices, rows, columns, 3) scanner positions of the voxels' centres, float32."""
        slices, rows, columns = (np.arange(n, dtype=np.float32) for n in self.shape)
        steps = [self.spacing * self.across, self.pixel * self.row, self.pixel * self.column]
        across, down, along = (np.asarray(step, np.float32) for step in steps)
        grid = slices[:, None, None, None] * across + rows[:, None, None] * down + columns[:, None] * along
        positions: np.ndarray = grid + self.first.astype(np.float32)
        return positions


def plan(heart: Heart, pose: Pose, settings: PhantomSettings, rng: np.random.Generator) -> dict[str, Plane]:
    """The four views of a heart, keyed sa, la_2ch, la_3ch, la_4ch."""
    apex = heart.length + APEX_THINNING * heart.wall
    middle = np.array([-14.0, 0.0, apex / 2])
    views = {"sa": _sa(middle, pose, settings, rng)}
    for view, degrees in LA_ANGLES.items():
        views[view] = _la(view, np.deg2rad(degrees + rng.normal(0, 3)), apex, pose, settings, rng)
    return views


def _sa(middle: np.ndarray, pose: Pose, settings: PhantomSettings, rng: np.random.Generator) -> Plane:
    """The stack, across the long axis and centred on the LV: with a small error of tilt, and with the planner's
    rotation and shift.
    """
    angles = np.deg2rad([*rng.normal(0, 1, 2), rng.normal(0, TURN_SD_DEGREES)])
    error = scipy.spatial.transform.Rotation.from_rotvec(angles).as_matrix()
    x, y, z = error.T @ pose.axes  # rows: the heart's axes as planned
    centre = pose.to_scanner(middle + rng.normal(0, [SHIFT_SD_MM, SHIFT_SD_MM, 1]))
    return _stack(centre, x, -y, z, settings, settings.sa_slices, settings.sa_spacing_mm, SA_THICKNESS_MM)


def _la(view: str, angle: float, apex: float, pose: Pose, settings: PhantomSettings, rng: np.random.Generator) -> Plane:
    """A plane that contains the long axis and the direction `angle` across it, both up to an error of planning."""
    across = np.array([np.cos(angle), np.sin(angle), 0])
    normal = np.array([-np.sin(angle), np.cos(angle), 0])
    middle = np.array([0, 0, apex - 75]) - across * (20 if view == "la_4ch" else 0)
    centre = pose.to_scanner(
        middle + rng.normal(0, SHIFT_SD_MM) * across + rng.normal(0, 0.8) * normal + [0, 0, rng.normal(0, SHIFT_SD_MM)]
    )
    error = scipy.spatial.transform.Rotation.from_rotvec(np.deg2rad(rng.normal(0, 1.2)) * across).as_matrix()
    along = error @ np.array([0, 0, 1.0])
    # The 4-chamber plane is stored the way the table lies: front on top, left on the right.
    turn = np.deg2rad((45 if view == "la_4ch" else 0) + rng.normal(0, TURN_SD_DEGREES))
    column = along * np.cos(turn) + across * np.sin(turn)
    row = across * np.cos(turn) - along * np.sin(turn)
    column, row = column @ pose.axes, row @ pose.axes
    return _stack(centre, column, row, np.cross(column, row), settings, 1, LA_THICKNESS_MM, LA_THICKNESS_MM)


def _stack(
    centre: np.ndarray,
    column: np.ndarray,
    row: np.ndarray,
    across: np.ndarray,
    settings: PhantomSettings,
    slices: int,
    spacing: float,
    thickness: float,
) -> Plane:
    pixel, rows, columns = settings.pixel_mm, settings.rows, settings.columns
    half = (columns - 1) / 2 * pixel * column + (rows - 1) / 2 * pixel * row + (slices - 1) / 2 * spacing * across
    return Plane(centre - half, column, row, across, (slices, rows, columns), pixel, spacing, thickness)
