"""Pictures: their pixels and what else their files hold, and whether the pixels are those of a scan.

Charts have flat colours with edges; a picture of a heart has many shades in every small square.
"""

import io
import struct
from collections.abc import Iterator

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.release.contents import Binary, Contents, inside

_SQUARE = 8  # pixels
_SHADES = 20  # of 64 in a square
_FLAT = 0.34  # largest share of a square that may have one shade
_FACTORS = {1: 9, 2: 6, 3: 6, 4: 6, 6: 6, 8: 6, 12: 25, 16: 25}  # factors by which it may have been enlarged
_ALIKE = 0.4  # correlation of a pixel and the next
_SMALL = 64  # rows and columns up to which a picture may be a single plane
_PNG = b"\x89PNG\r\n\x1a\n"
_EXIF_BLOCKS = (0x8769, 0x8825)  # of the camera and of its place
_MOST_FRAMES = 20
_MODES = {"1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr"}  # 8 bits of a colour or fewer
_NO_TEXT = ("icc_profile", "dpi", "Software")
# chunks that every reader of PNG knows; text chunks are read
_CHUNKS = {"IHDR", "PLTE", "IDAT", "IEND", "pHYs", "gAMA", "sRGB", "cHRM", "iCCP", "tRNS", "bKGD", "sBIT", "tIME"}
_CHUNKS |= {"tEXt", "zTXt", "iTXt", "eXIf"}


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


def read_picture(data: bytes, place: str, found: Contents, binary: Binary, depth: int) -> None:
    """Frames, metadata and what follows the picture; parts that are not shown cannot be judged."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        texts = {key: value for key, value in image.info.items() if isinstance(value, str | bytes)}
        exif = image.getexif()
        for part in (exif, *(exif.get_ifd(block) for block in _EXIF_BLOCKS)):
            texts |= {f"Exif {key}": value if isinstance(value, bytes) else str(value) for key, value in part.items()}
        if image.mode not in _MODES:
            found.unreadable.append((place, f"pixels of more than 8 bits ({image.mode})"))
        for number in range(min(getattr(image, "n_frames", 1), _MOST_FRAMES)):
            image.seek(number)
            kept = "RGB" if image.mode in ("P", "RGBA", "LA", "CMYK", "YCbCr") else image.mode
            where = inside(place, f"frame {number + 1}") if number else place
            found.pictures.append((where, np.array(image.convert(kept))))
    for kind, body in _beside(data) if data.startswith(_PNG) else ():
        if kind:
            found.unreadable.append((inside(place, f"chunk {kind}"), "a part that no viewer shows"))
        elif body.strip(b"\0"):
            binary(body, inside(place, "behind the picture"), found, depth + 1)
    for key, value in texts.items():
        if key not in _NO_TEXT:
            text = value.encode() if isinstance(value, str) else value
            binary(text, inside(place, f"metadata {key}"), found, depth + 1)


def _beside(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Chunks of a PNG that are not known, with their names, and the bytes behind its end."""
    start = len(_PNG)
    while start + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        name = kind.decode("latin-1")
        if name not in _CHUNKS:
            yield name, data[start + 8 : start + 8 + length]
        start += 12 + length
        if name == "IEND":
            yield "", data[start:]
            return
