"""Which long-axis view a plane is, by its angle around the heart's long axis.

Long-axis planes meet in the long axis, and turn around it: the 2-chamber plane lies about 60 degrees from the patient's
left, the 3-chamber plane about 112, the 4-chamber plane about 165 (measured on a public patient, who has 61, 125 and
183, and on phantoms).
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from vita.images.geometry import APEX, LEFT

ANGLE_OF_VIEW = {"la_2ch": 60.0, "la_3ch": 112.0, "la_4ch": 165.0}
# Planes closer to each other than this, in degrees, cannot be distinguished.
LEAST_APART = 20.0


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
