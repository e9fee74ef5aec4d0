"""One DICOM file: the tags that are needed, and what kind of picture it is, so that flow is not taken for a cine.

Old archives hold files that begin without the preamble and its DICM. Classic files give their kind in ImageType and the
names of the sequence, enhanced ones by attributes of their own (DICOM PS3.3, C.8.13.1 and C.8.13.5). Names of sequences
are the scanner's; they only tell frames of one study apart.
"""

import re
from collections.abc import Sequence
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

MAGIC_AT, MAGIC = 128, b"DICM"
# The first group of tags, with which files without a preamble begin: of the file itself, or of what it is.
FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")
_NAMES = ("ScanningSequence", "SequenceVariant", "SequenceName", "ComplexImageComponent", "Tagging")
KIND_TAGS = (*_NAMES, "ImageType", "AcquisitionContrast", "PhaseContrast")
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


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file that begins so may be a DICOM file."""
    return start[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC or start[:2] in FIRST_GROUPS


def parse(file: BinaryIO, tags: Sequence[str] | None, *, pixels: bool) -> pydicom.FileDataset:
    """Read these tags, or all; those whose values cannot be read are as if they were missing.

    pydicom raises many kinds of error on files that are damaged or none.

    Raises:
        ValueError: the file is no DICOM file.
    """
    start = file.read(MAGIC_AT + len(MAGIC))
    if not looks_like_dicom(start):
        raise ValueError("no DICOM file")
    file.seek(0)
    wanted = None if tags is None else list(tags)
    bare = start[MAGIC_AT:] != MAGIC
    found = pydicom.dcmread(file, specific_tags=wanted, stop_before_pixels=not pixels, force=bare)
    if bare and "TransferSyntaxUID" not in found.file_meta:
        found.file_meta = FileMetaDataset()
        plain = ImplicitVRLittleEndian if found.original_encoding[0] else ExplicitVRLittleEndian
        found.file_meta.TransferSyntaxUID = plain
    for tag in list(found.keys()):
        if not _is_readable(found, tag):
            del found[tag]
    return found


def _is_readable(file: Dataset, tag: BaseTag) -> bool:
    """Whether a value is one; pydicom finds out when it is asked for."""
    try:
        _ = file[tag].value
    except Exception:  # as above; what needs the tag says that it is missing
        return False
    return True


def kind_of(header: Dataset) -> tuple[str, ...]:
    """The names of the sequence without their numbers, and whether the picture is one of magnitude."""
    return *(_DIGITS.sub("", str(header.get(name) or "")) for name in _NAMES), *_image_type(header)[2:3]


def shows_form(header: Dataset) -> bool:
    """Whether the picture shows the heart as a cine does; phase, flow, tags, diffusion and perfusion do not."""
    if any(_FLOW.fullmatch(value) for value in _image_type(header)[2:]):
        return False
    return all(str(header.get(name) or "").upper() not in values for name, values in _NO_CINE.items())


def _image_type(header: Dataset) -> list[str]:
    value = header.get("ImageType") or []
    return [value] if isinstance(value, str) else [str(each) for each in value]
