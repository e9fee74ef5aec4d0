"""The series of a folder of DICOM files of any origin: what each shows and where, by headers alone."""

import os
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import numpy as np
import pydicom
from pydicom.config import disable_value_validation

from vita.images.dicom import LPS_TO_RAS
from vita.images.dicom_file import KIND_TAGS, kind_of, parse, shows_form
from vita.images.dicom_frames import TAGS as FRAME_TAGS
from vita.images.dicom_frames import frames_of, number_in_file
from vita.images.dicom_series import SAME_DIRECTION, SAME_PLACE_MM, UNREADABLE, number
from vita.images.header import ScanError, open_regular
from vita.images.zips import MOST_FILES

TAGS = [
    *("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns"),
    *("TriggerTime", "Modality"),
    *KIND_TAGS,
    *FRAME_TAGS,
]
_LONG_NUMBER = re.compile(r"\d{5,}")


@dataclass
class Plane:
    """Frames of one series and one kind at one place.

    Attributes:
        series: SeriesInstanceUID.
        position, normal: (3,) of the first pixel in mm, and of unit length; in scanner space (RAS).
        grid: what parallel slices of a stack share: rows, columns and pixel size in mm.
        axes: (2, 3) directions of rows and columns.
        kind: of picture, by the sequence that made it.
        form: the picture is no map of flow, tags or the like.
        files: path of each frame; that of an enhanced file, which holds several, comes as often.
        numbers: which frame of its file each is, from 1.
        times_ms: trigger times that are there.
    """

    series: str
    position: np.ndarray
    normal: np.ndarray
    grid: tuple[float, ...]
    axes: np.ndarray
    kind: tuple[str, ...] = ()
    form: bool = True
    files: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    times_ms: set[float] = field(default_factory=set)


@dataclass
class Series:
    """A series: number, what it is called, its planes, and how many of its files are no plane's single frame."""

    uid: str
    number: int
    called: str
    planes: list[Plane] = field(default_factory=list)
    others: int = 0

    def add(self, plane: Plane) -> None:
        """Put frames to the plane that they are of."""
        known = next((each for each in self.planes if same_plane(each, plane)), None)
        if known is None:
            self.planes.append(plane)
            return
        known.files += plane.files
        known.numbers += plane.numbers
        known.times_ms |= plane.times_ms


@dataclass
class Study:
    """What was acquired at one visit.

    Attributes:
        place: the folder that all of its files share, relative to the folder searched.
        folders: names of all folders that its files lie in.
        series: by UID.
        files, bytes: how many files it has, and how large they are.
    """

    place: tuple[str, ...]
    folders: set[str] = field(default_factory=set)
    series: dict[str, Series] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0

    def add(self, other: "Study") -> None:
        """Take what other folders hold of it."""
        self.place = _shared(self.place, other.place)
        self.folders |= other.folders
        self.files, self.bytes = self.files + other.files, self.bytes + other.bytes
        for uid, series in other.series.items():
            known = self.series.setdefault(uid, series)
            if known is not series:
                known.others += series.others
                for plane in series.planes:
                    known.add(plane)


def studies_in(folder: Path, max_mb: float) -> list[Study]:
    """The studies of all DICOM files in a folder and in those within it; other files are passed over.

    If a study is larger than `max_mb` or has too many files, not all are included, and `too_large` is set.
    """
    # Odd values in tags that are not needed are no fault, and warnings would show them.
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return _joined(_studies(folder, max_mb))


def too_large(study: Study, max_mb: float) -> bool:
    """Whether a study has more files or bytes than are read."""
    return study.files > MOST_FILES or study.bytes > max_mb * 1e6


def _studies(folder: Path, max_mb: float) -> dict[tuple[str, str, str], Study]:
    """Studies by the first folder that they lie in, the patient and the study."""
    found: dict[tuple[str, str, str], Study] = {}
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(root, name)  # noqa: PTH118 - thousands of files
            header = _header(path)
            if header is None:
                continue
            inside = Path(path).relative_to(folder).parts[:-1]
            top = inside[0] if inside else ""
            key = top, str(header.get("PatientID", "")), str(header.get("StudyInstanceUID", ""))
            study = found.setdefault(key, Study(inside))
            study.place = _shared(study.place, inside)
            study.folders |= set(inside)
            study.files, study.bytes = study.files + 1, study.bytes + os.stat(path).st_size  # noqa: PTH116
            if not too_large(study, max_mb):
                _sort_in(study, header, path)
    return found


