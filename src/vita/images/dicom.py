"""A view from UK Biobank's zips: DICOM files sorted to (time, slice, row, column), with their place in the scanner."""

import io
import warnings
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom.config import disable_value_validation
from pydicom.pixels import get_decoder
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from vita.images.header import Header, ScanError
from vita.images.zips import open_zip, series_files

PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
TAGS = [
    *("SeriesInstanceUID", "SeriesNumber", "AcquisitionTime", "InstanceNumber", "TriggerTime"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SpacingBetweenSlices", "SliceThickness"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
    *("PhotometricInterpretation", "RescaleSlope", "RescaleIntercept", "PixelData", "NumberOfFrames"),
]
LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
# Positions of a stack's slices may differ from even steps by this part of a step.
UNEVEN_STEPS = 0.05


@dataclass(frozen=True)
class _Slice:
    """Frames of one slice in order of time, and its geometry in scanner space (LPS, mm)."""

    frames: list[pydicom.Dataset]
    position: np.ndarray
    orientation: np.ndarray
    spacing: tuple[float, float]


def read_dicom(path: str, view: str, max_mb: float) -> tuple[Header, np.ndarray]:
    """Read a view from a zip.

    Of series of the same name the later one counts: a view is repeated when the first was not good enough. Slices are
    sorted along the stack's normal, frames by trigger time.

    Args:
        path: of the zip.
        view: sa, la_2ch, la_3ch or la_4ch.
        max_mb: most that the zip may hold, in MB.

    Returns:
        Header and voxels (time, z, y, x), as `nifti.read_volume`.

    Raises:
        ScanError: the view is missing, damaged or no stack of cines.
    """
    # Odd values in tags that are not needed are no fault, and warnings would show them.
    with disable_value_validation(), warnings.catch_warnings(), open_zip(path, max_mb) as archive:
        warnings.simplefilter("ignore", UserWarning)
        return _read_stack(archive, view)


def _read_stack(archive: zipfile.ZipFile, view: str) -> tuple[Header, np.ndarray]:
    slices = [_slice(_latest(_read(archive, names))) for names in series_files(archive, view).values()]
    slices = _sorted_stack(slices)
    frames = Counter(len(part.frames) for part in slices)
    if len(frames) > 1:
        raise ScanError(f"slices have different numbers of frames ({', '.join(map(str, sorted(frames)))})")
    rows = {(str(frame.get("Rows")), str(frame.get("Columns"))) for part in slices for frame in part.frames}
    if len(rows) > 1:
        raise ScanError("the frames have different numbers of rows or columns")
    voxels = np.stack([np.stack([_pixels(frame) for frame in part.frames]) for part in slices], axis=1)
    return _header(slices, voxels), voxels


def _read(archive: zipfile.ZipFile, names: list[str]) -> list[pydicom.Dataset]:
    files = []
    for name in names:
        try:
            files.append(pydicom.dcmread(io.BytesIO(archive.read(name)), specific_tags=TAGS))
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
            raise
        except Exception as error:  # pydicom raises many kinds on damaged files; each costs this view only
            raise ScanError("a DICOM file is damaged") from error
    return files


def _latest(files: list[pydicom.Dataset]) -> list[pydicom.Dataset]:
    """Files of the series that was acquired last."""
    series = defaultdict(list)
    for file in files:
        series[str(file.get("SeriesInstanceUID", ""))].append(file)

    def when(part: list[pydicom.Dataset]) -> tuple[float, float]:
        return max((_number(f, "SeriesNumber"), _number(f, "AcquisitionTime")) for f in part)

    return max(series.values(), key=when)


def _number(file: pydicom.Dataset, name: str) -> float:
    try:
        return float(file.get(name))
    except (TypeError, ValueError):
        return 0.0


def _slice(files: list[pydicom.Dataset]) -> _Slice:
    """Sort a series by time, and read its geometry."""
    try:
        times = [float(file.TriggerTime) for file in files]
        position = np.array(files[0].ImagePositionPatient, dtype=float)
        orientation = np.array(files[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
        spacing = tuple(float(value) for value in files[0].PixelSpacing)
    except (AttributeError, TypeError, ValueError) as error:
        raise ScanError("a DICOM file lacks its trigger time or its place in the scanner") from error
    if len(set(times)) < len(times):
        raise ScanError("two DICOM files of a slice have the same trigger time")
    frames = [files[number] for number in np.argsort(times)]
    return _Slice(frames, position, orientation, spacing)


def _sorted_stack(slices: list[_Slice]) -> list[_Slice]:
    """Sort slices along their normal; they must be parallel and evenly spaced."""
    normal = np.cross(*slices[0].orientation)
    for part in slices[1:]:
        if not np.allclose(part.orientation, slices[0].orientation, atol=1e-3) or part.spacing != slices[0].spacing:
            raise ScanError("the slices of the stack are not parallel or have different pixels")
    result = sorted(slices, key=lambda part: float(part.position @ normal))
    steps = np.diff([part.position @ normal for part in result])
    if len(steps) and (steps.min() <= 0 or np.ptp(steps) > UNEVEN_STEPS * steps.mean()):
        raise ScanError("the slices of the stack are not evenly spaced (one is missing or there twice)")
    return result


def _pixels(file: pydicom.Dataset) -> np.ndarray:
    """(rows, columns) as stored, as 16-bit or 8-bit whole numbers."""
    try:
        plain = file.file_meta.TransferSyntaxUID in PLAIN and file.SamplesPerPixel == 1 and "NumberOfFrames" not in file
        if plain and file.BitsAllocated in (8, 16):
            sign = "i" if file.PixelRepresentation else "u"
            kind = np.dtype(f"<{sign}{file.BitsAllocated // 8}")
            return np.frombuffer(file.PixelData, kind, file.Rows * file.Columns).reshape(file.Rows, file.Columns)
        _check_decoder(file)
        pixels = file.pixel_array
    except ScanError:
        raise
    except Exception as error:  # a decoder may raise anything on damaged data; it costs this view only
        raise ScanError("a DICOM file has no pixel data that can be read") from error
    if pixels.ndim != 2:
        raise ScanError("a DICOM file holds something else than one grey image")
    return pixels


def _check_decoder(file: pydicom.Dataset) -> None:
    """Refuse compressed pixels that no installed plugin of pydicom reads, with what to do about it."""
    syntax = file.file_meta.TransferSyntaxUID
    if "PixelData" in file and not get_decoder(syntax).is_available:
        raise ScanError(f"pixels are compressed ({syntax.name}), which needs: pip install -e '.[jpeg]'")


def _header(slices: list[_Slice], voxels: np.ndarray) -> Header:
    """The header that a NIfTI file of these voxels would have."""
    first, last = slices[0], slices[-1]
    frame = first.frames[0]
    affine = np.eye(4)
    affine[:3, 0] = first.orientation[0] * first.spacing[1]
    affine[:3, 1] = first.orientation[1] * first.spacing[0]
    if len(slices) > 1:
        affine[:3, 2] = (last.position - first.position) / (len(slices) - 1)
    else:
        thickness = _number(frame, "SpacingBetweenSlices") or _number(frame, "SliceThickness") or 1.0
        affine[:3, 2] = np.cross(*first.orientation) * thickness
    affine[:3, 3] = first.position
    affine[:3] *= LPS_TO_RAS[:, None]
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ScanError("the DICOM files give no place in the scanner")
    slope = _number(frame, "RescaleSlope") or 1.0
    shape = (voxels.shape[3], voxels.shape[2], voxels.shape[1], voxels.shape[0])
    return Header(
        shape, affine, _frame_s(first), voxels.dtype, 0, slope, _number(frame, "RescaleIntercept"), oriented=True
    )


def _frame_s(part: _Slice) -> float:
    """Duration of a frame: the middle step of the trigger times, which are in ms."""
    times = [float(frame.TriggerTime) for frame in part.frames]
    return float(np.median(np.diff(times))) / 1000 if len(times) > 1 else float("nan")
