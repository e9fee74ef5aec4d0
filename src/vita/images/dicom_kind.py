"""What kind of picture a DICOM frame is, so that flow and tags are not taken for cines.

Classic files tell it by ImageType and the names of the sequence, enhanced ones by attributes of their own (DICOM
PS3.3, C.8.13.1 and C.8.13.5). Names of sequences are the scanner's; they only tell frames of one study apart.
"""

import re

from pydicom.dataset import Dataset

NAMES = ("ScanningSequence", "SequenceVariant", "SequenceName", "ComplexImageComponent", "Tagging")
TAGS = (*NAMES, "ImageType", "AcquisitionContrast", "PhaseContrast")
# Numbers of a sequence's name change from slice to slice.
_DIGITS = re.compile(r"\d+")
# Values of ImageType, from the third on, of phase and of flow: Siemens has P, GE PHASE MAP, Philips VELOCITY MAP, and
# PCA also for the magnitude of such pictures.
_FLOW = re.compile(r"P|PCA|(PHASE|VELOCITY).*", re.IGNORECASE)
# Attributes of enhanced files, and values that no cine of the heart's form has.
_NO_CINE = {
    "ComplexImageComponent": ("PHASE", "IMAGINARY"),
    "AcquisitionContrast": ("DIFFUSION", "FLOW_ENCODED", "PERFUSION", "TAGGING"),
    "PhaseContrast": ("YES",),
    "Tagging": ("GRID", "LINE"),
}


def kind_of(header: Dataset) -> tuple[str, ...]:
    """The names of the sequence without their numbers, and whether the picture is one of magnitude."""
    return *(_DIGITS.sub("", str(header.get(name) or "")) for name in NAMES), *_image_type(header)[2:3]


def shows_form(header: Dataset) -> bool:
    """Whether the picture shows the heart as a cine does; phase, flow, tags, diffusion and perfusion do not."""
    if any(_FLOW.fullmatch(value) for value in _image_type(header)[2:]):
        return False
    return all(str(header.get(name) or "").upper() not in values for name, values in _NO_CINE.items())


def _image_type(header: Dataset) -> list[str]:
    value = header.get("ImageType") or []
    return [value] if isinstance(value, str) else [str(each) for each in value]
