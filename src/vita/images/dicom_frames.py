"""Enhanced DICOM files, of many frames, as the classic files of one frame each that they stand for.

What differs between frames stands in functional groups (DICOM PS3.3, C.7.6.16): those of a frame count before those
that all frames share. The names of a few tags differ as well; the classic ones are used, so that all else that is read
from DICOM files need not know of these. What an older file, converted to an enhanced one, said of each frame is kept
there as unassigned attributes, and found in the same way.
"""

import warnings
from collections.abc import Iterator

import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from vita.images.dicom_pixels import PLAIN, check_decoder
from vita.images.header import ScanError

SHARED, OF_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
TAGS = (SHARED, OF_FRAME, "NumberOfFrames")
MOST_FRAMES = 20_000
MOST_BYTES = 1e9  # of the pixels of a compressed file, unpacked
# Tags of functional groups, and the classic names; of several with one classic name a later one counts.
CLASSIC = {
    **{name: name for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness")},
    **{name: name for name in ("SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept", "CardiacNumberOfImages")},
    "InstanceNumber": "InstanceNumber",
    "TemporalPositionIndex": "InstanceNumber",
    "TriggerTime": "TriggerTime",
    "ActualCardiacTriggerDelayTime": "TriggerTime",
    "NominalCardiacTriggerDelayTime": "TriggerTime",
    "NominalInterval": "NominalInterval",
    "RRIntervalTimeNominal": "NominalInterval",
}
_KEPT = (
    *("SeriesInstanceUID", "SeriesNumber", "AcquisitionTime", "Modality", "Rows", "Columns", "BitsStored", "HighBit"),
    *("BitsAllocated", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation"),
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
        frames = [_classic(file, [*shared, group], next(pixels) if pixels else None) for group in groups]
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


def _classic(file: Dataset, groups: list[Dataset], pixels: bytes | None) -> Dataset:
    """One frame.

    Args:
        file: that it is in.
        groups: functional groups, the frame's own last.
        pixels: its own, unpacked.
    """
    frame = Dataset()
    frame.file_meta = FileMetaDataset()
    frame.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    frame.filename = getattr(file, "filename", None)
    for name in _KEPT:
        if name in file:
            setattr(frame, name, file[name].value)
    for group in groups:
        items = [element.value[0] for element in group if element.VR == "SQ" and element.value]
        for name, classic in CLASSIC.items():
            for item in items:
                if item.get(name) not in (None, ""):
                    setattr(frame, classic, item[name].value)
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
