"""A view from DICOM files, of UK Biobank's zips or a folder: sorted to (time, slice, row, column), with its place."""

import io
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pydicom
from pydicom.config import disable_value_validation

from vita.images import dicom_frames
from vita.images.dicom_file import parse
from vita.images.dicom_pixels import read_pixels
from vita.images.dicom_series import SAME_SPACING, Run, by_place, choose, number, one_at_each_place, runs_of, slots_of
from vita.images.header import (
    NO_RATE,
    NOMINAL_INTERVAL,
    TRIGGER_TIMES,
    DicomSource,
    Header,
    ScanError,
    can_be_cycle,
    open_regular,
)
from vita.images.nifti_place import fault_of
from vita.images.planes import name_planes
from vita.images.zips import ALL_IN_ONE, WHOLE_STACK, open_zip, series_files

TAGS = [
    *("SeriesInstanceUID", "SeriesNumber", "AcquisitionTime", "InstanceNumber", "TriggerTime"),
    *("NominalInterval", "CardiacNumberOfImages"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SpacingBetweenSlices", "SliceThickness"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
    *("PhotometricInterpretation", "RescaleSlope", "RescaleIntercept", "PixelData"),
    *dicom_frames.TAGS,
]
LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
# Positions of a stack's slices may differ from even steps by this part of a step.
UNEVEN_STEPS = 0.05
# Largest offset between slices within their plane, in mm, that is not reported.
IN_PLANE_MM = 2.0
# Directions that differ by less are the same; conversion tools round.
SAME_DIRECTION = 1e-3


def read_dicom(path: str, view: str, max_mb: float) -> tuple[Header, np.ndarray]:
    """Read a view from a zip.

    Of series of the same name the latest complete one counts, see `dicom_series`. Slices are sorted along the stack's
    normal, frames by trigger time.

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
        notes: list[str] = []
        runs: list[Run] = []
        for key, names in series_files(archive, view).items():
            runs += runs_of(_read(archive.read, names, notes), key, notes)
        slots = slots_of(runs, many_places=(ALL_IN_ONE, WHOLE_STACK))
        return _read_stack(slots if view == "sa" else [_of_view(slots, view)], path, notes)


def read_dicom_files(
    paths: Sequence[str], view: str, max_mb: float, numbers: Mapping[str, Collection[int]] | None = None
) -> tuple[Header, np.ndarray]:
    """Read a view from files that `dicom_views` found to be of it; as `read_dicom` otherwise.

    Args:
        paths: of the files.
        view: sa, la_2ch, la_3ch or la_4ch.
        max_mb: most that the files may take together, in MB.
        numbers: which frames of a file are of the view, from 1, by its path; by default all.

    Raises:
        ScanError: the files are damaged, too large or no stack of cines.
    """
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        notes: list[str] = []
        frames = _read(_reader(max_mb), paths, notes)
        if numbers is not None:
            frames = [
                each for each in frames if dicom_frames.number_in_file(each) in numbers.get(str(each.filename), ())
            ]
        runs = runs_of(frames, view, notes)
        return _read_stack(by_place(runs) if view == "sa" else [runs], None, notes)


def _reader(max_mb: float) -> Callable[[str], bytes]:
    left = max_mb * 1e6

    def read(path: str) -> bytes:
        nonlocal left
        with open_regular(path) as file:
            data = file.read(int(max(left, 0)) + 1)
        left -= len(data)
        if left < 0:
            raise ScanError(f"the DICOM files take more than images.max_file_mb ({max_mb:g} MB)")
        return data

    return read


def read_sources(source: DicomSource, max_mb: float) -> dict[str, pydicom.Dataset]:
    """The files of a view by name, all tags but the pixels.

    Raises:
        ScanError: a file cannot be read any more.
    """
    names = sorted({name for names in source.names_zt for name in names})
    with disable_value_validation(), warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore", UserWarning)
        read = stack.enter_context(open_zip(source.archive, max_mb)).read if source.archive else _reader(max_mb)
        try:
            return {name: _parse(read, name, None) for name in names}
        except _DamagedFileError as error:
            raise ScanError("a DICOM file cannot be read any more") from error


def cycle_of(archive: zipfile.ZipFile, names: Sequence[str]) -> tuple[float, str]:
    """Duration of the cycle in s, and its source, by one of these files; NaN where it takes all of them to know."""
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            file = _parse(archive.read, names[0], ["NominalInterval", "TriggerTime"])
        except _DamagedFileError:
            return float("nan"), NO_RATE
        interval_s = number(file, "NominalInterval") / 1000
        if can_be_cycle(interval_s):
            return interval_s, NOMINAL_INTERVAL
        return float("nan"), TRIGGER_TIMES if "TriggerTime" in file else NO_RATE


def _read_stack(slots: Sequence[list[Run]], archive: str | None, notes: list[str]) -> tuple[Header, np.ndarray]:
    """Header and voxels of runs, slice by slice; `archive` is the zip that they are in."""
    slices = _sorted_stack(one_at_each_place(choose(slots, notes), notes), notes)
    rows = {(str(frame.get("Rows")), str(frame.get("Columns"))) for part in slices for frame in part.frames}
    if len(rows) > 1:
        raise ScanError("the frames have different numbers of rows or columns")
    voxels, slope, intercept = read_pixels([part.frames for part in slices])
    names = tuple(tuple(str(frame.filename) for frame in part.frames) for part in slices)
    numbers = tuple(tuple(dicom_frames.number_in_file(frame) for frame in part.frames) for part in slices)
    header = _header(slices, voxels, slope, intercept, notes)
    return replace(header, dicom=DicomSource(archive, names, numbers)), voxels


def _read(read: Callable[[str], bytes], names: Sequence[str], notes: list[str]) -> list[pydicom.Dataset]:
    """The DICOM files of these names; a damaged one is left out, as a frame that is missing."""
    files = []
    for name in names:
        try:
            files += dicom_frames.frames_of(_parse(read, name, TAGS))
        except _DamagedFileError:
            notes.append("a DICOM file is damaged")
    if not files:
        raise ScanError("a DICOM file is damaged")
    return files


class _DamagedFileError(Exception):
    """A file is no DICOM file that can be read."""


def _parse(read: Callable[[str], bytes], name: str, tags: list[str] | None) -> pydicom.Dataset:
    """A file with these tags, or with all but the pixels."""
    data = read(name)
    try:
        file = parse(io.BytesIO(data), tags, pixels=tags is not None)
        file.filename = name
        return file
    except Exception as error:  # pydicom raises many kinds on damaged files; each costs this file only
        raise _DamagedFileError from error


def _of_view(slots: Sequence[list[Run]], view: str) -> list[Run]:
    """The runs of one long-axis view, whose plane is found from geometry if a series holds all views.

    Raises:
        ScanError: the plane of the view cannot be identified, or the frames of a series lie at several places.
    """
    if len(slots) == 1 and slots[0][0].key != ALL_IN_ONE:
        return slots[0]
    planes = name_planes([run[0].normal * LPS_TO_RAS / np.linalg.norm(run[0].normal) for run in slots])
    if planes is not None:
        return slots[planes[view]]
    raise ScanError(f"frames of one series lie at {len(slots)} places, which do not say which one is {view}")


def _sorted_stack(slices: list[Run], notes: list[str]) -> list[Run]:
    """Sort slices along their normal; they must be parallel and evenly spaced."""
    first = slices[0]
    for part in slices[1:]:
        parallel = np.allclose(part.orientation, first.orientation, atol=SAME_DIRECTION)
        if not parallel or not np.allclose(part.spacing, first.spacing, rtol=SAME_SPACING):
            raise ScanError("the slices of the stack are not parallel or have different pixels")
    normal = first.normal
    result = sorted(slices, key=lambda part: float(part.position @ normal))
    steps = np.diff([part.position @ normal for part in result])
    if len(steps) and (steps.min() <= 0 or np.ptp(steps) > UNEVEN_STEPS * steps.mean()):
        counts = Counter(part.series for part in slices)
        several = " (frames of one series lie at several places)" if max(counts.values()) > 1 else ""
        raise ScanError(f"the slices of the stack are not evenly spaced (one is missing or there twice){several}")
    if len(steps):
        line = result[0].position + np.arange(len(result))[:, None] * _step(result)
        off = np.linalg.norm(np.array([part.position for part in result]) - line, axis=1).max()
        if off > IN_PLANE_MM:
            notes.append(f"a slice lies {off:.0f} mm off the others in its plane")
    return result


def _step(slices: Sequence[Run]) -> np.ndarray:
    """(3,) from one slice to the next: along the normal the mean, in the plane the middle one, which one slice that
    lies off does not change."""
    normal = slices[0].normal
    steps = np.diff([part.position for part in slices], axis=0)
    along = steps @ normal
    step: np.ndarray = np.median(steps - along[:, None] * normal, axis=0) + along.mean() * normal
    return step


def _header(slices: list[Run], voxels: np.ndarray, slope: float, intercept: float, notes: list[str]) -> Header:
    """The header that a NIfTI file of these voxels would have."""
    first = slices[0]
    affine = np.eye(4)
    affine[:3, 0] = first.orientation[0] * first.spacing[1]
    affine[:3, 1] = first.orientation[1] * first.spacing[0]
    if len(slices) > 1:
        affine[:3, 2] = _step(slices)
    else:
        frame = first.frames[0]
        thickness = number(frame, "SpacingBetweenSlices") or number(frame, "SliceThickness") or 1.0
        affine[:3, 2] = first.normal * thickness
    affine[:3, 3] = first.position
    affine[:3] *= LPS_TO_RAS[:, None]
    if fault := fault_of(affine):
        raise ScanError(f"the DICOM files give no place in the scanner; what they give {fault}")
    frame_s, source = _frame_s(slices)
    shape = (voxels.shape[3], voxels.shape[2], voxels.shape[1], voxels.shape[0])
    found = tuple(f"{note} ({count} times)" if count > 1 else note for note, count in Counter(notes).items())
    return Header(
        shape, affine, frame_s, voxels.dtype, 0, slope, intercept, oriented=True, rate_source=source, notes=found
    )


def _frame_s(slices: Sequence[Run]) -> tuple[float, str]:
    """Duration of a frame in s, and its source: the interval between heart beats, or else the trigger times.

    Of several slices the middle value counts.
    """
    frames = len(slices[0].frames)
    interval_s = float(np.median([number(part.frames[0], "NominalInterval") for part in slices])) / 1000
    if can_be_cycle(interval_s):
        return interval_s / frames, NOMINAL_INTERVAL
    steps = [part.step_ms for part in slices if part.step_ms > 0]
    return (float(np.median(steps)) / 1000, TRIGGER_TIMES) if steps else (float("nan"), NO_RATE)
