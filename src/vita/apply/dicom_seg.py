"""Masks as DICOM SEG, a file per series, whose frames refer to the DICOM files that the view was read from.

A viewer that shows a frame of the cine finds the masks of that very frame. highdicom writes everything but time: it
takes planes at different places only, while the frames of a cine share theirs. So it is given places one after the
other, and then each frame gets its own place back, and the time as a further dimension (TemporalPositionIndex).
Of an enhanced file, which holds many frames, each is referred to by its number; such a file has a SEG of its own.
Belonging to a study, the files hold the patient's name and number, as the scan does.
"""

import hashlib
import importlib.metadata
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.config import disable_value_validation
from pydicom.uid import generate_uid
from pydicom.valuerep import DSfloat

from vita.images.dicom import read_sources
from vita.images.dicom_frames import OF_FRAME, SHARED, frames_of
from vita.images.header import DicomSource, ScanError
from vita.images.layout import LABP, LVBP, LVMYO, RABP, RVBP, VIEWS
from vita.runtime.atomic import replacing

if TYPE_CHECKING:
    import highdicom

NAMES = {LVBP: "LV cavity", LVMYO: "LV myocardium", RVBP: "RV cavity", LABP: "left atrium", RABP: "right atrium"}
# Names of SNOMED CT in pydicom's dictionary of codes.
CODES = {LVBP: "LeftVentricle", LVMYO: "LeftVentricleMyocardium", RVBP: "RightVentricle"}
CODES |= {LABP: "LeftAtrium", RABP: "RightAtrium"}
SERIES_NUMBER = 7000  # beyond those of a scanner; each file of a scan has its own
NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID")
# These must be present but may be empty; anonymised files often do not have them.
MAY_BE_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber"),
    *("StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)


@dataclass(frozen=True)
class Frame:
    """A frame of the scan.

    Attributes:
        file: the file that holds it.
        number: which of the file's frames it is, from 1.
        plain: itself as a file of one frame; a classic file is that already.
        z, t: the slice and the time that it was read as.
    """

    file: pydicom.Dataset
    number: int
    plain: pydicom.Dataset
    z: int
    t: int

    @property
    def key(self) -> tuple[str, int]:
        """The attributes by which other objects refer to it."""
        return str(self.file.SOPInstanceUID), self.number


def write_segs(mask_tzyx: np.ndarray, source: DicomSource, view: str, folder: Path, max_mb: float) -> None:
    """Write the masks of a view, a file for each series of its files; none for a series whose masks are empty.

    Where one of the files cannot be made, none is written.

    Args:
        mask_tzyx: classes in the stored order (time, slice, row, column), as the view was read.
        source: its files.
        view: gives the file its name: sa.dcm, or sa_01.dcm and so on, numbered by slice.
        folder: to write to.
        max_mb: most that the source may take.

    Raises:
        ScanError: the source cannot be read any more, or does not say what study and place it belongs to.
    """
    try:
        made = _make_series(mask_tzyx, source, view, max_mb)
    except (ScanError, OSError):
        raise
    except Exception as error:  # pydicom and highdicom raise many kinds on odd tags; these cost the SEG only
        raise ScanError("no DICOM SEG: the scan's files have tags that cannot be used") from error
    for name, data in made.items():
        with replacing(folder / name) as part:
            part.write_bytes(data)


def _make_series(mask_tzyx: np.ndarray, source: DicomSource, view: str, max_mb: float) -> dict[str, bytes]:
    """The files of a view by their names."""
    made = {}
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # odd values of the source are no fault of the masks
        groups: dict[tuple[str, str], list[Frame]] = {}
        for frame in _frames(source, read_sources(source, max_mb)):
            own = frame.key[0] if OF_FRAME in frame.file else ""
            groups.setdefault((str(frame.file.SeriesInstanceUID), own), []).append(frame)
        for number, frames in enumerate(groups.values(), 1):
            name = view if len(groups) == 1 else f"{view}_{number:02d}"
            data = _make(frames, mask_tzyx, SERIES_NUMBER + 100 * VIEWS.index(view) + number)
            if data is not None:
                made[f"{name}.dcm"] = data
    return made


def _make(frames: list[Frame], mask_tzyx: np.ndarray, series_number: int) -> bytes | None:
    """The file of some frames; None if their masks are empty."""
    pixels = np.stack([mask_tzyx[frame.t, frame.z] for frame in frames])
    found = [int(structure) for structure in np.unique(pixels) if structure in NAMES]
    if not found:
        return None
    positions = [[DSfloat(value, auto_format=True) for value in each.plain.ImagePositionPatient] for each in frames]
    numbers = np.zeros(256, np.uint8)
    numbers[found] = np.arange(1, len(found) + 1)
    seg = _segmentation(frames, numbers[pixels], found, series_number)
    _put_in_time(seg, frames, positions)
    buffer = io.BytesIO()
    seg.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _frames(source: DicomSource, files: Mapping[str, pydicom.Dataset]) -> list[Frame]:
    """Every frame in the order of slices and times; a frame that is shown in place of others comes once."""
    for file in files.values():
        if missing := [tag for tag in NEEDED if not file.get(tag)]:
            raise ScanError(f"no DICOM SEG: the scan's files lack {missing[0]}")
        for tag in MAY_BE_EMPTY:
            if tag not in file:
                setattr(file, tag, "")
    if len({(file.StudyInstanceUID, file.FrameOfReferenceUID) for file in files.values()}) > 1:
        raise ScanError("no DICOM SEG: the view's files are of several studies or frames of reference")
    if len({file.SOPInstanceUID for file in files.values()}) < len(files):
        raise ScanError("no DICOM SEG: several of the scan's files have the same SOPInstanceUID")
    plain = {name: frames_of(file) for name, file in files.items()}
    placed: dict[tuple[str, int], Frame] = {}
    for z, (names, numbers) in enumerate(zip(source.names_zt, source.numbers_zt, strict=True)):
        for t, (name, number) in enumerate(zip(names, numbers, strict=True)):
            placed.setdefault((name, number), Frame(files[name], number, plain[name][number - 1], z, t))
    return list(placed.values())


def _segmentation(
    frames: list[Frame], pixels_nyx: np.ndarray, found: list[int], series_number: int
) -> "highdicom.seg.Segmentation":
    """Structures as segments 1, 2 and so on, on frames that are moved apart along their normal."""
    from highdicom import seg

    digest = hashlib.blake2b(pixels_nyx.tobytes() + bytes(found), digest_size=16).hexdigest()
    entropy = [*sorted({str(frame.file.SOPInstanceUID) for frame in frames}), digest]
    series, instance = (generate_uid(entropy_srcs=[*entropy, kind]) for kind in ("series", "instance"))
    version = importlib.metadata.version("vita")
    files, pixels_nyx = _many(frames, pixels_nyx) if OF_FRAME in frames[0].file else (_apart(frames), pixels_nyx)
    return seg.Segmentation(
        files,
        pixels_nyx,
        seg.SegmentationTypeValues.BINARY,
        [_segment(place, structure, version) for place, structure in enumerate(found, 1)],
        series,
        series_number,
        instance,
        1,
        manufacturer="ViTa",
        manufacturer_model_name="vita predict",
        software_versions=version,
        device_serial_number="0",
        series_description="Heart segmentation (research, not for diagnosis)",
        content_label="HEART",
    )


def _apart(frames: list[Frame]) -> list[pydicom.Dataset]:
    """Classic files, moved apart."""
    places = _places(frames[0].plain, len(frames))
    for frame, place in zip(frames, places, strict=True):
        frame.file.ImagePositionPatient = place
    return [frame.file for frame in frames]


def _many(frames: list[Frame], pixels_nyx: np.ndarray) -> tuple[list[pydicom.Dataset], np.ndarray]:
    """An enhanced file whose frames are moved apart, and the masks of all its frames: of those not read, none."""
    file, first = frames[0].file, frames[0].plain
    every = np.zeros((len(file[OF_FRAME].value), *pixels_nyx.shape[1:]), pixels_nyx.dtype)
    every[[frame.number - 1 for frame in frames]] = pixels_nyx
    shared = pydicom.Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=first.ImageOrientationPatient)]
    measures = {name: first[name].value for name in ("PixelSpacing", "SliceThickness") if name in first}
    shared.PixelMeasuresSequence = [_item(**measures)]
    places = [_item(ImagePositionPatient=place) for place in _places(first, len(every))]
    setattr(file, SHARED, [shared])
    setattr(file, OF_FRAME, [_item(PlanePositionSequence=[place]) for place in places])
    return [file], every


