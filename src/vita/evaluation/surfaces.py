"""Overlap and boundary distances of two-dimensional masks.

Boundaries and percentiles follow MONAI: a mask's boundary is the mask without its 4-neighbour erosion (what lies
outside the image counts as background), and HD95 is the larger of the two directed 95th percentiles.
"""

import numpy as np
import scipy  # its parts are imported where they are first used

PERCENTILE = 0.95


def boundaries(masks_nhw: np.ndarray) -> np.ndarray:
    """Boundary pixels of each mask: (n, height, width) bool in and out."""
    padded = np.pad(masks_nhw, ((0, 0), (1, 1), (1, 1)))
    inside = padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1] & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    return masks_nhw & ~inside


def boundary_points(masks_nhw: np.ndarray) -> list[np.ndarray]:
    """Boundary pixels of each of n masks as (points, 2) row and column indices."""
    number, row, column = np.nonzero(boundaries(masks_nhw))
    cuts = np.searchsorted(number, np.arange(1, len(masks_nhw)))
    return np.split(np.stack([row, column], axis=1).astype(float), cuts)


def _percentile(values: np.ndarray) -> float:
    """Linear 95th percentile of (n,) values; a tenth of numpy's overhead on short vectors."""
    values = np.sort(values)
    place = PERCENTILE * (values.size - 1)
    below = int(place)
    above = min(below + 1, values.size - 1)
    return float(values[below] + (values[above] - values[below]) * (place - below))


def hausdorff(first: np.ndarray, second: np.ndarray, spacing_mm: np.ndarray) -> tuple[float, float]:
    """Hausdorff distance and its 95th percentile between two sets of boundary pixels, in mm.

    Args:
        first: (p, 2) row and column indices, p > 0.
        second: (q, 2), q > 0.
        spacing_mm: (2,) row and column spacing.

    Returns:
        HD and HD95 in mm.
    """
    distance = scipy.spatial.distance.cdist(first * spacing_mm, second * spacing_mm)
    forward, backward = distance.min(axis=1), distance.min(axis=0)
    return float(max(forward.max(), backward.max())), max(_percentile(forward), _percentile(backward))


def dice(intersection: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Dice from pixel counts of any shape; NaN where both masks are empty."""
    total = np.asarray(first + second, dtype=float)
    return np.divide(2 * intersection, total, out=np.full(total.shape, np.nan), where=total > 0)
