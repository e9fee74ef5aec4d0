"""What readers of short-axis images agree on: papillary muscles belong to the cavity, and where the ventricle ends.

The contours of UK Biobank's reference (Petersen et al., J Cardiovasc Magn Reson 2017) count papillary muscles and
trabeculae as blood, and draw the left ventricle on a basal slice only if its wall is around at least half of the blood.
"""

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.images.layout import LVBP, LVMYO

WALL_SHARE = 0.5  # of the cavity's outline
DEPTH_MM = 2.0  # from the hull inwards, where pixels of the wall stay wall: an outline is never quite smooth
_NEIGHBOURS = np.ones((3, 3), bool)


def as_read(classes_tsyx: np.ndarray, pixel_mm: tuple[float, float]) -> np.ndarray:
    """Short-axis classes as a reader would draw them.

    Args:
        classes_tsyx: (time, slice, row, column); left as it is.
        pixel_mm: from row to row and from column to column.
    """
    result = classes_tsyx.copy()
    for plane in result.reshape(-1, *result.shape[2:]):
        cavity = with_papillary_muscles(plane, pixel_mm)
        if wall_share(plane, cavity) < WALL_SHARE:
            plane[(plane == LVBP) | (plane == LVMYO)] = 0
        else:
            plane[cavity] = LVBP
    return result


def with_papillary_muscles(plane_yx: np.ndarray, pixel_mm: tuple[float, float]) -> np.ndarray:
    """Pixels of the cavity, and those of the wall that lie well within the cavity's convex hull."""
    cavity: np.ndarray = plane_yx == LVBP
    try:
        hull = scipy.spatial.ConvexHull(np.argwhere(cavity) * pixel_mm)
    except (scipy.spatial.QhullError, ValueError):  # too few pixels, or all on one line: they enclose nothing
        return cavity
    inside = cavity.copy()
    wall = np.argwhere(plane_yx == LVMYO)
    outwards_mm = (wall * pixel_mm) @ hull.equations[:, :2].T + hull.equations[:, 2]
    between = (outwards_mm <= -DEPTH_MM).all(axis=1)
    inside[tuple(wall[between].T)] = True
    return inside


def wall_share(plane_yx: np.ndarray, cavity_yx: np.ndarray) -> float:
    """The part of the pixels around the cavity that are wall; 1 where there is no cavity."""
    around = scipy.ndimage.binary_dilation(cavity_yx, _NEIGHBOURS) & ~cavity_yx
    return float((plane_yx[around] == LVMYO).mean()) if around.any() else 1.0
