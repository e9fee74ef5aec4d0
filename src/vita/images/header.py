"""Headers of NIfTI files, and the information that a scan of any format must provide."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from isal import isal_zlib

from vita.images import nifti_place
from vita.images.nifti_place import NiftiHeader

HEADER_BYTES = 352
NIFTI2_HEADER_BYTES = 544
PEEK_BYTES = 4096  # more than enough compressed bytes for a header
TIME_UNITS_S = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
# A cine frame lasts 10 to 100 ms. Without a declared unit, a number above 1 can only be milliseconds.
LONGEST_FRAME_S = 1.0
# Beats per minute; outside this range the duration in the header is assumed to be wrong.
HEART_RATES_PER_MIN = (25, 220)
# Where the heart rate may come from.
NOMINAL_INTERVAL, TRIGGER_TIMES, NIFTI_HEADER, NO_RATE = "NominalInterval", "trigger times", "NIfTI header", "unknown"
GZIP_MAGIC = b"\x1f\x8b"


class ScanError(Exception):
    """Why a scan cannot be used, in words that name neither the participant nor the path."""


@dataclass(frozen=True)
class DicomSource:
    """Where the frames of a view were read from.

    Attributes:
        archive: path of the zip whose members they are; None where the names are paths.
        names_zt: name of each slice's file of each frame, as stored; a file used in place of a missing frame comes
            twice.
        numbers_zt: which frame of this file it is, from 1; only enhanced files have several.
    """

    archive: str | None
    names_zt: tuple[tuple[str, ...], ...]
    numbers_zt: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Header:
    """What a file's header says.

    Attributes:
        shape_xyzt: voxels along the three spatial axes as stored, and frames.
        affine: (4, 4) from voxel index (x, y, z) to scanner space (RAS) in mm.
        frame_s: duration of a frame in s; NaN where the header does not say.
        dtype: voxel type as stored.
        offset: bytes before the voxels.
        slope, intercept: stored value to signal.
        oriented: the file says how the image lies in the scanner (a qform or sform code above 0).
        rate_source: what says how long a frame lasts.
        forms_apart_mm: how far apart a corner lies by a NIfTI file's two affines; 0 if it has one.
        notes: what is wrong or unusual, but leaves the file usable.
        dicom: the files, where these are DICOM.
    """

    shape_xyzt: tuple[int, int, int, int]
    affine: np.ndarray
    frame_s: float
    dtype: np.dtype
    offset: int
    slope: float
    intercept: float
    oriented: bool
    rate_source: str = NIFTI_HEADER
    forms_apart_mm: float = 0.0
    notes: tuple[str, ...] = ()
    dicom: DicomSource | None = None

    @property
    def data_bytes(self) -> int:
        """Bytes of all voxels."""
        return int(np.prod(self.shape_xyzt, dtype=np.int64)) * self.dtype.itemsize


def read_header(path: str | Path, planar: bool = False) -> Header:
    """Read a header without reading the voxels.

    Args:
        path: a `.nii.gz` or `.nii` file.
        planar: the view has one slice, so that three axes are (x, y, time).

    Raises:
        ScanError: the file cannot be read or is not a cine in NIfTI.
    """
    with open_regular(path) as file:
        start = file.read(PEEK_BYTES)
    if start[:2] == GZIP_MAGIC:
        start = inflate_start(start)
    return parse_header(start, planar)


@contextmanager
def open_regular(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for reading; a pipe or device, which might block forever, is refused.

    Raises:
        ScanError: the file cannot be opened or read, also while it is used.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ScanError("cannot be read: it is not a regular file")
            yield file
    except (OSError, ValueError) as error:
        raise ScanError(system_reason(error)) from error


def inflate_start(compressed: bytes) -> bytes:
    """Decompress what a header may take.

    Raises:
        ScanError: the data are damaged.
    """
    try:
        return isal_zlib.decompressobj(wbits=31).decompress(compressed, NIFTI2_HEADER_BYTES)
    except isal_zlib.error as error:  # type: ignore[misc]  # isal's stub has it as an instance
        raise ScanError("gzip data are damaged") from error


def parse_header(start: bytes, planar: bool = False) -> Header:
    """Understand the first bytes (352, or 544 for NIfTI-2) of a decompressed file.

    Raises:
        ScanError: too short, not NIfTI, or a shape, type or affine that no cine has.
    """
    header = _nibabel_header(start)
    try:
        shape = tuple(int(n) for n in header.get_data_shape())
        dtype = header.get_data_dtype()
        affine, apart_mm, notes = nifti_place.affine_of(header)
        slope, intercept = header.get_slope_inter()
        oriented = nifti_place.says_where(header)
        offset = max(int(header["vox_offset"]), HEADER_BYTES)
    except Exception as error:  # nibabel raises many kinds on damaged headers; each costs this scan only
        raise ScanError("the NIfTI header is damaged") from error
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise ScanError(f"voxels are of type {dtype}, not numbers that this project reads")
    shape_xyzt, time_axis = _four_axes(shape, planar)
    if fault := nifti_place.fault_of(affine):
        raise ScanError(f"the affine in the NIfTI header {fault}")
    frame_s = _frame_s(header, time_axis)
    return Header(
        shape_xyzt,
        affine,
        frame_s,
        dtype,
        offset,
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
        oriented,
        forms_apart_mm=apart_mm,
        notes=notes,
    )


def _nibabel_header(start: bytes) -> NiftiHeader:
    import nibabel  # brings pydicom, which takes a while; what reads headers is imported by what does not

    if len(start) < HEADER_BYTES:
        raise ScanError("the file is cut short inside its header")
    sizes = {int.from_bytes(start[:4], order) for order in ("little", "big")}
    kinds: dict[int, tuple[Callable[..., NiftiHeader], int]]
    kinds = {348: (nibabel.Nifti1Header, 348), 540: (nibabel.Nifti2Header, 540)}
    for size, (kind, length) in kinds.items():
        if size in sizes and len(start) >= length:
            try:
                return kind(start[:length], check=False)
            except Exception as error:  # as above: whatever nibabel finds, this scan cannot be used
                raise ScanError("the NIfTI header is damaged") from error
    raise ScanError("not a NIfTI file (wrong magic number)")


def _four_axes(shape: tuple[int, ...], planar: bool) -> tuple[tuple[int, int, int, int], int]:
    """Bring a shape to (x, y, z, time) and say which header axis is time (counted from 1)."""
    if len(shape) < 2 or min(shape) < 1:
        raise ScanError(f"shape {shape} has no image plane")
    if planar and len(shape) == 3 and shape[2] > 1:
        return (shape[0], shape[1], 1, shape[2]), 3
    spatial = cast(tuple[int, int, int], (*shape, 1)[:3])
    longer = [axis for axis in range(3, len(shape)) if shape[axis] > 1]
    if len(longer) > 1:
        raise ScanError(f"shape {shape} has more than one axis besides space and time")
    if longer:
        return (*spatial, shape[longer[0]]), longer[0] + 1
    return (*spatial, 1), 4


def _frame_s(header: NiftiHeader, time_axis: int) -> float:
    """Frame duration in s from `pixdim` and its unit."""
    value = float(header["pixdim"][time_axis])
    if not np.isfinite(value) or value <= 0:
        return float("nan")
    try:
        unit = header.get_xyzt_units()[1]
    except KeyError:
        unit = "unknown"
    if unit in TIME_UNITS_S:
        return value * TIME_UNITS_S[unit]
    return value * 1e-3 if value > LONGEST_FRAME_S else value


def can_be_cycle(cycle_s: float) -> bool:
    """Whether a heart's cycle can last so long; not if it is unknown."""
    return cycle_s > 0 and HEART_RATES_PER_MIN[0] <= 60 / cycle_s <= HEART_RATES_PER_MIN[1]


def system_reason(error: Exception) -> str:
    """The operating system's message about a file, without the file's name."""
    return f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"
