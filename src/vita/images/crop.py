"""What is kept of a view: the pixels of a crop, slices of the stack, frames of the cycle.

A crop is described per axis by its first source pixel and its step in source pixels, so that keeping pixels as
they are (step 1) copies and resampling interpolates, by the same description. Where the image is too small, the crop
has a margin. Slices and frames are taken evenly over the stack and the cycle, unless the settings say otherwise.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np

from vita.images.header import ScanError
from vita.images.layout import SA_PLANES
from vita.mask_classes import NOT_ANNOTATED

_BEHIND_FIRST = 2  # slices between the first that shows the left ventricle and the first that is taken


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


def choose_slices(first: int, last: int, wanted: int = SA_PLANES) -> list[int]:
    """Choose slices evenly over the stack, `first` to `last`, base to apex.

    The stack is cut into `wanted` equal parts and the slice nearest to the middle of each is taken: the outermost
    slices of a long stack often miss the heart. A stack of exactly `wanted` slices is kept whole.

    Args:
        first, last: first and last slice number to choose from.
        wanted: slices to choose.

    Raises:
        ScanError: the stack has fewer slices.
    """
    count = last - first + 1
    if count < wanted:
        raise ScanError(f"the short-axis stack has {count} slices, {wanted} are needed")
    middles = (np.arange(wanted) + 0.5) * count / wanted - 0.5
    # Halves round up, so that slices stay distinct.
    return [first + int(position) for position in np.floor(middles + 0.5)]


def slices_from_base(cavity_syx: np.ndarray, wanted: int = SA_PLANES) -> list[int]:
    """Slices in a row, as the published code takes them: from the third that shows the left ventricle.

    If the stack ends before that, its last slices are taken; if no slice shows it, the first counts as showing it.

    Args:
        cavity_syx: where the left ventricle's cavity is in the first frame, slices base to apex.
        wanted: slices to choose.

    Raises:
        ScanError: the stack has fewer slices.
    """
    count = len(cavity_syx)
    if count < wanted:
        raise ScanError(f"the short-axis stack has {count} slices, {wanted} are needed")
    last = min(int(cavity_syx.any(axis=(1, 2)).argmax()) + _BEHIND_FIRST + wanted, count)
    return list(range(last - wanted, last))


def resample_frames(frames_t: np.ndarray, wanted: int) -> np.ndarray:
    """Resample a cycle to `wanted` frames, linearly and as a closed loop: frame 0 is kept, and the last frame is
    followed by it.

    Args:
        frames_t: (time, ...) values of any numeric type; whole numbers are rounded.
        wanted: frames to return.
    """
    count = len(frames_t)
    if count == wanted:
        return frames_t
    position = np.arange(wanted) * count / wanted
    before = np.floor(position).astype(int)
    share = (position - before).astype(np.float32).reshape(-1, *[1] * (frames_t.ndim - 1))
    values: np.ndarray = frames_t[before] * (1 - share) + frames_t[(before + 1) % count] * share
    return np.rint(values).astype(frames_t.dtype) if frames_t.dtype.kind in "iu" else values.astype(frames_t.dtype)


def nearest_frames(count: int, wanted: int) -> np.ndarray:
    """(wanted,) frame numbers of `count` that are nearest in time, for masks."""
    return np.floor(np.arange(wanted) * count / wanted + 0.5).astype(int) % count
