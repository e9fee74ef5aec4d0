"""Whether a picture holds pixels of a scan: regions in which neighbouring pixels vary smoothly in both directions.

Charts have flat colours with edges; a picture of a heart has many shades in every small square.
"""

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.release.contents import Table

_SQUARE = 8  # pixels
_SHADES = 20  # of 64 in a square
_FLAT = 0.34  # largest share of a square that may have one shade
_FACTORS = {1: 9, 2: 6, 3: 6, 4: 6, 6: 6, 8: 6, 12: 25, 16: 25}  # factors by which it may have been enlarged
_ALIKE = 0.4  # correlation of a pixel and the next
_BACKGROUND = 0.4  # of a picture with spots
_SPOTS, _ABOUT, _APART, _FILLED = 15, 0.2, 0.7, 0.6  # spots, difference of their sizes, different places, filled part
_PLANE = 16  # rows and columns of a table that may be a picture
_SMALL = 64  # rows and columns up to which a picture may be a single plane


def looks_like_a_scan(pixels: np.ndarray) -> bool:
    """Whether a picture has a region of continuous shades, at its own size or made larger than it was.

    Args:
        pixels: (height, width) or (height, width, channels), of any type.
    """
    grey = _grey(pixels)
    if min(grey.shape) < _SQUARE or not _is_smooth(grey):
        return False
    if max(grey.shape) <= _SMALL:
        return _is_plane(grey)
    return any(
        _largest(_textured(grey[::factor, ::factor])) >= squares
        for factor, squares in _FACTORS.items()
        if min(grey.shape) >= factor * 2 * _SQUARE
    )


def _is_smooth(grey: np.ndarray) -> bool:
    """Whether neighbouring pixels are similar, as in a scan but not in a model's weights."""
    with np.errstate(invalid="ignore", divide="ignore"):
        along = [
            np.corrcoef(first.ravel(), second.ravel())[0, 1]
            for first, second in ((grey[1:], grey[:-1]), (grey[:, 1:], grey[:, :-1]))
        ]
    return bool(min(along) > _ALIKE)


def _grey(pixels: np.ndarray) -> np.ndarray:
    values = pixels.astype(np.float64)
    if values.ndim == 3:
        values = values[..., :3].mean(axis=2) if values.shape[2] >= 3 else values[..., 0]
    values = np.nan_to_num(values)
    span = np.ptp(values)
    return np.round((values - values.min()) / span * 255) if span and values.dtype.kind == "f" else values


def _is_plane(grey: np.ndarray) -> bool:
    """Whether a small picture has many shades, none of which prevails, and is not a ramp."""
    _, counts = np.unique(grey, return_counts=True)
    varied = min(np.abs(np.diff(grey, axis=axis)).mean() for axis in (0, 1)) > 1
    return len(counts) >= 3 * _SHADES / 2 and counts.max() < 0.6 * grey.size and bool(varied)


def _textured(grey: np.ndarray) -> np.ndarray:
    """(height / 8, width / 8) bool: squares of many shades that vary along rows and along columns."""
    height, width = (length // _SQUARE * _SQUARE for length in grey.shape)
    squares = grey[:height, :width].reshape(height // _SQUARE, _SQUARE, width // _SQUARE, _SQUARE).swapaxes(1, 2)
    flat = np.sort(squares.reshape(*squares.shape[:2], _SQUARE**2), axis=-1).astype(np.int64)
    new = np.diff(flat, axis=-1) != 0
    shades = new.sum(axis=-1) + 1
    share = _longest_run(new) / flat.shape[-1]
    across = (np.ptp(squares, axis=-1) > 0).all(axis=-1)
    along = (np.ptp(squares, axis=-2) > 0).all(axis=-1)
    return np.asarray((shades >= _SHADES) & (share <= _FLAT) & across & along)


def _longest_run(new: np.ndarray) -> np.ndarray:
    """The number of pixels with the most frequent shade, from the places where sorted shades change."""
    run = np.ones(new.shape[:-1], int)
    longest = run.copy()
    for place in range(new.shape[-1]):
        run = np.where(new[..., place], 1, run + 1)
        longest = np.maximum(longest, run)
    return longest


def _largest(textured: np.ndarray) -> int:
    """Squares of the largest region."""
    labels, count = scipy.ndimage.label(textured)
    return int(np.bincount(labels.ravel())[1:].max()) if count else 0


def looks_like_points(pixels: np.ndarray) -> bool:
    """Whether a picture has many separate spots of about one size at scattered places, as a scatter plot has.

    Args:
        pixels: as of `looks_like_a_scan`.
    """
    grey = _grey(pixels)
    shades, counts = np.unique(grey, return_counts=True)
    if counts.max() < _BACKGROUND * grey.size:
        return False
    labels, _ = scipy.ndimage.label(grey != shades[counts.argmax()])
    sizes = np.bincount(labels.ravel())[1:]
    boxes = scipy.ndimage.find_objects(labels)
    spots = [
        (box[0].start + box[0].stop, box[1].start + box[1].stop, size)
        for box, size in zip(boxes, sizes, strict=True)
        if _is_spot(box[0].stop - box[0].start, box[1].stop - box[1].start, int(size))
    ]
    for size in {size for _, _, size in spots}:
        alike = [(row, column) for row, column, other in spots if abs(other - size) <= _ABOUT * size]
        rows, columns = ({place[axis] for place in alike} for axis in (0, 1))
        if len(alike) >= _SPOTS and min(len(rows), len(columns)) > _APART * len(alike):
            return True
    return False


def _is_spot(height: int, width: int, size: int) -> bool:
    """Whether a part is as high as wide and filled, as round and square marks are."""
    return max(height, width) >= 3 and abs(height - width) <= 1 and size > _FILLED * height * width


def as_picture(table: Table) -> np.ndarray | None:
    """A table without names whose cells are all numbers, as a picture."""
    rows = table.rows
    if table.kind != "table" or any(table.header) or len(rows) < _PLANE or len(rows[0]) < _PLANE:
        return None
    try:
        return np.array([[float(cell) for cell in row] for row in rows])
    except ValueError:  # words, or rows of several lengths
        return None
