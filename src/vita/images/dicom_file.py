"""One DICOM file, as far as it is needed. Old archives hold files that begin without the preamble and its DICM."""

from collections.abc import Sequence
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

MAGIC_AT, MAGIC = 128, b"DICM"
# The first group of tags, with which files without a preamble begin: of the file itself, or of what it is.
FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")


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