def _places(first: pydicom.Dataset, count: int) -> list[list[str]]:
    """The same number of positions, 1 mm apart along a frame's normal."""
    normal = np.cross(*np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3))
    origin = np.array(first.ImagePositionPatient, dtype=float)
    return [[f"{value:.6g}" for value in origin + place * normal] for place in range(count)]


def _item(**values: Any) -> pydicom.Dataset:
    result = pydicom.Dataset()
    for name, value in values.items():
        setattr(result, name, value)
    return result


def _segment(place: int, structure: int, version: str) -> "highdicom.seg.SegmentDescription":
    from highdicom import AlgorithmIdentificationSequence, seg
    from pydicom.sr.codedict import codes

    return seg.SegmentDescription(
        place,
        NAMES[structure],
        codes.SCT.AnatomicalStructure,
        getattr(codes.SCT, CODES[structure]),
        seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        AlgorithmIdentificationSequence("ViTa", codes.DCM.ArtificialIntelligence, version),
    )


def _put_in_time(seg: Any, frames: list[Frame], positions: list[list[DSfloat]]) -> None:
    """Give each frame its own place and time, by the frame that it refers to."""
    known = {frame.key: (place, frame.z, frame.t) for place, frame in zip(positions, frames, strict=True)}
    time = pydicom.Dataset()
    time.DimensionOrganizationUID = seg.DimensionIndexSequence[0].DimensionOrganizationUID
    time.DimensionIndexPointer = pydicom.datadict.tag_for_keyword("TemporalPositionIndex")
    time.FunctionalGroupPointer = pydicom.datadict.tag_for_keyword("FrameContentSequence")
    time.DimensionDescriptionLabel = "Temporal Position Index"
    seg.DimensionIndexSequence.append(time)
    for frame in seg.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        key = str(source.ReferencedSOPInstanceUID), int(source.get("ReferencedFrameNumber", 1))
        place, z, t = known[key]
        frame.PlanePositionSequence[0].ImagePositionPatient = place
        content = frame.FrameContentSequence[0]
        content.TemporalPositionIndex = t + 1
        content.DimensionIndexValues = [content.DimensionIndexValues[0], z + 1, t + 1]
    # True of the places that the frames had for a while.
    seg.pop("DimensionOrganizationType", None)
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.pop("SpacingBetweenSlices", None)
