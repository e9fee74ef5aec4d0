"""The crop: which pixels of a plane are kept, resampled or not, with a margin where the image is too small.

A crop is described per axis by its first source pixel and its step in source pixels, so that keeping pixels as
they are (step 1) copies and resampling interpolates, by the same description.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np

from vita.mask_classes import NOT_ANNOTATED


@dataclass(frozen=True)
class Crop:
    """A square of `size` pixels in a plane of `shape` (rows, columns).

    Attributes:
        first: source coordinates (row, column) of the crop's first pixel; may lie outside the image.
        step: source pixels per crop pixel (row, column); 1 keeps pixels as they are.
        size: pixels a side.
        shape: rows and columns of the source.
    """

    first: tuple[float, float]
    step: tuple[float, float]
    size: int
    shape: tuple[int, int]

    @property
    def copies(self) -> bool:
        """Whether pixels are kept as they are."""
        return self.step == (1.0, 1.0)

    @property
    def inside(self) -> bool:
        """Whether all pixels lie in the image, without resampling."""
        return all(f >= 0 and f + self.size <= extent for f, extent in zip(self.first, self.shape, strict=True))


def place(
    shape: tuple[int, int],
    spacing_mm: tuple[float, float],
    size: int,
    resample_mm: float | None,
    center: tuple[float, float] | None = None,
) -> Crop:
    """Place a crop around the image's centre, or around `center` (row, column).

    Without resampling the first pixel is a whole number: for an image with n pixels it is (n - size) // 2.
    """
    step = (1.0, 1.0)
    if resample_mm is not None:
        step = cast(tuple[float, float], tuple(resample_mm / mm for mm in spacing_mm))
    middle = center or tuple((n - 1) / 2 for n in shape)
    first = tuple(m - (size - 1) / 2 * s for m, s in zip(middle, step, strict=True))
    if step == (1.0, 1.0):
        first = tuple(float(np.floor(value)) for value in first)
    return Crop(cast(tuple[float, float], first), step, size, shape)


def cut_image(image_thw: np.ndarray, crop: Crop) -> np.ndarray:
    """Cut frames (time, rows, columns) to (time, size, size), in the same type; outside is the darkest value.

    Resampling is linear, over a wider triangle where pixels get larger so that nothing aliases; whole numbers are
    rounded.
    """
    if crop.copies:
        return _copy(image_thw, crop, 0 if crop.inside else image_thw.min())
    rows, columns = (_weights(crop.first[axis], crop.step[axis], crop.size, crop.shape[axis]) for axis in (0, 1))
    floor = float(image_thw.min())
    result: np.ndarray = rows @ (image_thw.astype(np.float32) - floor) @ columns.T + floor
    return np.rint(result).astype(image_thw.dtype) if image_thw.dtype.kind in "iu" else result.astype(image_thw.dtype)


def cut_mask(mask_thw: np.ndarray, crop: Crop) -> np.ndarray:
    """Cut class maps (time, rows, columns) to (time, size, size) by nearest pixel; outside is not annotated."""
    if crop.copies:
        return _copy(mask_thw, crop, NOT_ANNOTATED)
    picks, inside = [], []
    for axis in (0, 1):
        source = np.rint(crop.first[axis] + crop.step[axis] * np.arange(crop.size)).astype(int)
        inside.append((source >= 0) & (source < crop.shape[axis]))
        picks.append(source.clip(0, crop.shape[axis] - 1))
    result = mask_thw[:, picks[0]][:, :, picks[1]]
    return np.where(inside[0][:, None] & inside[1], result, np.uint8(NOT_ANNOTATED))


def _copy(frames_thw: np.ndarray, crop: Crop, outside: int | float) -> np.ndarray:
    if crop.inside:
        row, column = map(int, crop.first)
        return frames_thw[:, row : row + crop.size, column : column + crop.size].copy()
    result = np.full((len(frames_thw), crop.size, crop.size), outside, frames_thw.dtype)
    source, target = [], []
    for first, extent in zip(crop.first, crop.shape, strict=True):
        low, high = max(int(first), 0), min(int(first) + crop.size, extent)
        source.append(slice(low, high))
        target.append(slice(low - int(first), high - int(first)))
    result[:, target[0], target[1]] = frames_thw[:, source[0], source[1]]
    return result


def _weights(first: float, step: float, size: int, extent: int) -> np.ndarray:
    """(size, extent) weights of linear interpolation; rows of pixels outside the image are zero."""
    centres = first + step * np.arange(size)
    width = max(step, 1.0)
    weights = np.clip(1 - np.abs(np.arange(extent) - centres[:, None]) / width, 0, None)
    total = weights.sum(axis=1, keepdims=True)
    inside = (centres > -0.5) & (centres < extent - 0.5)
    return np.where(inside[:, None], weights / np.where(total > 0, total, 1), 0).astype(np.float32)
