"""Files of any format as tables and pictures; a format that cannot be read cannot be checked, which is reported."""

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vita.audit.formats import is_safetensors
from vita.audit.looking import DAMAGED
from vita.release import stored
from vita.release.contents import Contents, inside
from vita.release.texts import read_text

_DEEPEST = 5
_HEAD_BYTES = 4096
_PNG_END = b"IEND\xaeB`\x82"
_EXIF_BLOCKS = (0x8769, 0x8825)  # of the camera and of its place
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def read(path: Path) -> Contents:
    """The whole content of a file.

    Raises:
        OSError: it cannot be read.
    """
    found = Contents()
    _bytes(path.read_bytes(), "", found, 0, path.name)
    return found


def _bytes(data: bytes, place: str, found: Contents, depth: int, name: str = "") -> None:
    if depth > _DEEPEST:
        found.unreadable.append((place, "packed too deep"))
        return
    try:
        _formatted(data, place, found, depth, name)
    except (*DAMAGED, sqlite3.Error, SyntaxError) as error:
        found.unreadable.append((place, f"damaged, or of another format than it seems ({type(error).__name__})"))


def _formatted(data: bytes, place: str, found: Contents, depth: int, name: str) -> None:
    head = data[:_HEAD_BYTES]
    readers: dict[bytes, Callable[[bytes, str, Contents], None]] = {
        b"PAR1": stored.parquet,
        b"ARROW1": stored.arrow,
        b"SQLite format 3\0": stored.sqlite,
        b"\x93NUMPY": stored.npy,
    }
    for start, reader in readers.items():
        if head.startswith(start):
            reader(data, place, found)
            return
    if head.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            if _is_scan(stream.read(_HEAD_BYTES)):  # without its voxels, which take long to decompress
                found.scans.append(inside(place, "decompressed"))
                return
        _bytes(gzip.decompress(data), inside(place, "decompressed"), found, depth + 1, name.removesuffix(".gz"))
    elif head.startswith(b"PK\x03\x04"):
        _zip(data, place, found, depth)
    elif _is_scan(head):
        found.scans.append(place)
    elif _is_picture(head):
        _picture(data, place, found, depth)
    elif is_safetensors(head):
        stored.safetensors(data, place, found, _bytes)
    elif (text := decoded(data)) is not None:
        read_text(text, place, name, found, _bytes, depth)
    elif data:
        found.unreadable.append((place, "an unknown format"))


def _is_picture(head: bytes) -> bool:
    """Whether a file is a picture, from its first bytes; a bitmap's are BM and reserved zeros, a table's may be BMI."""
    bitmap = head[:2] == b"BM" and head[6:10] == bytes(4)
    return head.startswith(_PICTURES) or bitmap or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _is_scan(head: bytes) -> bool:
    """Whether a file is NIfTI or DICOM, from its first bytes."""
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[128:132] == b"DICM"


def decoded(data: bytes) -> str | None:
    """Text in UTF-8, UTF-16 or, without control characters, Latin-1; None if it is not text."""
    if data[:2] in _UTF16:
        return data[2:].decode(_UTF16[data[:2]], errors="replace")
    sample = data[:4096]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = sample[offset::2]
        if len(sample) > 8 and zeros.count(0) > 0.6 * len(zeros):
            return data.decode(encoding, errors="replace")
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        printable = sum(byte >= 32 or byte in b"\t\r\n" for byte in sample)
        return data.decode("latin-1") if printable == len(sample) else None


def _zip(data: bytes, place: str, found: Contents, depth: int) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.comment:
            _bytes(archive.comment, inside(place, "comment"), found, depth + 1)
        for member in archive.infolist():
            if not member.is_dir():
                where = inside(place, f"member {member.filename}")
                _bytes(archive.read(member), where, found, depth + 1, Path(member.filename).name)


def _picture(data: bytes, place: str, found: Contents, depth: int) -> None:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        texts = {key: value for key, value in image.info.items() if isinstance(value, str | bytes)}
        exif = image.getexif()
        for part in (exif, *(exif.get_ifd(block) for block in _EXIF_BLOCKS)):
            texts |= {f"Exif {key}": value if isinstance(value, bytes) else str(value) for key, value in part.items()}
        for number in range(min(getattr(image, "n_frames", 1), 20)):
            image.seek(number)
            kept = "RGB" if image.mode in ("P", "RGBA", "LA", "CMYK", "YCbCr") else image.mode
            found.pictures.append(
                (inside(place, f"frame {number + 1}") if number else place, np.array(image.convert(kept)))
            )
    if data.startswith(b"\x89PNG") and (rest := data.partition(_PNG_END)[2]).strip(b"\0"):
        _bytes(rest, inside(place, "behind the picture"), found, depth + 1)
    for key, value in texts.items():
        text = value if isinstance(value, str) else (decoded(value) or "")
        if key not in ("icc_profile", "dpi", "Software"):
            read_text(text, inside(place, f"metadata {key}"), "", found, _bytes, depth + 1)