def _joined(parts: Mapping[tuple[str, str, str], Study]) -> list[Study]:
    """Studies of which several folders hold a part, joined, as where each series has a folder.

    Not with the part in a folder that holds another study too: a file that was put there by mistake costs that folder
    alone.
    """
    studies_of = Counter(top for top, *_ in parts)
    joined: dict[tuple[str, ...], Study] = {}
    for (top, *study), part in parts.items():
        known = joined.setdefault((top if studies_of[top] > 1 else "", *study), part)
        if known is not part:
            known.add(part)
    return list(joined.values())


def _header(path: str) -> pydicom.Dataset | None:
    """The tags that are needed; None if the file is no DICOM file of a series, or cannot be read."""
    try:
        with open_regular(path) as file:
            header = parse(file, TAGS, pixels=False)
            return header if "SeriesInstanceUID" in header else None
    except Exception:  # pydicom raises many kinds on damaged files; each costs this file only
        return None


def _shared(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _sort_in(study: Study, header: pydicom.Dataset, path: str) -> None:
    uid = str(header.get("SeriesInstanceUID", ""))
    series = study.series.setdefault(uid, Series(uid, int(number(header, "SeriesNumber")), _called(header)))
    try:
        frames = frames_of(header)
    except ScanError:  # as a file that does not say where it lies
        series.others += 1
        return
    for frame in frames:
        _add(series, frame, path)


def _add(series: Series, header: pydicom.Dataset, path: str) -> None:
    """Put one frame to its plane; an enhanced file's path is there once for each."""
    plane = _plane(header, series.uid)
    if plane is None:
        series.others += 1
        return
    plane.files.append(path)
    plane.numbers.append(number_in_file(header))
    if "TriggerTime" in header:
        plane.times_ms.add(number(header, "TriggerTime"))
    series.add(plane)


def same_plane(first: Plane, second: Plane) -> bool:
    """Whether two planes have the same grid at the same place, and are of one kind."""
    near = np.abs(first.position - second.position).max() < SAME_PLACE_MM
    alike = first.kind == second.kind and np.allclose(first.grid, second.grid, rtol=1e-3)
    return bool(near and alike and np.abs(first.axes - second.axes).max() < SAME_DIRECTION)


def _plane(header: pydicom.Dataset, uid: str) -> Plane | None:
    """Where a file's image is; None if it gives no place, or holds several frames without places of their own."""
    if number(header, "NumberOfFrames") > 1 or header.get("Modality", "MR") != "MR":
        return None
    try:
        position = np.array(header.ImagePositionPatient, dtype=float).reshape(3) * LPS_TO_RAS
        axes = np.array(header.ImageOrientationPatient, dtype=float).reshape(2, 3) * LPS_TO_RAS
        spacing = [float(value) for value in header.PixelSpacing]
        grid = (float(header.Rows), float(header.Columns), *spacing)
    except UNREADABLE:
        return None
    normal = np.cross(*axes)
    length = float(np.linalg.norm(normal))
    if not np.isfinite([*position, *grid, length]).all() or length < 0.5 or len(spacing) != 2 or min(spacing) <= 0:
        return None
    return Plane(uid, position, normal / length, grid, axes, kind_of(header), shows_form(header))


def _called(header: pydicom.Dataset) -> str:
    """SeriesDescription as it may be shown; nothing if it names the patient or holds a long number."""
    text = " ".join(str(header.get("SeriesDescription", "")).split())[:40]
    words = {*str(header.get("PatientName", "")).lower().split("^"), str(header.get("PatientID", "")).lower()}
    named = any(len(word) > 2 and word in text.lower() for word in words)
    return "" if named or "^" in text or _LONG_NUMBER.search(text) else text


def describe(series: Sequence[Series]) -> list[str]:
    """A line for each series, in the order of their numbers: what `--series` may name."""
    lines = []
    for each in sorted(series, key=lambda one: (one.number, one.uid)):
        if each.planes:
            frames = sorted({len(plane.files) for plane in each.planes})
            span = str(frames[0]) if len(frames) == 1 else f"{frames[0]} to {frames[-1]}"
            rows, columns, *spacing = each.planes[0].grid
            what = f"{_several(len(each.planes), 'plane')} of {span} frames, {rows:.0f} x {columns:.0f} pixels"
            what += f" of {spacing[0]:.2f} mm"
        else:
            what = f"{_several(each.others, 'file')} without a place or with several frames"
        lines.append(f"{each.number}{f' ({each.called})' if each.called else ''}: {what}")
    return lines


def _several(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"
