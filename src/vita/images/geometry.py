"""One orientation for every scan, however it is stored.

Convention. Arrays are (time, slice, row, column). In scanner space (RAS, mm):

* short axis: slices run from base to apex; columns run to the patient's left, rows to the back and the feet;
* 2-chamber: columns run to the left front, rows to the feet;
* 3-chamber: columns run to the left, rows to the back and the feet;
* 4-chamber: columns run to the left, rows to the feet.

Of the eight ways to turn and mirror an image, the one whose axes lie closest to these directions is taken. Nothing
is interpolated. The directions are those that usual planes of a view nearly contain, so that small differences in
how a plane was placed do not turn the image.

Base to apex. A heart's apex points to the left, the front and the feet; the end of the stack that lies that way is
the apex. If the stack is nearly at right angles to that direction, the long-axis images decide: their centres lie
towards the base, since they also show the atria.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from vita.images.header import Header

LEFT, FRONT, FEET = np.array([-1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 0, -1.0])
BACK = -FRONT


def _unit(vector: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vector / np.linalg.norm(vector)
    return unit


APEX = _unit(LEFT + FRONT + FEET)
# (columns, rows) run along these directions.
TARGETS = {
    "sa": (LEFT, _unit(BACK + FEET)),
    "la_2ch": (_unit(LEFT + FRONT), FEET),
    "la_3ch": (LEFT, _unit(BACK + FEET)),
    "la_4ch": (LEFT, FEET),
}
# Below this cosine (73 degrees off) the stack does not say by itself where the apex is.
CLEAR_COSINE = 0.3


@dataclass(frozen=True)
class Orientation:
    """The conversion of stored voxels to arrays of the convention, and their positions.

    Attributes:
        axes: stored spatial axes (0 x, 1 y, 2 z) that become slice, row, column.
        flips: whether each of them is reversed.
        spacing_mm: distance of neighbours along slice (gap included), row, column.
        affine: (4, 4) from (slice, row, column) index to scanner space in mm.
        shape: slices, rows, columns.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    spacing_mm: tuple[float, float, float]
    affine: np.ndarray
    shape: tuple[int, int, int]

    @property
    def slice_direction(self) -> np.ndarray:
        """Unit vector along increasing slice number; for one slice, the plane's normal."""
        return _unit(self.affine[:3, 0])

    @property
    def centre_mm(self) -> np.ndarray:
        """Scanner position of the image's centre."""
        middle = (np.array(self.shape) - 1) / 2
        centre: np.ndarray = self.affine[:3, :3] @ middle + self.affine[:3, 3]
        return centre

    def in_plane(self, direction: np.ndarray) -> np.ndarray:
        """Components of a scanner direction along rows and columns."""
        return np.array([_unit(self.affine[:3, axis]) @ direction for axis in (1, 2)])


def orient(
    header: Header, view: str, la_centres_mm: Sequence[np.ndarray] = (), like: "Orientation | None" = None
) -> Orientation:
    """The orientation of a file by the convention above.

    Args:
        header: of the file.
        view: sa, la_2ch, la_3ch or la_4ch.
        la_centres_mm: scanner positions of long-axis images' centres, to distinguish base from apex where needed.
        like: of the image that a mask belongs to; slices then run the same way.
    """
    matrix = header.affine[:3, :3]
    steps = np.linalg.norm(matrix, axis=0)
    directions = matrix / steps
    slice_axis = _slice_axis(header.shape_xyzt[:3], steps)
    # Slices of a stack may be shifted against each other; their distance is measured along the normal.
    steps[slice_axis] *= abs(np.linalg.det(directions)) / _sine(np.delete(directions, slice_axis, axis=1))
    row, column = _turn(directions, slice_axis, view)
    column_target, row_target = TARGETS[view]
    flips = (
        False,
        bool(directions[:, row] @ row_target < 0),
        bool(directions[:, column] @ column_target < 0),
    )
    axes = (slice_axis, row, column)
    result = _build(header, axes, flips, steps)
    if like is not None:
        backwards = float(result.slice_direction @ like.slice_direction) < 0
    else:
        backwards = view == "sa" and _runs_to_base(result, la_centres_mm)
    if backwards:
        result = _build(header, axes, (True, flips[1], flips[2]), steps)
    return result


def _sine(pair: np.ndarray) -> float:
    """Of the angle between two unit columns (3, 2)."""
    return float(np.linalg.norm(np.cross(pair[:, 0], pair[:, 1])))


def _slice_axis(shape: tuple[int, ...], steps_mm: np.ndarray) -> int:
    """The stored axis across slices: the only one of length 1, or else the one with the widest steps."""
    single = [axis for axis in range(3) if shape[axis] == 1]
    if len(single) == 1:
        return single[0]
    widest = int(np.argmax(steps_mm))
    return widest if steps_mm[widest] > 1.01 * steps_mm[2] else 2


def _turn(directions: np.ndarray, slice_axis: int, view: str) -> tuple[int, int]:
    """Which stored axes become rows and columns: the choice that lies closer to the view's directions."""
    first, second = (axis for axis in range(3) if axis != slice_axis)
    column_target, row_target = TARGETS[view]

    def closeness(row: int, column: int) -> float:
        both: float = abs(directions[:, row] @ row_target) + abs(directions[:, column] @ column_target)
        return both

    return (second, first) if closeness(second, first) >= closeness(first, second) else (first, second)


def _build(
    header: Header, axes: tuple[int, int, int], flips: tuple[bool, bool, bool], steps_mm: np.ndarray
) -> Orientation:
    affine = np.eye(4)
    affine[:3, 3] = header.affine[:3, 3]
    for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
        step = header.affine[:3, old]
        affine[:3, new] = -step if flip else step
        if flip:
            affine[:3, 3] += step * (header.shape_xyzt[old] - 1)
    shape = cast(tuple[int, int, int], tuple(header.shape_xyzt[axis] for axis in axes))
    spacing = cast(tuple[float, float, float], tuple(float(steps_mm[axis]) for axis in axes))
    return Orientation(axes, flips, spacing, affine, shape)


def _runs_to_base(stack: Orientation, la_centres_mm: Sequence[np.ndarray]) -> bool:
    """Whether slice numbers increase towards the base."""
    cosine = float(stack.slice_direction @ APEX)
    if abs(cosine) < CLEAR_COSINE and len(la_centres_mm):
        towards_base = np.mean(la_centres_mm, axis=0) - stack.centre_mm
        return bool(stack.slice_direction @ towards_base > 0)
    return cosine < 0


def canonical(voxels_tzyx: np.ndarray, orientation: Orientation) -> np.ndarray:
    """Turn stored voxels (time, z, y, x) into (time, slice, row, column), as a view without copying."""
    turned = voxels_tzyx.transpose(0, *(3 - axis for axis in orientation.axes))
    steps = [slice(None, None, -1 if flip else 1) for flip in orientation.flips]
    return turned[(slice(None), *steps)]


def same_place(first: Orientation, second: Orientation, tolerance_mm: float) -> bool:
    """Whether two files have the same grid: equal shapes, and corners that differ by at most `tolerance_mm`."""
    if first.shape != second.shape:
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in first.shape], indexing="ij")).reshape(3, -1)
    shift = (first.affine - second.affine)[:3]
    distance = shift[:, :3] @ corners + shift[:, 3:]
    return bool(np.linalg.norm(distance, axis=0).max() <= tolerance_mm)
