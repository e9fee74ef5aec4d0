"""Pixels of DICOM files: only the bits that are stored, dark where there is no signal, in one unit for all frames."""

from collections.abc import Sequence

import numpy as np
import pydicom
from pydicom.pixels import get_decoder  # type: ignore[attr-defined]  # documented there, but not marked as exported
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from vita.images.dicom_series import number
from vita.images.header import ScanError

PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def read_pixels(frames_ts: Sequence[Sequence[pydicom.Dataset]]) -> tuple[np.ndarray, float, float]:
    """Voxels of a view, and how they become signal.

    Args:
        frames_ts: files of each slice in order of time.

    Returns:
        (time, slice, rows, columns) as stored, rescale slope and intercept. Where files have their own rescaling, it
        is applied, in 32-bit floats.

    Raises:
        ScanError: a file has no pixels that can be read.
    """
    scales = {scaling(file) for part in frames_ts for file in part}
    own = len(scales) > 1
    voxels = np.stack([np.stack([_scaled(file, own) for file in part]) for part in frames_ts], axis=1)
    return voxels, *((1.0, 0.0) if own else scales.pop())


def scaling(file: pydicom.Dataset) -> tuple[float, float]:
    """Rescale slope, 1 if missing, and intercept."""
    return number(file, "RescaleSlope") or 1.0, number(file, "RescaleIntercept")


def _scaled(file: pydicom.Dataset, own: bool) -> np.ndarray:
    pixels = _pixels(file)
    if not own:
        return pixels
    slope, intercept = scaling(file)
    return (pixels * slope + intercept).astype(np.float32)


def _pixels(file: pydicom.Dataset) -> np.ndarray:
    """(rows, columns) as stored, as 16-bit or 8-bit whole numbers."""
    try:
        plain = file.file_meta.TransferSyntaxUID in PLAIN and file.SamplesPerPixel == 1 and "NumberOfFrames" not in file
        if plain and file.BitsAllocated in (8, 16):
            sign = "i" if file.PixelRepresentation else "u"
            kind = np.dtype(f"<{sign}{file.BitsAllocated // 8}")
            pixels = np.frombuffer(file.PixelData, kind, file.Rows * file.Columns).reshape(file.Rows, file.Columns)
            pixels = _stored_bits(file, pixels)
        else:
            check_decoder(file)
            pixels = file.pixel_array
        if pixels.ndim == 2 and file.get("PhotometricInterpretation") == "MONOCHROME1":
            pixels = _inverted(file, pixels)
    except ScanError:
        raise
    except Exception as error:  # a decoder may raise anything on damaged data; it costs this view only
        raise ScanError("a DICOM file has no pixel data that can be read") from error
    if not pixels.size:
        raise ScanError("a DICOM file has no rows or no columns")
    if pixels.ndim != 2:
        raise ScanError("a DICOM file holds something else than one grey image")
    return pixels


def _stored_bits(file: pydicom.Dataset, pixels: np.ndarray) -> np.ndarray:
    """The value's bits alone: others may hold an overlay."""
    allocated = int(file.BitsAllocated)
    stored = int(number(file, "BitsStored")) or allocated
    high = int(number(file, "HighBit")) if "HighBit" in file else stored - 1
    if not stored - 1 <= high < allocated:
        raise ScanError("a DICOM file has no pixel data that can be read")
    if stored == allocated:
        return pixels
    # Shifting to the left drops the bits above, and back to the right those below; the sign is kept.
    kind = pixels.dtype.type
    value: np.ndarray = np.right_shift(np.left_shift(pixels, kind(allocated - 1 - high)), kind(allocated - stored))
    return value


def _inverted(file: pydicom.Dataset, pixels: np.ndarray) -> np.ndarray:
    """Values for which bright is large, in the same range."""
    stored = int(number(file, "BitsStored")) or 8 * pixels.dtype.itemsize
    top = -1 if pixels.dtype.kind == "i" else 2**stored - 1
    return (top - pixels.astype(np.int64)).astype(pixels.dtype)


def check_decoder(file: pydicom.Dataset) -> None:
    """Refuse compressed pixels that no installed plugin of pydicom reads, with what to do about it."""
    syntax = file.file_meta.TransferSyntaxUID
    if "PixelData" in file and not get_decoder(syntax).is_available:
        raise ScanError(f"pixels are compressed ({syntax.name}), which needs: pip install -e '.[jpeg]'")
