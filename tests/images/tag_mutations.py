"""DICOM files changed at random in their tags, as scanners, anonymisers and conversion tools change them."""

import random
import warnings
from collections.abc import Iterator

import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from images import dicom_scans

TAGS = (
    *("TriggerTime", "InstanceNumber", "SeriesInstanceUID", "SeriesNumber", "AcquisitionTime", "SeriesDescription"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("Rows", "Columns", "BitsStored", "HighBit", "BitsAllocated", "PixelRepresentation", "SamplesPerPixel"),
    *("PhotometricInterpretation", "RescaleSlope", "RescaleIntercept", "NumberOfFrames", "PixelData"),
    *("CardiacNumberOfImages", "NominalInterval", "StudyInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"),
    *("SOPClassUID", "Modality", "PatientID", "PatientName", "PatientBirthDate", "StudyDate", "StudyTime"),
    *("TemporalPositionIndex", "NominalCardiacTriggerDelayTime", "RRIntervalTimeNominal", "StackID"),
    *("FrameContentSequence", "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence"),
    *("PixelValueTransformationSequence", "CardiacSynchronizationSequence", "SharedFunctionalGroupsSequence"),
)
WORDS = ("", "0", "1", "-1", "nan", "inf", "1e400", "99999999999", "0.0000001", "x", "1.2.3", "MONOCHROME1", "é" * 70)
NUMBERS = (0, 1, 8, 12, 15, 16, 255, 65535)


def change(data: bytes, chance: random.Random, tag: str | None = None) -> bytes:
    """A file with one tag gone, empty, or odd; as it is if it cannot be read or written so."""
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            file = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
            name = tag or chance.choice(TAGS)
            places = [each for each in _within(file) if name in each]
            place = chance.choice(places or [file])
            if chance.random() < 0.25:
                place.pop(name, None)
            else:
                _set(place, name, chance)
            return dicom_scans.encode(file)
        except Exception:  # what cannot be written is no file that anybody has
            return data


def _within(file: Dataset) -> Iterator[Dataset]:
    """The file, and the items of its sequences."""
    yield file
    for element in file:
        if element.VR == "SQ":
            for item in element.value:
                yield from _within(item)


def _set(place: Dataset, name: str, chance: random.Random) -> None:
    kind = pydicom.datadict.dictionary_VR(name)
    if kind == "SQ":
        setattr(place, name, chance.choice([[], [Dataset()], [*place.get(name, []), *place.get(name, [])]]))
    elif kind in ("US", "SS", "FD", "UL"):
        setattr(place, name, chance.choice(NUMBERS) if chance.random() < 0.9 else [1, 2])
    elif kind in ("OW", "OB or OW", "OB"):
        own = bytes(place.get(name, b""))
        setattr(place, name, chance.choice([b"", own[: len(own) // 2], own + b"\0\0", bytes(len(own))]))
    else:
        old = place.get(name)
        if isinstance(old, pydicom.multival.MultiValue) and chance.random() < 0.7:
            values = [str(value) for value in old]
            values[chance.randrange(len(values))] = chance.choice([*WORDS, "5", "-40"])
            setattr(place, name, chance.choice([values, values[:-1], [*values, "1"]]))
        else:
            setattr(place, name, chance.choice(WORDS))
