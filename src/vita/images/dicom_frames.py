"""Enhanced DICOM files, of many frames, as the equivalent classic files of one frame each.

What differs between frames is in functional groups (DICOM PS3.3, C.7.6.16): those of a frame count before those
that all frames share. The names of a few tags differ as well; the classic ones are used, so that all else that is read
from DICOM files need not know of these. What an older file, converted to an enhanced one, said of each frame is kept
there as unassigned attributes, and found in the same way.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from vita.images.dicom_pixels import PLAIN, check_decoder
from vita.images.header import ScanError

SHARED, OF_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
TAGS = (SHARED, OF_FRAME, "NumberOfFrames", "DimensionIndexSequence", "PulseSequenceName")
MOST_FRAMES = 20_000
MOST_BYTES = 1e9  # of the pixels of a compressed file, unpacked
# Tags that have the same name in functional groups and in classic files.
SAME = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("RescaleSlope", "RescaleIntercept", "CardiacNumberOfImages", "NominalInterval"),
    *("ComplexImageComponent", "Tagging", "AcquisitionContrast"),
)
OTHER_NAMES = {"RRIntervalTimeNominal": "NominalInterval", "FrameType": "ImageType"}
# Where scanners put a frame's time in the cycle, and milliseconds of the unit. The first one that differs between
# frames counts: some have zeros in one of them.
TIMES_MS = {
    "NominalCardiacTriggerDelayTime": 1.0,
    "ActualCardiacTriggerDelayTime": 1.0,
    "TriggerTime": 1.0,
    "TemporalPositionTimeOffset": 1000.0,
}
# Likewise for the frame's number in the cycle; the second is of the dimensions beside that of place.
NUMBERS = ("TemporalPositionIndex", "DimensionIndexValues", "InstanceNumber")
OF_PLACE = ("StackID", "InStackPositionNumber", "ImagePositionPatient", "ImageOrientationPatient")
_KEPT = (
    *("SeriesInstanceUID", "SeriesNumber", "AcquisitionTime", "Modality", "Rows", "Columns", "BitsStored", "HighBit"),
    *("BitsAllocated", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation"),
    *("ComplexImageComponent", "AcquisitionContrast", "PhaseContrast", "ImageType"),
)


def frames_of(file: Dataset) -> list[Dataset]:
    """The file itself, or of an enhanced one each frame as a classic file, with its pixels if the file has any.

    Raises:
        ScanError: the functional groups or pixels cannot be read, or are not as many as the frames.
    """
    if OF_FRAME not in file:
        return [file]
    # Odd values in tags that are not needed are no fault, and warnings would show them.
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return _split(file)


def _split(file: Dataset) -> list[Dataset]:
    try:
        groups = list(file[OF_FRAME].value or [])
        if int(file.get("NumberOfFrames") or 1) != len(groups) or not 0 < len(groups) <= MOST_FRAMES:
            raise ScanError("an enhanced DICOM file does not describe as many frames as it has")
        pixels = _pixels(file, len(groups)) if "PixelData" in file else None
        shared = list(file.get(SHARED) or [])
        said = [_said(_items([*shared, group])) for group in groups]
        _put_in_order(file, said)
        frames = [_classic(file, values, next(pixels) if pixels else None) for values in said]
    except ScanError:
        raise
    except Exception as error:  # pydicom reads tags when they are asked for, and raises many kinds on damaged ones
        raise ScanError("the frames of an enhanced DICOM file cannot be read") from error
    for number, frame in enumerate(frames, 1):
        frame.number_in_file = number
    return frames


def number_in_file(frame: Dataset) -> int:
    """Which frame of its file this is, from 1, of those that `frames_of` gave."""
    return int(getattr(frame, "number_in_file", 1))


def _items(groups: list[Dataset]) -> list[Dataset]:
    """What the functional groups hold, in their order; private sequences, which repeat some tags, come first."""
    found = [element for group in groups for element in group if element.VR == "SQ" and element.value]
    return [each.value[0] for each in sorted(found, key=lambda element: not element.tag.is_private)]


def _said(items: list[Dataset]) -> dict[str, Any]:
    """What items say, by the name of the tag; of several that say the same a later one counts."""
    names = (*SAME, *OTHER_NAMES, *TIMES_MS, *NUMBERS)
    return {name: item[name].value for item in items for name in names if item.get(name) not in (None, "")}


def _put_in_order(file: Dataset, said: list[dict[str, Any]]) -> None:
    """Say when in the cycle each frame is, as classic files do: TriggerTime and InstanceNumber."""
    of_place = {pydicom.datadict.tag_for_keyword(name) for name in OF_PLACE}
    pointers = [item.get("DimensionIndexPointer") for item in file.get("DimensionIndexSequence") or []]
    kept = [place for place, pointer in enumerate(pointers) if pointer not in of_place]
    for values in said:
        if (index := values.pop("DimensionIndexValues", None)) is not None and kept:
            whole = index if isinstance(index, Sequence) else [index]
            values["DimensionIndexValues"] = tuple(int(whole[place]) for place in kept)
    dimensions = sorted({values.get("DimensionIndexValues", ()) for values in said})
    time, number = _telling(said, tuple(TIMES_MS)), _telling(said, NUMBERS)
    for values in said:
        when, place = values.get(time), values.get(number)
        for name in (*TIMES_MS, *NUMBERS):
            values.pop(name, None)
        if (time_ms := _float(when)) is not None:
            values["TriggerTime"] = time_ms * TIMES_MS[time]
        if number == "DimensionIndexValues":
            place = 1 + dimensions.index(place or ())
        if (count := _float(place)) is not None:
            values["InstanceNumber"] = round(count)


def _float(value: Any) -> float | None:
    """The number that a value is; None if it is none that can be used."""
    try:
        result = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return result if math.isfinite(result) else None


def _telling(said: list[dict[str, Any]], names: Sequence[str]) -> str:
    """The first of the tags that differs between frames; if none does, the first that is there."""
    there = [name for name in names if any(name in values for values in said)] or list(names)
    return next((name for name in there if len({str(values.get(name)) for values in said}) > 1), there[0])


def _classic(file: Dataset, values: Mapping[str, Any], pixels: bytes | None) -> Dataset:
    """One frame.

    Args:
        file: that it is in.
        values: of tags that are its own.
        pixels: its own, unpacked.
    """
    frame = Dataset()
    frame.file_meta = FileMetaDataset()
    frame.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    frame.filename = getattr(file, "filename", None)
    for name in _KEPT:
        if name in file:
            setattr(frame, name, file[name].value)
    if file.get("PulseSequenceName"):
        frame.SequenceName = file.PulseSequenceName
    for name, value in values.items():
        setattr(frame, OTHER_NAMES.get(name, name), value)
    if pixels is not None:
        frame.PixelData = pixels
    return frame


def _pixels(file: pydicom.Dataset, frames: int) -> Iterator[bytes]:
    """The bytes of each frame; compressed ones are unpacked.

    Raises:
        ScanError: they are compressed in a way that cannot be read here, too large, or no grey image.
    """
    if file.SamplesPerPixel != 1:
        raise ScanError("a DICOM file holds something else than one grey image")
    plain = file.file_meta.TransferSyntaxUID in PLAIN and file.BitsAllocated in (8, 16)
    size = int(file.Rows) * int(file.Columns) * int(file.BitsAllocated) // 8
    data = bytes(file.PixelData)
    if not plain:
        check_decoder(file)
        if size * frames > MOST_BYTES:
            raise ScanError(f"an enhanced DICOM file would take {size * frames / 1e6:.0f} MB unpacked")
        try:
            values = file.pixel_array
        except Exception as error:  # a decoder may raise anything on damaged data; it costs this file only
            raise ScanError("a DICOM file has no pixel data that can be read") from error
        data = values.tobytes()
        size = values.itemsize * int(file.Rows) * int(file.Columns)
        file.BitsAllocated = 8 * values.itemsize
    return (data[place * size : (place + 1) * size] for place in range(frames))
