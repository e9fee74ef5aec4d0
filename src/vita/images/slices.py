"""Which slices and frames are kept: evenly over the stack and the cycle."""

import numpy as np

from vita.images.header import ScanError
from vita.images.layout import SA_PLANES

_BEHIND_FIRST = 2  # slices between the first that shows the left ventricle and the first that is taken


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

    Where the stack ends before, its last slices are taken; where no slice shows it, the first is said to.

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
    """Resample a cycle to `wanted` frames, linearly and as a closed loop: frame 0 stays, the end leads to it.

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
