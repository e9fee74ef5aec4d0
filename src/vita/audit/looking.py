"""Parts of a file's content that may hold an id, as pieces of text or whole numbers with their places."""

import base64
import binascii
import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, cast

from vita.audit.formats import Piece, array, inside, is_pickle, is_safetensors, parquet, pickled, raw, safetensors

# what reading a damaged file, or one that only begins like its format, raises; RuntimeError: an encrypted zip
DAMAGED = (ValueError, OSError, zlib.error, EOFError, zipfile.BadZipFile, struct.error, KeyError, RuntimeError)

_PARQUET, _ZIP, _GZIP, _PNG, _NUMPY = b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08", b"\x89PNG\r\n\x1a\n", b"\x93NUMPY"
_DATA_ADDRESS = re.compile(rb"data:[\w./+-]*(?:;[\w=.-]+)*;base64,([A-Za-z0-9+/=\s]{16,})")
_STORAGE = re.compile(r"(^|/)data/\d+$")  # numbers of a tensor in PyTorch's zip; their first bytes say nothing
_HEAD_BYTES = 4096
_DEEPEST = 4  # a PNG in a page in a zip in a zip
_MOST_BYTES = 2**31


def pieces(stream: IO[bytes], place: str = "", depth: int = 0, strict: bool = False) -> Iterator[Piece]:
    """Everything in a file that may hold an id; formats are recognised by their first bytes, not by their names.

    Parquet: names, metadata, numbers and text of every column. NumPy, npz and zip: names of members, whole numbers and
    text. Safetensors: header and whole numbers. Pickles and PyTorch's checkpoints: texts, numbers, tensors. PNG:
    metadata, not pixels. NIfTI: header, not voxels. Text of any kind: its lines, and the content of base64 data URLs.
    Everything else: text in it, and 8-byte numbers. A file that cannot be read in its format is searched as bytes.

    Args:
        stream: at its beginning.
        place: of the stream in the file.
        depth: how many files it is in.
        strict: raise one of DAMAGED instead of searching what cannot be read as bytes.
    """
    if depth > _DEEPEST:
        return
    try:
        yield from _formatted(stream, place, depth, strict)
    except DAMAGED:
        if strict:
            raise
        stream.seek(0)
        yield from raw(stream.read(_MOST_BYTES), inside(place, "unreadable"))


def _formatted(stream: IO[bytes], place: str, depth: int, strict: bool) -> Iterator[Piece]:
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if head.startswith(_NUMPY):
        yield from array(stream, place)
    elif head.startswith(_GZIP):
        with gzip.GzipFile(fileobj=stream) as file:
            yield from pieces(cast(IO[bytes], file), inside(place, "decompressed"), depth + 1, strict)
    elif head[344:348] in (b"n+1\0", b"ni1\0"):
        voxels = struct.unpack("<f" if head[:4] == struct.pack("<i", 348) else ">f", head[108:112])[0]
        yield Piece(inside(place, "header"), stream.read(int(voxels)), raw=True)
    elif head.startswith(_PARQUET):
        yield from parquet(_seekable(stream), place)
    elif head.startswith(_ZIP):
        yield from _zip(_seekable(stream), place, depth, strict)
    elif is_safetensors(head):
        yield from safetensors(_seekable(stream), place)
    elif is_pickle(head):
        yield from pickled(_seekable(stream), place)
    else:
        yield from _unknown(stream.read(_MOST_BYTES), place, depth, strict)


def _unknown(data: bytes, place: str, depth: int, strict: bool) -> Iterator[Piece]:
    if data.startswith(_PNG):
        yield from _png(data, place)
    elif data[128:132] == b"DICM":  # its numbers are pixels
        yield Piece(inside(place, "bytes"), data, raw=True)
    elif b"\0" in data[:_HEAD_BYTES]:
        yield from raw(data, place)
    else:
        yield from _text(data, place, depth, strict)


def _seekable(stream: IO[bytes]) -> IO[bytes]:
    """The stream, or its content where going back would mean decompressing it again."""
    if isinstance(stream, io.BufferedReader | io.BytesIO):
        return stream
    return io.BytesIO(stream.read(_MOST_BYTES))


def _zip(stream: IO[bytes], place: str, depth: int, strict: bool) -> Iterator[Piece]:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            where = inside(place, f"member {member.filename}")
            yield Piece(inside(place, "name of a member"), member.filename.encode("utf-8", "surrogateescape"))
            if member.is_dir() or member.file_size > _MOST_BYTES:
                continue
            with archive.open(member) as file:
                if _STORAGE.search(member.filename):
                    yield from raw(file.read(), where)
                else:
                    yield from pieces(file, where, depth + 1, strict)


def _png(data: bytes, place: str) -> Iterator[Piece]:
    start = len(_PNG)
    while start + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        body = data[start + 8 : start + 8 + length]
        if kind in (b"tEXt", b"iTXt", b"zTXt", b"eXIf"):
            text = body
            if kind == b"zTXt":
                name, _, packed = body.partition(b"\0")
                text = name + b" " + zlib.decompress(packed[1:])
            elif kind == b"iTXt" and body.partition(b"\0")[2][:1] == b"\1":
                text = zlib.decompress(body.partition(b"\0")[2][2:].split(b"\0", 2)[2])
            yield Piece(inside(place, f"metadata {kind.decode()}"), text)
        start += 12 + length


def _text(data: bytes, place: str, depth: int, strict: bool) -> Iterator[Piece]:
    def unpacked(packed: Iterable[bytes]) -> Iterator[Piece]:
        for number, inner in enumerate(packed, 1):
            where = inside(place, f"data address {number}")
            try:
                content = base64.b64decode(inner)
            except binascii.Error:
                yield Piece(where, inner)
                continue
            yield from pieces(io.BytesIO(content), where, depth + 1, strict)

    if b";base64," in data:
        yield from unpacked(match[1] for match in _DATA_ADDRESS.finditer(data))
        data = _DATA_ADDRESS.sub(b"", data)
    yield Piece(place, data)
