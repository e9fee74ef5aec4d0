"""Files of any format as tables and pictures; a format that cannot be read cannot be checked, which is reported."""

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

from vita.audit.formats import is_safetensors
from vita.audit.looking import DAMAGED
from vita.release import stored
from vita.release.contents import Contents, inside
from vita.release.lines import prose
from vita.release.pictures import read_picture
from vita.release.texts import read_text

_DEEPEST = 5
_HEAD_BYTES = 4096
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_MARKED = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# bytes of a character, which of them are zero
_WIDE = ((4, (2, 3), "utf-32-le"), (4, (1, 2), "utf-32-be"), (2, (1,), "utf-16-le"), (2, (0,), "utf-16-be"))
_NO_TEXT = bytes(byte for byte in range(256) if byte > 126 or (byte < 32 and byte not in b"\t\r\n\f"))
_MOSTLY_ASCII = 0.9  # of a text in Latin-1


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
    if head.startswith(b"%PDF"):
        found.unreadable.append((place, "a PDF, whose text and drawings are not read"))
    elif head.startswith(b"\x1f\x8b"):
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
        read_picture(data, place, found, _bytes, depth)
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
    """Text in UTF-8, UTF-16, UTF-32 or, if it is mostly ASCII, Latin-1; None if it is not text."""
    marked = next((encoding for mark, encoding in _MARKED.items() if data.startswith(mark)), None)
    if marked:
        return data.decode(marked, errors="replace")
    sample = data[:_HEAD_BYTES]
    for width, offsets, encoding in _WIDE:
        zeros = [sample[offset::width] for offset in offsets]
        if len(sample) > 4 * width and all(part.count(0) > 0.6 * len(part) for part in zeros):
            return data.decode(encoding, errors="replace")
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        ascii_only = data.translate(None, delete=_NO_TEXT)
        return data.decode("latin-1") if len(ascii_only) > _MOSTLY_ASCII * len(data) else None


def _zip(data: bytes, place: str, found: Contents, depth: int) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.comment:
            _bytes(archive.comment, inside(place, "comment"), found, depth + 1)
        names = [[member.filename.replace("_", " ")] for member in archive.infolist()]
        found.tables += prose(names, inside(place, "names of members"), 1)
        for member in archive.infolist():
            if not member.is_dir():
                where = inside(place, f"member {member.filename}")
                _bytes(archive.read(member), where, found, depth + 1, Path(member.filename).name)
