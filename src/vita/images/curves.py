"""Curves over the cardiac cycle from whole masks: ventricular volumes, atrial areas and lengths.

Volumes are sums of voxels, slice distance (gap included) times pixel area. For atria, area and length follow the
published UK Biobank pipeline: of the largest connected part, the centres of its upper and its lower third along the
heart's long axis (the normal of the short-axis stack) define the atrium's axis, and the length is the part of that
line between the atrium's outermost points on it. Unlike in that pipeline, the line is not drawn in whole pixels but
followed in steps of a tenth of a millimetre to the edges of the pixels, so that the length is not one pixel too short.
"""

from typing import cast

import numpy as np
import scipy  # its parts are imported where they are first used

STEP_MM = 0.1


def volume_ml(counts_t: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Volume in each frame.

    Args:
        counts_t: (time,) voxels of the structure.
        spacing_mm: (slice distance including the gap, row, column).

    Returns:
        (time,) ml; NaN if the frame has no voxel of the structure: it is not annotated then, since structures never
        vanish.
    """
    volumes = counts_t * (np.prod(spacing_mm) / 1000)
    return np.where(counts_t > 0, volumes, np.nan)


def area_and_length(
    mask_thw: np.ndarray, spacing_mm: tuple[float, float], long_axis: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Area and length of an atrium in each frame.

    Args:
        mask_thw: (time, rows, columns) bool.
        spacing_mm: (row, column).
        long_axis: (row, column) components of the heart's long axis in the plane; None takes the direction in
            which the atrium is longest.

    Returns:
        Areas in mm2 and lengths in mm, (time,) each; NaN where the frame has no pixel.
    """
    areas = np.full(len(mask_thw), np.nan)
    lengths = np.full(len(mask_thw), np.nan)
    filled = np.flatnonzero(mask_thw.any(axis=(1, 2)))
    if not len(filled):
        return areas, lengths
    boxed = _largest_parts(_boxed(mask_thw[filled]))
    rows, columns = np.indices(boxed.shape[1:]).reshape(2, -1)
    points = np.stack([rows * spacing_mm[0], columns * spacing_mm[1]], axis=1)
    pixels = boxed.reshape(len(boxed), -1)
    areas[filled] = pixels.sum(axis=1) * spacing_mm[0] * spacing_mm[1]
    axis = _longest_direction(pixels, points) if long_axis is None else long_axis / np.linalg.norm(long_axis)
    top, bottom = _third_centres(pixels, points, axis)
    lengths[filled] = _chords(boxed, spacing_mm, top, bottom, axis)
    return areas, lengths


def _largest_parts(mask_thw: np.ndarray) -> np.ndarray:
    """Keep each frame's largest connected part (4 neighbours)."""
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = scipy.ndimage.generate_binary_structure(2, 1)
    numbers, count = scipy.ndimage.label(mask_thw, structure=in_plane)
    if count == len(mask_thw):
        return mask_thw
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    sizes[0] = 0
    largest = np.array([part[np.argmax(sizes[part])] for part in (np.unique(frame) for frame in numbers)])
    kept: np.ndarray = numbers == largest[:, None, None]
    return kept


def _boxed(mask_thw: np.ndarray) -> np.ndarray:
    """The part of the plane that holds the structure in any frame."""
    seen = cast(np.ndarray, mask_thw.any(axis=0))
    rows, columns = (np.flatnonzero(seen.any(axis=other)) for other in (1, 0))
    return mask_thw[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _longest_direction(pixels_tp: np.ndarray, points_p2: np.ndarray) -> np.ndarray:
    """First principal axis of all labelled pixels of all frames; across the rows if they are one and the same."""
    weights = pixels_tp.sum(axis=0)
    if np.count_nonzero(weights) < 2:
        return np.array([1.0, 0.0])
    spread = np.cov(points_p2.T, fweights=weights)
    return np.linalg.eigh(spread)[1][:, -1]


def _third_centres(pixels_tp: np.ndarray, points_p2: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres (time, 2) of the third of the pixels that lies furthest along `axis`, and of the opposite third."""
    order = np.argsort(points_p2 @ axis, kind="stable")
    sorted_pixels, sorted_points = pixels_tp[:, order], points_p2[order]
    rank = np.cumsum(sorted_pixels, axis=1)
    total = rank[:, -1:]
    bottom = sorted_pixels & (rank <= np.maximum(total // 3, 1))
    top = sorted_pixels & (rank > 2 * total // 3)
    return tuple(part @ sorted_points / part.sum(axis=1, keepdims=True) for part in (top, bottom))


def _chords(
    mask_thw: np.ndarray, spacing_mm: tuple[float, float], top: np.ndarray, bottom: np.ndarray, axis: np.ndarray
) -> np.ndarray:
    """Lengths (time,) in mm between the outermost points of the structure on the line from bottom to top."""
    along = top - bottom
    norm = np.linalg.norm(along, axis=1, keepdims=True)
    direction = np.where(norm > 1e-6, along / np.where(norm > 1e-6, norm, 1), axis)
    extent = float(np.hypot(mask_thw.shape[1] * spacing_mm[0], mask_thw.shape[2] * spacing_mm[1]))
    count = int(np.ceil(extent / STEP_MM))
    steps = np.arange(-count, count + 1) * STEP_MM
    line = top[:, None] + steps[:, None] * direction[:, None]
    index = np.rint(line / np.array(spacing_mm)).astype(np.intp)
    limits = np.array(mask_thw.shape[1:])
    inside = ((index >= 0) & (index < limits)).all(axis=2)
    index = index.clip(0, limits - 1)
    frames = np.arange(len(mask_thw))[:, None]
    hit = mask_thw[frames, index[..., 0], index[..., 1]] & inside
    first, last = hit.argmax(axis=1), hit.shape[1] - 1 - hit[:, ::-1].argmax(axis=1)
    return np.where(hit.any(axis=1), (last - first + 1) * STEP_MM, np.nan)
